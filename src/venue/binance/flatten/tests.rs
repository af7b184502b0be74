//! The kill switch, while everything goes wrong at the venue that can.

use serde_json::json;

use super::*;
use crate::exchange::AccountConfig;
use crate::protocol::TriggerBy;
use crate::serve::{AccountSpec, Options};
use crate::types::Price;
use crate::venue::binance::tests::{Served, synthetic};

async fn place(rest: &Rest, symbol: &str, request: OrderRequest) {
    match orders::place(&request, symbol) {
        Placing::Regular(call) => drop(rest.call(call).await.expect("an order")),
        Placing::Conditional(call) => drop(rest.call(call).await.expect("a stop")),
    }
}

fn order(id: &str, side: Side, kind: OrderKind, amount: Amount, position_side: PositionSide) -> OrderRequest {
    let (client_id, instrument) = (id.parse().expect("an id"), InstrumentId(0));
    OrderRequest { client_id, instrument, side, position_side, kind, amount, reduce_only: false }
}

fn qty(text: &str) -> Amount {
    Amount::Qty(text.parse().expect("a quantity"))
}

/// A long and a short with their stops, and an entry that rests.
async fn occupied(served: &Served) -> Rest {
    let rest = served.client();
    let both = PositionSide::Both;
    place(&rest, "BTCUSDT", order("ltest-1", Side::Buy, OrderKind::Market, qty("0.02"), both)).await;
    place(&rest, "ETHUSDT", order("ltest-2", Side::Sell, OrderKind::Market, qty("0.5"), both)).await;
    for (symbol, id, side, factor) in [("BTCUSDT", "ltest-3", Side::Sell, 0.5), ("ETHUSDT", "ltest-4", Side::Buy, 1.5)]
    {
        let mark = rest.call(market::premium_index(symbol)).await.expect("a mark").mark_price.to_f64();
        let trigger = Price::whole((mark * factor) as i64);
        let kind = OrderKind::Stop { trigger, by: TriggerBy::Mark };
        place(&rest, symbol, order(id, side, kind, Amount::ClosePosition, both)).await;
    }
    let mark = rest.call(market::premium_index("SOLUSDT")).await.expect("a mark").mark_price.to_f64();
    let price = Price::whole((mark * 0.97) as i64);
    let kind = OrderKind::Limit { price, tif: crate::protocol::TimeInForce::Gtc };
    place(&rest, "SOLUSDT", order("ltest-5", Side::Buy, kind, qty("3"), both)).await;
    rest
}

async fn run(served: &Served, rest: &Rest, patience: Span) -> (Result<(), NotFlat>, Vec<Step>) {
    let mut steps = Vec::new();
    let done = flatten(rest, served.clock, patience, &mut |step| steps.push(step)).await;
    (done, steps)
}

async fn assert_flat(served: &Served) {
    let rest = served.client();
    let positions = rest.call(account::positions()).await.expect("positions");
    assert!(positions.iter().all(|one| one.position_amt.is_zero()), "{positions:?}");
    assert!(rest.call(orders::open(None)).await.expect("orders").is_empty());
    assert!(rest.call(orders::open_algos(None)).await.expect("stops").is_empty());
}

fn at(steps: &[Step], is: fn(&Step) -> bool) -> Option<usize> {
    steps.iter().position(is)
}

#[tokio::test]
async fn everything_is_closed_and_the_stops_go_last() {
    let served = Served::demo().await;
    occupied(&served).await;
    let (done, steps) = run(&served, &served.client(), Span::secs(30)).await;
    assert_eq!(done, Ok(()), "{steps:?}");
    assert_eq!(steps[0], Step::Begun { orders: 1, positions: 2, stops: 2 });
    let cancelled = at(&steps, |step| matches!(step, Step::Cancelling { .. })).expect("cancelled");
    let closing = at(&steps, |step| matches!(step, Step::Closing { .. })).expect("closed");
    let flat = at(&steps, |step| matches!(step, Step::Flat { .. })).expect("flat");
    assert!(cancelled < closing && closing < flat);
    // The exchange itself ends a close-position stop with its position, so there may be none left to remove.
    if let Some(removed) = at(&steps, |step| matches!(step, Step::RemovingStops { .. })) {
        assert!(flat < removed);
    }
    assert_eq!(steps.last(), Some(&Step::Done));
    for step in &steps {
        if let Step::Closing { id, .. } = step {
            assert_eq!(id.parts().map(|parts| parts.leg), Some(Leg::Flatten));
        }
    }
    assert_flat(&served).await;
    let (again, steps) = run(&served, &served.client(), Span::secs(5)).await;
    assert_eq!((again, steps.last()), (Ok(()), Some(&Step::Done)), "with nothing to do it says so");
}

