//! Every parser of what the venue sends, as functions of bytes: for tests that feed them what others recorded, and for
//! the fuzzer that feeds them anything.

use serde::de::DeserializeOwned;

use super::read::{self, Unreadable, account, info, market, order};

/// A parser by name.
#[derive(Debug, Clone, Copy)]
pub struct Parser {
    /// Of what.
    pub name: &'static str,
    /// Reads bytes, and says whether they were what it reads.
    pub parse: fn(&[u8]) -> Result<(), Unreadable>,
    /// A small example of what it reads, which a fuzzer begins with.
    pub sample: &'static str,
}

/// All of them.
pub const PARSERS: &[Parser] = &[
    Parser { name: "time", parse: one::<market::ServerTime>, sample: r#"{"serverTime":1700000000000}"# },
    Parser {
        name: "exchange_info",
        parse: one::<info::ExchangeInfo>,
        sample: r#"{"rateLimits":[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":300}],"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT","liquidationFee":"0.0125","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.10","minPrice":"1"},{"filterType":"LOT_SIZE","stepSize":"0.001","minQty":"0.001","maxQty":"1000"}]}]}"#,
    },
    Parser {
        name: "kline",
        parse: one::<market::Kline>,
        sample: r#"[[1700000040000,"1.0","2","0.5","1.5","10",1700000099999,"15","3","1","1.5","0"]]"#,
    },
    Parser {
        name: "premium_index",
        parse: one::<market::PremiumIndex>,
        sample: r#"{"symbol":"BTCUSDT","markPrice":"1.5","lastFundingRate":"-0.0001","nextFundingTime":1700006400000,"time":1}"#,
    },
    Parser {
        name: "funding_rate",
        parse: one::<market::FundingRate>,
        sample: r#"[{"symbol":"BTCUSDT","fundingRate":"0.0001","fundingTime":1700006400000,"markPrice":""}]"#,
    },
    Parser {
        name: "funding_info",
        parse: one::<market::FundingInfo>,
        sample: r#"[{"symbol":"ABCUSDT","fundingIntervalHours":4}]"#,
    },
    Parser {
        name: "order",
        parse: one::<order::Order>,
        sample: r#"{"orderId":7,"symbol":"BTCUSDT","clientOrderId":"l1","status":"NEW","executedQty":"0","origQty":"1","price":"2","avgPrice":"0.0","side":"BUY","positionSide":"BOTH","type":"LIMIT","timeInForce":"GTC","reduceOnly":false,"updateTime":1}"#,
    },
    Parser {
        name: "algo",
        parse: one::<order::Algo>,
        sample: r#"{"algoId":7,"clientAlgoId":"l1","symbol":"BTCUSDT","algoStatus":"NEW","orderType":"STOP_MARKET","side":"SELL","quantity":"null","triggerPrice":"1.5","workingType":"MARK_PRICE","closePosition":true,"actualOrderId":"","createTime":1}"#,
    },
    Parser {
        name: "algo_canceled",
        parse: one::<order::AlgoCanceled>,
        sample: r#"{"algoId":7,"clientAlgoId":"l1","code":"200","msg":"success"}"#,
    },
    Parser {
        name: "user_trade",
        parse: one::<order::UserTrade>,
        sample: r#"[{"id":1,"orderId":2,"symbol":"BTCUSDT","side":"BUY","positionSide":"BOTH","price":"1.5","qty":"2","commission":"0.01","commissionAsset":"USDT","maker":false,"time":1}]"#,
    },
    Parser { name: "done", parse: one::<order::Done>, sample: r#"{"code":200,"msg":"success"}"# },
    Parser {
        name: "countdown",
        parse: one::<order::Countdown>,
        sample: r#"{"symbol":"BTCUSDT","countdownTime":"120000"}"#,
    },
    Parser {
        name: "balance",
        parse: one::<account::Balance>,
        sample: r#"[{"asset":"USDT","balance":"100.5","availableBalance":"99","updateTime":1}]"#,
    },
    Parser {
        name: "position",
        parse: one::<account::Position>,
        sample: r#"[{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"-0.5","entryPrice":"1.0933333333333333","markPrice":"1","liquidationPrice":"0","updateTime":1}]"#,
    },
    Parser {
        name: "account_config",
        parse: one::<account::AccountConfig>,
        sample: r#"{"feeTier":0,"canTrade":true,"dualSidePosition":false,"multiAssetsMargin":false}"#,
    },
    Parser {
        name: "symbol_config",
        parse: one::<account::SymbolConfig>,
        sample: r#"[{"symbol":"BTCUSDT","marginType":"CROSSED","leverage":20}]"#,
    },
    Parser {
        name: "leverage",
        parse: one::<account::Leverage>,
        sample: r#"{"symbol":"BTCUSDT","leverage":20,"maxNotionalValue":"1"}"#,
    },
    Parser { name: "dual_side", parse: one::<account::DualSide>, sample: r#"{"dualSidePosition":false}"# },
    Parser { name: "multi_assets", parse: one::<account::MultiAssets>, sample: r#"{"multiAssetsMargin":false}"# },
    Parser {
        name: "brackets",
        parse: one::<account::Brackets>,
        sample: r#"[{"symbol":"BTCUSDT","brackets":[{"bracket":1,"initialLeverage":125,"notionalCap":50000,"notionalFloor":0,"maintMarginRatio":0.004,"cum":0.0}]}]"#,
    },
    Parser {
        name: "commission",
        parse: one::<account::Commission>,
        sample: r#"{"symbol":"BTCUSDT","makerCommissionRate":"0.0002","takerCommissionRate":"0.0005"}"#,
    },
    Parser {
        name: "income",
        parse: one::<account::Income>,
        sample: r#"[{"symbol":"","incomeType":"TRANSFER","income":"-0.5","asset":"USDT","time":1,"tranId":9689322392,"tradeId":""}]"#,
    },
    Parser { name: "listen_key", parse: one::<account::ListenKey>, sample: r#"{"listenKey":"abc"}"# },
    Parser {
        name: "key_permissions",
        parse: one::<account::KeyPermissions>,
        sample: r#"{"ipRestrict":true,"enableWithdrawals":false,"enableFutures":true}"#,
    },
    Parser { name: "error", parse: error, sample: r#"{"code":-1021,"msg":"Timestamp for this request is late."}"# },
    Parser {
        name: "market_stream",
        parse: |bytes| read::stream::parse(bytes).map(|_| ()),
        sample: r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4","T":1,"E":1}}"#,
    },
    Parser {
        name: "user_stream",
        parse: |bytes| read::user::parse(bytes).map(|_| ()),
        sample: r#"{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"s":"BTCUSDT","c":"l1","S":"BUY","o":"MARKET","x":"TRADE","X":"FILLED","i":7,"q":"1","l":"1","z":"1","L":"2.5","n":"0.1","N":"USDT","t":9,"T":1,"m":false,"R":false,"ps":"BOTH","er":"0"}}"#,
    },
];

/// One reply, or a list of them, as most calls can give both.
fn one<T: DeserializeOwned>(bytes: &[u8]) -> Result<(), Unreadable> {
    match read::json::<T>("a reply", bytes) {
        Ok(_) => Ok(()),
        Err(error) => read::json::<Vec<T>>("a list of replies", bytes)
            .map(|_| ())
            .map_err(|list| if bytes.first() == Some(&b'[') { list } else { error }),
    }
}

/// An error's body may be anything.
fn error(bytes: &[u8]) -> Result<(), Unreadable> {
    for status in [400, 418, 429, 503] {
        let _ = super::rest::judge(status, bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parser_reads_its_sample() {
        for parser in PARSERS {
            assert_eq!((parser.parse)(parser.sample.as_bytes()), Ok(()), "{}", parser.name);
        }
    }

    #[test]
    fn what_is_essential_is_missed_and_nothing_else() {
        let essential: &[(&str, &[&str])] = &[
            ("order", &["orderId", "symbol", "clientOrderId", "status", "executedQty"]),
            ("algo", &["algoId", "clientAlgoId", "symbol", "algoStatus"]),
            ("account_config", &["canTrade"]),
            ("premium_index", &["symbol", "markPrice"]),
            ("commission", &["symbol", "makerCommissionRate", "takerCommissionRate"]),
            ("exchange_info", &["symbols"]),
            ("done", &[]),
        ];
        for (name, fields) in essential {
            let parser = PARSERS.iter().find(|parser| parser.name == *name).expect(name);
            let whole: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(parser.sample).expect("an object");
            for field in whole.keys() {
                let mut less = whole.clone();
                less.remove(field);
                let text = serde_json::to_vec(&less).expect("JSON");
                assert_eq!((parser.parse)(&text).is_err(), fields.contains(&field.as_str()), "{name} without {field}");
            }
        }
    }
}
