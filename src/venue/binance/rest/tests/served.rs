use super::super::calls::market::{BarsOf, Page};
use super::super::calls::orders::Placing;
use super::super::calls::{account, market, orders};
use super::super::{Class, Failure, Rest};
use crate::protocol::{Amount, OrderKind, OrderRequest, TriggerBy};
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Price, Side, Span};
use crate::venue::binance::tests::Served;
use crate::venue::binance::words::{AlgoStatus, MarginWord, OrderStatus};

fn market_order(id: &str, side: Side, qty: &str, reduce_only: bool) -> OrderRequest {
    OrderRequest {
        client_id: id.parse().expect("an id"),
        instrument: InstrumentId(0),
        side,
        position_side: PositionSide::Both,
        kind: OrderKind::Market,
        amount: Amount::Qty(qty.parse().expect("a quantity")),
        reduce_only,
    }
}

async fn place(rest: &Rest, request: &OrderRequest) -> Result<(), Failure> {
    match orders::place(request, "BTCUSDT") {
        Placing::Regular(call) => rest.call(call).await.map(|_| ()),
        Placing::Conditional(call) => rest.call(call).await.map(|_| ()),
    }
}

fn id(text: &str) -> ClientOrderId {
    text.parse().expect("an id")
}

#[tokio::test]
async fn a_client_speaks_to_the_served_exchange() {
    let served = Served::demo().await;
    let rest = served.client();
    let offset = rest.sync_clock().await.expect("a clock");
    assert!(offset.offset.as_millis().abs() < 1_000, "{offset:?}");
    let info = rest.call(market::exchange_info()).await.expect("rules");
    rest.learn_limits(&info);
    assert_eq!(info.symbols.len(), 3);
    let page = Page { limit: 5, ..Page::default() };
    for of in [BarsOf::Trades, BarsOf::Mark] {
        assert_eq!(rest.call(market::klines(of, "BTCUSDT", "1h", page)).await.expect("bars").len(), 5);
    }
    let mark = rest.call(market::premium_index("BTCUSDT")).await.expect("a mark").mark_price;
    rest.call(market::funding_rates("BTCUSDT", page)).await.expect("fundings");
    rest.call(market::funding_info()).await.expect("intervals");

    rest.call(account::config()).await.expect("its configuration");
    assert!(!rest.call(account::position_mode()).await.expect("a mode").dual_side_position);
    assert!(!rest.call(account::multi_assets()).await.expect("a mode").multi_assets_margin);
    rest.settle(account::set_margin_type("BTCUSDT", MarginWord::Crossed))
        .await
        .expect("it is so already, which is a success");
    assert_eq!(rest.call(account::set_leverage("BTCUSDT", 7)).await.expect("set").leverage, 7);
    assert_eq!(rest.call(account::symbol_config(Some("BTCUSDT"))).await.expect("set")[0].leverage, 7);
    assert_eq!(rest.call(account::brackets()).await.expect("brackets").len(), 3);
    rest.call(account::commission("BTCUSDT")).await.expect("fees");

    place(&rest, &market_order("lttl-entry", Side::Buy, "0.01", false)).await.expect("it is filled");
    let order = rest.call(orders::query("BTCUSDT", &id("lttl-entry"))).await.expect("the order");
    assert_eq!((order.status.known(), order.executed_qty.to_string()), (Some(OrderStatus::Filled), "0.01".into()));
    let trigger = Price::whole(mark.to_f64() as i64 / 2);
    let stop = OrderRequest {
        client_id: id("lttl-stop"),
        side: Side::Sell,
        kind: OrderKind::Stop { trigger, by: TriggerBy::Mark },
        amount: Amount::ClosePosition,
        ..market_order("lttl-stop", Side::Sell, "0.01", false)
    };
    place(&rest, &stop).await.expect("it rests");
    let algo = rest.call(orders::query_algo(&id("lttl-stop"))).await.expect("the stop");
    assert_eq!((algo.algo_status.known(), algo.trigger_price), (Some(AlgoStatus::New), Some(trigger)));
    assert_eq!(rest.call(orders::open_algos(None)).await.expect("stops").len(), 1);
    assert!(rest.call(orders::open(None)).await.expect("orders").is_empty());
    let positions = rest.call(account::positions()).await.expect("positions");
    assert_eq!(positions.iter().filter(|one| !one.position_amt.is_zero()).count(), 1);

    // The dead man's switch is of regular orders alone: a stop outlives it.
    rest.call(orders::countdown_cancel_all("BTCUSDT", Span::millis(1_000))).await.expect("armed");
    rest.settle(orders::cancel_all("BTCUSDT")).await.expect("done");
    tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
    assert_eq!(rest.call(orders::open_algos(Some("BTCUSDT"))).await.expect("stops").len(), 1);

    place(&rest, &market_order("lttl-exit", Side::Sell, "0.01", true)).await.expect("it is filled");
    // A close-position stop ends with its position, or is cancelled here.
    match rest.call(orders::cancel_algo(&id("lttl-stop"))).await {
        Ok(_) => {}
        Err(failure) => assert!(failure.is_no_such_order(), "{failure}"),
    }
    rest.settle(orders::cancel_all_algos("BTCUSDT")).await.expect("done");
    let trades = rest.call(orders::trades("BTCUSDT", Page { limit: 10, ..Page::default() })).await.expect("trades");
    assert_eq!(trades.len(), 2);
    assert_eq!(rest.call(orders::trades_from("BTCUSDT", trades[1].id, 10)).await.expect("trades").len(), 1);
    assert!(!rest.call(account::income(None, page)).await.expect("income").is_empty());
    assert!(rest.call(account::balance()).await.expect("a balance").iter().any(|one| one.asset == "USDT"));

    let gone = rest.call(orders::cancel("BTCUSDT", &id("lttl-never"))).await.expect_err("no such order");
    assert!(gone.is_no_such_order(), "{gone}");
    let key = rest.call(account::open_listen_key()).await.expect("a key");
    assert_eq!(format!("{key:?}"), "ListenKey");
    rest.settle(account::keep_listen_key()).await.expect("kept");
}

