//! Every way in which a run fails by itself has its exit code, says why, and leaves books that add up.

use std::io::Write;
use std::path::Path;

use live_trading_launcher::ledger;

use crate::bench::{Bench, PROGRAM};
use crate::support::{self, Daemon, Ended, books};

fn fault(after: &str, kind: &str) -> String {
    format!("[[faults.process.schedule]]\nafter = \"{after}\"\nkind = \"{kind}\"\n")
}

/// The next start finds everything in order.
fn goes_on(bench: &Bench) {
    let ended = bench.run(&[], &["--speed", "60", "--duration", "0.5"]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let books = books::compare(&bench.state());
    assert!(books.is_clean(), "{books:?}");
}

fn summary_says(bench: &Bench, why: &str) {
    let text = std::fs::read_to_string(bench.folder().join("summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(summary["exit_reason"].as_str().is_some_and(|reason| reason.contains(why)), "{summary}");
}

#[test]
fn an_error_of_the_loop_ends_with_1() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", &fault("30m", "error"));
    let ended = bench.run(&[], &["--speed", "max", "--faults", &faults, "--summary-json", "summary.json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    assert!(ended.text.contains("error: a rehearsed error of the loop"), "{}", ended.text);
    assert!(ended.text.contains("SESSION SUMMARY"), "{}", ended.text);
    summary_says(&bench, "a rehearsed error of the loop");
    let sessions = ledger::sessions(&bench.state()).expect("the ledger opens");
    assert!(sessions[0].exit.as_deref().is_some_and(|why| why.contains("a rehearsed error")), "{sessions:?}");
    goes_on(&bench);
}

/// Two hours of a quote and a trade every second, as Binance's streams tell them; the trade at `broken` has no price.
fn recording(broken: u64) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for second in 0..7_200_u64 {
        let (ms, n) = (1_723_161_600_000 + second * 1_000, second + 1);
        let price = 61_800 + second % 7;
        let shown = if second == broken { "sixty".to_owned() } else { format!("{price}.20") };
        let quote = format!(
            "{{\"stream\":\"btcusdt@bookTicker\",\"data\":{{\"e\":\"bookTicker\",\"u\":{n},\"s\":\"BTCUSDT\",\
             \"b\":\"{price}.10\",\"B\":\"2.5\",\"a\":\"{price}.20\",\"A\":\"2.5\",\"T\":{ms},\"E\":{ms}}}}}"
        );
        let trade = format!(
            "{{\"stream\":\"btcusdt@trade\",\"data\":{{\"e\":\"trade\",\"E\":{ms},\"T\":{ms},\"s\":\"BTCUSDT\",\
             \"t\":{n},\"p\":\"{shown}\",\"q\":\"0.006\",\"X\":\"MARKET\",\"m\":false}}}}"
        );
        for line in [quote, trade] {
            writeln!(gz, "{} {line}", ms * 1_000_000).expect("a vector takes it");
        }
    }
    gz.finish().expect("a vector takes it")
}

#[test]
fn a_feed_that_breaks_in_mid_run_ends_with_1_and_names_file_line_and_field() {
    let bench = Bench::new();
    std::fs::write(bench.folder().join("btcusdt_20240809.gz"), recording(4_000)).expect("written");
    let arguments = ["--feed", "file:btcusdt_20240809.gz", "--symbols", "BTC/USDT", "--speed", "max"];
    let ended = bench.run(&[], &[&arguments, ["--summary-json", "summary.json"].as_slice()].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    assert!(ended.text.contains("Production trading loop active"), "it did not even begin: {}", ended.text);
    let last = ended.text.lines().rfind(|line| line.starts_with("error:")).unwrap_or_default();
    for part in ["btcusdt_20240809.gz", "line 8002", "field `p`", "`sixty`"] {
        assert!(last.contains(part), "no {part} in: {last}");
    }
    summary_says(&bench, "line 8002");
    let audit = ledger::audit(&bench.state()).expect("the ledger opens");
    assert!(audit.agrees(), "{audit:?}");
}

#[test]
fn a_panic_ends_with_70_and_is_the_last_line_of_the_log() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", &fault("30m", "panic"));
    let ended = bench.run(&[], &["--speed", "max", "--faults", &faults]);
    assert_eq!(ended.code, Some(70), "{}", ended.text);
    let last = ended.text.lines().last().unwrap_or_default();
    assert!(
        last.contains("ERROR") && last.contains("a rehearsed contradiction") && last.contains("faults.rs:"),
        "{last}"
    );
    assert!(!ended.text.contains("SESSION SUMMARY"), "{}", ended.text);
    goes_on(&bench);
}

#[test]
fn a_loop_blocked_for_good_is_named_and_ended_with_70_within_the_limit() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", &fault("30m", "stall"));
    let variables = [("LTL__HEALTH__STALL_LIMIT", "2s"), ("HEALTH_CHECK_INTERVAL", "0.2")];
    let mut daemon = bench.start(&variables, &["--speed", "6000", "--faults", &faults]);
    daemon.hear("a rehearsed fault of the process");
    let (ended, took) = daemon.timed_end();
    assert_eq!(ended.code, Some(70), "{}", ended.text);
    println!("gone {took:?} after the loop was blocked, with a limit of 2 s");
    assert!(took.as_secs_f64() > 1.5 && took.as_secs_f64() < 5.0, "{took:?}");
    let said = ended.text.lines().find(|line| line.contains("🛑 Watchdog")).expect("the watchdog says why");
    assert!(said.contains("stage=\"idle\"") && said.contains("aborts=true") && said.contains("beats="), "{said}");
    goes_on(&bench);
}

#[test]
fn a_stall_that_ends_in_time_costs_nothing() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", &format!("{}for = \"700ms\"\n", fault("10m", "stall")));
    let ended =
        bench.run(&[("LTL__HEALTH__STALL_LIMIT", "3s")], &["--speed", "1200", "--duration", "2", "--faults", &faults]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.text.contains("a rehearsed fault") && !ended.text.contains("🛑 Watchdog"), "{}", ended.text);
}

