//! What becomes of a position for which no stop can be placed.

use super::*;
use crate::protocol::ExitReason;

/// A long of BTC for which the venue has refused every stop, so that it is being closed: its entry and the exit.
fn unprotectable(bench: &mut Bench) -> [OrderRequest; 2] {
    assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy), None);
    let entry = bench.last();
    bench.fill_all(&entry, 1_000);
    let is_stop = |one: &OrderRequest| matches!(one.kind, OrderKind::Stop { .. });
    for n in 0..3 {
        let stop = bench.sent.iter().filter(|one| is_stop(one)).nth(n).expect("an attempt").clone();
        bench.reject(&stop);
    }
    let exit = bench.last();
    assert_eq!((exit.kind, exit.reduce_only), (OrderKind::Market, true));
    [entry, exit]
}

#[test]
fn a_stop_that_is_confirmed_after_all_calls_the_close_off_and_a_close_that_fills_after_all_is_safe() {
    for exit_fills in [false, true] {
        let mut bench = Bench::new();
        let [_, exit] = unprotectable(&mut bench);
        bench.report(exit.client_id, BTC, ReportBody::Unanswered { reason: "reset".to_owned() });
        bench.pass(Span::secs(3));
        let stop = bench.sent.iter().rev().find(|one| matches!(one.kind, OrderKind::Stop { .. })).cloned();
        let stop = stop.expect("a stop is tried beside the close");
        bench.accept(&stop);
        let sent = bench.sent.len();
        if exit_fills {
            bench.fill_all(&exit, 999);
            assert_eq!(bench.engine.position_of(BTC), Qty::ZERO);
            assert!(bench.is_cancelled(stop.client_id), "nothing is left that could open a position");
            let exits = &bench.engine.view().exits;
            assert_eq!(exits.get(&ExitReason::StopLoss), Some(&1), "it is counted as what it was");
        } else {
            bench.pass(Span::mins(2));
            let exits = bench.sent[sent..].iter().filter(|one| one.kind == OrderKind::Market).count();
            assert_eq!(exits, 0, "the reason for closing is gone");
            assert_eq!(bench.engine.view().positions[0].stop, Some(Price::whole(990)));
        }
    }
}

#[test]
fn a_close_that_a_person_wants_is_not_called_off_by_a_stop() {
    let mut bench = Bench::new();
    let [_, exit] = unprotectable(&mut bench);
    bench.event(Event::Command(Command::Close { instrument: Some(BTC) }));
    bench.reject(&exit);
    bench.pass(Span::secs(3));
    let stop = bench.sent.iter().rev().find(|one| matches!(one.kind, OrderKind::Stop { .. })).cloned();
    bench.accept(&stop.expect("a stop is tried beside the close"));
    let last = bench.last();
    bench.reject(&last);
    let sent = bench.sent.len();
    bench.pass(Span::mins(1));
    assert!(bench.sent[sent..].iter().any(|one| one.kind == OrderKind::Market), "it is closed all the same");
}
