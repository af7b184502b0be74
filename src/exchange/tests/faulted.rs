//! What goes wrong, on a schedule and by chance.

use super::faults::{Chances, FaultKind, Scheduled};
use super::*;
use Side::{Buy, Sell};

fn faulty(entries: &[(FaultKind, Span, Span)]) -> Bench {
    let schedule = entries.iter().map(|(kind, after, lasts)| Scheduled {
        after: *after,
        lasts: *lasts,
        kind: *kind,
        symbol: None,
    });
    let settings = faults::Settings { schedule: schedule.collect(), ..faults::Settings::default() };
    settings.check().unwrap();
    let mut bench = Bench::new(QUOTES);
    bench.ex.set_faults(settings, DAY);
    bench.mark("100");
    bench.quote("100", "10", "100.1", "10");
    bench
}

fn once(kind: FaultKind) -> Bench {
    faulty(&[(kind, Span::ZERO, Span::ZERO)])
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_lost_answer_leaves_an_order_that_lives() {
    let mut bench = once(FaultKind::AnswerLost);
    assert_eq!(bench.submit(A, market("m", Buy, "1")), NOTHING);
    assert_eq!(bench.position(A), q("1"), "it was carried out");
    // The stream is held, but a query is answered.
    let ask = VenueRequest::QueryOrder { client_id: id("m"), instrument: BTC };
    assert_eq!(bench.request(A, ask), ["status m Done(Filled) 1"]);
    assert_eq!(bench.wait(Span::secs(3)), ["unanswered m"]);
    assert_eq!(bench.wait(Span::secs(7)), ["accepted m", "filled m 1 @ 100.1 taker"]);
    assert_eq!(bench.submit(A, market("n", Buy, "1"))[0], "accepted n", "it happens once");
}

#[test]
fn a_lost_request_never_arrives() {
    let mut bench = once(FaultKind::RequestLost);
    assert_eq!(bench.submit(A, market("m", Buy, "1")), NOTHING);
    assert_eq!(bench.wait(Span::secs(2)), NOTHING);
    assert_eq!(bench.wait(Span::secs(60)), ["unanswered m"]);
    assert_eq!((bench.position(A), bench.ex.accepted(A)), (Qty::ZERO, 0));
}

#[test]
fn a_late_request_arrives_within_its_window() {
    let mut bench = once(FaultKind::RequestLate);
    assert_eq!(bench.submit(A, market("m", Buy, "1")), NOTHING);
    bench.wait(Span::millis(999));
    assert_eq!(bench.ex.accepted(A), 0);
    bench.wait(Span::millis(1_001));
    assert_eq!((bench.ex.accepted(A), bench.position(A)), (1, q("1")));
    assert_eq!(bench.wait(Span::SECOND), ["unanswered m"]);
}

#[test]
fn cancels_and_polls_are_lost_too() {
    let mut bench = faulty(&[(FaultKind::RequestLost, Span::SECOND, Span::secs(10))]);
    assert_eq!(bench.submit(A, limit("l", Buy, "1", "99")), ["accepted l"]);
    bench.at += Span::SECOND;
    for (request, expect) in [
        (VenueRequest::Cancel { client_id: id("l"), instrument: BTC }, "cancel l Unanswered"),
        (VenueRequest::QueryOrder { client_id: id("l"), instrument: BTC }, "failed order l"),
        (VenueRequest::OpenOrders, "failed open orders"),
        (VenueRequest::Positions, "failed positions"),
        (VenueRequest::Balance, "failed balance"),
        (VenueRequest::Fills { since: DAY }, "failed fills"),
    ] {
        let mut one = Bench { ex: bench.ex.clone(), at: bench.at };
        assert_eq!(one.request(A, request), NOTHING);
        assert_eq!(one.wait(Span::secs(3)), [expect]);
        assert_eq!(one.ex.open_orders(A).len(), 1);
    }
}

#[test]
fn refusals_are_certain() {
    for (kind, order, code) in [
        (FaultKind::Reject, market("x", Buy, "1"), -2010),
        (FaultKind::RateLimit, market("x", Buy, "1"), -1003),
        (FaultKind::StopRejected, stop("x", Sell, "1", "90"), -2021),
    ] {
        let mut bench = once(kind);
        assert_eq!(bench.submit(A, order.clone()), [format!("rejected x {code}")]);
        assert_eq!(bench.ex.accepted(A), 0);
        assert_eq!(bench.submit(A, order)[0], "accepted x");
    }
    let mut bench = once(FaultKind::StopRejected);
    assert_eq!(bench.submit(A, market("m", Buy, "1"))[0], "accepted m", "not a conditional order");
}

#[test]
fn a_late_fill_comes_after_the_end() {
    let mut bench = once(FaultKind::LateFill);
    bench.submit(A, limit("l", Buy, "2", "99"));
    assert_eq!(bench.cancel(A, "l"), ["cancel l Accepted", "ended l Canceled 1"]);
    assert_eq!(bench.position(A), q("1"));
    assert_eq!(bench.wait(Span::secs(3)), ["filled l 1 @ 99 maker"]);
    let ask = VenueRequest::QueryOrder { client_id: id("l"), instrument: BTC };
    assert_eq!(bench.request(A, ask), ["status l Done(Canceled) 1"]);
}

#[test]
fn an_outage_answers_nothing_and_pushes_afterwards() {
    let mut bench = faulty(&[(FaultKind::Outage, Span::SECOND, Span::secs(20))]);
    bench.submit(A, limit("l", Buy, "1", "99"));
    bench.at += Span::secs(2);
    assert_eq!(bench.submit(A, market("m", Buy, "1")), NOTHING);
    bench.quote("98", "5", "98.5", "5");
    assert_eq!(bench.wait(Span::secs(3)), ["unanswered m"]);
    assert_eq!(bench.position(A), q("1"), "the exchange itself goes on");
    assert_eq!(bench.wait(Span::secs(15)), NOTHING);
    assert_eq!(bench.wait(Span::SECOND), ["filled l 1 @ 99 maker"]);
    assert_eq!(bench.request(A, VenueRequest::OpenOrders), ["open "]);
}

#[test]
fn a_request_under_way_when_the_outage_begins_is_lost_with_it() {
    let mut bench = faulty(&[(FaultKind::Outage, Span::millis(10), Span::secs(20))]);
    bench.ex.core.settings.request_latency = latency::table([(0, 50_000), (100, 50_000)]);
    assert_eq!(bench.submit(A, market("m", Buy, "1")), NOTHING);
    assert_eq!(bench.wait(Span::secs(3)), ["unanswered m"]);
    assert_eq!(bench.ex.accepted(A), 0);
}

#[test]
fn a_spike_delays_and_a_jump_of_the_clock_refuses() {
    let mut bench = faulty(&[
        (FaultKind::LatencySpike, Span::ZERO, Span::secs(10)),
        (FaultKind::ClockJump, Span::secs(60), Span::secs(10)),
    ]);
    bench.submit(A, market("m", Buy, "1"));
    assert_eq!(bench.wait(Span::millis(3_999)), NOTHING);
    assert_eq!(bench.wait(Span::millis(1)), ["accepted m", "filled m 1 @ 100.1 taker"]);
    bench.at = DAY + Span::secs(60);
    assert_eq!(bench.ex.clock_offset(bench.at), Span::secs(3));
    assert_eq!(bench.submit(A, market("n", Buy, "1")), ["rejected n -1021"]);
    let stamp = bench.at + bench.ex.clock_offset(bench.at);
    bench.ex.send_stamped(bench.at, stamp, A, VenueRequest::Submit(market("o", Buy, "1")));
    assert_eq!(bench.reports()[0], "accepted o", "a client that has measured the clock is heard");
    bench.at = DAY + Span::secs(70);
    assert_eq!(bench.ex.clock_offset(bench.at), Span::ZERO);
}

#[test]
fn young_orders_cannot_be_seen() {
    let mut bench = faulty(&[(FaultKind::LateVisibility, Span::ZERO, Span::secs(60))]);
    bench.submit(A, limit("l", Buy, "1", "99"));
    let ask = || VenueRequest::QueryOrder { client_id: id("l"), instrument: BTC };
    assert_eq!(bench.request(A, ask())[0], "not found l Regular");
    assert_eq!(bench.request(A, VenueRequest::OpenOrders), ["open "]);
    bench.at += Span::SECOND;
    assert_eq!(bench.request(A, ask()), ["status l Working 0"]);
    assert_eq!(bench.request(A, VenueRequest::OpenOrders), ["open l"]);
}

#[test]
fn a_fault_of_one_symbol_leaves_the_others_alone() {
    let mut bench = Bench::new(QUOTES);
    let symbol: Symbol = "ETH/USDT:USDT".parse().unwrap();
    let entry = Scheduled { after: Span::ZERO, lasts: Span::HOUR, kind: FaultKind::Reject, symbol: Some(symbol) };
    bench.ex.set_faults(faults::Settings { schedule: vec![entry], ..faults::Settings::default() }, DAY);
    bench.quote("100", "10", "100.1", "10");
    assert_eq!(bench.submit(A, limit("btc", Buy, "1", "99"))[0], "accepted btc");
    let eth = OrderRequest { instrument: ETH, ..limit("eth", Buy, "1", "99") };
    assert_eq!(bench.submit(A, eth), ["rejected eth -2010"]);
}

#[test]
fn chances_are_drawn_from_the_seed() {
    let run = |seed| {
        let chances = Chances { request_lost: Rate::percent(30), reject: Rate::percent(20), ..Chances::default() };
        let settings = faults::Settings { seed, chances, ..faults::Settings::default() };
        settings.check().unwrap();
        let mut bench = Bench::new(QUOTES);
        bench.ex.set_faults(settings, DAY);
        bench.quote("100", "10", "100.1", "10");
        (0..100).map(|n| bench.submit(A, limit(&format!("n{n}"), Buy, "0.1", "99")).join(",")).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let lost = run(1).iter().filter(|told| told.is_empty()).count();
    let refused = run(1).iter().filter(|told| told.starts_with("rejected")).count();
    assert!((15..45).contains(&lost) && (5..30).contains(&refused), "{lost} lost, {refused} refused");
}

#[test]
fn fault_settings_are_checked_and_read_from_text() {
    let text = r#"
        seed = 5
        answer_timeout = "2s"
        chances = { late_fill = "10%" }
        [[schedule]]
        after = "5m"
        for = "30s"
        kind = "outage"
        [[schedule]]
        after = "1h"
        kind = "answer_lost"
        symbol = "BTC/USDT"
    "#;
    let settings: faults::Settings = toml::from_str(text).unwrap();
    assert_eq!(settings.check(), Ok(()));
    assert_eq!((settings.schedule.len(), settings.schedule[1].lasts), (2, Span::ZERO));
    let endless = Scheduled { lasts: Span::ZERO, ..settings.schedule[0].clone() };
    let bad = faults::Settings { schedule: vec![endless], ..faults::Settings::default() };
    assert_eq!(bad.check().unwrap_err().setting, "schedule");
    let symbol = Some("BTC/USDT".parse().unwrap());
    let partial = Scheduled { symbol, kind: FaultKind::ClockJump, ..settings.schedule[0].clone() };
    let bad = faults::Settings { schedule: vec![partial], ..faults::Settings::default() };
    assert_eq!(bad.check().unwrap_err().setting, "schedule");
    let chances = Chances { reject: Rate::percent(101), ..Chances::default() };
    assert!(faults::Settings { chances, ..faults::Settings::default() }.check().is_err());
}
