//! Every reason to refuse, by its number.

use std::collections::BTreeSet;

use super::*;
use Side::{Buy, Sell};

/// A long of 1 at 100.1 in account `a`; quote 100 / 100.1, mark 100.
fn bench() -> Bench {
    let mut bench = Bench::new(QUOTES);
    bench.mark("100");
    bench.quote("100", "10", "100.1", "10");
    bench.submit(A, market("hold", Buy, "1"));
    bench
}

fn on(instrument: u16, order: OrderRequest) -> OrderRequest {
    OrderRequest { instrument: InstrumentId(instrument), ..order }
}

fn refused(bench: &mut Bench, account: AccountId, order: OrderRequest, seen: &mut BTreeSet<i64>) -> i64 {
    let told = bench.submit(account, order.clone());
    let code = told.last().and_then(|last| last.rsplit(' ').next()).and_then(|code| code.parse().ok());
    let code = code.unwrap_or_else(|| panic!("{order:?} was not refused: {told:?}"));
    assert_eq!(told.len(), 1, "{told:?}");
    seen.insert(code);
    code
}

#[test]
fn each_rule_refuses_with_its_own_number() {
    let mut seen = BTreeSet::new();
    let by_last =
        |name, side, trigger| order(name, side, "1", OrderKind::Stop { trigger: p(trigger), by: TriggerBy::Last });
    let table = [
        (on(9, market("x", Buy, "1")), -1121),
        (market("a b".replace(' ', "$").as_str(), Buy, "1"), -4015),
        (OrderRequest { position_side: PositionSide::Long, ..market("x", Buy, "1") }, -4061),
        (closing(market("x", Sell, "1")), -4136),
        (closing(limit("x", Sell, "1", "101")), -4136),
        (market("x", Buy, "0"), -4003),
        (market("x", Buy, "-1"), -4003),
        (market("x", Buy, "0.0005"), -1111),
        (limit("x", Buy, "1", "99.95"), -1111),
        (on(1, limit("x", Buy, "1", "100.02")), -4014),
        (limit("x", Buy, "1", "0"), -4001),
        (stop("x", Sell, "1", "-5"), -4006),
        (stop("x", Sell, "1", "99.99"), -1111),
        (limit("x", Buy, "1000.001", "99"), -4005),
        (market("x", Buy, "500.001"), -4005),
        (stop("x", Buy, "500.001", "110"), -4005),
        (limit("x", Buy, "1", "105.1"), -4016),
        (limit("x", Sell, "1", "94.9"), -4024),
        (limit("x", Buy, "0.05", "99"), -4164),
        (market("x", Buy, "0.049"), -4164),
        (stop("x", Sell, "1", "100"), -2021),
        (stop("x", Buy, "1", "100"), -2021),
        (take_profit("x", Sell, "1", "100"), -2021),
        (take_profit("x", Buy, "1", "100"), -2021),
        (by_last("x", Sell, "100.1"), -2021),
        (reduce(market("x", Buy, "1")), -2022),
        (reduce(limit("x", Buy, "1", "99")), -2022),
        (reduce(stop("x", Buy, "1", "110")), -2022),
        (limit_tif("x", Buy, "11", "100.1", TimeInForce::Fok), -5021),
        (limit_tif("x", Buy, "1", "100.1", TimeInForce::PostOnly), -5022),
        (limit("x", Buy, "350", "100"), -2019),
        (market("x", Sell, "400"), -2019),
    ];
    for (order, code) in table {
        let mut bench = bench();
        let told = order.clone();
        bench.trade(Buy, "100.1", "1");
        assert_eq!(refused(&mut bench, A, order, &mut seen), code, "{told:?}");
        assert_eq!(bench.ex.accepted(A), 1);
    }

    // Filters on a step that is not a power of ten, and a minimum above the step.
    let mut list: Vec<Instrument> = instruments().iter().map(|(_, one)| one.clone()).collect();
    (list[0].step, list[0].min_qty) = (q("0.005"), q("0.1"));
    let mut ex = Exchange::new(calm(), Instruments::new(list).unwrap(), QUOTES, 1);
    let account = ex.open_account(AccountConfig::default());
    let mut odd = Bench { ex, at: DAY };
    odd.quote("100", "10", "100.1", "10");
    assert_eq!(refused(&mut odd, account, market("x", Buy, "0.002"), &mut seen), -4023);
    assert_eq!(refused(&mut odd, account, market("x", Buy, "0.055"), &mut seen), -4004);

    // No market yet; trading stopped.
    let mut early = Bench::new(QUOTES);
    assert_eq!(refused(&mut early, A, market("x", Buy, "1"), &mut seen), -4131);
    let mut stopped = bench();
    stopped.market(BTC, MarketData::Tradable(false));
    assert_eq!(refused(&mut stopped, A, market("x", Buy, "1"), &mut seen), -4140);

    // Hedge mode.
    let config = AccountConfig { hedge: true, ..AccountConfig::default() };
    let mut hedged = Bench::with(calm(), QUOTES, config);
    hedged.quote("100", "10", "100.1", "10");
    assert_eq!(refused(&mut hedged, A, market("x", Buy, "1"), &mut seen), -4061);
    let long = OrderRequest { position_side: PositionSide::Long, ..market("x", Sell, "1") };
    assert_eq!(refused(&mut hedged, A, reduce(long.clone()), &mut seen), -1106);
    assert_eq!(refused(&mut hedged, A, long, &mut seen), -2022);

    // Leverage against the tiers: above 50,000 USDT at most 50, above 600,000 at most 20.
    let mut bold = Bench::with(calm(), QUOTES, Bench::account(MarginMode::Cross, 100, "100000"));
    bold.quote("100", "1000", "100.1", "1000");
    assert_eq!(refused(&mut bold, A, limit("x", Buy, "500.1", "100"), &mut seen), -2027);
    assert_eq!(bold.submit(A, limit("ok", Buy, "500", "100")), ["accepted ok"]);

    // One place for each name, each kind of close-position order, and a limit to all.
    let settings = Settings { max_open_orders: 2, max_conditional_orders: 4, ..calm() };
    let mut full = Bench::with(settings, QUOTES, AccountConfig::default());
    full.quote("100", "10", "100.1", "10");
    full.submit(A, limit("one", Buy, "1", "99"));
    full.submit(A, limit("two", Buy, "1", "99"));
    assert_eq!(refused(&mut full, A, limit("one", Buy, "1", "98"), &mut seen), -4116);
    assert_eq!(refused(&mut full, A, limit("three", Buy, "1", "98"), &mut seen), -2025);
    full.submit(A, closing(stop("s", Sell, "1", "90")));
    assert_eq!(refused(&mut full, A, closing(stop("t", Sell, "1", "91")), &mut seen), -4130);
    for (name, order) in [
        ("other kind", closing(take_profit("u", Sell, "1", "120"))),
        ("other side", closing(stop("v", Buy, "1", "120"))),
        ("not closing", stop("w", Sell, "1", "91")),
    ] {
        assert!(full.submit(A, order)[0].starts_with("accepted"), "{name}");
    }
    assert_eq!(refused(&mut full, A, stop("z", Sell, "1", "80"), &mut seen), -4045);

    // An old or a future timestamp.
    for (ahead, behind, refused) in [(0, 2_000, false), (0, 2_001, true), (999, 0, false), (1_000, 0, true)] {
        let mut bench = bench();
        let stamp = bench.at + Span::millis(ahead) - Span::millis(behind);
        bench.ex.send_stamped(bench.at, stamp, A, VenueRequest::Submit(limit("x", Buy, "1", "99")));
        let told = bench.reports();
        let expect = if refused { "rejected x -1021" } else { "accepted x" };
        assert_eq!(told, [expect], "{ahead} ms ahead, {behind} ms behind");
        seen.extend(refused.then_some(-1021));
    }

    // What is not about an order: leverage and transfers.
    let mut other = bench();
    let codes = [
        other.ex.set_leverage(A, InstrumentId(9), 5).unwrap_err().code,
        other.ex.set_leverage(A, BTC, 0).unwrap_err().code,
        other.ex.set_leverage(A, BTC, 126).unwrap_err().code,
        other.ex.transfer(other.at, A, u("-10000")).unwrap_err().code,
    ];
    assert_eq!(codes, [-1121, -4028, -4028, -2018]);
    seen.extend(codes);
    let mut tight = Bench::with(calm(), QUOTES, Bench::account(MarginMode::Cross, 10, "20"));
    tight.hold(A, Buy, "1", "100");
    assert_eq!(tight.ex.set_leverage(A, BTC, 4), Err(Refusal::LEVERAGE_TOO_HIGH));
    assert_eq!(tight.ex.set_leverage(A, BTC, 5), Err(Refusal::LEVERAGE_TOO_HIGH), "the fee is missing");
    assert_eq!(tight.ex.set_leverage(A, BTC, 6), Ok(()));
    let mut apart = Bench::with(calm(), QUOTES, Bench::account(MarginMode::Isolated, 10, "1000"));
    apart.hold(A, Buy, "1", "100");
    assert_eq!(apart.ex.set_leverage(A, BTC, 5), Err(Refusal::LEVERAGE_FIXED));
    seen.extend([Refusal::LEVERAGE_TOO_HIGH.code, Refusal::LEVERAGE_FIXED.code]);

    // Faults give the three that no rule gives; too many requests on their way give the last.
    seen.extend([Refusal::RATE_LIMITED.code, Refusal::NEW_ORDER_REJECTED.code]);
    let slow = Settings { request_latency: latency::table([(0, 1_000_000), (100, 1_000_000)]), ..calm() };
    let mut busy = Bench::with(slow, QUOTES, AccountConfig::default());
    for _ in 0..4_096 {
        assert_eq!(busy.request(A, VenueRequest::Balance), Vec::<String>::new());
    }
    assert_eq!(refused(&mut busy, A, market("x", Buy, "1"), &mut seen), -1015);

    seen.extend(super::direct::refusals());
    let all: BTreeSet<i64> = Refusal::ALL.iter().map(|one| one.code).collect();
    assert_eq!(all.len(), Refusal::ALL.len(), "no number stands for two refusals");
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&i64>::new(), "never seen");
}

#[test]
fn a_client_id_is_unique_among_open_orders_only() {
    let mut bench = bench();
    bench.submit(A, limit("x", Buy, "1", "99"));
    assert_eq!(bench.submit(A, limit("x", Buy, "1", "99")), ["rejected x -4116"]);
    assert_eq!(bench.submit(B, limit("x", Buy, "1", "99")), ["accepted x"], "another account's names are its own");
    assert_eq!(bench.ex.accepted_twice(A), 0);
    bench.cancel(A, "x");
    assert_eq!(bench.submit(A, limit("x", Buy, "1", "99")), ["accepted x"]);
    assert_eq!((bench.ex.accepted(A), bench.ex.accepted_twice(A)), (3, 1));
    assert_eq!(bench.ex.accepted_ids(A), [id("hold"), id("x")]);
}