/// What both kinds of a full disk must come to: the code, the file, an alert, nothing sent after, stops that stay.
fn disk_was_full(bench: &Bench, ended: &Ended) {
    assert_eq!(ended.code, Some(74), "{}", ended.text);
    let last = ended.text.lines().rfind(|line| line.starts_with("error:")).unwrap_or_default();
    assert!(last.contains(".sqlite"), "{}", ended.text);
    let audit = ledger::audit(&bench.state()).expect("the ledger opens");
    assert!(audit.agrees(), "{audit:?}");
    // What the ledger does not know of never left.
    let venue = live_trading_launcher::venue::paper::PaperBooks::read(&bench.state()).expect("the venue's file opens");
    let decided = "SELECT count(*) FROM intent_rows WHERE client_id = ";
    for (client_id, ..) in &venue.orders {
        assert_eq!(books::count(&bench.state(), &format!("{decided}'{client_id}'")), 1, "{client_id}");
    }
}

#[test]
fn a_disk_without_room_for_the_ledger_ends_with_74() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", &fault("2h", "disk_full"));
    let ended = bench.run(&[], &["--speed", "max", "--faults", &faults, "--summary-json", "summary.json"]);
    disk_was_full(&bench, &ended);
    summary_says(&bench, "ledger.sqlite");
    goes_on(&bench);
}

/// Writes beyond a limit fail as on a full disk, whatever file they are for.
#[test]
fn a_disk_that_is_really_full_ends_with_74() {
    let bench = Bench::new();
    let state = bench.state();
    // In blocks of 512 bytes; the signal that comes with the limit is ignored, as there is none with a full disk.
    let script = "trap '' XFSZ; ulimit -f 1500; exec \"$0\" \"$@\"";
    let arguments = ["-c", script, PROGRAM, "--speed", "max", "--state-dir", &state.to_string_lossy()];
    let ended = Daemon::start(support::command(Path::new("/bin/sh"), bench.folder(), &[], &arguments)).end();
    disk_was_full(&bench, &ended);
    goes_on(&bench);
}

#[test]
fn halted_by_risk_and_told_to_leave_ends_with_79_until_it_is_armed_again() {
    let bench = Bench::new();
    let variables = [("LTL__ENGINE__ON_HALT", "exit"), ("LTL__RISK__DRAWDOWN", "0.05%")];
    let ended = bench.run(&variables, &["--speed", "max", "--summary-json", "summary.json"]);
    assert_eq!(ended.code, Some(79), "{}", ended.text);
    assert!(ended.text.contains("drawdown"), "{}", ended.text);
    summary_says(&bench, "drawdown");
    let state = ledger::last_state(&bench.state()).expect("the ledger opens").expect("a state");
    assert_eq!(state.state.as_str(), "halted", "{state:?}");
    // The halt holds over a restart; a person lifts it.
    let ended = bench.run(&variables, &["--speed", "60", "--duration", "1"]);
    assert_eq!(ended.code, Some(79), "{}", ended.text);
    assert!(ended.text.contains("still halted") && ended.text.contains("rearm --reason"), "{}", ended.text);
    // Without being told to leave it stays, trades nothing, and says so.
    let ended = bench.run(&[], &["--speed", "600", "--duration", "1", "--summary-json", "summary.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.text.contains("WARN Trading state is still halted"), "{}", ended.text);
    assert!(bench.said(&["rearm", "--reason", "looked at it"]).contains("re-armed"));
    goes_on(&bench);
}
