//! Stops, take profits, reduce-only and close-position orders.

use super::*;
use Side::{Buy, Sell};

fn long(qty: &str) -> Bench {
    let mut bench = Bench::new(QUOTES);
    bench.mark("100");
    bench.hold(A, Buy, qty, "100");
    bench.quote("99.9", "50", "100", "50");
    bench
}

#[test]
fn a_stop_waits_for_the_price_that_it_watches() {
    let by = |trigger, by| order("s", Sell, "1", OrderKind::Stop { trigger: p(trigger), by });
    let fired = ["triggered s", "filled s 1 @ 97 taker"];
    let mut bench = long("2");
    bench.submit(A, by("98", TriggerBy::Mark));
    bench.quote("97", "50", "97.1", "50");
    bench.trade(Sell, "97", "1");
    assert_eq!(bench.reports(), Vec::<String>::new(), "the mark has not moved");
    bench.mark("98.1");
    assert_eq!(bench.reports(), Vec::<String>::new());
    bench.mark("98");
    assert_eq!(bench.reports(), fired);

    let mut bench = long("2");
    bench.submit(A, by("98", TriggerBy::Last));
    bench.mark("97");
    assert_eq!(bench.reports(), Vec::<String>::new(), "the last price has not moved");
    bench.quote("97", "50", "97.1", "50");
    bench.trade(Sell, "98", "1");
    assert_eq!(bench.reports(), fired);
}

#[test]
fn each_kind_fires_on_its_own_side() {
    // kind and side, a mark that does not fire it, a mark that does
    type Kind = fn(&str, Side, &str, &str) -> OrderRequest;
    let table: [(Kind, Side, &str, &str, &str); 4] = [
        (stop, Sell, "98", "98.1", "98"),
        (stop, Buy, "102", "101.9", "102"),
        (take_profit, Sell, "102", "101.9", "102"),
        (take_profit, Buy, "98", "98.1", "98"),
    ];
    for (kind, side, trigger, not_yet, fires) in table {
        let mut bench = long("2");
        bench.submit(A, kind("c", side, "1", trigger));
        bench.mark(not_yet);
        assert_eq!(bench.reports(), Vec::<String>::new(), "{side} {trigger} at {not_yet}");
        bench.mark(fires);
        assert_eq!(bench.reports()[0], "triggered c", "{side} {trigger} at {fires}");
    }
}

#[test]
fn a_close_position_order_takes_all_there_is_when_it_fires() {
    let mut bench = long("2");
    bench.submit(A, closing(stop("s", Sell, "1", "98")));
    bench.submit(A, market("more", Buy, "3"));
    bench.mark("98");
    assert_eq!(bench.reports(), ["triggered s", "filled s 5 @ 99.9 taker", "ended s Filled 5"]);
    assert_eq!(bench.position(A), Qty::ZERO);
}

#[test]
fn what_fires_without_a_position_expires() {
    let mut bench = long("2");
    bench.submit(A, closing(stop("close", Sell, "1", "98")));
    bench.submit(A, reduce(stop("reduce", Sell, "2", "98")));
    let told = bench.submit(A, reduce(market("x", Sell, "2")));
    assert_eq!(told, ["accepted x", "filled x 2 @ 99.9 taker"], "the two stay behind as orphans");
    assert_eq!(bench.ex.open_orders(A).len(), 2);
    bench.mark("97");
    assert_eq!(
        bench.reports(),
        ["triggered close", "ended close Expired 0", "triggered reduce", "ended reduce Expired 0"]
    );
    assert_eq!(bench.ex.open_orders(A).len(), 0);
}

#[test]
fn of_two_stops_the_second_finds_nothing_left() {
    let mut bench = long("2");
    bench.submit(A, closing(stop("close", Sell, "1", "98")));
    bench.submit(A, reduce(stop("reduce", Sell, "2", "99")));
    bench.mark("98");
    assert_eq!(
        bench.reports(),
        [
            "triggered close",
            "filled close 2 @ 99.9 taker",
            "ended close Filled 2",
            "triggered reduce",
            "ended reduce Expired 0"
        ]
    );
}

#[test]
fn reduce_only_is_clipped_to_the_position_and_never_turns_it() {
    let mut bench = long("2");
    let told = bench.submit(A, reduce(market("x", Sell, "5")));
    assert_eq!(told, ["accepted x", "filled x 2 @ 99.9 taker", "ended x Expired 2"]);
    assert_eq!(bench.position(A), Qty::ZERO);
}

