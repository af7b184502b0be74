//! The embedded demo opens, protects and closes positions, with whichever seed.

use live_trading_launcher::protocol::ExitReason;
use live_trading_launcher::types::Span;

use crate::books::{assert_books_agree, stops_taken};
use crate::setup::{Setup, TURNS_OF_AN_HOUR, end, folder, run_for};

/// Does an hour of this seed open, protect and close a position by itself?
fn trades(seed: u64) -> bool {
    let dir = folder();
    let mut crank = Setup::demo(seed).begin(dir.path());
    run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
    let closed = crank.session.engine().view().positions_closed;
    let view = end(crank);
    assert_eq!(view.exits.get(&ExitReason::Manual), None, "seed {seed}: the shutdown closes nothing");
    assert_eq!(view.exits.get(&ExitReason::Liquidation), None, "seed {seed}");
    assert!(view.unprotected_max <= Span::secs(3), "seed {seed}: unprotected for {}", view.unprotected_max);
    for position in &view.positions {
        assert!(position.stop.is_some() && position.unprotected_since.is_none(), "seed {seed}: {position:?}");
    }
    assert!(stops_taken(dir.path()) >= view.positions_opened, "seed {seed}: a position never had a stop");
    assert_books_agree(dir.path());
    view.positions_opened > 0 && closed > 0
}

#[test]
fn ninety_of_a_hundred_demo_sessions_open_protect_and_close_a_position() {
    let count = std::thread::scope(|scope| {
        let half = scope.spawn(|| (1..=50).filter(|seed| trades(*seed)).count());
        (51..=100).filter(|seed| trades(*seed)).count() + half.join().expect("no panic")
    });
    println!("{count} of 100 seeds open, protect and close a position");
    assert!(count >= 90, "{count} of 100");
}
