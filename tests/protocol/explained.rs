//! Where the server differs from the published examples, and why. The test fails on a difference that is not here, and
//! on a row that is no longer one.

use std::path::Path;

use super::shape::Difference;

/// A difference.
pub struct Explained {
    /// What is said, by the names of [`super::examples`].
    pub of: &'static [&'static str],
    pub fields: &'static [&'static str],
    pub difference: Difference,
    pub why: &'static str,
}

impl Explained {
    pub fn is(&self, name: &str, field: &str, difference: Difference) -> bool {
        self.difference == difference && self.of.contains(&name) && self.fields.contains(&field)
    }

    /// Each thing that this row is about.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str, Difference)> {
        self.of.iter().flat_map(|name| self.fields.iter().map(|field| (*name, *field, self.difference)))
    }
}

/// The differences, by their reasons.
pub const DIFFERENCES: &[Explained] = &[
    Explained {
        of: &["DELETE /fapi/v1/algoOrder"],
        fields: &[
            "algoStatus",
            "algoType",
            "closePosition",
            "createTime",
            "goodTillDate",
            "icebergQuantity",
            "orderType",
            "positionSide",
            "price",
            "priceMatch",
            "priceProtect",
            "quantity",
            "reduceOnly",
            "selfTradePreventionMode",
            "side",
            "symbol",
            "timeInForce",
            "triggerPrice",
            "triggerTime",
            "updateTime",
            "workingType",
        ],
        difference: Difference::Missing,
        why: "the documentation and the newest SDK have number, name and two words; one transcript has the whole order",
    },
    Explained {
        of: &["ws algoOrder.cancel"],
        fields: &[
            "result.algoStatus",
            "result.algoType",
            "result.closePosition",
            "result.createTime",
            "result.goodTillDate",
            "result.icebergQuantity",
            "result.orderType",
            "result.positionSide",
            "result.price",
            "result.priceMatch",
            "result.priceProtect",
            "result.quantity",
            "result.reduceOnly",
            "result.selfTradePreventionMode",
            "result.side",
            "result.symbol",
            "result.timeInForce",
            "result.triggerPrice",
            "result.triggerTime",
            "result.updateTime",
            "result.workingType",
        ],
        difference: Difference::Missing,
        why: "as over HTTP",
    },
    Explained {
        of: &["POST /fapi/v1/order", "POST /fapi/v1/order/test", "DELETE /fapi/v1/order", "GET /fapi/v1/openOrder"],
        fields: &["activatePrice", "priceRate"],
        difference: Difference::Missing,
        why: "of trailing stops, which have been conditional orders with replies of their own since 2025-12-09",
    },
    Explained {
        of: &["POST /fapi/v1/batchOrders", "DELETE /fapi/v1/batchOrders", "GET /fapi/v1/openOrders"],
        fields: &["[].activatePrice", "[].priceRate"],
        difference: Difference::Missing,
        why: "of trailing stops, as in the replies for one order",
    },
    Explained {
        of: &["ws order.cancel", "ws order.status"],
        fields: &["result.activatePrice", "result.priceRate"],
        difference: Difference::Missing,
        why: "of trailing stops, as over HTTP",
    },
    Explained {
        of: &["POST /fapi/v1/order", "POST /fapi/v1/order/test", "DELETE /fapi/v1/order"],
        fields: &["avgPrice", "cumQuote"],
        difference: Difference::Missing,
        why: "taken out of the replies to orders on 2026-07-15; queries have them",
    },
    Explained {
        of: &["PUT /fapi/v1/order"],
        fields: &["avgPrice", "cumBase"],
        difference: Difference::Missing,
        why: "taken out of the replies to orders on 2026-07-15",
    },
    Explained {
        of: &["PUT /fapi/v1/batchOrders"],
        fields: &["[].avgPrice", "[].cumBase"],
        difference: Difference::Missing,
        why: "taken out of the replies to orders on 2026-07-15",
    },
    Explained {
        of: &["POST /fapi/v1/batchOrders"],
        fields: &["[].avgPrice", "[].cumQuote"],
        difference: Difference::Missing,
        why: "taken out of the replies to orders on 2026-07-15",
    },
    Explained {
        of: &["DELETE /fapi/v1/batchOrders"],
        fields: &["[].cumQuote"],
        difference: Difference::Missing,
        why: "taken out of the replies to orders on 2026-07-15",
    },
    Explained {
        of: &["ws order.place", "ws order.modify"],
        fields: &["result.avgPrice", "result.cumQuote"],
        difference: Difference::Missing,
        why: "taken out of the replies to orders on 2026-07-15",
    },
    Explained {
        of: &["ws order.cancel"],
        fields: &["result.cumQuote"],
        difference: Difference::Missing,
        why: "taken out of the replies to orders on 2026-07-15",
    },
    Explained {
        of: &["GET /fapi/v1/allAlgoOrders", "GET /fapi/v1/openAlgoOrders"],
        fields: &["[].activatePrice", "[].callbackRate"],
        difference: Difference::Extra,
        why: "of trailing stops, as in the reply to placing one; no example of a list has one",
    },
    Explained {
        of: &["GET /fapi/v1/algoOrder"],
        fields: &["activatePrice", "callbackRate"],
        difference: Difference::Extra,
        why: "of trailing stops, as in the reply to placing one; no example of a query is of one",
    },
    Explained {
        of: &["GET /fapi/v1/openAlgoOrders"],
        fields: &["[].actualQty", "[].actualType"],
        difference: Difference::Extra,
        why: "as in the other queries of conditional orders; the example of this one is older than they are",
    },
    Explained {
        of: &["POST /fapi/v1/algoOrder"],
        fields: &["activatePrice", "callbackRate"],
        difference: Difference::OtherKind,
        why: "empty in the examples, none of which is of a trailing stop",
    },
    Explained {
        of: &["ws algoOrder.place"],
        fields: &["result.activatePrice", "result.callbackRate"],
        difference: Difference::Extra,
        why: "as over HTTP",
    },
    Explained {
        of: &["GET /fapi/v1/apiTradingStatus"],
        fields: &["indicators.ACCOUNT", "indicators.{symbol}"],
        difference: Difference::Missing,
        why: "of accounts that broke a rule of good conduct; none is kept here",
    },
    Explained {
        of: &["GET /fapi/v1/exchangeInfo"],
        fields: &[
            "symbols[].filters[PRICE_FILTER].limit",
            "symbols[].filters[PRICE_FILTER].maxQty",
            "symbols[].filters[PRICE_FILTER].minQty",
            "symbols[].filters[PRICE_FILTER].multiplierDecimal",
            "symbols[].filters[PRICE_FILTER].multiplierDown",
            "symbols[].filters[PRICE_FILTER].multiplierUp",
            "symbols[].filters[PRICE_FILTER].notional",
            "symbols[].filters[PRICE_FILTER].stepSize",
        ],
        difference: Difference::Missing,
        why: "the SDK's example has one filter with the fields of all; the documentation has each with its own",
    },
    Explained {
        of: &["GET /fapi/v1/exchangeInfo"],
        fields: &["exchangeFilters[]", "symbols[].underlyingSubType[]"],
        difference: Difference::Missing,
        why: "lists that are empty here: there are no filters of the whole exchange, and no themes of coins",
    },
    Explained {
        of: &["GET /fapi/v1/forceOrders"],
        fields: &["[].goodTillDate", "[].priceMatch", "[].priceProtect", "[].selfTradePreventionMode"],
        difference: Difference::Extra,
        why: "as in the other lists of orders; the example of this one is older than they are",
    },
    Explained {
        of: &["GET /fapi/v1/income"],
        fields: &["[].info"],
        difference: Difference::OtherKind,
        why: "a text of no fixed form; here it is the trade's number",
    },
    Explained {
        of: &["GET /fapi/v1/markPriceKlines", "GET /fapi/v1/indexPriceKlines"],
        fields: &["[][5]"],
        difference: Difference::OtherKind,
        why: "a place that means nothing; some examples have a word there and Binance a zero",
    },
    Explained {
        of: &["GET /fapi/v1/ticker/bookTicker"],
        fields: &["lastUpdateId"],
        difference: Difference::Missing,
        why: "of the WebSocket API's reply; one transcript has it here, the documentation and the SDK have not",
    },
    Explained {
        of: &["GET /fapi/v2/account"],
        fields: &["positions[].breakEvenPrice"],
        difference: Difference::Extra,
        why: "the examples are older than it is; positionRisk has it, and clients read it here",
    },
    Explained {
        of: &["GET /fapi/v3/positionRisk"],
        fields: &["[].isAutoAddMargin", "[].leverage", "[].marginType", "[].maxNotionalValue"],
        difference: Difference::Missing,
        why: "of version 2; one transcript has them, the documentation of version 3 refers to symbolConfig",
    },
    Explained {
        of: &["event ALGO_UPDATE"],
        fields: &["o.act", "o.ai"],
        difference: Difference::OtherKind,
        why: "of an order that triggered: its kind and number; the examples are of one that did not",
    },
    Explained {
        of: &["ws depth"],
        fields: &["asks", "bids"],
        difference: Difference::Missing,
        why: "one example has the book beside the result too, by mistake",
    },
    Explained {
        of: &["ws order.status"],
        fields: &["rateLimits"],
        difference: Difference::Extra,
        why: "left out of the example; the general description and all other examples have it",
    },
    Explained {
        of: &["ws v2/account.position"],
        fields: &["result[].unrealizedProfit"],
        difference: Difference::Missing,
        why: "the examples have two spellings; the documentation's, and HTTP's, is `unRealizedProfit`",
    },
];

