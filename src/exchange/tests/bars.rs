//! Bars alone: the path inside a bar, and what depends on it.

use super::*;
use Side::{Buy, Sell};

/// Long 0.1 from 60,003 (last 60,000, spread 6), with the given orders.
fn long(orders: &[OrderRequest]) -> Bench {
    let mut bench = Bench::new(FeedShape::BARS);
    bench.bar(["60000", "60000", "60000", "60000"]);
    bench.submit(A, market("hold", Buy, "0.1"));
    for order in orders {
        assert_eq!(bench.submit(A, order.clone()).len(), 1);
    }
    bench.at += Span::MINUTE;
    bench
}

fn both() -> [OrderRequest; 2] {
    [closing(stop("stop", Sell, "1", "59000")), closing(take_profit("profit", Sell, "1", "61000"))]
}

#[test]
fn the_path_goes_to_the_nearer_extreme_first() {
    // The bid is half a basis point below the price on the path: 59,000 × 0.99995 = 58,997.05, down to the tick.
    let stopped = [
        "triggered stop",
        "filled stop 0.1 @ 58997 taker path",
        "ended stop Filled 0.1",
        "triggered profit",
        "ended profit Expired 0",
    ];
    let profited = [
        "triggered profit",
        "filled profit 0.1 @ 60996.9 taker path",
        "ended profit Filled 0.1",
        "triggered stop",
        "ended stop Expired 0",
    ];
    let table: [([&str; 4], &[&str]); 5] = [
        (["60000", "61500", "58900", "60000"], &stopped), // 1,100 down, 1,500 up
        (["60000", "61100", "58500", "60000"], &profited), // 1,500 down, 1,100 up
        (["60000", "61200", "58800", "60000"], &stopped), // equally far: the low first
        (
            ["60000", "60500", "58900", "59500"],
            &["triggered stop", "filled stop 0.1 @ 58997 taker", "ended stop Filled 0.1"],
        ),
        (["60000", "60999.9", "59000.1", "60000"], &[]),
    ];
    for (bar, expect) in table {
        let mut bench = long(&both());
        bench.bar(bar);
        assert_eq!(bench.reports(), expect, "{bar:?}");
    }
}

#[test]
fn a_jump_past_the_trigger_fills_at_the_open() {
    // 58,500 × 0.99995 = 58,497.075.
    let mut bench = long(&both());
    bench.bar(["58500", "61500", "58400", "60000"]);
    assert_eq!(bench.reports()[..2], ["triggered stop", "filled stop 0.1 @ 58497 taker"]);
}

#[test]
fn a_resting_order_needs_the_price_to_go_through_it() {
    let mut bench = long(&[limit("touched", Buy, "0.1", "59000"), limit("passed", Buy, "0.1", "59000.1")]);
    bench.bar(["60000", "60100", "59000", "60000"]);
    assert_eq!(bench.reports(), ["filled passed 0.1 @ 59000.1 maker"]);
}

#[test]
fn resting_orders_get_a_share_of_the_bars_volume() {
    // A quarter of 0.5 is 0.125: 0.1 for the first, 0.025 for the second.
    let mut bench = long(&[limit("x", Buy, "0.1", "59500"), limit("y", Buy, "0.1", "59400")]);
    bench.bar_of(BTC, ["60000", "60000", "59000", "59300"], "0.5");
    assert_eq!(bench.reports(), ["filled x 0.1 @ 59500 maker", "filled y 0.025 @ 59400 maker"]);
    bench.at += Span::MINUTE;
    bench.bar_of(BTC, ["59300", "59300", "59200", "59300"], "1");
    assert_eq!(bench.reports(), ["filled y 0.075 @ 59400 maker"]);
}

#[test]
fn a_fill_is_only_marked_where_the_other_side_was_in_reach() {
    let mut bench = long(&[limit("x", Buy, "0.1", "59500"), closing(stop("stop", Sell, "1", "59000"))]);
    bench.bar(["60000", "60500", "58900", "59500"]);
    // One way down: first the limit, then the stop with both, whatever the path.
    assert_eq!(
        bench.reports(),
        ["filled x 0.1 @ 59500 maker", "triggered stop", "filled stop 0.2 @ 58997 taker", "ended stop Filled 0.2"]
    );
}

#[test]
fn liquidation_comes_before_a_stop_that_lies_beyond_it() {
    // 0.833 at 60,003 and 0.167 at the next level, 1 bp beyond: 49,982.499 + 10,021.5197 = 60,004.0187.
    // 3,030.0015 less 5 bps of that leave 2,999.99949065. In the second tier a long is liquidated at
    // (60,004.0187 − 2,999.99949065 − 50) ÷ (1 − 0.005) = 57,240.22…: the first tick at or below is 57,240.2.
    let mut bench = Bench::with(calm(), FeedShape::BARS, Bench::account(MarginMode::Cross, 20, "3030.0015"));
    bench.bar(["60000", "60000", "60000", "60000"]);
    let told = bench.submit(A, market("hold", Buy, "0.833"));
    assert_eq!(told.len(), 2);
    let told = bench.submit(A, market("hold", Buy, "0.167"));
    assert_eq!(told, ["accepted hold", "filled hold 0.167 @ 60009.1 taker"]);
    bench.submit(A, closing(stop("stop", Sell, "1", "57000")));
    bench.at += Span::MINUTE;
    bench.bar(["60000", "60000", "56000", "59000"]);
    let told = bench.reports();
    assert_eq!(told[..2], ["ended stop Expired 0", "liquidated"]);
    assert_eq!(told[2], "filled autoclose-4 1 @ 57240.2 taker");
}

#[test]
fn what_happened_within_a_bar_is_told_at_its_end_and_what_comes_after_it_later() {
    let millis = |micros: u32| latency::table([(0, micros), (100, micros)]);
    let settings = Settings { request_latency: millis(30_000), report_latency: millis(20_000), ..calm() };
    let mut bench = Bench::with(settings, FeedShape::BARS, AccountConfig::default());
    bench.bar(["60000", "60000", "60000", "60000"]);
    assert_eq!(bench.submit(A, market("hold", Buy, "0.1")), [""; 0]);
    assert_eq!(bench.wait(Span::millis(49)), [""; 0]);
    assert_eq!(bench.wait(Span::millis(1)).len(), 2, "filled, ended");
    assert_eq!(bench.submit(A, closing(stop("stop", Sell, "1", "59000"))), [""; 0]);
    assert_eq!(bench.wait(Span::MINUTE).len(), 1);
    bench.bar(["60000", "60500", "58900", "59500"]);
    assert_eq!(bench.reports(), ["triggered stop", "filled stop 0.1 @ 58997 taker", "ended stop Filled 0.1"]);
}
