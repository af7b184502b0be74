//! Margins and liquidation, against Binance's published formulas worked by hand.

use super::*;
use Side::{Buy, Sell};

fn cross(leverage: u32, balance: &str) -> Bench {
    Bench::with(calm(), QUOTES, Bench::account(MarginMode::Cross, leverage, balance))
}
fn isolated(leverage: u32, balance: &str) -> Bench {
    Bench::with(calm(), QUOTES, Bench::account(MarginMode::Isolated, leverage, balance))
}

#[test]
fn maintenance_margin_is_continuous_over_the_tiers() {
    // Tiers: to 50,000 0.4 %; to 600,000 0.5 % − 50; beyond 1 % − 3,050.
    let table = [
        ("49900", "199.6"),
        ("50000", "200"),     // 50,000 × 0.004
        ("50100", "200.5"),   // 50,100 × 0.005 − 50
        ("600000", "2950"),   // 600,000 × 0.005 − 50
        ("600100", "2951"),   // 600,100 × 0.01 − 3,050
        ("4000000", "36950"), // beyond the table's end its last row holds
    ];
    for (mark, expect) in table {
        let mut bench = cross(20, "1000000");
        bench.hold(A, Buy, "1", "50000");
        bench.mark(mark);
        assert_eq!(bench.ex.maintenance_margin(A), u(expect), "at {mark}");
    }
}

#[test]
fn cross_liquidation_price_of_a_long_and_of_a_short() {
    // Long 1 from 50,000 with 5,000 and a taker fee of 25 gone: wallet 4,975.
    // Binance: (WB − TMM + UPNL + cum − side × qty × entry) ÷ (qty × MMR − side × qty)
    //   = (4,975 + 0 − 50,000) ÷ (0.004 − 1) = 45,205.823293… in the first tier (0.4 %, cum 0).
    let mut bench = cross(20, "5000");
    bench.hold(A, Buy, "1", "50000");
    let price = bench.ex.liquidation_price(A, BTC, PositionSide::Both);
    assert_eq!(price, Some(p("45205.823293172691")));
    // The mark a tenth above leaves it alone, the tick below it does not.
    bench.mark("45205.9");
    assert_eq!(bench.reports(), Vec::<String>::new());
    bench.mark("45205.8");
    // 4,975 − 4,794.2 = 180.8, less 1.05 % of 45,205.8 (474.6609) is below zero: the fund pays 293.8609.
    assert_eq!(bench.reports(), ["liquidated", "filled autoclose-2 1 @ 45205.8 taker", "transfer 293.8609"]);
    assert_eq!(bench.ex.balance(A), Usdt::ZERO);

    // Short 1 from 50,000, wallet 4,975: (4,975 + 50 + 50,000) ÷ (0.005 + 1) = 54,751.243781… in the second tier.
    let mut bench = cross(20, "5000");
    bench.hold(A, Sell, "1", "50000");
    let price = bench.ex.liquidation_price(A, BTC, PositionSide::Both);
    assert_eq!(price, Some(p("54751.243781094527")));
    bench.mark("54751.2");
    assert_eq!(bench.reports(), Vec::<String>::new());
    bench.mark("54751.3");
    assert_eq!(bench.reports()[..2], ["liquidated", "filled autoclose-2 1 @ 54751.3 taker"]);
}

#[test]
fn another_position_stands_behind_and_falls_with_it() {
    let mut bench = cross(10, "2000");
    bench.hold(A, Buy, "1", "10000"); // fee 5
    let quote = Quote { bid: p("999.95"), bid_qty: q("9"), ask: p("1000"), ask_qty: q("9") };
    bench.market(ETH, MarketData::Quote(quote));
    bench.submit(A, OrderRequest { instrument: ETH, ..market("eth", Sell, "2") }); // 1,999.9, fee 0.99995
    let eth = |bench: &mut Bench, price: &str| {
        let mark = Mark { price: p(price), funding_rate: Rate::ZERO, next_funding: Timestamp::EPOCH };
        bench.market(ETH, MarketData::Mark(mark));
    };
    eth(&mut bench, "900");
    // Wallet 1,994.00005; ETH: unrealised 1,999.9 − 1,800 = 199.9, maintenance 1,800 × 0.4 % = 7.2.
    // BTC falls to (10,000 − (1,994.00005 + 199.9 − 7.2)) ÷ 0.996 = 7,844.6786646…
    let price = bench.ex.liquidation_price(A, BTC, PositionSide::Both);
    assert_eq!(price, Some(p("7844.678664658635")));
    bench.submit(A, limit("rest", Buy, "0.001", "9999"));
    bench.submit(A, closing(stop("stop", Sell, "1", "7000")));
    bench.mark("7844.6");
    let told = bench.reports();
    assert_eq!(told[..2], ["ended rest Expired 0", "ended stop Expired 0"]);
    assert_eq!(told.iter().filter(|one| *one == "liquidated").count(), 2, "{told:?}");
    assert!(bench.ex.positions(A).is_empty());
}

