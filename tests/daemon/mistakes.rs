//! What a person gets wrong: each mistake has its code, says what would be right, and changes nothing on disk.

use std::path::Path;

use crate::bench::{Bench, PROGRAM};
use crate::support::{self, Daemon};

struct Mistake {
    variables: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
}

const fn mistake(
    variables: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
) -> Mistake {
    Mistake { variables, arguments, code, says }
}

const MISTAKES: &[Mistake] = &[
    // Usage.
    mistake(&[], &["--duration", "abc"], 2, &["--duration", "`abc`", "seconds"]),
    mistake(&[], &["--duration", "0"], 2, &["--duration", "`0`", "above 0"]),
    mistake(&[], &["--duration", "-1"], 2, &["--duration", "`-1`", "above 0"]),
    mistake(&[], &["--speed", "fast"], 2, &["--speed", "`fast`", "`max`"]),
    mistake(&[], &["--speed", "0"], 2, &["--speed", "`0`"]),
    mistake(&[], &["--seed", "-1"], 2, &["--seed", "'-1'", "whole number from 0"]),
    mistake(&[], &["--max-restarts", "many"], 2, &["--max-restarts", "'many'", "whole number"]),
    mistake(&[], &["--restart-delay", "0"], 2, &["--restart-delay", "`0`"]),
    mistake(&[], &["--log-format", "xml"], 2, &["--log-format", "'xml'", "json"]),
    mistake(&[], &["--feed", "kraken"], 2, &["--feed", "`kraken`", "synthetic", "file:PATH"]),
    mistake(&[], &["--timerange", "2024"], 2, &["--timerange", "`2024`", "20241001-20241105"]),
    mistake(&[], &["--timerange", "20241105-20241001"], 2, &["ends before it begins"]),
    mistake(&[], &["--timerange", "20241301-20250101"], 2, &["--timerange", "20241301"]),
    mistake(&[], &["--wibble"], 2, &["--wibble"]),
    mistake(&[], &["wibble"], 2, &["wibble"]),
    mistake(&[], &["--symbols", "BTCUSDT"], 2, &["`BTCUSDT`", "BTC/USDT:USDT"]),
    // Variables.
    mistake(&[("TRADING_SYMBOLS", "BTCUSDT")], &[], 78, &["TRADING_SYMBOLS", "`BTCUSDT`", "BTC/USDT:USDT"]),
    mistake(&[("HEALTH_CHECK_INTERVAL", "abc")], &[], 78, &["HEALTH_CHECK_INTERVAL", "`abc`", "above 0"]),
    mistake(&[("HEALTH_CHECK_INTERVAL", "0")], &[], 78, &["HEALTH_CHECK_INTERVAL", "`0`", "above 0"]),
    mistake(&[("HEALTH_CHECK_INTERVAL", "-1")], &[], 78, &["HEALTH_CHECK_INTERVAL", "`-1`", "above 0"]),
    mistake(&[("HEALTH_CHECK_INTERVAL", "")], &[], 78, &["HEALTH_CHECK_INTERVAL"]),
    mistake(&[("HEALTH_CHECK_INTERVAL", "nan")], &[], 78, &["HEALTH_CHECK_INTERVAL", "`nan`"]),
    mistake(&[("CAPITAL_USDT", "many")], &[], 78, &["CAPITAL_USDT", "`many`"]),
    mistake(&[("RUST_LOG", "%%%")], &[], 78, &["RUST_LOG", "`%%%`"]),
    mistake(&[("LTL__RISK__RISK_PER_TRAD", "1%")], &[], 78, &["`LTL__RISK__RISK_PER_TRADE`"]),
    mistake(&[("LTL__RISC__DRAWDOWN", "1%")], &[], 78, &["LTL__RISC__DRAWDOWN", "RISK"]),
    mistake(&[("LTL__RISK__RISK_PER_TRADE", "0.01")], &[], 78, &["RISK_PER_TRADE", "0.01", "%"]),
    // Files.
    mistake(&[], &["--config", "unknown.toml"], 78, &["unknown.toml:2", "`risk.risk_per_trade`"]),
    mistake(&[], &["--config", "unitless.toml"], 78, &["unitless.toml:2", "risk.risk_per_trade", "%"]),
    mistake(&[], &["--config", "broken.toml"], 78, &["broken.toml:1", "TOML"]),
    mistake(&[], &["--config", "absent.toml"], 78, &["--config absent.toml"]),
    mistake(&[], &["--faults", "absent.toml"], 78, &["--faults absent.toml"]),
    mistake(&[], &["--faults", "unknown.toml"], 78, &["unknown.toml"]),
    mistake(&[], &["--feed", "file:absent"], 78, &["absent"]),
    mistake(
        &[],
        &["--feed", "file:bars", "--symbols", "BTC/USDT"],
        78,
        &["BTC_USDT_USDT-1m-futures.csv", "line 3", "field `close`", "`abc`"],
    ),
    mistake(&[], &["--feed", "file:bars", "--symbols", "ETH/USDT"], 78, &["ETH/USDT:USDT"]),
    mistake(&[], &["--feed", "file:bars", "--symbols", "BTC/USDT", "--timerange", "20200101-20200102"], 78, &["bars"]),
    mistake(&[], &["--summary-json", "absent/summary.json"], 78, &["--summary-json", "absent/summary.json"]),
];

