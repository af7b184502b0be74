//! The first thing that a person does: a run on paper, with nothing prepared.

use serde_json::Value;

use crate::bench::Bench;

/// What the lines of a run say, in order.
const LINES: [&str; 10] = [
    "STARTING LIVE TRADING",
    "✓ Health monitor started in background",
    "STARTING PRODUCTION TRADING LOOP",
    "About to call start_live_trading()",
    "STARTING LIVE TRADING ENGINE",
    "✓ LIVE TRADING ENGINE STARTED SUCCESSFULLY",
    "🚀 Production trading loop active",
    "🔄 Processing 3 symbols: ['BTC/USDT:USDT', 'ETH/USDT:USDT', 'SOL/USDT:USDT']",
    "💓 Heartbeat - Uptime: 0.0m, Status: healthy",
    "SESSION SUMMARY",
];

const KEYS: [&str; 30] = [
    "mode",
    "venue",
    "feed",
    "symbols",
    "started_at",
    "ended_at",
    "uptime_s",
    "exit_reason",
    "iterations",
    "signals_accepted",
    "signals_rejected",
    "orders",
    "fills",
    "positions_opened",
    "positions_closed",
    "exits",
    "wins",
    "losses",
    "realised_pnl",
    "unrealised_pnl",
    "fees",
    "fees_in_kind",
    "funding",
    "equity",
    "max_drawdown_ratio",
    "heartbeats",
    "health_worst",
    "loop_lag_ms_max",
    "unprotected_seconds_max",
    "shadow",
];

const EXITS: [&str; 7] = ["stop_loss", "take_profit", "trailing_stop", "time", "signal", "manual", "liquidation"];

#[test]
fn a_run_on_paper_says_what_it_does_and_ends_cleanly() {
    let bench = Bench::new();
    let json = bench.folder().join("summary.json");
    let json_text = json.to_string_lossy();
    let ended = bench.run(
        &[("HEALTH_CHECK_INTERVAL", "0.5")],
        &["--paper", "--duration", "3", "--debug", "--summary-json", &json_text],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let mut rest = ended.text.lines();
    for line in LINES {
        assert!(rest.any(|said| said.contains(line)), "`{line}` is missing or out of order:\n{}", ended.text);
    }
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(json).expect("a summary")).expect("JSON");
    for key in KEYS {
        assert!(summary.get(key).is_some(), "the summary has no `{key}`");
    }
    for reason in EXITS {
        assert!(summary["exits"][reason].is_u64(), "no exits of `{reason}`");
    }
    for decimal in ["realised_pnl", "unrealised_pnl", "fees", "funding", "equity", "max_drawdown_ratio"] {
        let text = summary[decimal].as_str().unwrap_or_else(|| panic!("`{decimal}` is no text"));
        assert!(text.parse::<f64>().is_ok(), "`{decimal}` is `{text}`");
    }
    assert!(summary["heartbeats"].as_u64().is_some_and(|n| n >= 3), "{summary}");
    assert!(summary["iterations"].as_u64().is_some_and(|n| n >= 1), "{summary}");
    assert!(summary["uptime_s"].as_f64().is_some_and(|s| s >= 3.0), "{summary}");
    assert_eq!(
        (&summary["mode"], &summary["venue"], &summary["feed"]),
        (&"paper".into(), &"paper".into(), &"synthetic".into())
    );
    assert_eq!(summary["exit_reason"], "duration");
}

#[test]
fn a_session_at_speed_opens_protects_and_closes() {
    let bench = Bench::new();
    let json = bench.folder().join("summary.json");
    let ended = bench.run(&[], &["--duration", "4", "--speed", "600", "--summary-json", &json.to_string_lossy()]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(json).expect("a summary")).expect("JSON");
    assert!(summary["positions_opened"].as_u64() > Some(0), "{summary}");
    assert!(summary["positions_closed"].as_u64() > Some(0), "{summary}");
    assert!(summary["unprotected_seconds_max"].as_f64().is_some_and(|s| s > 0.0 && s < 5.0), "{summary}");
    let comparison = crate::support::books::compare(&bench.state());
    assert_eq!(comparison.accepted_twice, Vec::<String>::new());
}
