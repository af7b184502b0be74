//! Queries, polls, and how long everything takes.

use super::*;
use Side::{Buy, Sell};

fn query(bench: &mut Bench, account: AccountId, name: &str) -> Vec<String> {
    bench.request(account, VenueRequest::QueryOrder { client_id: id(name), instrument: BTC })
}

fn quoted() -> Bench {
    let mut bench = Bench::new(QUOTES);
    bench.mark("100");
    bench.quote("100", "10", "100.1", "10");
    bench
}

#[test]
fn an_order_can_be_looked_up_at_every_stage() {
    let mut bench = quoted();
    let nothing = ["not found x Regular", "not found x Conditional"];
    assert_eq!(query(&mut bench, A, "x"), nothing);
    bench.submit(A, limit("x", Buy, "12", "100.1"));
    assert_eq!(query(&mut bench, A, "x"), ["status x Working 10"]);
    assert_eq!(query(&mut bench, B, "x"), nothing, "of another account");
    let elsewhere = VenueRequest::QueryOrder { client_id: id("x"), instrument: ETH };
    assert_eq!(bench.request(A, elsewhere), nothing);
    bench.cancel(A, "x");
    assert_eq!(query(&mut bench, A, "x"), ["status x Done(Canceled) 10"]);
    bench.submit(A, market("y", Sell, "10"));
    assert_eq!(query(&mut bench, A, "y"), ["status y Done(Filled) 10"]);
    bench.submit(A, market("z", Sell, "0.001"));
    assert_eq!(query(&mut bench, A, "z")[0], "not found z Regular", "a refused order was never there");
    bench.at += Span::secs(3 * 86_400);
    assert_eq!(query(&mut bench, A, "y"), ["status y Done(Filled) 10"]);
    bench.at += Span::SECOND;
    assert_eq!(query(&mut bench, A, "y")[0], "not found y Regular", "forgotten after three days");
}

#[test]
fn polls_tell_orders_positions_balance_and_fills() {
    let mut bench = quoted();
    bench.submit(A, market("m", Buy, "2"));
    bench.submit(A, limit("l", Buy, "1", "99"));
    bench.submit(A, closing(stop("s", Sell, "1", "90")));
    bench.at += Span::SECOND;
    bench.submit(A, market("n", Sell, "1"));
    for (request, expect) in [
        (VenueRequest::OpenOrders, "open l s"),
        (VenueRequest::Positions, "positions 1 @ 100.1"),
        // Fees 0.1001 and 0.05, realised −0.1.
        (VenueRequest::Balance, "balance 9999.7499"),
        (VenueRequest::Fills { since: DAY }, "fills 2"),
        (VenueRequest::Fills { since: bench.at }, "fills 1"),
        (VenueRequest::Fills { since: bench.at + Span::SECOND }, "fills 0"),
    ] {
        assert_eq!(bench.request(A, request), [expect]);
    }
    assert_eq!(bench.request(B, VenueRequest::Positions), ["positions "]);
}

#[test]
fn requests_and_reports_take_their_time() {
    let settings = Settings {
        request_latency: latency::table([(0, 50_000), (100, 50_000)]),
        report_latency: latency::table([(0, 20_000), (100, 20_000)]),
        ..Settings::default()
    };
    let mut bench = Bench::with(settings, QUOTES, AccountConfig::default());
    bench.quote("100", "10", "100.1", "10");
    bench.ex.send(bench.at, A, VenueRequest::Submit(market("m", Buy, "1")));
    assert_eq!(bench.ex.next_due(), Some(DAY + Span::millis(50)));
    bench.at = DAY + Span::millis(49);
    bench.quote("101", "10", "101.1", "10");
    let delivery = bench.ex.poll(DAY + Span::SECOND).unwrap();
    assert_eq!(
        (delivery.at, delivery.account, tell(&delivery.report).as_str()),
        (DAY + Span::millis(70), A, "accepted m")
    );
    let delivery = bench.ex.poll(DAY + Span::SECOND).unwrap();
    assert_eq!(tell(&delivery.report), "filled m 1 @ 101.1 taker", "at the price when it arrived");
    assert_eq!(bench.ex.poll(DAY + Span::SECOND), None);
}

#[test]
fn with_the_usual_latency_reports_keep_their_order() {
    let mut bench = Bench::with(Settings::default(), QUOTES, AccountConfig::default());
    bench.quote("100", "10", "100.1", "10");
    let mut last = Timestamp::EPOCH;
    for n in 0..200 {
        let name = format!("n{n}");
        bench.ex.send(bench.at, A, VenueRequest::Submit(market(&name, if n % 2 == 0 { Buy } else { Sell }, "1")));
        bench.at += Span::millis(200);
        let mut told = Vec::new();
        while let Some(delivery) = bench.ex.poll(bench.at) {
            assert!(delivery.at >= last && delivery.at <= bench.at);
            last = delivery.at;
            told.push(tell(&delivery.report));
        }
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("accepted") && told[1].starts_with("filled"), "{told:?}");
    }
}

