use super::*;
use crate::protocol::{OrderView, PositionView, Stage as OrderStage};
use crate::types::{ClientOrderId, Leg, Price, Qty, Side, Usdt};

fn symbols() -> Vec<Symbol> {
    ["BTC/USDT", "ETH/USDT"].map(|text| text.parse().unwrap()).to_vec()
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[test]
fn every_stage_comes_back_from_its_stamp() {
    let pulses = Pulses::new(&[], true);
    assert_eq!(pulses.stage(), Stage::Starting);
    for (beats, stage) in (1..).zip(Stage::ALL) {
        pulses.beat(stage, Span::secs(3));
        assert_eq!((pulses.stage(), pulses.beats()), (stage, beats));
    }
    assert_eq!(pulses.snapshot().production_loop.last_beat, Some(Span::secs(3)));
}

#[test]
fn lag_is_kept_for_ever_and_since_the_last_look() {
    let pulses = Pulses::new(&[], true);
    pulses.lagged(Span::millis(40));
    pulses.lagged(Span::millis(10));
    assert_eq!(pulses.take_lag(), Span::millis(40));
    assert_eq!(pulses.take_lag(), Span::ZERO);
    pulses.lagged(Span::millis(5));
    assert_eq!(pulses.take_lag(), Span::millis(5));
    assert_eq!(pulses.snapshot().production_loop.lag_max, Span::millis(40));
    pulses.committed(Span::millis(9));
    pulses.committed(Span::millis(2));
    assert_eq!((pulses.take_commit_latency(), pulses.take_commit_latency()), (Span::millis(9), Span::ZERO));
    let ledger = pulses.snapshot().ledger;
    assert_eq!((ledger.commits, ledger.latency_last, ledger.latency_max), (2, Some(Span::millis(2)), Span::millis(9)));
}

#[test]
fn data_is_stamped_per_symbol_and_never_goes_back() {
    let pulses = Pulses::new(&symbols(), true);
    pulses.market_data(InstrumentId(1), at(10));
    pulses.market_data(InstrumentId(1), at(9));
    pulses.bar_closed(InstrumentId(1), at(8));
    pulses.expect(InstrumentId(1), Span::SECOND, Span::MINUTE);
    pulses.market_data(InstrumentId(7), at(10));
    let seen = pulses.snapshot().symbols;
    assert_eq!((seen[0].last_data, seen[0].last_bar), (None, None));
    assert_eq!((seen[1].last_data, seen[1].last_bar), (Some(at(10)), Some(at(8))));
    assert_eq!((seen[1].data_cadence, seen[0].data_cadence), (Span::SECOND, Span::MINUTE));
}

#[test]
fn a_view_says_what_is_unsettled() {
    let pulses = Pulses::new(&symbols(), false);
    let order = |knowledge| OrderView {
        client_id: "x".parse::<ClientOrderId>().unwrap(),
        symbol: symbols()[0].clone(),
        side: Side::Buy,
        leg: Leg::Entry,
        stage: OrderStage::Sent,
        knowledge,
        filled: Qty::ZERO,
    };
    let position = |unprotected_since| PositionView {
        symbol: symbols()[0].clone(),
        side: Side::Buy,
        qty: Qty::ZERO,
        entry_price: Price::ZERO,
        mark_price: Price::ZERO,
        unrealised: Usdt::ZERO,
        stop: None,
        take_profit: None,
        strategy: String::new(),
        opened_at: at(0),
        unprotected_since,
    };
    let mut view = View {
        unanswered: Some((2, at(5))),
        open_orders: vec![
            order(Knowledge::Unknown { since: at(7) }),
            order(Knowledge::Known),
            order(Knowledge::Unknown { since: at(6) }),
        ],
        positions: vec![position(None), position(Some(at(4))), position(Some(at(3)))],
        ..View::default()
    };
    pulses.absorb(&view);
    let orders = pulses.snapshot().orders;
    assert_eq!(orders.unanswered, Some(Unsettled { count: 2, oldest: at(5) }));
    assert_eq!(orders.unknown, Some(Unsettled { count: 2, oldest: at(6) }));
    assert_eq!(orders.unprotected_since, Some(at(3)));
    view = View::default();
    pulses.absorb(&view);
    assert_eq!(pulses.snapshot().orders, OrdersPulse::default());
}

#[test]
fn a_clock_is_measured_or_absent() {
    let pulses = Pulses::new(&[], false);
    assert_eq!(pulses.snapshot().clock, None);
    pulses.clock(Span::millis(-20), Span::millis(15));
    assert_eq!(pulses.snapshot().clock, Some(ClockPulse { offset: Span::millis(-20), uncertainty: Span::millis(15) }));
}

#[test]
fn the_last_line_says_what_was_and_what_never_was() {
    let pulses = Pulses::new(&symbols(), false);
    pulses.beat(Stage::Commit, Span::secs(7));
    pulses.session(at(60));
    pulses.market_data(InstrumentId(0), at(59));
    pulses.committed(Span::millis(3));
    pulses.unknown(Some((2, at(50))));
    assert_eq!(
        pulses.snapshot().to_string(),
        "loop commit after 1 beats, last at uptime 7s; session at 1970-01-01T00:01:00.000Z; \
         BTC/USDT:USDT data 1970-01-01T00:00:59.000Z, bar never; ETH/USDT:USDT data never, bar never; \
         orders 0 unanswered, 2 unknown, unprotected since never; ledger 1 commits, 0 failed, last 3ms; \
         messages 0 waiting, 0 lost"
    );
}
