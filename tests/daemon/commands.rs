//! Commands beside the daemon, with the shipped binary on both ends of the socket.

use serde_json::Value;

use crate::bench::Bench;
use crate::support::until;

fn state_of(bench: &Bench) -> Option<String> {
    bench.status()?["view"]["state"].as_str().map(str::to_owned)
}

#[test]
fn the_socket_answers_pauses_resumes_and_stops() {
    let bench = Bench::new();
    let mut daemon = bench.start(&[], &["--speed", "60"]);
    daemon.hear("Production trading loop active");
    let status = until("a status", || bench.status());
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!((&status["mode"], &status["venue"]), (&"paper".into(), &"paper".into()));
    let before = state_of(&bench).expect("a state");
    assert!(bench.said(&["status"]).contains("paper"));
    assert!(bench.said(&["pause"]).contains("paused"));
    let paused = until("it is paused", || state_of(&bench).filter(|state| *state != before));
    assert!(bench.said(&["resume"]).contains("lifted"));
    until("the pause is lifted", || state_of(&bench).filter(|state| *state == before));
    assert_ne!(paused, before);
    assert!(bench.said(&["stop"]).contains("stopped"));
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.text.contains("stop command"), "{}", ended.text);
}

#[test]
fn a_finished_session_can_be_listed_and_replayed() {
    let bench = Bench::new();
    let ended = bench.run(&[], &["--duration", "4", "--speed", "600"]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let trades: Value = serde_json::from_str(&bench.said(&["trades", "--format", "json"])).expect("JSON");
    let trades = trades.as_array().expect("a list");
    assert!(!trades.is_empty());
    for key in ["symbol", "side", "strategy", "qty", "entry_price", "exit_price", "realised", "fees", "net", "exit"] {
        assert!(trades.iter().all(|trade| trade.get(key).is_some()), "no `{key}`");
    }
    let rows = bench.said(&["trades", "--format", "csv"]);
    assert_eq!(rows.lines().count(), trades.len() + 1);
    assert!(bench.said(&["trades", "--last", "1"]).contains("USDT"));
    let replayed = bench.said(&["replay", "1", "--verify"]);
    assert!(replayed.contains("every decision is the same"), "{replayed}");
}

#[test]
fn a_session_with_faults_can_be_replayed() {
    let bench = Bench::new();
    let faults = bench.file(
        "faults.toml",
        "[faults.venue.chances]\nanswer_lost = \"10%\"\nlate_fill = \"30%\"\n[faults.feed]\ngap = \"5%\"\n",
    );
    for _ in 0..2 {
        let ended = bench.run(&[], &["--duration", "2", "--speed", "600", "--faults", &faults]);
        assert_eq!(ended.code, Some(0), "{}", ended.text);
    }
    for session in ["1", "2"] {
        let replayed = bench.said(&["replay", session, "--verify"]);
        assert!(replayed.contains("every decision is the same"), "{replayed}");
    }
}

#[test]
fn the_configuration_can_be_shown_checked_and_described() {
    let bench = Bench::new();
    assert!(bench.said(&["config", "show"]).contains("risk.risk_per_trade"));
    assert!(bench.said(&["config", "check"]).contains("good"));
    let schema: Value = serde_json::from_str(&bench.said(&["config", "schema"])).expect("JSON");
    assert!(schema["properties"]["risk"].is_object(), "{schema}");
    let effective = bench.file("all.toml", &bench.said(&["config", "show", "--format", "toml"]));
    bench.said(&["config", "check", "--config", &effective]);
    let template = bench.file("template.toml", &bench.said(&["config", "show", "--format", "template"]));
    bench.said(&["config", "check", "--config", &template]);
    assert!(!bench.state().exists(), "a question made a state directory");
}

#[test]
fn completions_and_the_doctor_need_nothing() {
    let bench = Bench::new();
    assert!(bench.said(&["completions", "bash"]).contains("_live_trading_launcher"));
    for arguments in [["doctor"].as_slice(), &["--dry-run"]] {
        let said = bench.said(arguments);
        assert!(said.contains("configuration") && said.contains("clock"), "{said}");
    }
    assert!(!bench.state().exists(), "the doctor changed something");
    let ended = bench.run(&[("HEALTH_CHECK_INTERVAL", "0")], &["doctor"]);
    assert_eq!(ended.code, Some(78), "{}", ended.text);
}

#[test]
fn help_names_what_there_is() {
    let bench = Bench::new();
    let help = bench.said(&["--help"]);
    for word in
        ["--paper", "--duration", "--faults", "--summary-json", "status", "replay", "trades", "doctor", "config"]
    {
        assert!(help.contains(word), "--help does not name {word}");
    }
    assert!(bench.said(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}