/// The kill switch threw, and orders went on.
#[tokio::test]
async fn whatever_the_venue_does_it_goes_on_until_it_is_flat() {
    let faults = [
        ("unknown", json!({ "count": 2, "executed": true })),
        ("unknown", json!({ "count": 2, "executed": false })),
        ("overload", json!({ "count": 4 })),
        ("lose-answers", json!({ "count": 1 })),
        ("clock", json!({ "ms": -30_000 })),
        ("clock", json!({ "ms": 30_000 })),
        ("mute-streams", json!({ "on": true })),
        ("drop-connections", json!({})),
        ("latency", json!({ "ms": 300 })),
    ];
    for (fault, body) in faults {
        let mut served = Served::demo().await;
        served.settings.order_timeout = Span::SECOND;
        let rest = occupied(&served).await;
        served.control(fault, body.clone()).await;
        let (done, steps) = run(&served, &rest, Span::secs(60)).await;
        assert_eq!(done, Ok(()), "{fault} {body}: {steps:?}");
        assert_flat(&served).await;
        println!("{fault} {body}: flat after {} steps", steps.len());
    }
}

#[tokio::test]
async fn a_venue_that_does_not_work_is_named_and_its_return_is_waited_for() {
    let served = Served::demo().await;
    let rest = occupied(&served).await;
    served.control("maintenance", json!({ "on": true })).await;
    let (done, steps) = run(&served, &rest, Span::secs(2)).await;
    assert!(matches!(done, Err(NotFlat::Unanswered(_))), "{done:?}");
    assert!(steps.iter().all(|step| matches!(step, Step::Trouble { .. })), "{steps:?}");
    let returns = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        served.control("maintenance", json!({ "on": false })).await;
    };
    let ((done, _), ()) = tokio::join!(run(&served, &rest, Span::secs(60)), returns);
    assert_eq!(done, Ok(()));
    assert_flat(&served).await;
}

#[tokio::test]
async fn a_halted_symbol_is_said_to_be_open_still() {
    let served = Served::demo().await;
    let rest = occupied(&served).await;
    served.control("halt", json!({ "symbol": "BTCUSDT", "on": true })).await;
    let (done, _) = run(&served, &rest, Span::secs(4)).await;
    match done {
        Err(NotFlat::Open(what)) => assert!(what.contains("BTCUSDT 0.02") && !what.contains("ETHUSDT -0.5"), "{what}"),
        // The exchange lets a halted symbol be closed.
        other => assert_eq!(other, Ok(())),
    }
}

#[tokio::test]
async fn refused_keys_end_it_at_once() {
    let served = Served::demo().await;
    let keys = super::super::rest::Credentials::new(&"demo-key".to_owned().into(), &"wrong".to_owned().into());
    let time = crate::clock::SessionClock::wall(served.clock);
    let rest = Rest::new(&served.settings, Some(keys.expect("keys")), time, None).expect("a client");
    let (done, _) = run(&served, &rest, Span::secs(30)).await;
    assert!(matches!(done, Err(NotFlat::Keys(_))), "{done:?}");
}

#[tokio::test]
async fn in_hedge_mode_both_legs_are_closed() {
    let demo = AccountSpec::demo();
    let account = AccountSpec { config: AccountConfig { hedge: true, ..demo.config }, ..demo };
    let options = Options { control: true, accounts: vec![account], ..Options::default() };
    let served = Served::with(options, synthetic()).await;
    let rest = served.client();
    for (id, side, leg) in [("lh-1", Side::Buy, PositionSide::Long), ("lh-2", Side::Sell, PositionSide::Short)] {
        place(&rest, "BTCUSDT", order(id, side, OrderKind::Market, qty("0.02"), leg)).await;
    }
    let (done, steps) = run(&served, &rest, Span::secs(30)).await;
    assert_eq!(done, Ok(()), "{steps:?}");
    assert_flat(&served).await;
}