#[test]
fn an_isolated_position_costs_at_most_its_margin() {
    // 1 long from 50,000 at leverage 20: margin 2,500. (50,000 − 2,500) ÷ 0.996 = 47,690.763052…
    let mut bench = isolated(20, "10000");
    bench.hold(A, Buy, "1", "50000");
    assert_eq!(bench.ex.balance(A), u("9975"));
    assert_eq!(bench.ex.available(A), u("7475"));
    let price = bench.ex.liquidation_price(A, BTC, PositionSide::Both);
    assert_eq!(price, Some(p("47690.763052208836")));
    bench.mark("47690.8");
    assert_eq!(bench.reports(), Vec::<String>::new());
    // A fall far through it: 10,000 lost, of which 2,500 are the account's.
    bench.mark("40000");
    let told = bench.reports();
    assert_eq!(told, ["liquidated", "filled autoclose-2 1 @ 40000 taker", "transfer 7920"]);
    // Lost 10,000 and 1.05 % of 40,000 = 420; 10,420 − 2,500 = 7,920 are made good.
    assert_eq!(bench.ex.balance(A), u("7475"));
    assert_eq!(bench.ex.available(A), u("7475"));
}

#[test]
fn only_the_isolated_position_that_failed_is_closed() {
    let mut bench = isolated(10, "10000");
    bench.hold(A, Buy, "1", "10000");
    let quote = Quote { bid: p("999.95"), bid_qty: q("9"), ask: p("1000"), ask_qty: q("9") };
    bench.market(ETH, MarketData::Quote(quote));
    bench.submit(A, OrderRequest { instrument: ETH, ..market("eth", Buy, "2") });
    bench.submit(A, OrderRequest { instrument: ETH, ..limit("rest", Buy, "2", "990") });
    bench.mark("9000");
    assert_eq!(bench.reports()[0], "liquidated");
    assert_eq!(bench.ex.positions(A).len(), 1);
    assert_eq!(bench.ex.open_orders(A).len(), 1);
}

#[test]
fn margin_is_for_the_worse_of_both_sides() {
    let mut bench = cross(10, "10000");
    bench.hold(A, Buy, "2", "100");
    bench.mark("100");
    let table = [
        (limit("b1", Buy, "1", "99"), "29.9"),   // 200 + 99
        (limit("s1", Sell, "1", "101"), "29.9"), // |200 − 101| is less
        (limit("s2", Sell, "5", "102"), "41.1"), // |200 − 101 − 510| = 411
        (reduce(limit("s3", Sell, "2", "103")), "41.1"),
        (closing(stop("st", Sell, "1", "90")), "41.1"),
        (stop("so", Buy, "9", "110"), "41.1"),
    ];
    for (order, expect) in table {
        let name = order.client_id;
        assert_eq!(bench.submit(A, order), [format!("accepted {name}")]);
        assert_eq!(bench.ex.initial_margin(A), u(expect), "after {name}");
    }
    // 10,000 − fee 0.1 + 0 − 41.1
    assert_eq!(bench.ex.available(A), u("9958.8"));
}

#[test]
fn margin_is_asked_at_the_last_unit() {
    // 1,000 at leverage 10, buy limit at 100 with the mark at 100: 100 units ask for all of it.
    let mut bench = cross(10, "1000");
    bench.quote("100", "500", "100.1", "500");
    bench.mark("100");
    assert_eq!(bench.submit(A, limit("x", Buy, "100.001", "100")), ["rejected x -2019"]);
    assert_eq!(bench.submit(A, limit("x", Buy, "100", "100")), ["accepted x"]);
    // A market buy pays 100.1 and stands 0.1 below at once: 100.1 ÷ 10 + 0.1 = 10.11 each, 98.911… fit.
    let mut bench = cross(10, "1000");
    bench.quote("100", "500", "100.1", "500");
    bench.mark("100");
    assert_eq!(bench.submit(A, market("x", Buy, "98.912")), ["rejected x -2019"]);
    assert_eq!(bench.submit(A, market("x", Buy, "98.911"))[0], "accepted x");
    // Closing asks for nothing.
    assert_eq!(bench.submit(A, market("y", Sell, "98.911"))[0], "accepted y");
}

#[test]
fn leverage_is_per_instrument() {
    let mut bench = cross(10, "1000");
    bench.hold(A, Buy, "5", "100");
    bench.mark("100");
    assert_eq!(bench.ex.initial_margin(A), u("50"));
    bench.ex.set_leverage(A, BTC, 50).unwrap();
    assert_eq!((bench.ex.initial_margin(A), bench.ex.leverage(A, ETH)), (u("10"), 10));
}
