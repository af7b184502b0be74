//! `sweep` with the shipped binary: the same result whatever happens to the process and however many threads it has.

use serde_json::Value;

use crate::bench::Bench;
use crate::support::{recorded, until};

/// Two strategies' settings, three days: small enough for a test, and long enough to be killed in.
const RANGES: [&str; 8] = [
    "--set",
    "strategy.ema_cross.fast=4..12:2",
    "--set",
    "strategy.ema_cross.slow=10,20,30",
    "--set",
    "strategy.ema_cross.timeframe=5m",
    "--set",
    "regime.unknown=neutral",
];

struct Market {
    bench: Bench,
    feed: String,
    range: String,
}

impl Market {
    fn new(days: i64) -> Market {
        let bench = Bench::new();
        let data = bench.folder().join("data");
        let range = recorded::write(&data, days, 7);
        Market { feed: format!("file:{}", data.display()), range, bench }
    }

    fn arguments<'a>(&'a self, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let feed = [command, "--feed", &self.feed, "--timerange", &self.range, "--symbols", "BTC/USDT"];
        [feed.as_slice(), &["--strategy", "ema_cross"], more].concat()
    }

    fn sweep(&self, more: &[&str]) -> String {
        let more = [RANGES.as_slice(), more].concat();
        self.bench.said(&self.arguments("sweep", &more))
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.bench.folder().join(name)).expect("the file was written")
    }
}

#[test]
fn killed_and_resumed_it_gives_the_same_table() {
    let market = Market::new(3);
    let whole = market.sweep(&["--table", "whole.csv", "--threads", "1", "--journal", "whole.journal"]);
    assert!(whole.contains("15 runs of"), "{whole}");
    let journal = market.bench.folder().join("killed.journal");
    let lines = || std::fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let more =
        [RANGES.as_slice(), &["--table", "killed.csv", "--threads", "2", "--journal", "killed.journal"]].concat();
    let mut kills = 0;
    for wanted in [3, 7, 11] {
        let mut running = market.bench.start(&[], &market.arguments("sweep", &more));
        until("some runs are written down", || (lines() > wanted || running.has_ended()).then_some(()));
        kills += usize::from(!running.has_ended());
        running.kill();
    }
    assert!(kills > 0, "it was never caught at work");
    let ended = market.sweep(&["--table", "killed.csv", "--threads", "2", "--journal", "killed.journal"]);
    assert!(ended.contains("were there from before"), "{ended}");
    assert_eq!(market.read("killed.csv"), market.read("whole.csv"));
    assert_eq!(lines(), 16, "no run was done twice, and none is missing");

    // Another definition is refused, and says what differs.
    let other = [RANGES.as_slice(), &["--journal", "killed.journal", "--set", "risk.leverage=2"]].concat();
    let refused = market.bench.run(&[], &market.arguments("sweep", &other));
    assert_eq!(refused.code, Some(78), "{}", refused.text);
    assert!(refused.text.contains("holds another sweep: its settings is") && refused.text.contains("--restart"));
}

