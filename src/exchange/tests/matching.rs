//! Takers: what they walk, at which prices, and what becomes of the rest.

use super::*;
use Side::{Buy, Sell};

fn book() -> Bench {
    let mut bench = Bench::new(BOOK);
    bench.mark("100");
    bench.depth(
        true,
        &[
            (Buy, "99.9", "2"),
            (Buy, "99.5", "3"),
            (Buy, "99", "50"),
            (Sell, "100.1", "1"),
            (Sell, "100.3", "2"),
            (Sell, "101", "4"),
            (Sell, "106", "100"),
        ],
    );
    bench
}

#[test]
fn a_market_order_walks_the_book_and_pays_level_by_level() {
    let mut bench = book();
    let told = bench.submit(A, market("m", Buy, "5"));
    assert_eq!(told, ["accepted m", "filled m 1 @ 100.1 taker", "filled m 2 @ 100.3 taker", "filled m 2 @ 101 taker"]);
    // Cost 100.1 + 200.6 + 202 = 502.7, so the average is 100.54 and the fee 5 bps of it, 0.25135.
    let position = bench.ex.positions(A).remove(0);
    assert_eq!((position.qty, position.entry_price), (q("5"), p("100.54")));
    assert_eq!(bench.ex.balance(A), u("9999.74865"));
}

#[test]
fn what_a_taker_took_is_not_offered_again_until_the_market_moves() {
    let mut bench = book();
    bench.submit(A, market("m", Buy, "2"));
    assert_eq!(
        bench.submit(B, market("n", Buy, "2")),
        ["accepted n", "filled n 1 @ 100.3 taker", "filled n 1 @ 101 taker"]
    );
    bench.depth(false, &[(Sell, "100.1", "7")]);
    assert_eq!(bench.submit(B, market("o", Buy, "1")), ["accepted o", "filled o 1 @ 100.1 taker"]);
}

#[test]
fn the_rest_of_a_market_order_beyond_the_percent_price_expires() {
    // 5 % above the mark of 100 is 105: the level at 106 is out of reach.
    let mut bench = book();
    let told = bench.submit(A, market("m", Buy, "9"));
    assert_eq!(
        told[1..],
        ["filled m 1 @ 100.1 taker", "filled m 2 @ 100.3 taker", "filled m 4 @ 101 taker", "ended m Expired 7"]
    );
}

#[test]
fn times_in_force() {
    use TimeInForce::{Fok, Gtc, Ioc, PostOnly};
    let table: &[(TimeInForce, &str, &str, &[&str])] = &[
        (Gtc, "5", "100.3", &["accepted x", "filled x 1 @ 100.1 taker", "filled x 2 @ 100.3 taker"]),
        (
            Ioc,
            "5",
            "100.3",
            &["accepted x", "filled x 1 @ 100.1 taker", "filled x 2 @ 100.3 taker", "ended x Expired 3"],
        ),
        (Ioc, "5", "100", &["accepted x", "ended x Expired 0"]),
        (Fok, "5", "100.3", &["rejected x -5021"]),
        (Fok, "3", "100.3", &["accepted x", "filled x 1 @ 100.1 taker", "filled x 2 @ 100.3 taker"]),
        (PostOnly, "5", "100.1", &["rejected x -5022"]),
        (PostOnly, "5", "100", &["accepted x"]),
    ];
    for (tif, qty, price, expect) in table {
        let mut bench = book();
        assert_eq!(bench.submit(A, limit_tif("x", Buy, qty, price, *tif)), *expect, "{tif:?} {qty} at {price}");
        let rests = matches!((tif, *qty), (Gtc, _) | (PostOnly, "5")) && *expect != ["rejected x -5022"];
        assert_eq!(bench.ex.open_orders(A).len(), usize::from(rests), "{tif:?} {qty} at {price}");
    }
}

#[test]
fn accounts_trade_with_each_other_inside_the_markets_spread() {
    let mut bench = book();
    // Both rest inside 99.9 … 100.1; the better one goes first although it came later.
    bench.submit(B, limit("b1", Sell, "1", "100.1"));
    bench.submit(B, limit("b2", Sell, "1", "100"));
    let told = bench.submit(A, market("m", Buy, "3"));
    assert_eq!(
        told,
        [
            "accepted m",
            "filled m 1 @ 100 taker",
            "filled b2 1 @ 100 maker",
            "filled m 1 @ 100.1 taker", // the market's, which was there first
            "filled m 1 @ 100.1 taker",
            "filled b1 1 @ 100.1 maker",
        ]
    );
    assert_eq!((bench.position(A), bench.position(B)), (q("3"), q("-2")));
}