/// Examples of what the server does not have, by their names or the files that they are in, with the reason. No row of
/// the endpoint set needs them, and there is nothing behind them in a market of perpetuals settled in one asset.
const NOT_SERVED: &[(&str, &[&str])] = &[
    ("a request, not a reply", &["a request"]),
    ("parts of exchangeInfo, which are compared there", &["common-definition"]),
    (
        "spot conversion is another product",
        &[
            "convert",
            "Accept-Quote",
            "Send-quote-request",
            "order_status",
            "Order-Status",
            "accept_the_offered",
            "send_quote",
        ],
    ),
    ("TWAP and VP orders are a service of their own, on another host", &["/sapi/v1/algo/futures"]),
    (
        "portfolio margin and TradFi contracts are other account types",
        &["portfolio", "tradfi", "rading-Schedule", "trading_schedule", "event EquityUpdate"],
    ),
    (
        "statistics of other traders, of which there are none",
        &[
            "/futures/data/",
            "atio",
            "Basis",
            "basis",
            "nterest-Statistics",
            "interest_statistics",
            "aker-BuySell",
            "taker_buy_sell",
        ],
    ),
    (
        "indices of several assets: the market has one",
        &[
            "/fapi/v1/assetIndex",
            "asset_index",
            "Asset-Index",
            "events assetIndexUpdate",
            "event assetIndexUpdate",
            "/fapi/v1/indexInfo",
            "omposite",
            "event compositeIndex",
            "/fapi/v1/constituents",
            "ndex-Constituents",
            "index_price_constituents",
        ],
    ),
    ("contracts that are delivered", &["Delivery-Price", "quarterly_contract"]),
    ("files of history to be fetched from elsewhere", &["asyn", "ownload"]),
    ("fees are paid in USDT alone", &["POST /fapi/v1/feeBurn", "Toggle-BNB-Burn", "toggle_bnb_burn"]),
    ("the venue's own fund and its risk; nothing of an account", &["nsurance", "ADL-Risk", "adl_risk"]),
    ("orders of market makers that other clients cannot see", &["Order-Book-RPI", "rpi_order_book"]),
    ("trading bots of the venue itself", &["event STRATEGY_UPDATE", "event GRID_UPDATE"]),
    ("deprecated since 2025-12-15: ALGO_UPDATE tells of it", &["event CONDITIONAL_ORDER_TRIGGER_REJECT"]),
];

/// Why something with examples is not said.
pub fn not_served(name: &str) -> Option<&'static str> {
    NOT_SERVED.iter().find(|(_, marks)| marks.iter().any(|mark| name.contains(mark))).map(|(why, _)| *why)
}

/// Why a file is an example of nothing here.
pub fn not_served_file(file: &Path) -> Option<&'static str> {
    not_served(&file.to_string_lossy())
}