#[test]
fn a_run_is_the_backtest_of_its_settings() {
    let market = Market::new(2);
    market.sweep(&["--json", "sweep.json"]);
    let sweep: Value = serde_json::from_str(&market.read("sweep.json")).expect("JSON");
    let ranked = sweep["ranked"].as_array().expect("a ranking");
    let refused: u64 = sweep["refused"].as_object().expect("reasons").values().filter_map(Value::as_u64).sum();
    assert_eq!((&sweep["runs"], ranked.len(), refused), (&Value::from(15), 13, 2), "{}", sweep["refused"]);
    let scores: Vec<f64> = ranked.iter().filter_map(|one| one["figures"]["sharpe"].as_f64()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && !scores.is_empty(), "{scores:?}");
    for one in [&ranked[0], &ranked[12]] {
        let value = |at: usize| one["values"][at].as_str().expect("a text").to_owned();
        let choice = format!("ema_cross:fast={},slow={},timeframe=5m", value(0), value(1));
        let feed = ["backtest", "--feed", &market.feed, "--timerange", &market.range, "--symbols", "BTC/USDT"];
        let arguments = [feed.as_slice(), &["--strategy", &choice, "--json", "one.json"]].concat();
        let ended = market.bench.run(&[("LTL__REGIME__UNKNOWN", "neutral")], &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        let report: Value = serde_json::from_str(&market.read("one.json")).expect("JSON");
        let figures = &one["figures"];
        assert_eq!(report["equity"], figures["equity"], "{choice}");
        assert_eq!(report["fees"], figures["fees"], "{choice}");
        for name in ["total_return", "sharpe", "sortino", "win_rate", "profit_factor", "sqn", "trades", "exposure"] {
            assert_eq!(report["statistics"][name], figures[name], "{choice}: {name}");
        }
    }
}

#[test]
fn samples_walks_and_pictures_are_made() {
    let market = Market::new(4);
    let more = ["--random", "6", "--walk-forward", "1d:1d", "--map", "map.svg", "--rank", "total_return"];
    let first =
        market.sweep(&[more.as_slice(), &["--table", "a.parquet", "--json", "a.json", "--threads", "1"]].concat());
    assert!(first.contains("6 runs of") && first.contains("Walk-forward"), "{first}");
    let again = [more.as_slice(), &["--json", "b.json", "--restart", "--threads", "2"]].concat();
    market.sweep(&again);
    assert_eq!(market.read("a.json"), market.read("b.json"), "the number of threads makes no difference");
    let report: Value = serde_json::from_str(&market.read("a.json")).expect("JSON");
    let windows = report["walk_forward"]["windows"].as_array().expect("windows");
    assert_eq!(windows.len(), 3);
    // The result of the walk is what the judged stretches multiply to.
    let growth: f64 =
        windows.iter().filter_map(|w| w["judged"]["total_return"].as_f64()).map(|one| 1.0 + one).product();
    let told = report["walk_forward"]["total_return"].as_f64().expect("a number");
    assert!((growth - 1.0 - told).abs() < 1e-12, "{growth} {told}");
    assert!(market.read("map.svg").starts_with("<svg") && first.contains("Ranked by total_return"));
    let bytes = std::fs::read(market.bench.folder().join("a.parquet")).expect("the table");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[test]
fn mistakes_name_the_setting_the_value_and_the_remedy() {
    let market = Market::new(1);
    for (more, code, says) in [
        (vec!["--set", "strategy.ema_cross.fsat=1..3"], 2, vec!["fsat=1..3", "did you mean `strategy.ema_cross.fast`"]),
        (vec!["--set", "strategy.ema_cross.fast=9..3"], 2, vec!["fast=9..3", "lesser value first"]),
        (vec!["--set", "strategy.ema_cross.fast=x,y"], 2, vec!["`x`", "whole number"]),
        (vec!["--set", "strategy.ema_cross=1,2"], 2, vec!["is a section"]),
        (vec!["--set", "strategy.ema_cross.fast=5"], 2, vec!["nothing varies"]),
        (vec!["--set", "strategy.ema_cross.slow=0,1"], 78, vec!["strategy.ema_cross.slow", "none of the runs"]),
        (
            vec!["--set", "strategy.ema_cross.fast=5,6", "--table", "a.txt"],
            2,
            vec!["--table a.txt", ".csv or .parquet"],
        ),
        (
            vec!["--set", "strategy.ema_cross.fast=5,6", "--walk-forward", "30d:7d"],
            2,
            vec!["30d:7d", "shorter stretches"],
        ),
        (vec![], 2, vec!["--set"]),
    ] {
        let ended = market.bench.run(&[], &market.arguments("sweep", &more));
        assert_eq!(ended.code, Some(code), "{more:?}: {}", ended.text);
        for part in says {
            assert!(ended.text.contains(part), "{more:?}: `{part}` is not in: {}", ended.text);
        }
    }
    // Pairs that do not fit are counted with their reason, and the others run.
    let said = market.bench.said(&market.arguments("sweep", &["--set", "strategy.ema_cross.fast=5,40"]));
    assert!(said.contains("1 of 2 runs could not be run") && said.contains("strategy.ema_cross"), "{said}");
}
