//! Trades and best prices as Binance publishes them.

use super::*;
use crate::protocol::Quote;
use crate::types::Side;

/// A minute's beginning.
const START: i64 = 1_727_740_800_000;
const TRADES: &str = "id,price,qty,quote_qty,time,is_buyer_maker\n";
const QUOTES: &str = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n";

fn trade(id: i64, at: i64, price: &str, sold: bool) -> String {
    format!("{id},{price},0.5,1,{},{sold}\n", START + at)
}

fn quote(id: i64, at: i64, bid: &str, ask: &str) -> String {
    format!("{id},{bid},2,{ask},3,{},{}\n", START + at, START + at + 5)
}

fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    folder
}

fn ticks(folder: &tempfile::TempDir, symbols: &[&str], range: &str) -> Result<Box<dyn Feed>, FeedError> {
    open_spec(&format!("ticks:{}", folder.path().display()), symbols, range, &Cache::off())
}

fn said(record: &FeedRecord) -> String {
    let at = record.at.as_millis() - START;
    match &record.event.data {
        MarketData::Quote(Quote { bid, bid_qty, ask, ask_qty }) => {
            format!("{at} quote {bid_qty}@{bid} {ask_qty}@{ask}")
        }
        MarketData::Trade(trade) => {
            let side = if trade.taker == Side::Buy { "bought" } else { "sold" };
            format!("{at} {side} {} {}@{}", trade.id.0, trade.qty, trade.price)
        }
        MarketData::Bar(bar) => {
            let opened = bar.open_time.as_millis() - START;
            format!("{at} bar {opened} {} {} {} {} {}", bar.open, bar.high, bar.low, bar.close, bar.volume)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn trades_and_best_prices_are_merged_and_bars_are_made_of_them() {
    let trades = [
        TRADES.to_owned(),
        trade(1, 10, "100", false),
        trade(2, 59_999, "101", true),
        trade(3, 60_000, "99", true),
        trade(4, 185_000, "98", false),
    ];
    let quotes = [QUOTES.to_owned(), quote(7, 10, "99.5", "100"), quote(8, 60_000, "99", "99.5")];
    let folder = folder(&[
        ("BTCUSDT-trades-2024-10-01.csv", trades.concat()),
        ("BTCUSDT-bookTicker-2024-10-01.csv", quotes.concat()),
        ("BTCUSDT_1m_2024.csv", "not looked at".into()),
    ]);
    let mut feed = ticks(&folder, &["BTC/USDT:USDT"], "").unwrap();
    assert_eq!(feed.shape(), FeedShape { quotes: true, trades: true, mark: false, depth: false });
    let (records, error) = all(&mut *feed);
    let records: Vec<String> = records.iter().map(said).collect();
    let expect = [
        "10 quote 2@99.5 3@100",
        "10 bought 1 0.5@100",
        "59999 sold 2 0.5@101",
        "60000 bar 0 100 101 100 101 1",
        "60000 quote 2@99 3@99.5",
        "60000 sold 3 0.5@99",
        "120000 bar 60000 99 99 99 99 0.5",
        "180000 bar 120000 99 99 99 99 0",
        "185000 bought 4 0.5@98",
        "240000 bar 180000 98 98 98 98 0.5",
    ];
    assert_eq!((records.iter().map(String::as_str).collect::<Vec<_>>(), error), (expect.to_vec(), None));

    // What lies before a range is its history, and its last bar closes with it.
    let mut part = ticks(&folder, &["BTC/USDT:USDT"], "1727740860-1727740980").unwrap();
    let until = Timestamp::from_millis(START + 60_000);
    let past = part.history(InstrumentId(0), Timeframe::M1, 5, until).unwrap();
    assert_eq!((past.len(), past[0].close), (1, Price::whole(101)));
    let (records, _) = all(&mut *part);
    assert_eq!(records.iter().map(said).collect::<Vec<_>>(), expect[6..8]);
}

#[test]
fn every_form_of_trades_gives_the_same_ticks_and_the_bars_that_are_read_of_it() {
    let lines = |line: &dyn Fn(i64, i64, &str, bool) -> String| -> String {
        let trades = [(1, 5_000, "100.5", true), (2, 59_999, "99", false), (7, 125_000, "101", true)];
        trades.iter().map(|(id, at, price, sold)| line(*id, START + at, price, *sold)).collect()
    };
    let capital = |sold: bool| if sold { "True" } else { "False" };
    let spot = lines(&|id, at, price, sold| format!("{id},{price},0.5,0,{at}000,{},True\n", capital(sold)));
    let futures = TRADES.to_owned() + &lines(&|id, at, price, sold| format!("{id},{price},0.5,0,{at},{sold}\n"));
    let aggregated = lines(&|id, at, price, sold| format!("{id},{price},0.5,{id},{id},{at},{sold},true\n"));
    let named = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n".to_owned()
        + &lines(&|id, at, price, sold| format!("{id},{price},0.5,{id},{id},{at},{sold}\n"));
    for text in [spot, futures, aggregated, named] {
        let folder = folder(&[("BTCUSDT-aggTrades-2024-10.csv", text.clone())]);
        let mut feed = ticks(&folder, &["BTC/USDT:USDT"], "").unwrap();
        assert!(!feed.shape().quotes);
        let (records, error) = all(&mut *feed);
        let mut bars = open(&folder.path().display().to_string(), &["BTC/USDT:USDT"], "").unwrap();
        let is_bar = |record: &&FeedRecord| matches!(record.event.data, MarketData::Bar(_));
        let made: Vec<FeedRecord> = records.iter().filter(is_bar).cloned().collect();
        assert_eq!((made, error), (take(&mut *bars, Timestamp::MAX), None), "{text}");
        let traded: Vec<String> = records.iter().filter(|record| !is_bar(record)).map(said).collect();
        assert_eq!(traded, ["5000 sold 1 0.5@100.5", "59999 bought 2 0.5@99", "125000 sold 7 0.5@101"], "{text}");
    }
}

#[test]
fn files_of_many_days_and_symbols_are_one_market() {
    let day = |first: i64, from: i64| {
        TRADES.to_owned() + &(0..5).map(|at| trade(first + at, from + at * 20_000, "100", false)).collect::<String>()
    };
    let folder = folder(&[
        ("BTCUSDT-trades-2024-10-01.csv", day(1, 0)),
        ("BTCUSDT-trades-2024-10-02.csv", day(6, 100_000)),
        ("ETHUSDT-trades-2024-10-01.csv", day(1, 7)),
    ]);
    let symbols = ["ETH/USDT:USDT", "BTC/USDT:USDT"];
    let (records, error) = all(&mut *ticks(&folder, &symbols, "").unwrap());
    let ids = |instrument: u16| -> Vec<u64> {
        let of = records.iter().filter(|record| record.event.instrument == InstrumentId(instrument));
        of.filter_map(|record| match &record.event.data {
            MarketData::Trade(trade) => Some(trade.id.0),
            _ => None,
        })
        .collect()
    };
    assert_eq!((ids(0), ids(1), error), ((1..=5).collect(), (1..=10).collect(), None));
    assert!(records.is_sorted_by_key(|record| record.at));
    let bars = |record: &&FeedRecord| matches!(record.event.data, MarketData::Bar(_));
    assert_eq!(records.iter().filter(bars).count(), 2 + 4);

    // The same days twice, as a month beside its days would be.
    fs::write(folder.path().join("BTCUSDT-trades-2024-10.csv"), day(1, 0)).unwrap();
    let (_, error) = all(&mut *ticks(&folder, &symbols, "").unwrap());
    let text = error.expect("files that overlap").to_string();
    assert!(text.contains("2024-10.csv line 2") && text.contains("one file of each kind"), "{text}");
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let (good, before) = (trade(2, 60_000, "99", true), trade(1, 0, "99", true));
    for (line, field, says) in [
        (good.replace("2,", "1,"), "id", "is not above the 1"),
        (good.replace("99", "0"), "price", "above zero"),
        (good.replace("0.5", "x"), "qty", "is not a decimal"),
        (good.replace("true", "maybe"), "is_buyer_maker", "neither true nor false"),
        (good.replace("1727740860000", "today"), "time", "is not a time"),
        (good.replace("1727740860000", "1727740798999"), "time", "more than a second before"),
    ] {
        let folder = folder(&[("BTCUSDT-trades-1.csv", format!("{TRADES}{before}{line}"))]);
        let (records, error) = all(&mut *ticks(&folder, &["BTC/USDT:USDT"], "").unwrap());
        let error = error.unwrap_or_else(|| panic!("{line}"));
        let FeedError::Malformed { line: 3, field: named, .. } = &error else { panic!("{line}: {error:?}") };
        assert!(*named == field && error.to_string().contains(says) && records.len() == 1, "{line}: {error}");
    }
    let quoted = |line: &str| {
        let quotes = format!("{QUOTES}{}{line}", quote(5, 0, "99", "100"));
        let files = [("BTCUSDT-trades-1.csv", TRADES.to_owned() + &good), ("BTCUSDT-bookTicker-1.csv", quotes)];
        all(&mut *ticks(&folder(&files), &["BTC/USDT:USDT"], "").unwrap()).1
    };
    let good = quote(6, 1, "99", "101");
    assert_eq!(quoted(&good), None);
    for (line, field, says) in [
        (good.replace("6,99", "5,99"), "update_id", "is not above the 5"),
        (good.replace("101", "99"), "best_ask_price", "not above the bid"),
        (good.replace(",99", ",-1"), "best_bid_price", "above zero"),
        (good.replace(",3,", ",-3,"), "best_ask_qty", "is negative"),
        (good.replace(",1727740800001,", ",,"), "transaction_time", "is not a time"),
        ("\n".to_owned() + &good, "line", "is empty"),
    ] {
        let error = quoted(&line).unwrap_or_else(|| panic!("{line}"));
        let FeedError::Malformed { line: 3, field: named, .. } = &error else { panic!("{line}: {error:?}") };
        assert!(*named == field && error.to_string().contains(says), "{line}: {error}");
    }
}

#[test]
fn a_path_without_ticks_is_explained() {
    let (trades, quotes) = (TRADES.to_owned() + &trade(1, 0, "1", true), QUOTES.to_owned() + &quote(1, 0, "1", "2"));
    let files = [
        ("BTCUSDT-trades-1.csv", trades.clone()),
        ("BTCUSDT-bookTicker-1.csv", quotes.clone()),
        ("ETHUSDT-bookTicker-1.csv", quotes.clone()),
        ("SOLUSDT-trades-1.csv", trades.clone()),
        ("XRPUSDT_1m.csv", "timestamp,open,high,low,close,volume\n60,1,2,0.5,1.5,10\n".to_owned()),
    ];
    let folder = folder(&files);
    let path = |name: &str| format!("ticks:{}/{name}", folder.path().display());
    let (btc, eth, sol, xrp) = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT");
    for (spec, symbols, says) in [
        (path(""), vec![eth], "there are no trades for ETH/USDT:USDT"),
        (path(""), vec![btc, sol], "there are best prices of other symbols, and none for SOL/USDT:USDT"),
        (path("ETHUSDT-bookTicker-1.csv"), vec![eth], "best prices alone"),
        (path("XRPUSDT_1m.csv"), vec![xrp], "--feed file:PATH"),
        (path("none"), vec![btc], "No such file"),
        (path("BTCUSDT-bookTicker-1.csv").replace("ticks:", "file:"), vec![btc], "--feed ticks:FOLDER"),
    ] {
        let error = open_spec(&spec, &symbols, "", &Cache::off()).err().unwrap_or_else(|| panic!("{spec}"));
        assert!(error.to_string().contains(says), "{spec}: {error}");
    }
    let mut alone = open_spec(&path("BTCUSDT-trades-1.csv"), &[btc], "", &Cache::off()).unwrap();
    assert!(matches!(all(&mut *alone), (records, None) if records.len() == 2));
    let range = open_spec(&path("BTCUSDT-trades-1.csv"), &[btc], "20241002-20241003", &Cache::off());
    assert!(matches!(range, Err(FeedError::NoData { .. })));
    assert_eq!(
        said(&take(&mut *open_spec(&path(""), &[btc], "", &Cache::off()).unwrap(), Timestamp::MAX)[0]),
        "0 quote 2@1 3@2"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn bars_are_those_that_are_read_of_the_trades(
        trades in prop::collection::vec((0_i64..90_000, 1_i64..300), 1..80),
        quotes in prop::collection::vec(0_i64..90_000, 0..80),
    ) {
        let (mut at, mut rows) = (0, TRADES.to_owned());
        for (id, (step, price)) in trades.into_iter().enumerate() {
            at += step;
            rows.push_str(&trade(id as i64, at, &price.to_string(), true));
        }
        let (mut at, mut touches) = (0, QUOTES.to_owned() + &quote(0, 0, "1", "2"));
        for (id, step) in quotes.into_iter().enumerate() {
            at += step;
            touches.push_str(&quote(id as i64 + 1, at, "1", "2"));
        }
        let folder = folder(&[("BTCUSDT-trades-1.csv", rows), ("BTCUSDT-bookTicker-1.csv", touches)]);
        let (records, error) = all(&mut *ticks(&folder, &["BTC/USDT:USDT"], "").unwrap());
        let made: Vec<FeedRecord> =
            records.into_iter().filter(|record| matches!(record.event.data, MarketData::Bar(_))).collect();
        let mut bars = open(&folder.path().display().to_string(), &["BTC/USDT:USDT"], "").unwrap();
        let read = take(&mut *bars, Timestamp::MAX);
        // Best prices that go on after the last trade close minutes without one.
        prop_assert_eq!((&made[..read.len()], error), (&read[..], None));
    }

    #[test]
    fn any_lines_are_ticks_or_refused(
        trades in prop::collection::vec("[0-9]{0,3},[0-9.]{0,4},[0-9]{0,3},0,17277408[0-9]{0,6},(true|false|x)", 0..8),
        quotes in prop::collection::vec("[0-9]{0,3},[0-9.]{0,3},[0-9]{0,2},[0-9.]{0,4},[0-9]{0,2},17277408[0-9]{0,6},1", 0..8),
    ) {
        let folder = folder(&[
            ("BTCUSDT-trades-1.csv", TRADES.to_owned() + &trade(0, 0, "1", true) + &trades.join("\n")),
            ("BTCUSDT-bookTicker-1.csv", QUOTES.to_owned() + &quote(0, 0, "1", "2") + &quotes.join("\n")),
        ]);
        if let Ok(mut feed) = ticks(&folder, &["BTC/USDT:USDT"], "") {
            let (records, _) = all(&mut *feed);
            prop_assert!(records.is_sorted_by_key(|record| record.at));
        }
    }
}
