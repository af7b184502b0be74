//! Makers: how far the market has to come to a resting order.

use super::*;
use Side::{Buy, Sell};

/// What happens, and what it should lead to.
enum Step {
    Trade(Side, &'static str, &'static str),
    Level(Side, &'static str, &'static str),
    Tells(&'static [&'static str]),
}
use Step::{Level, Tells, Trade as Print};

fn run(bench: &mut Bench, steps: &[Step]) {
    for (at, step) in steps.iter().enumerate() {
        match step {
            Print(taker, price, qty) => bench.trade(*taker, price, qty),
            Level(side, price, qty) => bench.depth(false, &[(*side, price, qty)]),
            Tells(expect) => assert_eq!(bench.reports(), *expect, "after step {at}"),
        }
    }
}

fn book() -> Bench {
    let mut bench = Bench::new(BOOK);
    bench.mark("100");
    bench.depth(true, &[(Buy, "99.9", "10"), (Buy, "99.8", "10"), (Sell, "100.1", "10"), (Sell, "100.2", "10")]);
    bench
}

#[test]
fn an_order_waits_for_what_stood_in_front_of_it() {
    let mut bench = book();
    bench.submit(A, limit("x", Buy, "4", "99.9"));
    run(
        &mut bench,
        &[
            Print(Sell, "99.9", "6"), // 10 in front, then 4
            Tells(&[]),
            Level(Buy, "99.9", "4"),  // the book says the same
            Print(Sell, "99.9", "5"), // 4 in front and 1 of ours
            Tells(&["filled x 1 @ 99.9 maker"]),
            Print(Buy, "100.1", "50"), // the other side does not concern us
            Print(Sell, "100", "50"),  // nor does a trade above our price
            Tells(&[]),
            Print(Sell, "99.9", "2"),
            Tells(&["filled x 2 @ 99.9 maker"]),
            Print(Sell, "99.9", "9"), // what is left, and no more
            Tells(&["filled x 1 @ 99.9 maker"]),
        ],
    );
}

#[test]
fn what_is_withdrawn_in_front_shortens_the_queue_and_what_comes_later_does_not_lengthen_it() {
    let mut bench = book();
    bench.submit(A, limit("x", Buy, "4", "99.9"));
    run(
        &mut bench,
        &[
            Level(Buy, "99.9", "25"), // behind us
            Print(Sell, "99.9", "10"),
            Tells(&[]),
            Print(Sell, "99.9", "1"),
            Tells(&["filled x 1 @ 99.9 maker"]),
        ],
    );
    let mut bench = book();
    bench.submit(A, limit("x", Buy, "4", "99.9"));
    run(
        &mut bench,
        &[
            Level(Buy, "99.9", "3"), // 7 of the 10 in front are gone
            Print(Sell, "99.9", "4"),
            Tells(&["filled x 1 @ 99.9 maker"]),
        ],
    );
}

#[test]
fn a_trade_through_the_price_fills_up_to_its_quantity() {
    let mut bench = book();
    bench.submit(A, limit("x", Buy, "4", "99.9"));
    run(
        &mut bench,
        &[
            Print(Sell, "99.8", "3"),
            Tells(&["filled x 3 @ 99.9 maker"]),
            Print(Sell, "99.8", "3"),
            Tells(&["filled x 1 @ 99.9 maker"]),
        ],
    );
}

#[test]
fn two_orders_at_one_price_share_the_markets_queue() {
    // In front of `x` are the market's 10; then the market adds 2, then `y` joins: 12 of the market's in front.
    let mut bench = book();
    bench.submit(A, limit("x", Buy, "3", "99.9"));
    bench.depth(false, &[(Buy, "99.9", "12")]);
    bench.submit(B, limit("y", Buy, "3", "99.9"));
    run(
        &mut bench,
        &[
            Print(Sell, "99.9", "14"), // 10, then 3 of x, then 1 of the 2 in front of y
            Tells(&["filled x 3 @ 99.9 maker"]),
            Print(Sell, "99.9", "2"), // the other 1, and 1 of y
            Tells(&["filled y 1 @ 99.9 maker"]),
        ],
    );
}

#[test]
fn an_order_inside_the_spread_is_first() {
    let mut bench = book();
    bench.submit(A, limit("x", Buy, "4", "100"));
    run(&mut bench, &[Print(Sell, "100", "1"), Tells(&["filled x 1 @ 100 maker"])]);
}

#[test]
fn a_book_that_comes_to_the_price_fills_with_what_it_shows() {
    let mut bench = book();
    bench.submit(A, limit("x", Buy, "4", "99.9"));
    bench.depth(false, &[(Buy, "99.9", "0")]);
    assert_eq!(bench.reports(), Vec::<String>::new());
    bench.depth(false, &[(Sell, "99.9", "1"), (Sell, "100.1", "10")]);
    assert_eq!(bench.reports(), ["filled x 1 @ 99.9 maker"]);
}

#[test]
fn behind_the_quote_the_place_is_not_known_until_the_quote_comes() {
    let mut bench = Bench::new(QUOTES);
    bench.mark("100");
    bench.quote("99.9", "10", "100.1", "10");
    bench.submit(A, limit("x", Sell, "4", "100.3"));
    run(&mut bench, &[Print(Buy, "100.3", "100"), Tells(&[])]);
    bench.quote("100.2", "1", "100.3", "5");
    run(
        &mut bench,
        &[
            Print(Buy, "100.3", "6"), // 5 in front, 1 of ours
            Tells(&["filled x 1 @ 100.3 maker"]),
            Print(Buy, "100.4", "2"), // through
            Tells(&["filled x 2 @ 100.3 maker"]),
        ],
    );
    bench.quote("100.3", "9", "100.5", "9"); // somebody bids our price
    assert_eq!(bench.reports(), ["filled x 1 @ 100.3 maker"]);
}
