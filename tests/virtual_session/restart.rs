//! Sessions that end, in order or not, and are taken up again.

use live_trading_launcher::ledger;
use live_trading_launcher::types::Span;

use crate::books::assert_books_agree;
use crate::setup::{Setup, TURNS_OF_AN_HOUR, end, folder, run_for};

#[test]
fn a_restart_goes_on_where_the_session_stood() {
    let dir = folder();
    let mut last = None;
    for _ in 0..3 {
        let mut crank = Setup::demo(3).begin(dir.path());
        let at = crank.session.at();
        assert!(last.is_none_or(|last| at >= last), "session time never runs back");
        run_for(&mut crank, Span::mins(20), TURNS_OF_AN_HOUR);
        last = Some(crank.session.at());
        end(crank);
        assert_books_agree(dir.path());
    }
    let sessions = ledger::sessions(dir.path()).expect("the ledger");
    assert_eq!(sessions.len(), 3);
}

#[test]
fn a_killed_process_loses_nothing() {
    let dir = folder();
    for round in 0..12_i64 {
        let mut crank = Setup::demo(5).begin(dir.path());
        // Dropped in the middle, without a word: what a kill leaves is what was committed.
        run_for(&mut crank, Span::secs(97 + 61 * round), TURNS_OF_AN_HOUR);
        drop(crank);
    }
    let mut crank = Setup::demo(5).begin(dir.path());
    run_for(&mut crank, Span::mins(5), TURNS_OF_AN_HOUR);
    let view = end(crank);
    assert!(view.positions.iter().all(|one| one.unprotected_since.is_none()));
    assert_books_agree(dir.path());
}
