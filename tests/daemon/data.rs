//! `data` with the shipped binary: what is wrong is listed, and what was converted trades the same.

use serde_json::Value;

use crate::bench::Bench;
use crate::support::recorded;

fn backtest(bench: &Bench, feed: &str, range: &str, home: &str) -> (Value, String) {
    let feed = format!("file:{feed}");
    let strategy = "ema_cross:fast=5,slow=20,timeframe=5m";
    let arguments =
        ["backtest", "--feed", &feed, "--timerange", range, "--strategy", strategy, "--json", "report.json"];
    let ended = bench.run(&[("XDG_CACHE_HOME", home), ("LTL__REGIME__UNKNOWN", "neutral")], &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let text = std::fs::read_to_string(bench.folder().join("report.json")).expect("a report");
    let mut report: Value = serde_json::from_str(&text).expect("JSON");
    // Where it came from, and how fast it went, differ.
    for key in ["feed", "performance", "events", "events_per_second", "load_seconds", "run_seconds", "peak_rss_bytes"] {
        report.as_object_mut().expect("an object").remove(key);
    }
    (report, ended.text)
}

#[test]
fn every_form_trades_the_same_and_the_cache_changes_nothing() {
    let bench = Bench::new();
    let source = bench.folder().join("source");
    let range = recorded::write(&source, 2, 3);
    let (source, cache) = (source.display().to_string(), bench.folder().join("cache").display().to_string());
    let (expect, _) = backtest(&bench, &source, &range, &cache);
    assert!(!expect["trades"].as_array().expect("trades").is_empty());
    let kept = bench.folder().join("cache/live_trading_launcher/bars");
    let files =
        || std::fs::read_dir(&kept).expect("the cache").map(|one| one.expect("a file").path()).collect::<Vec<_>>();
    assert_eq!(files().len(), 3);
    assert_eq!(backtest(&bench, &source, &range, &cache).0, expect, "from the cache");
    std::fs::write(&files()[0], "nonsense").expect("the cache can be damaged");
    let (again, said) = backtest(&bench, &source, &range, &cache);
    assert_eq!(again, expect, "with a damaged cache");
    assert!(said.contains("warning: ") && said.contains("it is damaged"), "{said}");
    for format in ["feather", "parquet", "csv"] {
        let to = bench.folder().join(format).display().to_string();
        let said = bench.said(&["data", "convert", &source, "--to", &to, "--format", format]);
        assert!(said.contains("BTCUSDT") && said.contains(&format!("-1m-futures.{format}")), "{said}");
        assert_eq!(backtest(&bench, &to, &range, &cache).0, expect, "{format}");
        assert_eq!(bench.run(&[], &["data", "check", &to]).code, Some(0));
    }
}

#[test]
fn everything_that_is_wrong_is_listed() {
    let bench = Bench::new();
    let path = bench.file(
        "BTCUSDT_1m.csv",
        "timestamp,open,high,low,close,volume\n\
         2024-10-01 03:00:00,1,2,0.5,1.5,10\n\
         2024-10-01 03:00:00,1,2,0.5,1.5,10\n\
         2024-10-01 02:59:00,1,2,0.5,1.5,10\n\
         2024-10-01 03:01:00,1,x,0.5,1.5,10\n\
         2024-10-01 03:05:00,1,2,0.5,1.5,10\n",
    );
    let ended = bench.run(&[], &["data", "check", &path, "--json"]);
    assert_eq!(ended.code, Some(78), "{}", ended.text);
    let found: Value = serde_json::from_str(&ended.text).expect("JSON");
    let faults: Vec<(u64, &str)> = found[0]["faults"]
        .as_array()
        .expect("faults")
        .iter()
        .map(|fault| (fault["line"].as_u64().expect("a line"), fault["kind"].as_str().expect("a kind")))
        .collect();
    assert_eq!(faults, [(3, "duplicate"), (4, "disorder"), (5, "bad_value"), (6, "gap")]);
    let table = bench.run(&[], &["data", "check", &path]);
    for part in ["1 duplicate", "1 gap", "4 bars are missing", "sort the file by time"] {
        assert!(table.text.contains(part), "{part}: {}", table.text);
    }
    let good = bench.file("ETHUSDT_1m.csv", "timestamp,open,high,low,close,volume\n60,1,2,0.5,1.5,10\n");
    assert!(bench.said(&["data", "check", &good]).contains("nothing"));
    let refused = bench.run(&[], &["data", "convert", &path, "--to", "out.feather"]);
    assert_eq!(refused.code, Some(78), "{}", refused.text);
    assert!(refused.text.contains("line 3") && refused.text.contains("data check"), "{}", refused.text);
    assert!(!bench.folder().join("out.feather").exists());
    let refused = bench.run(&[], &["data", "convert", &good, "--to", "out.xlsx"]);
    assert_eq!((refused.code, refused.text.contains(".feather, .parquet or .csv")), (Some(2), true));
}
