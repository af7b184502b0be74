//! One of everything that the server says, made by trading on it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::stage::{Reply, Stage};
use super::wire::Wire;

/// What was said, by what it is of; see [`super::examples`] for the names.
pub type Samples = BTreeMap<String, Vec<Value>>;

/// A client that keeps what it is told.
struct Collector<'a> {
    stage: &'a Stage,
    samples: Samples,
}

/// Collects.
pub async fn collect() -> Samples {
    let stage = Stage::open("synthetic", &["BTC/USDT", "ETH/USDT", "SOL/USDT"], 10_000_000, (None, 1.0)).await;
    let tracker = TaskTracker::new();
    let mut all = Collector { stage: &stage, samples: Samples::new() };
    let markets = subscribe(&stage, &tracker).await;
    let key = all.told("POST", "/fapi/v1/listenKey", "").await["listenKey"].as_str().expect("a key").to_owned();
    all.told("PUT", "/fapi/v1/listenKey", "").await;
    let private = Wire::open(&stage.address, &format!("/private/ws?listenKey={key}"), &tracker).await;
    private.ask(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 1})).await;
    all.market().await;
    all.modes().await;
    all.orders().await;
    all.conditional().await;
    all.positions().await;
    all.account().await;
    all.socket(&tracker).await;
    all.refusals().await;
    all.forced(&markets).await;
    stage.control("expire-listen-keys", "{}").await;
    private.wait(|one| one["e"] == "listenKeyExpired").await;
    all.told("POST", "/fapi/v1/listenKey", "").await;
    all.told("DELETE", "/fapi/v1/listenKey", "").await;
    let wire = Wire::open(&stage.address, "/ws-fapi/v1", &tracker).await;
    all.over(&wire, "userDataStream.start", json!({})).await;
    all.over(&wire, "userDataStream.stop", json!({})).await;
    all.hedged().await;
    for name in STREAM_EVENTS {
        markets.wait(|one| event(one).as_deref() == Some(*name)).await;
    }
    for one in markets.heard().into_iter().chain(private.heard()) {
        let name = event(&one).unwrap_or_else(|| "stream reply".to_owned());
        all.note(&name, one);
    }
    let mut samples = all.samples;
    stage.close().await;
    tracker.close();
    tracker.wait().await;
    samples.entry("event MARGIN_CALL".to_owned()).or_default().push(super::falling::margin_call().await);
    samples
}

/// Events of public streams, each of which is waited for.
const STREAM_EVENTS: &[&str] = &[
    "event aggTrade",
    "event bookTicker",
    "event depthUpdate",
    "event kline",
    "event continuous_kline",
    "event markPriceUpdate",
    "events markPriceUpdate",
    "event 24hrTicker",
    "events 24hrTicker",
    "event 24hrMiniTicker",
    "events 24hrMiniTicker",
    "event forceOrder",
    "event contractInfo",
    "event trade",
];

fn event(one: &Value) -> Option<String> {
    match one {
        Value::Array(items) => Some(format!("events {}", items.first()?["e"].as_str()?)),
        _ => Some(format!("event {}", one["e"].as_str()?)),
    }
}

async fn subscribe(stage: &Stage, tracker: &TaskTracker) -> Wire {
    let wire = Wire::open(&stage.address, "/stream", tracker).await;
    let streams = [
        "btcusdt@aggTrade",
        "btcusdt@trade",
        "btcusdt@bookTicker",
        "!bookTicker",
        "btcusdt@depth@100ms",
        "btcusdt@depth5",
        "btcusdt@kline_1m",
        "btcusdt_perpetual@continuousKline_1m",
        "btcusdt@markPrice@1s",
        "!markPrice@arr@1s",
        "btcusdt@ticker",
        "!ticker@arr",
        "btcusdt@miniTicker",
        "!miniTicker@arr",
        "btcusdt@forceOrder",
        "!forceOrder@arr",
        "!contractInfo",
    ];
    wire.ask(&json!({"method": "SUBSCRIBE", "params": streams, "id": 1})).await;
    wire.ask(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 2})).await;
    wire.ask(&json!({"method": "GET_PROPERTY", "params": ["combined"], "id": 3})).await;
    wire
}

