use std::fs;

use super::*;
use crate::feed::{self, Feed, FeedRecord, Settings, TimeRange};
use crate::protocol::{Bar, MarketData};
use crate::types::{InstrumentId, Span, Symbol, Timeframe, Timestamp};

const THREE: [&str; 3] = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];

#[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
fn shared(path: &str) -> Option<String> {
    let beside = format!("{}/../shared", env!("CARGO_MANIFEST_DIR"));
    let root = std::env::var("LTL_SHARED_DIR").unwrap_or(beside);
    let path = format!("{root}/data/{path}");
    if !Path::new(&path).exists() {
        println!("skipped: no shared data");
        return None;
    }
    Some(path)
}

fn open(path: &str, symbols: &[&str], range: &str) -> Result<Box<dyn Feed>, FeedError> {
    let symbols: Vec<Symbol> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
    let range = (!range.is_empty()).then(|| range.parse::<TimeRange>().unwrap());
    feed::open(&Settings::default(), &format!("file:{path}"), &symbols, range, 1)
}

fn take(feed: &mut dyn Feed, count: usize) -> Vec<FeedRecord> {
    (0..count).map_while(|_| feed.next()).map(|record| record.unwrap()).collect()
}

fn said(record: &FeedRecord) -> Bar {
    match record.event.data {
        MarketData::Bar(bar) => bar,
        _ => panic!("a feed of bars says bars"),
    }
}

#[test]
fn the_quarter_is_read_whole_in_order_and_with_history() {
    let Some(path) = shared("ohlcv-1m-binance-spot") else { return };
    let mut feed = open(&path, &THREE, "20241001-20241105").unwrap();
    assert_eq!(feed.start_at().to_string(), "2024-10-01T03:00:00.000Z");
    let records = take(&mut *feed, 200_000);
    assert_eq!(records.len(), 150_000);
    assert!(records.is_sorted_by_key(|record| (record.at, record.event.instrument)));
    assert!(records.iter().all(|record| record.at == said(record).open_time + Span::MINUTE));
    let first = said(&records[0]);
    assert_eq!((first.open.to_string(), first.volume.to_string()), ("63443.76".into(), "14.63212".into()));

    // What lies before is of another season, half a year of nothing away: it is no history of this one.
    assert_eq!(feed.history(InstrumentId(0), Timeframe::H4, 800, feed.start_at()), Ok(Vec::new()));
    // Nor are the four-hour bars of autumn the beginning of the next March, though the window reaches that far back.
    let mut march = open(&path, &THREE, "20250301-20250302").unwrap();
    assert_eq!(march.history(InstrumentId(0), Timeframe::H4, 800, march.start_at()), Ok(Vec::new()));
    let noon = Timestamp::from_secs(1_727_784_000);
    let hours = feed.history(InstrumentId(2), Timeframe::H1, 800, noon + Span::mins(59)).unwrap();
    assert_eq!(hours.len(), 9);
    assert_eq!(hours[8].open_time + Span::HOUR, noon);
    let missing = feed.backfill(InstrumentId(1), noon, noon + Span::mins(3)).unwrap();
    let expect: Vec<Bar> = records
        .iter()
        .filter(|record| record.event.instrument == InstrumentId(1))
        .map(said)
        .filter(|bar| bar.open_time >= noon)
        .take(3)
        .collect();
    assert_eq!(missing, expect);

    for at in [noon, noon + Span::secs(59), feed.start_at(), Timestamp::EPOCH, Timestamp::MAX] {
        feed.seek(at).unwrap();
        let rest: Vec<&FeedRecord> = records.iter().filter(|record| record.at > at).collect();
        assert_eq!(take(&mut *feed, 200_000).iter().collect::<Vec<_>>(), rest);
    }
}

#[test]
fn history_comes_from_before_the_range() {
    let Some(path) = shared("ohlcv-1m-binance-spot") else { return };
    let mut feed = open(&path, &["BTC/USDT:USDT"], "20241015-20241016").unwrap();
    assert_eq!(feed.start_at().to_string(), "2024-10-15T00:00:00.000Z");
    let hours = feed.history(InstrumentId(0), Timeframe::H4, 30, feed.start_at()).unwrap();
    assert_eq!((hours.len(), hours[29].open_time.to_string()), (30, "2024-10-14T20:00:00.000Z".into()));
    assert_eq!(take(&mut *feed, 2_000).len(), 1_440);
    assert_eq!(feed.next_at(), None);
}

