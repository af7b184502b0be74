//! Every endpoint at a glance. Weights are Binance's.

use super::rest::{account, algo, history, info, listen, market, modes, order, ticker};
use super::route::Cost::{Batch, Of, Order, Weight};
use super::route::Method::{self, Delete, Get, Post, Put};
use super::route::Security::{Key, Public, Signed};
use super::route::{Cost, Route, Security};
use crate::venue::binance::form::Form;

const fn route(
    method: Method,
    path: &'static str,
    security: Security,
    cost: Cost,
    run: fn(&mut super::world::World, &super::call::Call<'_>) -> super::call::Answer,
) -> Route {
    Route { method, path, security, cost, run }
}

/// The table.
pub(crate) const ROUTES: &[Route] = &[
    // The venue.
    route(Get, "/fapi/v1/ping", Public, Weight(1), info::ping),
    route(Get, "/fapi/v1/time", Public, Weight(1), info::time),
    route(Get, "/fapi/v1/exchangeInfo", Public, Weight(1), info::exchange_info),
    // Market data.
    route(Get, "/fapi/v1/depth", Public, Of(by_depth), market::depth),
    route(Get, "/fapi/v1/trades", Public, Weight(5), market::trades),
    route(Get, "/fapi/v1/historicalTrades", Key, Weight(20), market::old_trades),
    route(Get, "/fapi/v1/aggTrades", Public, Weight(20), market::agg_trades),
    route(Get, "/fapi/v1/klines", Public, Of(by_bars), market::klines),
    route(Get, "/fapi/v1/continuousKlines", Public, Of(by_bars), market::continuous_klines),
    route(Get, "/fapi/v1/markPriceKlines", Public, Of(by_bars), market::mark_klines),
    route(Get, "/fapi/v1/indexPriceKlines", Public, Of(by_bars), market::index_klines),
    route(Get, "/fapi/v1/premiumIndexKlines", Public, Of(by_bars), market::premium_klines),
    route(Get, "/fapi/v1/premiumIndex", Public, Of(one_or_ten), ticker::premium_index),
    route(Get, "/fapi/v1/fundingRate", Public, Weight(1), ticker::funding_rates),
    route(Get, "/fapi/v1/fundingInfo", Public, Weight(1), ticker::funding_info),
    route(Get, "/fapi/v1/openInterest", Public, Weight(1), ticker::open_interest),
    route(Get, "/fapi/v1/ticker/24hr", Public, Of(one_or_forty), ticker::day),
    route(Get, "/fapi/v1/ticker/price", Public, Of(one_or_two), ticker::price),
    route(Get, "/fapi/v2/ticker/price", Public, Of(one_or_two), ticker::price),
    route(Get, "/fapi/v1/ticker/bookTicker", Public, Of(two_or_five), ticker::book),
    // Orders.
    route(Post, "/fapi/v1/order", Signed, Order, order::place),
    route(Put, "/fapi/v1/order", Signed, Order, order::modify),
    route(Get, "/fapi/v1/order", Signed, Weight(1), order::query),
    route(Delete, "/fapi/v1/order", Signed, Weight(1), order::cancel),
    route(Post, "/fapi/v1/order/test", Signed, Weight(1), order::test),
    route(Post, "/fapi/v1/batchOrders", Signed, Batch(5), order::place_batch),
    route(Put, "/fapi/v1/batchOrders", Signed, Batch(5), order::modify_batch),
    route(Delete, "/fapi/v1/batchOrders", Signed, Weight(1), order::cancel_batch),
    route(Get, "/fapi/v1/openOrder", Signed, Weight(1), order::query_open),
    route(Get, "/fapi/v1/openOrders", Signed, Of(one_or_forty), order::open_orders),
    route(Delete, "/fapi/v1/allOpenOrders", Signed, Weight(1), order::cancel_all),
    route(Post, "/fapi/v1/countdownCancelAll", Signed, Weight(10), order::countdown),
    route(Get, "/fapi/v1/orderAmendment", Signed, Weight(1), history::amendments),
    route(Get, "/fapi/v1/allOrders", Signed, Weight(5), history::all_orders),
    route(Get, "/fapi/v1/forceOrders", Signed, Of(by_forced), history::forced_orders),
    route(Get, "/fapi/v1/userTrades", Signed, Weight(5), history::trades),
    route(Get, "/fapi/v1/income", Signed, Weight(30), history::income),
    // Conditional orders.
    route(Post, "/fapi/v1/algoOrder", Signed, Order, algo::place),
    route(Get, "/fapi/v1/algoOrder", Signed, Weight(1), algo::query),
    route(Delete, "/fapi/v1/algoOrder", Signed, Weight(1), algo::cancel),
    route(Get, "/fapi/v1/openAlgoOrders", Signed, Of(one_or_forty), algo::open),
    route(Get, "/fapi/v1/allAlgoOrders", Signed, Weight(5), algo::all),
    route(Delete, "/fapi/v1/algoOpenOrders", Signed, Weight(1), algo::cancel_all),
    // The account.
    route(Get, "/fapi/v2/balance", Signed, Weight(5), account::balance),
    route(Get, "/fapi/v3/balance", Signed, Weight(5), account::balance),
    route(Get, "/fapi/v2/account", Signed, Weight(5), account::account_v2),
    route(Get, "/fapi/v3/account", Signed, Weight(5), account::account_v3),
    route(Get, "/fapi/v2/positionRisk", Signed, Weight(5), account::positions_v2),
    route(Get, "/fapi/v3/positionRisk", Signed, Weight(5), account::positions_v3),
    route(Get, "/fapi/v1/accountConfig", Signed, Weight(5), account::config),
    route(Get, "/fapi/v1/symbolConfig", Signed, Weight(5), account::symbol_config),
    route(Get, "/fapi/v1/leverageBracket", Signed, Weight(1), account::brackets),
    route(Get, "/fapi/v1/commissionRate", Signed, Weight(20), account::commission),
    route(Get, "/fapi/v1/adlQuantile", Signed, Weight(5), account::adl),
    route(Get, "/fapi/v1/apiTradingStatus", Signed, Of(one_or_ten), account::trading_status),
    route(Get, "/fapi/v1/rateLimit/order", Signed, Weight(1), account::order_limits),
    route(Get, "/fapi/v1/feeBurn", Signed, Weight(30), account::fee_burn),
    route(Get, "/sapi/v1/account/apiRestrictions", Signed, Weight(1), account::key_rights),
    // Modes.
    route(Post, "/fapi/v1/leverage", Signed, Weight(1), modes::set_leverage),
    route(Post, "/fapi/v1/marginType", Signed, Weight(1), modes::set_margin_type),
    route(Post, "/fapi/v1/positionMargin", Signed, Weight(1), modes::change_margin),
    route(Get, "/fapi/v1/positionMargin/history", Signed, Weight(1), modes::margin_history),
    route(Get, "/fapi/v1/positionSide/dual", Signed, Weight(30), modes::position_mode),
    route(Post, "/fapi/v1/positionSide/dual", Signed, Weight(1), modes::set_position_mode),
    route(Get, "/fapi/v1/multiAssetsMargin", Signed, Weight(30), modes::multi_assets),
    route(Post, "/fapi/v1/multiAssetsMargin", Signed, Weight(1), modes::set_multi_assets),
    // The user-data stream.
    route(Post, "/fapi/v1/listenKey", Key, Weight(1), listen::start),
    route(Put, "/fapi/v1/listenKey", Key, Weight(1), listen::keep),
    route(Delete, "/fapi/v1/listenKey", Key, Weight(1), listen::stop),
];

/// Methods of the WebSocket API, each with the endpoint that does the same.
pub(crate) const METHODS: &[(&str, Method, &str)] = &[
    ("order.place", Post, "/fapi/v1/order"),
    ("order.modify", Put, "/fapi/v1/order"),
    ("order.cancel", Delete, "/fapi/v1/order"),
    ("order.status", Get, "/fapi/v1/order"),
    ("algoOrder.place", Post, "/fapi/v1/algoOrder"),
    ("algoOrder.cancel", Delete, "/fapi/v1/algoOrder"),
    ("account.balance", Get, "/fapi/v2/balance"),
    ("v2/account.balance", Get, "/fapi/v3/balance"),
    ("account.status", Get, "/fapi/v2/account"),
    ("v2/account.status", Get, "/fapi/v3/account"),
    ("account.position", Get, "/fapi/v2/positionRisk"),
    ("v2/account.position", Get, "/fapi/v3/positionRisk"),
    ("depth", Get, "/fapi/v1/depth"),
    ("ticker.price", Get, "/fapi/v2/ticker/price"),
    ("ticker.book", Get, "/fapi/v1/ticker/bookTicker"),
    ("userDataStream.start", Post, "/fapi/v1/listenKey"),
    ("userDataStream.ping", Put, "/fapi/v1/listenKey"),
    ("userDataStream.stop", Delete, "/fapi/v1/listenKey"),
];

/// The route of a request.
pub(crate) fn find(method: Method, path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.path == path && route.method == method)
}

