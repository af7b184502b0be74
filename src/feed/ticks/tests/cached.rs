//! The cache: what it changes is time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const SYMBOL: [&str; 1] = ["BTC/USDT:USDT"];
const SECOND: i64 = 1_723_161_300_000;

/// So many events of a market, as lines of a recording; every third is a quote, and now and then the book changes.
fn recorded(events: usize) -> String {
    let mut text =
        format!(r#"1 {{"lastUpdateId":3,"E":1,"T":{SECOND},"bids":[["59000","1"]],"asks":[["71000.5","2"]]}}"#) + "\n";
    for number in 0..events {
        let at = SECOND + number as i64 * 137;
        let (price, qty) = (600_000 + (number * 7919 % 101), number % 17 + 1);
        let price = format!("{}.{}", price / 10, price % 10);
        let data = match number % 9 {
            0 | 3 | 6 => format!(r#""u":{number},"b":"{price}","B":"{qty}","a":"70000.5","A":"1.25""#),
            4 if number % 36 == 4 => {
                let before = number.saturating_sub(36);
                format!(r#""U":{number},"u":{number},"pu":{before},"b":[["{price}","{qty}"]],"a":[]"#)
            }
            _ => format!(r#""t":{number},"p":"{price}","q":"0.00{qty}","X":"MARKET","m":{}"#, number % 2 == 0),
        };
        let stream = if data.starts_with("\"u") {
            "bookTicker"
        } else if data.starts_with("\"U") {
            "depth"
        } else {
            "trade"
        };
        text.push_str(&format!(
            "{at}000000 {{\"stream\":\"btcusdt@{stream}\",\"data\":{{\"e\":\"{stream}\",\"T\":{at},\"s\":\"BTCUSDT\",{data}}}}}\n"
        ));
    }
    text
}

struct Bench {
    folder: tempfile::TempDir,
    cache: Cache,
}

impl Bench {
    fn new(text: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("btcusdt_1.gz"), text).unwrap();
        let cache = Cache::at(folder.path().join("cache"));
        Bench { folder, cache }
    }

    fn source(&self) -> std::path::PathBuf {
        self.folder.path().join("btcusdt_1.gz")
    }

    fn open(&self, cache: &Cache) -> Box<dyn Feed> {
        open_spec(&format!("ticks:{}", self.source().display()), &SYMBOL, "", cache).unwrap()
    }

    fn kept(&self) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("cache/ticks")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn the_second_run_reads_the_cache_and_says_the_same() {
    let bench = Bench::new(&recorded(10_000));
    let mut plain = bench.open(&Cache::off());
    let (identity, expect) = (plain.identity(), all(&mut *plain));
    assert!(expect.0.len() > 10_000 && expect.1.is_none());
    let heard = Arc::new(AtomicU64::new(0));
    let ear = Arc::clone(&heard);
    let watched = bench.cache.watched(move |_, events| ear.store(events, Ordering::Relaxed));
    let mut first = bench.open(&watched);
    assert_eq!(heard.swap(0, Ordering::Relaxed), 10_001);
    assert_eq!((first.identity(), all(&mut *first)), (identity.clone(), expect.clone()));
    let kept = bench.kept();
    let (size, written) = (fs::metadata(&kept[0]).unwrap().len(), fs::metadata(&kept[0]).unwrap().modified().unwrap());
    assert!(kept.len() == 1 && size < 150_000, "{size} bytes for ten thousand events");
    let mut second = bench.open(&watched);
    assert_eq!(heard.load(Ordering::Relaxed), 0);
    assert_eq!((second.identity(), all(&mut *second)), (identity, expect.clone()));
    assert_eq!(fs::metadata(&kept[0]).unwrap().modified().unwrap(), written, "it was not made again");

    // A range, and a place in the middle, are come to in the same way.
    let range = "1723161600-1723162200";
    let spec = format!("ticks:{}", bench.source().display());
    let mut ranged = open_spec(&spec, &SYMBOL, range, &bench.cache).unwrap();
    let mut direct = open_spec(&spec, &SYMBOL, range, &Cache::off()).unwrap();
    assert_eq!(all(&mut *ranged), all(&mut *direct));
    let at = expect.0[7_777].at;
    second.seek(at).unwrap();
    assert_eq!(all(&mut *second).0, expect.0.iter().filter(|record| record.at > at).cloned().collect::<Vec<_>>());
    assert_eq!(bench.cache.notices(), Vec::<String>::new());
}

#[test]
fn another_file_is_read_anew() {
    let bench = Bench::new(&recorded(300));
    let first = all(&mut *bench.open(&bench.cache));
    fs::write(bench.source(), recorded(301)).unwrap();
    let second = all(&mut *bench.open(&bench.cache));
    assert!(first != second && second == all(&mut *bench.open(&Cache::off())));
    assert_eq!((bench.kept().len(), bench.cache.notices()), (1, Vec::new()));
}

/// Each byte turned over, and cut off at many lengths: the records are those of the file, and people are told.
#[test]
fn damage_costs_time_and_never_a_result() {
    let bench = Bench::new(&recorded(60));
    let expect = all(&mut *bench.open(&bench.cache));
    let place = bench.kept().remove(0);
    let bytes = fs::read(&place).unwrap();
    let lengths = (0..bytes.len()).step_by(37).map(|length| bytes[..length].to_vec());
    let flips = (0..bytes.len()).map(|at| {
        let mut bad = bytes.clone();
        bad[at] ^= 0x10;
        bad
    });
    let longer = [&bytes[..], b"x"].concat();
    for (number, bad) in lengths.chain([longer, b"nonsense".to_vec()]).chain(flips).enumerate() {
        fs::write(&place, &bad).unwrap();
        assert_eq!(all(&mut *bench.open(&bench.cache)), expect);
        let notices = bench.cache.notices();
        assert!(notices.len() == 1 && notices[0].contains("it is damaged"), "{notices:?}");
        if number % 50 == 0 {
            assert_eq!(all(&mut *bench.open(&bench.cache)), expect);
            assert_eq!(
                (fs::read(&place).unwrap(), bench.cache.notices()),
                (bytes.clone(), Vec::new()),
                "it is made anew"
            );
        }
    }
}

#[test]
fn damage_that_is_come_to_in_the_middle_is_gone_around() {
    let bench = Bench::new(&recorded(20_000));
    let expect = all(&mut *bench.open(&bench.cache));
    let place = bench.kept().remove(0);
    let bytes = fs::read(&place).unwrap();
    // Two blocks that changed places are whole in themselves.
    for at in [bytes.len() / 2, bytes.len() - 20, bytes.len() / 9] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write(&place, &bad).unwrap();
        let mut feed = bench.open(&bench.cache);
        let early = take(&mut *feed, expect.0[100].at);
        assert_eq!(early[..], expect.0[..early.len()]);
        let (late, error) = all(&mut *feed);
        assert_eq!(([early, late].concat(), error), expect);
        let notices = bench.cache.notices();
        assert!(notices.len() == 1 && notices[0].contains("it is damaged"), "{notices:?}");
        assert_eq!(all(&mut *bench.open(&bench.cache)), expect);
    }
    // A cache that is lost under a feed's feet is still open to it.
    let mut feed = bench.open(&bench.cache);
    fs::remove_file(&place).unwrap();
    assert_eq!(all(&mut *feed), expect);
}

#[test]
fn a_file_that_changes_under_a_damaged_cache_is_refused() {
    let bench = Bench::new(&recorded(20_000));
    drop(bench.open(&bench.cache));
    let place = bench.kept().remove(0);
    let mut bytes = fs::read(&place).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&place, &bytes).unwrap();
    let mut feed = bench.open(&bench.cache);
    fs::write(bench.source(), recorded(20_001)).unwrap();
    let (records, error) = all(&mut *feed);
    assert!(records.len() > 4_000);
    let text = error.expect("another file").to_string();
    assert!(text.contains("changed while it was read"), "{text}");
}

#[test]
fn a_fault_is_told_at_its_line_with_the_cache_and_without() {
    let broken = recorded(9_000).replacen("\"p\":\"60003.3\"", "\"p\":\"x\"", 40);
    let bench = Bench::new(&broken);
    let expect = all(&mut *bench.open(&Cache::off()));
    assert!(expect.0.len() > 1 && matches!(expect.1, Some(FeedError::Malformed { field: "p", .. })));
    assert_eq!(all(&mut *bench.open(&bench.cache)), expect);
    assert_eq!((bench.kept(), bench.cache.notices()), (Vec::new(), Vec::new()), "what is not whole is not kept");

    // Updates of the book that are missing are found behind the cache.
    let bench = Bench::new(&recorded(9_000).replace("\"pu\":7204", "\"pu\":7203"));
    let expect = all(&mut *bench.open(&Cache::off()));
    assert!(matches!(expect.1, Some(FeedError::Sequence { line: 7_242, found: 7_203, .. })), "{:?}", expect.1);
    for _ in 0..2 {
        assert_eq!(all(&mut *bench.open(&bench.cache)), expect);
    }
    assert_eq!(bench.kept().len(), 1);

    let nowhere = Cache::at(bench.source());
    assert_eq!(all(&mut *Bench::new(&recorded(9)).open(&nowhere)).1, None);
    assert!(nowhere.notices().iter().any(|notice| notice.contains("not kept")));
}

/// Frames of every kind, with whole books, are kept and come back.
#[test]
fn real_recordings_come_back_from_the_cache() {
    let Some(path) = recordings() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().to_owned());
    let symbols = ["ETH/USDT:USDT", "BTC/USDT:USDT"];
    let expect = all(&mut *open(&path, &symbols, "").unwrap());
    for run in ["first", "second"] {
        let mut feed = open_spec(&format!("ticks:{path}"), &symbols, "", &cache).unwrap();
        assert!(all(&mut *feed) == expect, "the {run} run");
    }
    assert_eq!((fs::read_dir(folder.path().join("ticks")).unwrap().count(), cache.notices()), (2, Vec::new()));
}