#[test]
fn holes_of_over_an_hour_need_a_range() {
    let Some(path) = shared("ohlcv-1m-binance-spot") else { return };
    let text = open(&path, &["ETH/USDT:USDT"], "").err().unwrap().to_string();
    for part in
        ["--timerange 2", "2021-08-09T03:00:00.000Z", "ETH/USDT:USDT from 2025-03-01T03:00:00.000Z to 2025-04-01T03:00"]
    {
        assert!(text.contains(part), "{text}");
    }
    let empty = open(&path, &THREE, "20220101-20220201").err().unwrap().to_string();
    assert!(empty.contains("no bars in the range for BTC/USDT:USDT") && empty.contains("2024-02-12"), "{empty}");
    let single = open(&format!("{path}/SOLUSDT_1m_marzo_2025.csv.gz"), &["SOL/USDT:USDT"], "").unwrap();
    assert_eq!(single.start_at().to_string(), "2025-03-01T03:00:00.000Z");
}

/// 208 and 241 bars of an independent source equal ours where both have them.
#[test]
fn built_four_hour_bars_equal_an_independent_source() {
    let (Some(minutes), Some(hours)) = (shared("ohlcv-1m-binance-spot"), shared("ohlcv-4h-binance-spot")) else {
        return;
    };
    for (base, range, expect) in
        [("BTC", "20240212-20240318", 208), ("SOL", "20240113-20240217", 208), ("SOL", "20231201-20240105", 33)]
    {
        let symbol = format!("{base}/USDT:USDT");
        let mut feed = open(&minutes, &[&symbol], range).unwrap();
        let end = take(&mut *feed, 100_000).last().expect("bars").at;
        let built = feed.history(InstrumentId(0), Timeframe::H4, 10_000, end).unwrap();
        let text = fs::read_to_string(format!("{hours}/{base}USDT_4h.csv")).unwrap();
        let mut equal = 0;
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let open_time = Timestamp::from_secs(cells[0].parse().unwrap());
            let Some(bar) = built.iter().find(|bar| bar.open_time == open_time) else { continue };
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_f64());
            let theirs: Vec<f64> = cells[1..5].iter().map(|cell| cell.parse().unwrap()).collect();
            assert_eq!(prices.to_vec(), theirs, "{base} {open_time}");
            equal += 1;
        }
        assert_eq!(equal, expect, "{base}");
    }
}

#[test]
fn a_folder_is_understood_by_its_names_or_explained() {
    const MINUTES: &str = "date,open,high,low,close,volume\n1727751600000,1,2,0.5,1.5,10\n1727751660000,1.5,2,1,1,3\n";
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let path = root.display().to_string();
    let fails = |symbols: &[&str]| open(&path, symbols, "").err().unwrap().to_string();

    let text = fails(&["BTC/USDT:USDT"]);
    assert!(text.contains("no file is named after it") && text.contains("BTC_USDT_USDT-1m-futures.feather"), "{text}");

    write("BTC_USDT_USDT-5m-futures.csv", MINUTES);
    write("BTC_USDT_USDT-1m-mark.csv", MINUTES);
    let text = fails(&["BTC/USDT:USDT"]);
    assert!(text.contains("no 1m bars") && text.contains("BTC_USDT_USDT-5m-futures.csv"), "{text}");

    write("BTC_USDT_USDT-1m-futures.feather", "ARROW1");
    let text = fails(&["BTC/USDT:USDT"]);
    assert!(text.contains("BTC_USDT_USDT-1m-futures.feather: it is not a whole feather file"), "{text}");
    fs::remove_file(root.join("BTC_USDT_USDT-1m-futures.feather")).unwrap();

    write("futures/BTC_USDT_USDT-1m-futures.csv", MINUTES);
    let mut feed = open(&path, &["BTC/USDT:USDT"], "").unwrap();
    let at: Vec<i64> = take(&mut *feed, 9).iter().map(|record| record.at.as_secs()).collect();
    assert_eq!((at, feed.start_at().as_secs()), (vec![1_727_751_660, 1_727_751_720], 1_727_751_600));
    let identity = feed.identity();

    // A second file may continue or repeat the first, but not contradict it; and it is another feed.
    write(
        "BTCUSDT_1m_more.csv",
        "timestamp,open,high,low,close,volume\n1727751660,1.5,2,1,1,3\n1727751720,1,1,1,1,0\n",
    );
    let mut feed = open(&path, &["BTC/USDT:USDT"], "").unwrap();
    assert_eq!(take(&mut *feed, 9).len(), 3);
    assert_ne!(feed.identity(), identity);
    write("BTCUSDT_1m_more.csv", "timestamp,open,high,low,close,volume\n1727751660,1.5,2,1,1,4\n");
    let text = fails(&["BTC/USDT:USDT"]);
    assert!(
        text.contains("BTCUSDT_1m_more.csv") && text.contains("1m-futures.csv") && text.contains("03:01:00"),
        "{text}"
    );

    let text = fails(&["BTC/USDT:USDT", "ETH/USDT:USDT"]);
    assert!(text.contains("ETH/USDT:USDT") && text.contains("leave the symbol out"), "{text}");
    write("btcusdt_20240808.gz", "");
    assert!(fails(&["BTC/USDT:USDT"]).contains("both bars and raw recordings"));
}

