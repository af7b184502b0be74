use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

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
    fn any_cells_give_ok_or_err(lines in prop::collection::vec("[0-9]{0,4}[-:. 0-9]{0,16}(,[-.0-9]{0,12}){4,6}", 0..6)) {
        let _ = read_text(&format!("{HEADER}{}", lines.join("\n")));
    }
}
