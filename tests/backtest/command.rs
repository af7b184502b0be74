//! The `backtest` command of the shipped binary: what it writes, and how it speaks of mistakes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::recorded;

const PROGRAM: &str = env!("CARGO_BIN_EXE_live_trading_launcher");
/// One strategy that trades often on whatever regime.
const STRATEGY: &str = "ema_cross:fast=5,slow=15,timeframe=5m,stop_min=0.5%";

struct Said {
    code: Option<i32>,
    text: String,
}

/// Runs it in a folder with nothing of the machine's environment.
fn run(folder: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(PROGRAM);
    let variables = [("LTL__REGIME__UNKNOWN", "neutral"), ("LTL__RISK__LEVERAGE", "5")];
    let output = command.env_clear().envs(variables).current_dir(folder).arg("backtest").args(arguments).output();
    let output = output.expect("the program runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Said { code: output.status.code(), text }
}

#[test]
fn the_report_holds_every_figure_with_its_definition() {
    let folder = tempfile::tempdir().expect("a folder");
    let range = recorded::write(&folder.path().join("data"), 3, 5);
    let data = ["--feed", "file:data", "--symbols", "BTC/USDT,ETH/USDT", "--timerange", &range, "--strategy", STRATEGY];
    let said = run(folder.path(), &[&data[..], &["--json", "a.json", "--html", "a.html", "--define"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.text);
    for part in ["Sharpe", "Look-ahead", "none found", "Out of sample", "Definition", "records in"] {
        assert!(said.text.contains(part), "{part}\n{}", said.text);
    }
    let text = std::fs::read_to_string(folder.path().join("a.json")).expect("the report");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let definitions = report["definitions"].as_array().expect("definitions");
    assert_eq!(definitions.len(), 16);
    for one in definitions {
        let key = one["key"].as_str().expect("a key");
        let value = report["statistics"].get(key).or_else(|| report.get(key));
        assert!(value.is_some_and(|value| !value.is_null()), "{key}\n{report:#}");
        assert!(
            ["definition", "source"].iter().all(|part| !one[part].as_str().unwrap_or_default().is_empty()),
            "{one}"
        );
    }
    for key in ["events", "events_per_second", "load_seconds", "run_seconds", "peak_rss_bytes"] {
        assert!(report["performance"][key].as_f64().is_some_and(|number| number > 0.0), "{key}");
    }
    let trades = report["trades"].as_array().expect("trades");
    assert!(trades.len() > 10 && report["statistics"]["trades"] == trades.len(), "{} trades", trades.len());
    assert_eq!(report["checks"]["look_ahead"]["changed"], 0, "{}", report["checks"]);
    let leverage = report["assumptions"].as_array().into_iter().flatten().find(|one| one["about"] == "Leverage");
    assert_eq!(leverage.map(|one| &one["value"]), Some(&Value::from("5x, cross margin")));
    let page = std::fs::read_to_string(folder.path().join("a.html")).expect("the page");
    assert!(page.starts_with("<!doctype html>") && page.contains("ema_cross"));

    // The same again, with nothing but its own time told differently.
    let again = run(folder.path(), &[&data[..], &["--json", "b.json", "--no-checks"]].concat());
    assert_eq!(again.code, Some(0), "{}", again.text);
    let text = std::fs::read_to_string(folder.path().join("b.json")).expect("the report");
    let other: Value = serde_json::from_str(&text).expect("JSON");
    assert!(other["checks"].is_null());
    for key in ["trades", "statistics", "groups", "equity"] {
        assert_eq!(other[key], report[key], "{key}");
    }
}

#[test]
fn a_mistake_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let range = recorded::write(&folder.path().join("data"), 1, 5);
    let feed = ["--feed", "file:data", "--symbols", "BTC/USDT"];
    for (arguments, code, parts) in [
        (&["--html", "nowhere/a.html"][..], 78, ["--html nowhere/a.html", "a folder that is there"]),
        (&["--json", "nowhere/a.json"], 78, ["--json nowhere/a.json", "a folder that is there"]),
        (&["--split", "70"], 2, ["--split", "it has no unit"]),
        (&["--split", "99%"], 2, ["--split", "from 5% to 95%"]),
        (&["--split", "50%", "--no-checks"], 2, ["--split", "cannot be used with"]),
        (&["--strategy", "ema_crosss"], 2, ["there is no strategy `ema_crosss`", "ema_cross"]),
        (&["--strategy", "ema_cross:fats=3"], 2, ["fats", "fast"]),
        (&["--strategy", "ema_cross:fast=90,slow=30"], 2, ["strategy.ema_cross.fast", "give fewer bars"]),
        (&["--timerange", "19990101-19990201"], 78, ["no bars in the range", "choose --timerange within"]),
    ] {
        let said = run(folder.path(), &[&feed[..], arguments].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.text);
        parts.iter().for_each(|part| assert!(said.text.contains(part), "{arguments:?}: {part}\n{}", said.text));
    }
    let unwritten = run(folder.path(), &[&feed[..], &["--timerange", &range, "--json", "data"]].concat());
    assert_eq!(unwritten.code, Some(78), "a folder is no file: {}", unwritten.text);
}
