//! `data` with the shipped binary: what is wrong is listed, and what was converted trades the same.

use serde_json::Value;

use crate::bench::Bench;
use crate::support::recorded;

fn backtest(bench: &Bench, feed: &str, range: &str, home: &str) -> (Value, String) {
    let strategy = "ema_cross:fast=5,slow=20,timeframe=5m";
    let arguments = ["backtest", "--feed", feed, "--timerange", range, "--strategy", strategy, "--json", "report.json"];
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
    let feed = format!("file:{source}");
    let (expect, _) = backtest(&bench, &feed, &range, &cache);
    assert!(!expect["trades"].as_array().expect("trades").is_empty());
    let kept = bench.folder().join("cache/live_trading_launcher/bars");
    let files =
        || std::fs::read_dir(&kept).expect("the cache").map(|one| one.expect("a file").path()).collect::<Vec<_>>();
    assert_eq!(files().len(), 3);
    assert_eq!(backtest(&bench, &feed, &range, &cache).0, expect, "from the cache");
    std::fs::write(&files()[0], "nonsense").expect("the cache can be damaged");
    let (again, said) = backtest(&bench, &feed, &range, &cache);
    assert_eq!(again, expect, "with a damaged cache");
    assert!(said.contains("warning: ") && said.contains("it is damaged"), "{said}");
    for format in ["feather", "parquet", "csv"] {
        let to = bench.folder().join(format).display().to_string();
        let said = bench.said(&["data", "convert", &source, "--to", &to, "--format", format]);
        assert!(said.contains("BTCUSDT") && said.contains(&format!("-1m-futures.{format}")), "{said}");
        assert_eq!(backtest(&bench, &format!("file:{to}"), &range, &cache).0, expect, "{format}");
        assert_eq!(bench.run(&[], &["data", "check", &to]).code, Some(0));
    }
}

/// Ten hours of a market that rises and falls, a best price a second and a trade every other, as Binance publishes them.
fn write_ticks(folder: &std::path::Path) {
    let mut quotes =
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n".to_owned();
    let mut trades = "id,price,qty,quote_qty,time,is_buyer_maker\n".to_owned();
    for second in 0..36_000_i64 {
        let slope = (second % 5_000 - 2_500).abs() - 1_250;
        let bid = 600_000 + slope * 6 + second * 7_919 % 13;
        let price = |ticks: i64| format!("{}.{}", ticks / 10, ticks % 10);
        let at = 1_727_740_800_000 + second * 1_000;
        quotes += &format!("{second},{},5.5,{},4.25,{at},{}\n", price(bid), price(bid + 1), at + 3);
        if second % 2 == 0 {
            let (traded, sold) = (price(bid + second / 2 % 2), second % 4 == 0);
            trades += &format!("{second},{traded},0.0{},0,{},{sold}\n", second % 9 + 1, at + 5);
        }
    }
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("BTCUSDT-bookTicker-2024-10-01.csv"), quotes).expect("a file");
    std::fs::write(folder.join("BTCUSDT-trades-2024-10-01.csv"), trades).expect("a file");
}

#[test]
fn ticks_trade_the_same_from_their_files_and_from_the_cache() {
    let bench = Bench::new();
    let source = bench.folder().join("ticks");
    write_ticks(&source);
    let (feed, range) = (format!("ticks:{}", source.display()), "20241001-20241002");
    let cache = bench.folder().join("cache").display().to_string();
    let with = |arguments: &[&str]| {
        let all = [&["backtest", "--feed", &feed, "--symbols", "BTC/USDT", "--timerange", range], arguments].concat();
        let regime = ("LTL__REGIME__UNKNOWN", "neutral");
        let ended = bench.run(&[("XDG_CACHE_HOME", &cache), regime], &all);
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        let text = std::fs::read_to_string(bench.folder().join("report.json")).expect("a report");
        let report: Value = serde_json::from_str(&text).expect("JSON");
        (report["trades"].clone(), report["equity"].clone(), report["performance"]["records"].clone(), ended.text)
    };
    let strategy = ["--strategy", "ema_cross:fast=5,slow=20,atr_period=8,timeframe=5m", "--json", "report.json"];
    let plain = with(&[&strategy[..], &["--no-cache", "--no-checks"]].concat());
    assert!(plain.0.as_array().expect("trades").len() > 1, "{}", plain.3);
    // Best prices, of which the first comes before the range, trades, and a bar for each of ten hours' minutes.
    assert_eq!(plain.2, 35_999 + 18_000 + 600);
    let kept = bench.folder().join("cache/live_trading_launcher/ticks");
    assert!(!kept.exists());
    let same = |run: &str, (trades, equity, records, said): (Value, Value, Value, String)| {
        assert_eq!((&trades, &equity, &records), (&plain.0, &plain.1, &plain.2), "{run}: {said}");
        said
    };
    same("the first run", with(&strategy));
    let files: Vec<_> = std::fs::read_dir(&kept).expect("the cache").map(|one| one.expect("a file").path()).collect();
    assert_eq!(files.len(), 2);
    same("the second run", with(&strategy));
    for file in &files {
        let mut bytes = std::fs::read(file).expect("the cache");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).expect("the cache can be damaged");
    }
    let said = same("with a damaged cache", with(&strategy));
    assert!(said.contains("warning: ") && said.contains("it is damaged"), "{said}");
    assert!(!same("after it", with(&strategy)).contains("warning: "));

    let checked = bench.said(&["data", "check", &source.display().to_string()]);
    assert!(checked.contains("36000 quotes") && checked.contains("600") && !checked.contains("gap"), "{checked}");
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
    let quotes = bench.file(
        "BTCUSDT-bookTicker-2024-03-30.csv",
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n\
         7,99,1,100,1,1727740800000,1727740800001\n\
         6,99,1,100,1,1727740800001,1727740800001\n\
         8,100,1,100,1,1727740800002,1727740800003\n\
         9,99,1,100,1,1727740790000,1727740800003\n",
    );
    let table = bench.run(&[], &["data", "check", &quotes]);
    let parts = ["1 quotes", "3 bad value", "is not above the 7", "is not above the bid", "more than a second before"];
    for part in parts {
        assert!(table.text.contains(part), "{part}: {}", table.text);
    }
    let refused = bench.run(&[], &["data", "convert", &path, "--to", "out.feather"]);
    assert_eq!(refused.code, Some(78), "{}", refused.text);
    assert!(refused.text.contains("line 3") && refused.text.contains("data check"), "{}", refused.text);
    assert!(!bench.folder().join("out.feather").exists());
    let refused = bench.run(&[], &["data", "convert", &good, "--to", "out.xlsx"]);
    assert_eq!((refused.code, refused.text.contains(".feather, .parquet or .csv")), (Some(2), true));
}