#[test]
fn a_mistake_has_its_code_names_itself_and_changes_nothing() {
    let bench = Bench::new();
    bench.file("unknown.toml", "[risk]\nrisk_per_trad = \"1%\"\n");
    bench.file("unitless.toml", "[risk]\nrisk_per_trade = 0.01\n");
    bench.file("broken.toml", "[risk\n");
    std::fs::create_dir(bench.folder().join("bars")).expect("the folder can be written");
    bench.file(
        "bars/BTC_USDT_USDT-1m-futures.csv",
        "date,open,high,low,close,volume\n2024-10-01 00:00:00,10,12,9,11,5\n2024-10-01 00:01:00,10,12,9,abc,5\n",
    );
    let mut wrong = Vec::new();
    for one in MISTAKES {
        let arguments = [["--paper", "--duration", "0.5"].as_slice(), one.arguments].concat();
        let arguments = if one.arguments.contains(&"--duration") { one.arguments.to_vec() } else { arguments };
        let ended = bench.run(one.variables, &arguments);
        let case = format!("{:?} {:?}", one.variables, one.arguments);
        if ended.code != Some(one.code) {
            wrong.push(format!("{case}: code {:?} for {}: {}", ended.code, one.code, ended.text));
        }
        for text in one.says.iter().filter(|text| !ended.text.contains(**text)) {
            wrong.push(format!("{case}: does not say {text}: {}", ended.text));
        }
        if bench.ledger().exists() {
            wrong.push(format!("{case}: left a ledger behind"));
            let _ = std::fs::remove_dir_all(bench.state());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_state_directory_that_is_a_file_is_refused() {
    let bench = Bench::new();
    let file = bench.file("state", "mine");
    let ended = bench.run(&[], &["--duration", "0.5"]);
    assert_eq!(ended.code, Some(74), "{}", ended.text);
    assert!(ended.text.contains(&file) && ended.text.contains("--state-dir"), "{}", ended.text);
    assert_eq!(std::fs::read_to_string(file).expect("it is still there"), "mine");
}

#[test]
fn commands_without_a_daemon_say_so() {
    let bench = Bench::new();
    let table: [(&[&str], i32, &str); 7] = [
        (&["status"], 75, "no daemon runs"),
        (&["pause"], 75, "no daemon runs"),
        (&["resume"], 75, "no daemon runs"),
        (&["stop"], 75, "no daemon runs"),
        (&["trades"], 78, "no daemon has run"),
        (&["rearm", "--reason", "looked at it"], 78, "no daemon has run"),
        (&["replay", "1", "--verify"], 78, "no recording"),
    ];
    for (arguments, code, says) in table {
        let ended = bench.run(&[], arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.text);
        assert!(ended.text.contains(says), "{arguments:?}: {}", ended.text);
        assert!(!bench.state().exists(), "{arguments:?} made a state directory");
    }
}

#[test]
fn nowhere_to_keep_the_ledger_is_an_error() {
    let bench = Bench::new();
    let command = support::command(Path::new(PROGRAM), bench.folder(), &[], &["--duration", "0.5"]);
    let ended = Daemon::start(command).end();
    assert_eq!(ended.code, Some(78), "{}", ended.text);
    assert!(ended.text.contains("--state-dir"), "{}", ended.text);
}
