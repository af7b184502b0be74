//! A loop that failed is started again in the same process, as far as the flags allow.

use crate::bench::Bench;
use crate::support::{books, until};

/// Fails at the thirtieth minute of the first `runs` runs of the loop; of all if none is said.
fn failing(bench: &Bench, runs: &str) -> String {
    let entry = "[[faults.process.schedule]]\nafter = \"30m\"\nkind = \"error\"\n";
    bench.file("faults.toml", &format!("{entry}{runs}"))
}

/// Runs until the failure and on past it, and ends it in peace.
fn recovers(variables: &[(&str, &str)], flags: &[&str]) {
    let bench = Bench::new();
    let faults = failing(&bench, "runs = 1\n");
    let mut daemon = bench.start(variables, &[flags, &["--speed", "3000", "--faults", &faults]].concat());
    daemon.hear("the loop failed and is started again");
    let waiting = daemon.hear("stage=\"backoff\"");
    assert!(waiting.contains("💓 Heartbeat"), "{waiting}");
    daemon.hear("Production trading loop active");
    until("it trades on", || bench.status().filter(|status| status["view"]["iterations"].as_u64() > Some(0)));
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let books = books::compare(&bench.state());
    assert!(books.is_clean() && books.orders > 0, "{books:?}");
}

#[test]
fn with_infinite_an_error_of_the_loop_is_recovered() {
    recovers(&[("HEALTH_CHECK_INTERVAL", "0.2")], &["--infinite"]);
}

#[test]
fn pulses_go_on_while_a_restart_is_waited_for() {
    // The watchdog's limit is shorter than the wait: only a pulse keeps it quiet.
    let variables = [("LTL__HEALTH__STALL_LIMIT", "2s"), ("HEALTH_CHECK_INTERVAL", "0.2")];
    recovers(&variables, &["--auto-restart", "--restart-delay", "3.5"]);
}

#[test]
fn with_auto_restart_ten_failures_in_a_row_end_it() {
    let bench = Bench::new();
    let faults = failing(&bench, "");
    let flags = ["--auto-restart", "--restart-delay", "0.002", "--speed", "max", "--faults", &faults];
    let ended = bench.run(&[], &flags);
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    let count = |text: &str| ended.text.matches(text).count();
    assert_eq!(count("the loop failed and is started again"), 9, "{}", ended.text);
    assert_eq!(count("STARTING LIVE TRADING ENGINE"), 10, "{}", ended.text);
    for delay in ["delay=2ms", "delay=4ms", "delay=512ms"] {
        assert_eq!(count(&format!("{delay} ")) + count(&format!("{delay}\n")), 1, "{delay}: {}", ended.text);
    }
    let books = books::compare(&bench.state());
    assert!(books.accepted_twice.is_empty(), "{books:?}");
}

#[test]
fn a_panic_and_a_full_disk_are_not_recovered() {
    for (kind, code) in [("panic", 70), ("disk_full", 74)] {
        let bench = Bench::new();
        let entry = format!("[[faults.process.schedule]]\nafter = \"2h\"\nkind = \"{kind}\"\n");
        let faults = bench.file("faults.toml", &entry);
        let ended = bench.run(&[], &["--infinite", "--auto-restart", "--speed", "max", "--faults", &faults]);
        assert_eq!(ended.code, Some(code), "{kind}: {}", ended.text);
        assert!(!ended.text.contains("is started again"), "{kind}: {}", ended.text);
    }
}

#[test]
fn duration_and_signals_end_a_wait_for_the_next_start() {
    let bench = Bench::new();
    let faults = failing(&bench, "");
    let flags = ["--auto-restart", "--restart-delay", "60", "--speed", "max", "--faults", &faults];
    let ended = bench.run(&[], &[&flags, ["--duration", "1.5"].as_slice()].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.text.contains("is started again"), "{}", ended.text);
    let mut daemon = bench.start(&[], &flags);
    daemon.hear("is started again");
    daemon.signal("TERM");
    let (ended, took) = daemon.timed_end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(took.as_secs() < 10, "{took:?}");
}
