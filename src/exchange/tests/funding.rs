//! Funding, worked by hand from Binance's formula: notional at the mark × rate; longs pay a positive rate.

use super::*;
use crate::protocol::Funding;
use Side::{Buy, Sell};

const HOUR: Span = Span::HOUR;

/// Bars of 60,000 and enough money for one BTC.
fn bars() -> Bench {
    let mut bench = Bench::with(calm(), FeedShape::BARS, Bench::account(MarginMode::Cross, 10, "100000"));
    bench.bar(["60000", "60000", "60000", "60000"]);
    bench
}

fn told_at(bench: &mut Bench, at: Timestamp) -> Vec<String> {
    bench.at = at;
    bench.reports()
}

#[test]
fn longs_pay_shorts_at_whole_eight_hours() {
    let mut bench = bars();
    bench.submit(A, market("a", Buy, "0.5"));
    bench.submit(B, market("b", Sell, "0.2"));
    assert_eq!(bench.ex.next_funding(BTC), Some(DAY + HOUR * 8));
    assert_eq!(bench.ex.next_due(), Some(DAY + HOUR * 8 + Span::SECOND));
    // The bar that closes at the hour sets the mark: 50,000.
    bench.at = DAY + HOUR * 8;
    bench.bar(["60000", "60000", "50000", "50000"]);
    assert_eq!(bench.reports(), Vec::<String>::new());
    let before = (bench.ex.balance(A), bench.ex.balance(B));
    // 1 bp of 25,000 and of 10,000.
    assert_eq!(told_at(&mut bench, DAY + HOUR * 8 + Span::SECOND), ["funding -2.5 at 0.01%", "funding 1 at 0.01%"]);
    assert_eq!((bench.ex.balance(A), bench.ex.balance(B)), (before.0 - u("2.5"), before.1 + u("1")));
    assert_eq!(bench.ex.next_funding(BTC), Some(DAY + HOUR * 16));
}

#[test]
fn the_record_says_when_and_how_much() {
    let mut bench = bars();
    bench.submit(A, market("a", Sell, "0.5"));
    let due = DAY + HOUR * 8;
    let mut payment = None;
    while let Some(delivery) = bench.ex.poll(due + Span::MINUTE) {
        if let VenueReport::Account(AccountReport::Funding(one)) = delivery.report {
            payment = Some((delivery.at, one));
        }
    }
    let (at, payment) = payment.unwrap();
    assert_eq!((at, payment.at, payment.amount, payment.id), (due + Span::SECOND, due, u("3"), 1));
    let cash = bench.ex.drain_changes().into_iter().filter_map(|row| match row {
        Change::Cash(cash) if cash.kind == CashKind::Funding => Some((cash.amount, cash.reference)),
        Change::Cash(_) | Change::Order(_) | Change::Fill(_) | Change::Position(_) => None,
    });
    assert_eq!(cash.collect::<Vec<_>>(), [(u("3"), 1)]);
}

#[test]
fn the_feeds_rate_and_time_go_before_the_settings() {
    let mut bench = Bench::new(QUOTES);
    let mark = |bench: &mut Bench, price: &str, rate, next| {
        let mark = Mark { price: p(price), funding_rate: rate, next_funding: next };
        bench.market(BTC, MarketData::Mark(mark));
    };
    let due = DAY + HOUR * 4;
    mark(&mut bench, "100", Rate::bps(-3), due);
    bench.hold(A, Buy, "10", "100");
    assert_eq!(bench.ex.next_funding(BTC), Some(due), "four hours, although the instrument says eight");
    // The feed goes over to the next one before ours is settled: the rate of this one stays.
    bench.at = due + Span::millis(400);
    mark(&mut bench, "200", Rate::bps(9), due + HOUR * 4);
    assert_eq!(told_at(&mut bench, due + Span::SECOND), ["funding 0.6 at -0.03%"]); // 2,000 × 3 bps
    assert_eq!(bench.ex.next_funding(BTC), Some(due + HOUR * 4));
    mark(&mut bench, "200", Rate::bps(9), due + HOUR * 4);
    assert_eq!(told_at(&mut bench, due + HOUR * 4 + Span::SECOND), ["funding -1.8 at 0.09%"]);
}

#[test]
fn a_record_of_the_feed_settles_once() {
    let mut bench = bars();
    bench.submit(A, market("a", Buy, "1"));
    let record = |bench: &mut Bench, at| {
        bench.at = at;
        bench.market(BTC, MarketData::Funding(Funding { rate: Rate::bps(2), mark: p("50000") }));
        bench.reports()
    };
    let due = DAY + HOUR * 8;
    assert_eq!(record(&mut bench, due), ["funding -10 at 0.02%"]);
    assert_eq!(record(&mut bench, due + Span::millis(5)), Vec::<String>::new());
    assert_eq!(told_at(&mut bench, due + Span::MINUTE), Vec::<String>::new());
    // It comes too late for the next one, which the setting's rate has settled: 60,000 × 1 bp.
    assert_eq!(record(&mut bench, due + HOUR * 8 + Span::secs(2)), ["funding -6 at 0.01%"]);
    // A position opened after the hour is not charged for it.
    bench.submit(A, market("x", Sell, "1"));
    bench.submit(A, market("y", Sell, "1"));
    assert_eq!(record(&mut bench, due + HOUR * 8 + Span::secs(3)), Vec::<String>::new());
}

#[test]
fn without_a_position_nothing_is_due() {
    let mut bench = bars();
    assert_eq!(bench.ex.next_due(), None);
    bench.submit(A, market("a", Buy, "0.1"));
    assert!(bench.ex.next_due().is_some());
    bench.submit(A, market("b", Sell, "0.1"));
    assert_eq!(bench.ex.next_due(), None);
    assert_eq!(told_at(&mut bench, DAY + HOUR * 30), Vec::<String>::new());
}

#[test]
fn several_hours_at_once_are_each_paid() {
    let mut bench = bars();
    bench.submit(A, market("a", Buy, "0.1"));
    assert_eq!(told_at(&mut bench, DAY + HOUR * 24 + Span::SECOND), ["funding -0.6 at 0.01%"; 3]);
}

#[test]
fn isolated_funding_comes_out_of_the_positions_margin() {
    let config = Bench::account(MarginMode::Isolated, 10, "10000");
    let mut bench = Bench::with(calm(), QUOTES, config);
    bench.hold(A, Buy, "1", "10000");
    bench.mark("10000");
    let price = |bench: &Bench| bench.ex.liquidation_price(A, BTC, PositionSide::Both).unwrap();
    assert_eq!(price(&bench), p("9036.144578313254")); // 9,000 ÷ 0.996
    assert_eq!(told_at(&mut bench, DAY + HOUR * 8 + Span::SECOND), ["funding -1 at 0.01%"]);
    assert_eq!(price(&bench), p("9037.148594377511")); // 9,001 ÷ 0.996
}