#[test]
fn money_moved_by_hand_is_reported() {
    let mut bench = quoted();
    bench.ex.transfer(bench.at, A, u("500")).unwrap();
    bench.ex.transfer(bench.at, A, u("-10500")).unwrap();
    assert_eq!(bench.reports(), ["transfer 500", "transfer -10500"]);
    assert_eq!(bench.ex.balance(A), Usdt::ZERO);
}

#[test]
fn the_journal_tells_an_orders_whole_life() {
    let mut bench = quoted();
    let opening: Vec<_> = bench
        .ex
        .drain_changes()
        .into_iter()
        .map(|row| match row {
            Change::Cash(row) => (row.kind, row.amount),
            Change::Order(_) | Change::Fill(_) | Change::Position(_) => unreachable!("nothing was traded"),
        })
        .collect();
    assert_eq!(opening, [(CashKind::Opening, u("10000")); 2]);
    bench.submit(A, limit("x", Buy, "12", "100.1"));
    bench.cancel(A, "x");
    let rows = bench.ex.drain_changes().into_iter().map(|row| match row {
        Change::Order(row) => {
            format!("order {} {:?} {} {}", row.request.client_id, row.stage, row.filled, row.filled_notional)
        }
        Change::Fill(row) => format!("fill {} {} {}", row.fill.trade_id.0, row.fill.qty, row.realised),
        Change::Cash(row) => format!("cash {} {:?} {}", row.amount, row.kind, row.reference),
        Change::Position(row) => format!("position {} @ {}", row.qty, row.entry_price),
    });
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            "order x Working 0 0",
            "fill 1 10 0",
            "cash -0.5005 Fee 1",
            "position 10 @ 100.1",
            "order x Working 10 1001",
            "order x Done(Canceled) 10 1001",
        ]
    );
    assert!(bench.ex.drain_changes().is_empty());
}

#[test]
fn memory_comes_back_from_the_journal() {
    let mut bench = quoted();
    bench.submit(A, market("m", Buy, "2"));
    let rows = bench.ex.drain_changes();
    bench.submit(A, market("n", Sell, "1"));
    let bytes = postcard::to_allocvec(bench.ex.core()).unwrap();
    let core: Core = postcard::from_bytes(&bytes).unwrap();
    let mut revived = Bench { ex: Exchange::revive(core, rows), at: bench.at };
    assert_eq!(query(&mut revived, A, "m"), ["status m Done(Filled) 2"]);
    assert_eq!(query(&mut revived, A, "n"), ["status n Done(Filled) 1"]);
    assert_eq!(revived.request(A, VenueRequest::Fills { since: DAY }), ["fills 2"]);
    assert_eq!(revived.ex.accepted_ids(A).len(), 2);
}

#[test]
fn the_state_does_not_grow_with_what_is_over() {
    let settings = Settings { keep_ended_orders: 50, keep_fills: 50, ..calm() };
    let mut bench = Bench::with(settings, QUOTES, AccountConfig::default());
    let mut sizes = Vec::new();
    for n in 0..1_000 {
        bench.quote("100", "10", "100.1", "10");
        bench.submit(A, market(&format!("n{n:04}"), if n % 2 == 0 { Buy } else { Sell }, "1"));
        bench.ex.drain_changes();
        if n % 100 == 99 {
            let core = postcard::to_allocvec(bench.ex.core()).unwrap().len();
            sizes.push((core, postcard::to_allocvec(&bench.ex).unwrap().len()));
        }
    }
    let (core, whole) = sizes[0];
    assert!(sizes.iter().all(|(a, b)| *a < core + 64 && *b < whole + 1_000), "{sizes:?}");
    assert_eq!(bench.ex.changes_lost(), 0);
    assert_eq!(bench.ex.accepted_ids(A).len(), 50);
}

#[test]
fn settings_are_checked() {
    assert_eq!(Settings::default().check(), Ok(()));
    type Spoil = fn(&mut Settings);
    let bad: [(&str, Spoil); 9] = [
        ("spread", |s| s.spread = Rate::percent(11)),
        ("bar_share", |s| s.bar_share = Rate::percent(-1)),
        ("funding_rate", |s| s.funding_rate = Rate::percent(5)),
        ("funding_delay", |s| s.funding_delay = Span::HOUR),
        ("recv_window", |s| s.recv_window = Span::ZERO),
        ("depth", |s| s.depth.clear()),
        ("depth", |s| s.depth.reverse()),
        ("request_latency", |s| s.request_latency.reverse()),
        ("keep_fills", |s| s.keep_fills = 0),
    ];
    for (setting, spoil) in bad {
        let mut settings = Settings::default();
        spoil(&mut settings);
        assert_eq!(settings.check().map_err(|error| error.setting), Err(setting));
    }
}