#[test]
fn resting_reduce_only_orders_end_with_their_position() {
    let mut bench = long("2");
    bench.submit(A, reduce(limit("t1", Sell, "2", "102")));
    bench.submit(A, reduce(limit("t2", Sell, "2", "103")));
    bench.submit(A, limit("plain", Sell, "2", "104"));
    // The market comes to 102 and takes 1.5 of the first.
    bench.quote("102", "1.5", "102.1", "9");
    assert_eq!(bench.reports(), ["filled t1 1.5 @ 102 maker"]);
    // 0.5 are left of the position: the first closes it, the second has nothing to do.
    bench.quote("103", "9", "103.1", "9");
    assert_eq!(bench.reports(), ["filled t1 0.5 @ 102 maker", "ended t2 Expired 0"]);
    assert_eq!(bench.ex.open_orders(A).len(), 1, "the plain order stays");
}

#[test]
fn reduce_only_orders_end_when_the_position_turns() {
    let mut bench = long("2");
    bench.submit(A, reduce(limit("t", Sell, "2", "102")));
    let told = bench.submit(A, market("turn", Sell, "3"));
    assert_eq!(told, ["accepted turn", "filled turn 3 @ 99.9 taker", "ended t Expired 0"]);
    assert_eq!(bench.position(A), q("-1"));
}

#[test]
fn a_stop_that_opens_asks_for_margin_when_it_fires() {
    // 10,000 at leverage 3 carry 30,000: not 400 at 102.
    let mut bench = long("1");
    assert_eq!(bench.submit(A, stop("s", Buy, "400", "102")), ["accepted s"]);
    bench.mark("102");
    assert_eq!(bench.reports(), ["triggered s", "ended s Expired 0"]);
}

#[test]
fn cancels_end_regular_and_conditional_orders_and_may_be_repeated() {
    let mut bench = long("2");
    bench.submit(A, limit("l", Buy, "1", "98"));
    bench.submit(A, closing(stop("s", Sell, "1", "98")));
    for name in ["l", "s"] {
        let told = bench.cancel(A, name);
        assert_eq!(told, [format!("cancel {name} Accepted"), format!("ended {name} Canceled 0")]);
        assert_eq!(bench.cancel(A, name), [format!("cancel {name} NoSuchOrder")]);
    }
    assert_eq!(bench.cancel(B, "l"), ["cancel l NoSuchOrder"]);
}

#[test]
fn the_participants_own_trades_set_triggers_off_too() {
    let mut bench = long("2");
    bench.trade(Sell, "99.9", "1");
    let stop = |trigger: &str| order("s", Buy, "1", OrderKind::Stop { trigger: p(trigger), by: TriggerBy::Last });
    bench.submit(B, stop("100"));
    let told = bench.submit(A, market("x", Buy, "1"));
    assert_eq!(told, ["accepted x", "filled x 1 @ 100 taker", "triggered s", "filled s 1 @ 100 taker"]);
    assert_eq!(bench.ex.last_price(BTC), Some(p("100")));
    bench.trade(Sell, "99.9", "1");
    assert_eq!(bench.ex.last_price(BTC), Some(p("99.9")), "the feed has told of a later trade");
}

#[test]
fn a_trigger_that_was_crossed_unseen_fires_with_the_next_price() {
    const BARS: FeedShape = FeedShape { quotes: false, trades: false, mark: false, depth: false };
    let stop = |trigger: &str| order("s", Sell, "1", OrderKind::Stop { trigger: p(trigger), by: TriggerBy::Last });
    // The price went past it while trading was stopped.
    let mut bench = Bench::new(BARS);
    bench.bar(["100"; 4]);
    bench.submit(A, stop("95"));
    bench.market(BTC, MarketData::Tradable(false));
    bench.bar(["90"; 4]);
    assert_eq!(bench.reports(), Vec::<String>::new(), "trading is stopped");
    bench.market(BTC, MarketData::Tradable(true));
    bench.bar(["90"; 4]);
    assert_eq!(bench.reports()[0], "triggered s");

    // A trade of a participant's own was the last one, and it lay on the other side.
    let mut bench = Bench::new(BARS);
    bench.bar(["100"; 4]);
    bench.submit(B, market("x", Buy, "1"));
    assert_eq!(bench.ex.last_price(BTC), Some(p("100.1")));
    assert_eq!(bench.submit(A, stop("100")), ["accepted s"]);
    bench.bar(["99.5"; 4]);
    assert_eq!(bench.reports()[0], "triggered s");
}
