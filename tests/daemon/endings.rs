//! How a run ends when it is told to from outside.

use std::time::Duration;

use live_trading_launcher::ledger;

use crate::bench::Bench;
use crate::support::books;

/// Orders that the next start would have to ask about and that nobody has marked so.
const LOST_SIGHT_OF: &str =
    "SELECT count(*) FROM order_rows WHERE stage IN ('intended', 'sent') AND unknown_since IS NULL";
/// The contract says five seconds on an idle machine; tests share theirs.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn sigterm_with_an_open_position_leaves_a_ledger_that_adds_up() {
    let bench = Bench::new();
    let daemon = bench.start(&[], &["--speed", "300"]);
    bench.await_position();
    daemon.signal("TERM");
    let (ended, took) = daemon.timed_end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.text.contains("SIGTERM") && ended.text.contains("SESSION SUMMARY"), "{}", ended.text);
    assert!(took < SOON, "{took:?}");
    println!("ended within {took:?}");
    let audit = ledger::audit(&bench.state()).expect("the ledger opens");
    assert!(audit.agrees(), "{audit:?}");
    assert_eq!(books::count(&bench.state(), LOST_SIGHT_OF), 0);
    let sessions = ledger::sessions(&bench.state()).expect("the ledger opens");
    assert_eq!(sessions[0].exit.as_deref(), Some("SIGTERM"));
    assert!(sessions[0].ended_wall.is_some());
}

#[test]
fn a_second_signal_ends_the_process_at_once_even_if_its_loop_hangs() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let bench = Bench::new();
        let hang = "[[faults.process.schedule]]\nafter = \"10m\"\nkind = \"stall\"\n";
        let faults = bench.file("faults.toml", hang);
        let mut daemon = bench.start(&[], &["--speed", "600", "--faults", &faults]);
        daemon.hear("a rehearsed fault of the process");
        daemon.signal(signal);
        daemon.hear("a second signal ends the process at once");
        daemon.signal(signal);
        let (ended, took) = daemon.timed_end();
        assert_eq!(ended.code, Some(code), "{signal}: {}", ended.text);
        assert!(took.as_secs() < 5, "{signal}: {took:?}");
        let audit = ledger::audit(&bench.state()).expect("the ledger opens");
        assert!(audit.agrees(), "{audit:?}");
    }
}

#[test]
fn a_signal_while_it_starts_is_heard() {
    let bench = Bench::new();
    let mut daemon = bench.start(&[], &[]);
    daemon.hear("STARTING PRODUCTION TRADING LOOP");
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}