#[tokio::test]
async fn an_order_without_an_answer_is_unknown() {
    let mut served = Served::demo().await;
    served.settings.order_timeout = Span::SECOND;
    let rest = served.client().for_orders().expect("a client");
    served.control("lose-answers", serde_json::json!({ "count": 1 })).await;
    let failure = place(&rest, &market_order("lttl-lost", Side::Buy, "0.01", false)).await.expect_err("no answer");
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure}");
    let order = rest.call(orders::query("BTCUSDT", &id("lttl-lost"))).await.expect("it was carried out");
    assert_eq!(order.status.known(), Some(OrderStatus::Filled));
    for executed in [true, false] {
        served.control("unknown", serde_json::json!({ "count": 1, "executed": executed })).await;
        let failure = place(&rest, &market_order("lttl-doubt", Side::Buy, "0.01", false)).await;
        assert!(matches!(failure, Err(Failure::Unknown { .. })), "{failure:?}");
    }
    served.control("overload", serde_json::json!({ "count": 1 })).await;
    let failure = place(&rest, &market_order("lttl-overload", Side::Buy, "0.01", false)).await;
    assert_eq!(failure.expect_err("refused").class(), Some(Class::Overloaded));
    let trades = rest.call(orders::trades("BTCUSDT", Page { limit: 10, ..Page::default() })).await.expect("trades");
    assert_eq!(trades.len(), 2, "nothing was sent twice");
}

#[tokio::test]
async fn a_clock_that_is_off_is_measured_anew() {
    let served = Served::demo().await;
    let rest = served.client();
    rest.sync_clock().await.expect("a clock");
    served.control("clock", serde_json::json!({ "ms": -20_000 })).await;
    let balance = rest.call(account::balance()).await;
    assert!(balance.is_ok(), "a question is asked again once the clock is right: {balance:?}");
    assert!(rest.offset().expect("measured").offset < -Span::secs(19));
    served.control("clock", serde_json::json!({ "ms": 20_000 })).await;
    let failure = place(&rest, &market_order("lttl-late", Side::Buy, "0.01", false)).await.expect_err("refused");
    assert_eq!(failure.class(), Some(Class::Clock), "an order is not sent again");
    place(&rest, &market_order("lttl-later", Side::Buy, "0.01", false)).await.expect("the clock is right now");
    let trades = rest.call(orders::trades("BTCUSDT", Page { limit: 10, ..Page::default() })).await.expect("trades");
    assert_eq!(trades.len(), 1);
}

#[tokio::test]
async fn a_ban_is_kept_to_and_outlives_the_process() {
    let served = Served::demo().await;
    let dir = tempfile::tempdir().expect("a folder");
    let rest = served.client_in(Some(dir.path()));
    rest.sync_clock().await.expect("a clock");
    served.control("ban", serde_json::json!({ "seconds": 300 })).await;
    let failure = rest.call(account::balance()).await.expect_err("banned");
    assert_eq!(failure.class(), Some(Class::Limited));
    for rest in [rest, served.client_in(Some(dir.path()))] {
        let failure = rest.call(market::time()).await.expect_err("nothing is sent");
        assert!(matches!(failure, Failure::NotSent { retry_at: Some(_), .. }), "{failure}");
        assert!(rest.banned_until().is_some());
    }
}

#[tokio::test]
async fn a_limit_that_is_used_up_silences_until_it_is_free() {
    let served = Served::demo().await;
    let rest = served.client();
    rest.sync_clock().await.expect("a clock");
    served.control("rate-limit", serde_json::json!({})).await;
    let first = rest.call(market::time()).await;
    // The minute may have turned between the switch and the question.
    if let Err(failure) = first {
        assert_eq!(failure.class(), Some(Class::Limited));
        let failure = rest.call(market::time()).await.expect_err("nothing is sent");
        assert!(matches!(failure, Failure::NotSent { .. }), "{failure}");
    }
}