#[test]
fn a_single_file_belongs_to_the_symbol_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        fs::write(&path, "timestamp,open,high,low,close,volume\n60,1,2,0.5,1.5,10\n").unwrap();
        path.display().to_string()
    };
    assert!(open(&file("ETHUSDT_1m.csv"), &["ETH/USDT:USDT"], "").is_ok());
    assert!(open(&file("mine.csv"), &["ETH/USDT:USDT"], "").is_ok());
    let two = open(&file("ETHUSDT_1m.csv"), &["ETH/USDT:USDT", "BTC/USDT:USDT"], "").err().unwrap().to_string();
    assert!(two.contains("BTC/USDT:USDT"), "{two}");
    let other = open(&file("SOLUSDT_1m.csv"), &["ETH/USDT:USDT"], "").err().unwrap().to_string();
    assert!(other.contains("the file's name says another symbol"), "{other}");
    let none = open("/nowhere/at.csv", &["ETH/USDT:USDT"], "").err().unwrap().to_string();
    assert!(none.contains("/nowhere/at.csv") && none.contains("check that it exists"), "{none}");
    let parquet = open(&file("a.parquet"), &["ETH/USDT:USDT"], "").err().unwrap().to_string();
    assert!(parquet.contains("it is not a whole parquet file"), "{parquet}");
}

/// Files that pandas wrote with pyarrow, as freqtrade has them written; `tests/conformance/columns.py --keep` makes them.
#[test]
fn every_file_that_pandas_writes_holds_the_same_bars() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/columns");
    let expect = rows::read(&folder.join("bars.csv"), 0).unwrap();
    assert_eq!(expect.len(), 200);
    let files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 11);
    for file in files {
        assert_eq!(rows::read(&file, 0).unwrap(), expect, "{}", file.display());
    }
}

#[test]
fn a_bad_row_of_a_file_by_columns_is_named() {
    use crate::columns::{Column, Format, write};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("BTC_USDT_USDT-1m-futures.feather");
    let minutes = [0, 60_000, 120_000];
    for (instants, close, volume, row, field, says) in [
        (minutes, [1.5, 1.5, f64::NAN], 1.0, 3, "close", "is not a number"),
        (minutes, [1.5, 9.0, 1.5], 1.0, 2, "high", "below the bar's open or close"),
        (minutes, [1.5, 1.5, 1.123_456_789], 1.0, 3, "close", "eight decimal places"),
        (minutes, [1.5, -1.5, 1.5], 1.0, 2, "close", "above zero"),
        (minutes, [1.5; 3], -1.0, 1, "volume", "is negative"),
        ([0, 60_000, 60_000], [1.5; 3], 1.0, 3, "date", "minute of the line before"),
        ([0, 60_000, 60_001], [1.5; 3], 1.0, 3, "date", "start of a minute"),
        ([-60_000, 0, 60_000], [1.5; 3], 1.0, 1, "date", "since 1970"),
    ] {
        let number = |value: f64| Column::Numbers(vec![value; 3]);
        let table = [
            ("date", Column::Instants(instants.to_vec())),
            ("open", number(1.0)),
            ("high", number(2.0)),
            ("low", number(0.2)),
            ("close", Column::Numbers(close.to_vec())),
            ("volume", number(volume)),
        ];
        write(&path, Format::Feather, &table.map(|(name, column)| (name.to_owned(), column)).to_vec()).unwrap();
        let error = rows::read(&path, 0).expect_err(says);
        let FeedError::Malformed { line, field: named, .. } = &error else { panic!("{says}: {error:?}") };
        assert_eq!((*line, *named), (row, field), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}