#[test]
fn time_decides_at_one_price() {
    let mut bench = book();
    let c = bench.ex.open_account(AccountConfig::default());
    bench.submit(B, limit("first", Sell, "1", "100"));
    bench.submit(c, limit("second", Sell, "1", "100"));
    let told = bench.submit(A, limit_tif("m", Buy, "1.5", "100", TimeInForce::Ioc));
    assert_eq!(
        told[1..],
        [
            "filled m 1 @ 100 taker",
            "filled first 1 @ 100 maker",
            "filled m 0.5 @ 100 taker",
            "filled second 0.5 @ 100 maker"
        ]
    );
}

#[test]
fn a_taker_that_meets_its_own_order_expires_there() {
    let mut bench = book();
    bench.submit(A, limit("mine", Sell, "1", "100.2"));
    let told = bench.submit(A, market("m", Buy, "3"));
    assert_eq!(told, ["accepted m", "filled m 1 @ 100.1 taker", "ended m Expired 1"]);
    assert_eq!(bench.ex.open_orders(A).len(), 1);
}

#[test]
fn beyond_a_quote_lies_the_assumed_depth() {
    // Beyond the ask of 100.1: 100,000 USDT at 1 bp (100.11001, up to 100.2), 200,000 at 2 bps (100.12002, up to
    // 100.2 as well), 500,000 at 5 bps (100.15005, up to 100.2): together 800,000 / 100.2, each rounded down to the step:
    // 998.003 + 1996.007 + 4990.019 = 7984.029. The next point, 10 bps, is 100.2001, up to 100.3.
    let mut bench = Bench::with(calm(), QUOTES, Bench::account(MarginMode::Cross, 100, "1000000"));
    bench.quote("100", "3", "100.1", "2");
    bench.mark("100");
    let offers = bench.ex.core.offers(BTC, Buy, None);
    assert_eq!(offers[..2], [(p("100.1"), q("2")), (p("100.2"), q("7984.029"))]);
    assert_eq!(offers[2].0, p("100.3"));
    assert_eq!(bench.submit(A, market("m", Buy, "5"))[1..], ["filled m 2 @ 100.1 taker", "filled m 3 @ 100.2 taker"]);
}

#[test]
fn bars_alone_make_a_quote_of_one_basis_point() {
    let mut bench = Bench::new(FeedShape::BARS);
    bench.bar(["60000", "60010", "59990", "60000"]);
    // Half a basis point of 60,000 is 3.
    let quote = bench.ex.quote(BTC).unwrap();
    assert_eq!((quote.bid, quote.ask), (p("59997"), p("60003")));
    // 50,000 USDT at 60,003 are 0.8332916…, down to the step.
    assert_eq!((quote.ask_qty, bench.ex.mark_price(BTC)), (q("0.833"), Some(p("60000"))));
    assert_eq!(bench.submit(A, market("m", Sell, "0.1")), ["accepted m", "filled m 0.1 @ 59997 taker"]);
}

#[test]
fn a_crossed_limit_takes_and_its_rest_waits_as_maker() {
    let mut bench = Bench::new(QUOTES);
    bench.mark("100");
    bench.quote("100", "3", "100.1", "2");
    let told = bench.submit(A, limit("x", Buy, "5", "100.1"));
    assert_eq!(told, ["accepted x", "filled x 2 @ 100.1 taker"]);
    // A new quote offers 1 at 100.1 again: that reaches our bid.
    bench.quote("100", "3", "100.1", "1");
    assert_eq!(bench.reports(), ["filled x 1 @ 100.1 maker"]);
    // Taker 2 × 100.1 × 5 bps = 0.1001; maker 1 × 100.1 × 2 bps = 0.02002.
    assert_eq!(bench.ex.balance(A), u("9999.87988"));
}

#[test]
fn hedge_mode_keeps_the_legs_apart() {
    let config = AccountConfig { hedge: true, ..AccountConfig::default() };
    let mut bench = Bench::with(calm(), QUOTES, config);
    bench.quote("100", "50", "100.1", "50");
    let leg = |order: OrderRequest, position_side| OrderRequest { position_side, ..order };
    bench.submit(A, leg(market("l", Buy, "2"), PositionSide::Long));
    bench.submit(A, leg(market("s", Sell, "1"), PositionSide::Short));
    let legs: Vec<_> = bench.ex.positions(A).iter().map(|one| (one.position_side, one.qty)).collect();
    assert_eq!(legs, [(PositionSide::Long, q("2")), (PositionSide::Short, q("-1"))]);
    // Selling more of the long than there is closes it and no more.
    let told = bench.submit(A, leg(market("x", Sell, "5"), PositionSide::Long));
    assert_eq!(told, ["accepted x", "filled x 2 @ 100 taker", "ended x Expired 2"]);
    let told = bench.submit(A, leg(market("y", Sell, "5"), PositionSide::Long));
    assert_eq!(told, ["rejected y -2022"]);
}