fn limit(params: &Form, usual: u32) -> u32 {
    params.get("limit").and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn by_depth(params: &Form) -> u32 {
    match limit(params, 500) {
        0..=50 => 2,
        51..=100 => 5,
        101..=500 => 10,
        _ => 20,
    }
}

fn by_bars(params: &Form) -> u32 {
    match limit(params, 500) {
        0..100 => 1,
        100..500 => 2,
        500..=1_000 => 5,
        _ => 10,
    }
}

fn by_forced(params: &Form) -> u32 {
    if params.get("symbol").is_some() { 20 } else { 50 }
}

fn one_or_two(params: &Form) -> u32 {
    if params.get("symbol").is_some() { 1 } else { 2 }
}

fn one_or_ten(params: &Form) -> u32 {
    if params.get("symbol").is_some() { 1 } else { 10 }
}

fn one_or_forty(params: &Form) -> u32 {
    if params.get("symbol").is_some() { 1 } else { 40 }
}

fn two_or_five(params: &Form) -> u32 {
    if params.get("symbol").is_some() { 2 } else { 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_once_and_every_method_has_its_row() {
        for route in ROUTES {
            let same = ROUTES.iter().filter(|other| other.path == route.path && other.method == route.method);
            assert_eq!(same.count(), 1, "{} {}", route.method.as_str(), route.path);
        }
        for (name, method, path) in METHODS {
            assert!(find(*method, path).is_some(), "{name}");
        }
    }

    #[test]
    fn weights_are_binances() {
        let weight = |path: &str, params: &str| {
            let form = Form::parse(&[params.as_bytes()]).expect("a form");
            find(Get, path).map(|route| route.cost.weight(&form))
        };
        for (path, params, expect) in [
            ("/fapi/v1/depth", "", 10),
            ("/fapi/v1/depth", "limit=50", 2),
            ("/fapi/v1/depth", "limit=1000", 20),
            ("/fapi/v1/klines", "limit=99", 1),
            ("/fapi/v1/klines", "limit=1000", 5),
            ("/fapi/v1/klines", "limit=1500", 10),
            ("/fapi/v1/openOrders", "", 40),
            ("/fapi/v1/openOrders", "symbol=BTCUSDT", 1),
        ] {
            assert_eq!(weight(path, params), Some(expect), "{path}?{params}");
        }
    }
}
