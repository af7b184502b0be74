//! How daemons like this one have failed elsewhere, each kept from happening here.

use serde_json::Value;

use crate::bench::Bench;
use crate::support::until;

const STALL: &str = "\
[[faults.feed.schedule]]
after = \"30s\"
for = \"4m\"
kind = \"stall\"
symbol = \"ETH/USDT:USDT\"
";

#[test]
fn heartbeat_says_healthy_but_no_candle_is_processed() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", STALL);
    let variables = [("HEALTH_CHECK_INTERVAL", "0.2"), ("LTL__HEALTH__WINDOW", "1s")];
    let mut daemon = bench.start(&variables, &["--speed", "60", "--faults", &faults]);
    daemon.hear("💓 Heartbeat - Uptime: 0.0m, Status: healthy");
    let degraded = daemon.hear("Status: degraded");
    assert!(degraded.contains("ETH/USDT:USDT"), "{degraded}");
    assert!(!degraded.contains("BTC/USDT:USDT"), "{degraded}");
    daemon.hear("Status: healthy");
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}

#[test]
fn frozen_at_starting_live_trading() {
    let bench = Bench::new();
    let mut daemon = bench.start(&[], &["--paper"]);
    for line in
        ["STARTING LIVE TRADING", "Health monitor started", "LIVE TRADING ENGINE STARTED", "Processing 3 symbols"]
    {
        daemon.hear(line);
    }
    until("bars are processed", || bench.status().filter(|status| status["view"]["iterations"].as_u64() > Some(0)));
    daemon.signal("TERM");
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn errors_swallowed_exit_code_zero() {
    let bench = Bench::new();
    // A feed whose later part is no longer what it was when it was opened cannot be made from outside; a venue's
    // file that is damaged can.
    assert_eq!(bench.run(&[], &["--duration", "1", "--speed", "600"]).code, Some(0));
    std::fs::write(bench.state().join("paper-venue.sqlite"), b"not a database, and long enough to be looked at")
        .expect("written");
    let summary = bench.folder().join("summary.json");
    let ended = bench.run(&[], &["--duration", "1", "--summary-json", &summary.to_string_lossy()]);
    assert!(!matches!(ended.code, Some(0) | None), "{:?}: {}", ended.code, ended.text);
    assert!(ended.text.contains("paper-venue.sqlite"), "{}", ended.text);
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(summary).expect("a summary")).expect("JSON");
    assert!(summary["exit_reason"].as_str().is_some_and(|why| why.contains("paper-venue.sqlite")), "{summary}");
}

#[test]
fn sigterm_with_orders_in_flight() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", "[faults.venue.chances]\nrequest_lost = \"40%\"\nanswer_lost = \"40%\"\n");
    let mut daemon = bench.start(&[], &["--speed", "600", "--faults", &faults]);
    daemon.hear("Production trading loop active");
    until("orders were sent", || bench.status().filter(|status| status["view"]["orders"].as_u64() > Some(2)));
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let audit = live_trading_launcher::ledger::audit(&bench.state()).expect("the ledger opens");
    assert!(audit.agrees(), "{audit:?}");
    // What is not answered for is marked so, and the next start asks and then trades on.
    let ended = bench.run(&[], &["--speed", "600", "--duration", "2"]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let open = "SELECT count(*) FROM order_rows WHERE unknown_since IS NOT NULL AND ended = 0 AND client_id IN \
                (SELECT client_id FROM intent_rows WHERE session = 1)";
    assert_eq!(crate::support::books::count(&bench.state(), open), 0, "{}", ended.text);
}

#[test]
fn two_daemons_on_one_account() {
    let bench = Bench::new();
    let mut first = bench.start(&[], &["--paper"]);
    first.hear("STARTING PRODUCTION TRADING LOOP");
    let second = bench.run(&[], &["--paper", "--duration", "1"]);
    assert_eq!(second.code, Some(75), "{}", second.text);
    assert!(second.text.contains(&format!("pid {}", first.pid())), "{}", second.text);
    // Nor does a reset pull the files from under the first.
    let third = bench.run(&[], &["--paper", "--duration", "1", "--reset-paper"]);
    assert_eq!(third.code, Some(75), "{}", third.text);
    assert!(!first.has_ended());
    until("the first one still answers", || bench.status());
    first.signal("TERM");
    assert_eq!(first.end().code, Some(0));
    assert_eq!(bench.run(&[], &["--paper", "--duration", "0.5"]).code, Some(0));
}

#[test]
fn environment_defaults_beat_the_file() {
    let bench = Bench::new();
    let file = bench.file(
        "settings.toml",
        "[health]\ninterval = \"7s\"\n[run]\nsymbols = [\"SOL/USDT:USDT\"]\n[risk]\nopen_positions = 2\n",
    );
    let show = |variables: &[(&str, &str)], flags: &[&str]| {
        let arguments = [flags, &["--config", &file, "config", "show"]].concat();
        let ended = bench.run(variables, &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        ended.text
    };
    let line = |text: &str, setting: &str| {
        let found = text.lines().find(|line| line.split_whitespace().any(|word| word == setting));
        found.unwrap_or_else(|| panic!("{setting} is not shown:\n{text}")).to_owned()
    };
    let of_file = show(&[], &[]);
    assert!(line(&of_file, "health.interval").contains("7"), "{of_file}");
    assert!(line(&of_file, "risk.open_positions").contains("settings.toml"), "{of_file}");
    let of_both = show(&[("HEALTH_CHECK_INTERVAL", "9")], &[]);
    assert!(line(&of_both, "health.interval").contains("HEALTH_CHECK_INTERVAL"), "{of_both}");
    assert!(line(&of_both, "risk.open_positions").contains("settings.toml"), "{of_both}");
    let of_all = show(&[("TRADING_SYMBOLS", "ETH/USDT")], &["--symbols", "BTC/USDT"]);
    assert!(line(&of_all, "run.symbols").contains("BTC/USDT:USDT"), "{of_all}");
    assert!(line(&of_all, "run.symbols").contains("--symbols"), "{of_all}");
}

#[test]
fn limits_in_the_banner_are_those_enforced() {
    let bench = Bench::new();
    let variables = [("LTL__RISK__OPEN_POSITIONS", "1"), ("CAPITAL_USDT", "5000")];
    let mut daemon = bench.start(&variables, &["--speed", "300"]);
    daemon.hear(r#"limit="capital" value=5000 USDT"#);
    daemon.hear(r#"limit="open positions" value=1"#);
    let refused = until("a second position was refused", || {
        let status = bench.status()?;
        let held = status["view"]["positions"].as_array().map_or(0, Vec::len);
        assert!(held <= 1, "{status}");
        let rejected = status["view"]["signals_rejected"].as_object()?.clone();
        rejected.keys().any(|reason| reason.contains("position")).then_some(status)
    });
    assert_eq!(refused["view"]["signals_accepted"], 1, "{refused}");
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}
