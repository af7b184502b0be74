use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::super::rows::read;
use super::*;

fn read_text(text: &str) -> Result<Vec<Row>, FeedError> {
    read_bytes(text.as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Result<Vec<Row>, FeedError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("BTCUSDT_1m.csv");
    std::fs::write(&path, bytes).unwrap();
    read(&path, 0)
}

fn zipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_way_to_write_the_time_is_read() {
    let minute = 28_795_860; // 2024-10-01 03:00
    for (column, times) in [
        ("timestamp", ["2024-10-01 03:00:00", "2024-10-01 03:01:00"]),
        ("date", ["2024-10-01 03:00:00+00:00", "2024-10-01 03:01:00+00:00"]),
        ("date", ["2024-10-01T03:00:00.000Z", "2024-10-01T03:01:00Z"]),
        ("timestamp", ["2024-10-01 03:00", "2024-10-01 03:01"]),
        ("date", ["1727751600000", "1727751660000"]),
        ("open_time", ["1727751600000000", "1727751660000000"]),
        ("Timestamp", ["1727751600", "1727751660"]),
        ("open_time_s", ["1727751600", "1727751660"]),
        ("open_time_ms", ["1727751600000", "1727751660000"]),
    ] {
        let [one, two] = times;
        let text = format!("{column},open,high,low,close,volume\n{one},1,2,0.5,1.5,10\n{two},1.5,1.5,1.5,1.5,0\n");
        let rows = read_text(&text).unwrap();
        assert_eq!(rows.iter().map(|row| row.minute).collect::<Vec<_>>(), [minute, minute + 1], "{column} {one}");
        let bar = rows[0].bar();
        assert_eq!(bar.open_time.to_string(), "2024-10-01T03:00:00.000Z");
        let shown = [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_string());
        assert_eq!((shown.join(" "), bar.volume.to_string()), ("1 2 0.5 1.5".into(), "10".into()));
        assert_eq!(read_bytes(&zipped(text.as_bytes())).unwrap(), rows);
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(read_text(&windows).unwrap(), rows);
    }
}

#[test]
fn columns_are_found_by_name_and_numbers_are_exact() {
    let text =
        "id,volume,close,low,high,open,open_time,trades\n7,14.632120000000001,0.00001234,0.00001,0.1,0.01,60,9\n\n";
    let bar = read_text(text).unwrap()[0].bar();
    assert_eq!(bar.close.to_string(), "0.00001234");
    assert_eq!(bar.volume.to_string(), "14.63212");
}

const HEADER: &str = "timestamp,open,high,low,close,volume\n";

#[test]
fn a_malformed_line_is_named_with_its_field_and_the_remedy() {
    let good = "2024-10-01 03:00:00,1,2,0.5,1.5,10\n";
    for (line, field, says) in [
        ("yesterday,1,2,0.5,1.5,10", "timestamp", "is not a time"),
        ("2024-02-30 03:00:00,1,2,0.5,1.5,10", "timestamp", "is not a time"),
        ("2024-10-01 25:00:00,1,2,0.5,1.5,10", "timestamp", "is not a time"),
        ("2024-10-01 03:01:00+02:00,1,2,0.5,1.5,10", "timestamp", "is not a time"),
        ("2024-10-01 03:01:30,1,2,0.5,1.5,10", "timestamp", "start of a minute"),
        ("2024-10-01 03:00:00,1,2,0.5,1.5,10", "timestamp", "keep one line per minute"),
        ("2024-10-01 02:59:00,1,2,0.5,1.5,10", "timestamp", "sort the file by time"),
        ("2024-10-01 03:01:00,x,2,0.5,1.5,10", "open", "is not a decimal number"),
        ("2024-10-01 03:01:00,1e3,2,0.5,1.5,10", "open", "is not a decimal number"),
        ("2024-10-01 03:01:00,1,nan,0.5,1.5,10", "high", "is not a decimal number"),
        ("2024-10-01 03:01:00,1,1.4,0.5,1.5,10", "high", "below the bar's open or close"),
        ("2024-10-01 03:01:00,1,2,1.2,1.5,10", "low", "above the bar's open or close"),
        ("2024-10-01 03:01:00,1,2,0,1.5,10", "low", "above zero"),
        ("2024-10-01 03:01:00,1,2,0.5,-1.5,10", "close", "above zero"),
        ("2024-10-01 03:01:00,1,2,0.5,1.123456789,10", "close", "eight decimal places"),
        ("2024-10-01 03:01:00,99999999999999999999,2,0.5,1.5,10", "open", "too large"),
        ("2024-10-01 03:01:00,1,2,0.5,1.5", "volume", "is not a number"),
        ("2024-10-01 03:01:00,1,2,0.5,1.5,-1", "volume", "is negative"),
        ("\n2024-10-01 03:01:00,1,2,0.5,1.5,1", "line", "is empty"),
    ] {
        let error = read_text(&format!("{HEADER}{good}{line}\n")).expect_err(line);
        let FeedError::Malformed { line: 3, field: named, .. } = &error else { panic!("{line}: {error:?}") };
        assert_eq!(*named, field, "{line}");
        let text = error.to_string();
        assert!(text.contains("BTCUSDT_1m.csv line 3") && text.contains(says), "{line}: {text}");
    }
    for (text, says) in [
        ("", "empty file"),
        ("a,b,c\n", "no column for the time"),
        ("timestamp,open,high,low,volume\n", "no column close"),
    ] {
        let error = read_text(text).expect_err(text).to_string();
        assert!(error.contains("line 1, field `header`") && error.contains(says), "{error}");
    }
}

#[test]
fn longer_bars_are_not_taken_for_minutes() {
    let text = format!("{HEADER}2024-10-01 03:00,1,2,0.5,1.5,10\n2024-10-01 07:00,1,2,0.5,1.5,10\n");
    let error = read_text(&text).expect_err("4h bars").to_string();
    assert!(error.contains("give 1m bars"), "{error}");
}

#[test]
fn an_archive_that_unpacks_to_one_endless_line_is_refused() {
    let error = read_bytes(&zipped(&vec![b'7'; 8 << 20])).expect_err("a bomb").to_string();
    assert!(error.contains("4096 bytes in line 1"), "{error}");
    let whole = zipped(format!("{HEADER}2024-10-01 03:00:00,1,2,0.5,1.5,10\n").as_bytes());
    let error = read_bytes(&whole[..whole.len() - 9]).expect_err("cut short").to_string();
    assert!(error.contains("BTCUSDT_1m.csv") && error.contains("is complete"), "{error}");
}

/// Lines as they are published: bars with and without names, in milliseconds and, since 2025, microseconds.
#[test]
fn bars_that_binance_publishes_are_read() {
    let names = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                 taker_buy_quote_volume,ignore\n";
    let milliseconds = "1727740800000,63309.00,63333.10,63308.90,63333.00,68.352,1727740859999,4328187.30390,1510,\
                        45.170,2860332.77460,0\n";
    let microseconds = "1727740800000000,63309.00,63333.10,63308.90,63333.00,68.352,1727740859999999,4328187.30390,\
                        1510,45.170,2860332.77460,0\n";
    let expect = Row {
        minute: 28_795_680,
        file: 0,
        open: 6_330_900_000_000,
        high: 6_333_310_000_000,
        low: 6_330_890_000_000,
        close: 6_333_300_000_000,
        volume: 6_835_200_000,
    };
    for text in [milliseconds.to_owned(), microseconds.to_owned(), format!("{names}{milliseconds}")] {
        assert_eq!(read_text(&text).unwrap(), [expect], "{text}");
    }
    let error = read_text("1727740800000,1,2,3\n").expect_err("four columns").to_string();
    assert!(error.contains("4 columns are not the 12") && error.contains("a line of names"), "{error}");
    let error = read_bytes(b"PK\x03\x04zip").expect_err("an archive").to_string();
    assert!(error.contains("a zip archive") && error.contains("unpack it"), "{error}");
}

/// Trades in the four ways in which they are published give the same bars.
#[test]
fn bars_are_made_of_trades() {
    // Two trades in a minute, none in the next, one in the third.
    let trades = [(1, "100.5", "2", 5_000), (2, "99", "0.5", 59_999), (7, "101", "1", 125_000)];
    let start = 1_727_740_800_000_i64;
    let lines = |line: &dyn Fn(i64, &str, &str, i64) -> String| -> String {
        trades.iter().map(|(id, price, qty, at)| line(*id, price, qty, start + at)).collect()
    };
    let spot = lines(&|id, price, qty, at| format!("{id},{price},{qty},0,{at}000,True,True\n"));
    let futures = "id,price,qty,quote_qty,time,is_buyer_maker\n".to_owned()
        + &lines(&|id, price, qty, at| format!("{id},{price},{qty},0,{at},true\n"));
    let aggregated = lines(&|id, price, qty, at| format!("{id},{price},{qty},{id},{id},{at},false,true\n"));
    let named = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n".to_owned()
        + &lines(&|id, price, qty, at| format!("{id},{price},{qty},{id},{id},{at},false\n"));
    for text in [spot, futures, aggregated, named] {
        let bars: Vec<String> = read_text(&text)
            .unwrap()
            .iter()
            .map(|row| row.bar())
            .map(|b| {
                format!("{} {} {} {} {} {}", b.open_time.as_secs() % 3_600, b.open, b.high, b.low, b.close, b.volume)
            })
            .collect();
        assert_eq!(bars, ["0 100.5 100.5 99 99 2.5", "60 99 99 99 99 0", "120 101 101 101 101 1"], "{text}");
    }
    for (line, field, says) in [
        ("2,99,1,0,1727740800001,true", "id", "is not above the 2"),
        ("3,0,1,0,1727740860000,true", "price", "above zero"),
        ("3,99,x,0,1727740860000,true", "qty", "is not a decimal"),
        ("3,99,1,0,1727740740000,true", "time", "before the minute"),
        ("3,99,1,0,today,true", "time", "is not a time"),
    ] {
        let error = read_text(&format!("1,99,1,0,1727740800000,true\n2,99,1,0,1727740800000,true\n{line}\n"));
        let error = error.expect_err(line);
        let FeedError::Malformed { line: 3, field: named, .. } = &error else { panic!("{line}: {error:?}") };
        assert!(*named == field && error.to_string().contains(says), "{line}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_bytes_give_ok_or_err(head in prop::bool::ANY, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut file = if head { HEADER.as_bytes().to_vec() } else { Vec::new() };
        file.extend(&bytes);
        let _ = read_bytes(&file);
        let _ = read_bytes(&zipped(&file));
    }

    #[test]
    fn any_trades_give_ok_or_err(lines in prop::collection::vec("[0-9]{0,3},[0-9.]{0,4},[0-9]{0,3},0,17277408[0-9]{0,6},(true|false)", 0..6)) {
        let _ = read_text(&format!("1,1,1,0,1727740800000,true\n{}", lines.join("\n")));
    }

    #[test]
    fn any_cells_give_ok_or_err(lines in prop::collection::vec("[0-9]{0,4}[-:. 0-9]{0,16}(,[-.0-9]{0,12}){4,6}", 0..6)) {
        let _ = read_text(&format!("{HEADER}{}", lines.join("\n")));
    }
}