impl Collector<'_> {
    fn note(&mut self, name: &str, value: Value) {
        self.samples.entry(name.to_owned()).or_default().push(value);
    }

    /// Asks for something that has to be granted, and keeps the reply.
    async fn told(&mut self, method: &str, path: &str, params: &str) -> Value {
        let reply = self.stage.ask(method, path, params).await;
        assert_eq!(reply.status, 200, "{method} {path}?{params}: {}", reply.body);
        self.note(&format!("{method} {path}"), reply.body.clone());
        reply.body
    }

    async fn refused(&mut self, method: &str, path: &str, params: &str) {
        let Reply { status, body } = self.stage.ask(method, path, params).await;
        assert_ne!(status, 200, "{method} {path}?{params}: {body}");
        self.note("error", body);
    }

    async fn last(&mut self, symbol: &str) -> f64 {
        let price = self.told("GET", "/fapi/v2/ticker/price", &format!("symbol={symbol}")).await;
        price["price"].as_str().and_then(|text| text.parse().ok()).expect("a price")
    }

    async fn market(&mut self) {
        for path in ["ping", "time", "exchangeInfo", "fundingInfo"] {
            self.told("GET", &format!("/fapi/v1/{path}"), "").await;
        }
        for path in ["depth", "trades", "historicalTrades", "aggTrades", "openInterest"] {
            self.told("GET", &format!("/fapi/v1/{path}"), "symbol=BTCUSDT").await;
        }
        for path in ["klines", "markPriceKlines"] {
            self.told("GET", &format!("/fapi/v1/{path}"), "symbol=BTCUSDT&interval=1m&limit=3").await;
        }
        self.told("GET", "/fapi/v1/premiumIndexKlines", "symbol=BTCUSDT&interval=1m&limit=3").await;
        self.told("GET", "/fapi/v1/indexPriceKlines", "pair=BTCUSDT&interval=1m&limit=3").await;
        let continuous = "pair=BTCUSDT&contractType=PERPETUAL&interval=1m&limit=3";
        self.told("GET", "/fapi/v1/continuousKlines", continuous).await;
        self.told("GET", "/fapi/v1/fundingRate", "symbol=BTCUSDT&limit=3").await;
        for path in ["v1/premiumIndex", "v1/ticker/24hr", "v1/ticker/price", "v2/ticker/price", "v1/ticker/bookTicker"]
        {
            self.told("GET", &format!("/fapi/{path}"), "symbol=BTCUSDT").await;
            self.told("GET", &format!("/fapi/{path}"), "").await;
        }
    }

    async fn modes(&mut self) {
        self.told("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=10").await;
        self.told("POST", "/fapi/v1/marginType", "symbol=SOLUSDT&marginType=ISOLATED").await;
        for on in ["true", "false"] {
            self.told("POST", "/fapi/v1/multiAssetsMargin", &format!("multiAssetsMargin={on}")).await;
            self.told("POST", "/fapi/v1/positionSide/dual", &format!("dualSidePosition={on}")).await;
        }
        self.told("GET", "/fapi/v1/multiAssetsMargin", "").await;
        self.told("GET", "/fapi/v1/positionSide/dual", "").await;
    }

    async fn orders(&mut self) {
        let price = (self.last("BTCUSDT").await * 0.98).round();
        let limit = |name: &str| {
            format!(
                "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={price}&newClientOrderId={name}"
            )
        };
        self.told("POST", "/fapi/v1/order/test", &limit("test")).await;
        let placed = self.told("POST", "/fapi/v1/order", &limit("a")).await;
        let named = format!("symbol=BTCUSDT&orderId={}", placed["orderId"]);
        let change = format!("{named}&side=BUY&quantity=0.02&price={price}&modifyId=7");
        self.told("PUT", "/fapi/v1/order", &change).await;
        for path in ["order", "openOrder", "orderAmendment", "openOrders"] {
            self.told("GET", &format!("/fapi/v1/{path}"), &named).await;
        }
        self.told("DELETE", "/fapi/v1/order", &named).await;
        let each = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01",
            "price": price.to_string()});
        let none = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0"});
        let list = encoded(&json!([each, none]).to_string());
        let placed = self.told("POST", "/fapi/v1/batchOrders", &format!("batchOrders={list}")).await;
        let id = placed[0]["orderId"].clone();
        let other = json!({"symbol": "BTCUSDT", "orderId": id, "side": "BUY", "quantity": "0.02", "price": price.to_string(),
                "modifyId": 8});
        let lost =
            json!({"symbol": "BTCUSDT", "orderId": 999, "side": "BUY", "quantity": "0.02", "price": price.to_string()});
        let list = encoded(&json!([other, lost]).to_string());
        self.told("PUT", "/fapi/v1/batchOrders", &format!("batchOrders={list}")).await;
        let list = encoded(&json!([id, 999]).to_string());
        self.told("DELETE", "/fapi/v1/batchOrders", &format!("symbol=BTCUSDT&orderIdList={list}")).await;
        let till = self.stage.now().await + 700_000;
        let dated = limit("dated").replace("timeInForce=GTC", &format!("timeInForce=GTD&goodTillDate={till}"));
        self.told("POST", "/fapi/v1/order", &dated).await;
        self.told("POST", "/fapi/v1/countdownCancelAll", "symbol=BTCUSDT&countdownTime=100000").await;
        self.told("GET", "/fapi/v1/rateLimit/order", "").await;
        self.told("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT").await;
        self.told("GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").await;
    }

    async fn conditional(&mut self) {
        let last = self.last("BTCUSDT").await;
        let place = |kind: &str, more: &str| format!("algoType=CONDITIONAL&symbol=BTCUSDT&type={kind}&{more}");
        let stop = format!("side=SELL&quantity=0.01&triggerPrice={}", (last * 0.9).round());
        let placed = self.told("POST", "/fapi/v1/algoOrder", &place("STOP_MARKET", &stop)).await;
        let trail = format!("side=SELL&quantity=0.01&callbackRate=1&activatePrice={}", (last * 1.1).round());
        self.told("POST", "/fapi/v1/algoOrder", &place("TRAILING_STOP_MARKET", &trail)).await;
        let take = format!("side=SELL&quantity=0.01&triggerPrice={0}&price={0}&timeInForce=GTC", (last * 1.1).round());
        self.told("POST", "/fapi/v1/algoOrder", &place("TAKE_PROFIT", &take)).await;
        self.told("GET", "/fapi/v1/openAlgoOrders", "").await;
        self.told("DELETE", "/fapi/v1/algoOrder", &format!("algoId={}", placed["algoId"])).await;
        self.told("DELETE", "/fapi/v1/algoOpenOrders", "symbol=BTCUSDT").await;
        // What another order trades at sets the stop off.
        let last = self.last("BTCUSDT").await;
        let stop = format!("side=BUY&quantity=0.01&triggerPrice={:.1}", last * 1.0005);
        let placed = self.told("POST", "/fapi/v1/algoOrder", &place("STOP_MARKET", &stop)).await;
        let trail = place("TRAILING_STOP_MARKET", "side=BUY&quantity=0.01&callbackRate=0.1");
        let trailing = self.told("POST", "/fapi/v1/algoOrder", &trail).await;
        let mut done = false;
        for _ in 0..20 {
            self.told(
                "POST",
                "/fapi/v1/order",
                "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=40&newOrderRespType=RESULT",
            )
            .await;
            let named = format!("algoId={}", placed["algoId"]);
            let stop = self.told("GET", "/fapi/v1/algoOrder", &named).await;
            let named = format!("algoId={}", trailing["algoId"]);
            let trail = self.told("GET", "/fapi/v1/algoOrder", &named).await;
            done = [&stop, &trail].iter().all(|one| one["algoStatus"] == "FINISHED");
            if let Some(id) = trail["actualOrderId"].as_str().filter(|id| !id.is_empty()) {
                self.told("GET", "/fapi/v1/order", &format!("symbol=BTCUSDT&orderId={id}")).await;
            }
            self.told("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=40").await;
            if done {
                break;
            }
        }
        assert!(done, "the stops were set off");
        self.told("GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").await;
        self.told("GET", "/fapi/v1/allAlgoOrders", "symbol=BTCUSDT").await;
    }

    async fn positions(&mut self) {
        self.told("POST", "/fapi/v1/order", "symbol=ETHUSDT&side=BUY&type=MARKET&quantity=1").await;
        self.told("POST", "/fapi/v1/order", "symbol=SOLUSDT&side=BUY&type=MARKET&quantity=10").await;
        self.told("POST", "/fapi/v1/positionMargin", "symbol=SOLUSDT&type=1&amount=20").await;
        self.told("GET", "/fapi/v1/positionMargin/history", "symbol=SOLUSDT").await;
        for version in ["v2", "v3"] {
            self.told("GET", &format!("/fapi/{version}/positionRisk"), "").await;
        }
        self.told("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT").await;
        self.told("GET", "/fapi/v1/income", "").await;
        self.told("GET", "/fapi/v1/adlQuantile", "").await;
    }

    async fn account(&mut self) {
        let last = (self.last("BTCUSDT").await * 0.98).round();
        let rests = format!("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={last}");
        self.told("POST", "/fapi/v1/order", &rests).await;
        for path in ["v2/balance", "v3/balance", "v2/account", "v3/account", "v1/accountConfig", "v1/symbolConfig"] {
            self.told("GET", &format!("/fapi/{path}"), "").await;
        }
        self.told("GET", "/sapi/v1/account/apiRestrictions", "").await;
        for path in ["leverageBracket", "apiTradingStatus", "feeBurn"] {
            self.told("GET", &format!("/fapi/v1/{path}"), "").await;
        }
        for path in ["leverageBracket", "commissionRate"] {
            self.told("GET", &format!("/fapi/v1/{path}"), "symbol=BTCUSDT").await;
        }
    }

    async fn refusals(&mut self) {
        self.refused("POST", "/fapi/v1/order", "symbol=NOPE&side=BUY&type=MARKET&quantity=1").await;
        self.refused("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET").await;
        self.refused("DELETE", "/fapi/v1/order", "symbol=BTCUSDT&orderId=999").await;
        self.refused("GET", "/fapi/v1/nothing", "").await;
        self.stage.control("overload", r#"{"count": 1}"#).await;
        self.refused("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01").await;
    }

    /// What an account is forced to, and what the venue says of an instrument.
    async fn forced(&mut self, markets: &Wire) {
        self.told("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1").await;
        self.stage.control("liquidate", r#"{"account": 0}"#).await;
        self.told("GET", "/fapi/v1/forceOrders", "").await;
        markets.wait(|one| one["e"] == "forceOrder").await;
        for on in [true, false] {
            self.stage.control("halt", &json!({"symbol": "SOLUSDT", "on": on}).to_string()).await;
        }
    }

    /// A leg each way.
    async fn hedged(&mut self) {
        self.told("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT").await;
        self.told("POST", "/fapi/v1/positionSide/dual", "dualSidePosition=true").await;
        for (side, leg) in [("BUY", "LONG"), ("SELL", "SHORT")] {
            let order = format!("symbol=ETHUSDT&side={side}&positionSide={leg}&type=MARKET&quantity=1");
            self.told("POST", "/fapi/v1/order", &order).await;
        }
        for path in ["v1/adlQuantile", "v2/positionRisk", "v3/positionRisk", "v2/account", "v3/account"] {
            self.told("GET", &format!("/fapi/{path}"), "").await;
        }
    }

    /// Every method of the WebSocket API.
    async fn socket(&mut self, tracker: &TaskTracker) {
        let wire = Wire::open(&self.stage.address, "/ws-fapi/v1", tracker).await;
        let price = (self.last("BTCUSDT").await * 0.97).round().to_string();
        let order = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01",
            "price": price});
        let placed = self.over(&wire, "order.place", order).await;
        let id = &placed["result"]["orderId"];
        let named = json!({"symbol": "BTCUSDT", "orderId": id});
        let change = json!({"symbol": "BTCUSDT", "orderId": id, "side": "BUY", "quantity": "0.02", "price": price,
            "modifyId": 9});
        self.over(&wire, "order.modify", change).await;
        self.over(&wire, "order.status", named.clone()).await;
        self.over(&wire, "order.cancel", named).await;
        let stop = json!({"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET",
            "quantity": "0.01", "triggerPrice": price});
        let placed = self.over(&wire, "algoOrder.place", stop).await;
        self.over(&wire, "algoOrder.cancel", json!({"algoId": placed["result"]["algoId"]})).await;
        for method in [
            "account.balance",
            "v2/account.balance",
            "account.status",
            "v2/account.status",
            "account.position",
            "v2/account.position",
            "userDataStream.start",
            "userDataStream.ping",
        ] {
            self.over(&wire, method, json!({})).await;
        }
        for method in ["ticker.price", "ticker.book"] {
            self.over(&wire, method, json!({})).await;
            self.over(&wire, method, json!({"symbol": "BTCUSDT"})).await;
        }
        self.over(&wire, "depth", json!({"symbol": "BTCUSDT", "limit": 5})).await;
        let quiet = Wire::open(&self.stage.address, "/ws-fapi/v1?returnRateLimits=false", tracker).await;
        for method in ["session.logon", "session.status", "session.logout"] {
            let told = quiet.call(self.stage, method, json!({})).await;
            assert_eq!(told["status"], 200, "{method}: {told}");
            self.note("ws session", told);
        }
        let told =
            wire.call(self.stage, "order.place", json!({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT"})).await;
        assert_eq!(told["status"], 400, "{told}");
        self.note("ws error", told);
        wire.say(&json!({"id": 5})).await;
        let told = wire.wait(|one| one["id"].is_null()).await;
        self.note("ws error", told);
    }

    async fn over(&mut self, wire: &Wire, method: &str, params: Value) -> Value {
        let told = wire.call(self.stage, method, params).await;
        assert_eq!(told["status"], 200, "{method}: {told}");
        self.note(&format!("ws {method}"), told.clone());
        told
    }
}

/// Percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => all.push(byte as char),
            _ => write!(all, "%{byte:02X}").expect("a text takes it"),
        }
        all
    })
}
