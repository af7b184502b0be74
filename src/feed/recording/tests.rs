use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::frame::{Frame, parse};
use super::sync::Sync;
use super::*;
use crate::feed::book::Book;
use crate::feed::file::lines::Lines;
use crate::feed::{self, Settings};
use crate::protocol::{Depth, MarketData};
use crate::types::{Price, Qty, Symbol};

fn recordings() -> Option<String> {
    let beside = format!("{}/../shared", env!("CARGO_MANIFEST_DIR"));
    let root = std::env::var("LTL_SHARED_DIR").unwrap_or(beside);
    let path = format!("{root}/data/binance-usdm-raw-feed");
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

fn take(feed: &mut dyn Feed, until: Timestamp) -> Vec<FeedRecord> {
    let mut records = Vec::new();
    while feed.next_at().is_some_and(|at| at <= until) {
        records.push(feed.next().unwrap().unwrap());
    }
    records
}

fn frames(path: &str, venue_symbol: &str) -> Vec<Frame> {
    let mut lines = Lines::open(Path::new(path), LONGEST_LINE).unwrap();
    let mut frames = Vec::new();
    while let Some((_, line)) = lines.next().unwrap() {
        frames.push(parse(line, venue_symbol).unwrap());
    }
    frames
}

/// At each of the 13,128 depth updates that continue the snapshots, the touch of the kept book is the recorded
/// ticker's of the same or the last earlier update.
#[test]
fn the_kept_book_has_the_recorded_touch_at_every_update() {
    let Some(path) = recordings() else { return };
    let mut compared = 0;
    for (file, venue_symbol) in [("btcusdt_20240808.gz", "BTCUSDT"), ("ethusdt_20240808.gz", "ETHUSDT")] {
        let frames = frames(&format!("{path}/{file}"), venue_symbol);
        let tickers: BTreeMap<u64, (Price, Price)> = frames
            .iter()
            .filter_map(|frame| match frame {
                Frame::Quote { update, quote, .. } => Some((*update, (quote.bid, quote.ask))),
                _ => None,
            })
            .collect();
        let (mut sync, mut book, mut waiting) = (Sync::new(), Book::default(), Vec::new());
        for frame in frames {
            let (said, updates): (Vec<Depth>, Vec<u64>) = match frame {
                Frame::Snapshot { last_update, levels, .. } => {
                    let said = sync.snapshot(last_update, levels).unwrap();
                    // The update in which the snapshot falls and those after it count, as they are applied now.
                    waiting.retain(|last| *last >= last_update);
                    let mut updates = vec![last_update];
                    updates.append(&mut waiting);
                    (said, updates)
                }
                Frame::Depth(update) => {
                    let last = update.last;
                    match sync.update(update).unwrap() {
                        Some(depth) => (vec![depth], vec![last]),
                        None => {
                            waiting.push(last);
                            continue;
                        }
                    }
                }
                Frame::Quote { .. } | Frame::Trade { .. } | Frame::Other => continue,
            };
            assert_eq!(said.len(), updates.len());
            for (depth, last) in said.iter().zip(updates) {
                if depth.snapshot {
                    book.clear();
                }
                depth.levels.iter().for_each(|level| book.set(*level));
                if !depth.snapshot {
                    let (_, touch) = tickers.range(..=last).next_back().unwrap();
                    let quote = book.quote().unwrap();
                    assert_eq!((quote.bid, quote.ask), *touch, "{venue_symbol} update {last}");
                    compared += 1;
                }
            }
        }
        assert_eq!(sync.book(), Some(&book));
    }
    assert_eq!(compared, 13_128);
}

#[test]
fn bars_are_a_plain_recount_of_the_recorded_trades() {
    let Some(path) = recordings() else { return };
    let mut feed = open(&path, &["ETH/USDT:USDT", "BTC/USDT:USDT"], "").unwrap();
    let records = take(&mut *feed, Timestamp::MAX);
    assert!(records.is_sorted_by_key(|record| record.at) && records[0].at > feed.start_at());
    for (id, file, venue_symbol) in [(0, "ethusdt_20240808.gz", "ETHUSDT"), (1, "btcusdt_20240808.gz", "BTCUSDT")] {
        let id = InstrumentId(id);
        let mut recount: BTreeMap<Timestamp, Bar> = BTreeMap::new();
        let (mut trades, mut end) = (0, Timestamp::EPOCH);
        for frame in frames(&format!("{path}/{file}"), venue_symbol) {
            let (Frame::Trade { at, .. } | Frame::Quote { at, .. }) = frame else { continue };
            end = end.max(at);
            let Frame::Trade { at, trade } = frame else { continue };
            trades += 1;
            let open_time = at.floor(Span::MINUTE);
            let (price, volume) = (trade.price, Qty::ZERO);
            let bar = recount.entry(open_time).or_insert(Bar {
                open_time,
                open: price,
                high: price,
                low: price,
                close: price,
                volume,
            });
            (bar.high, bar.low) = (bar.high.max(price), bar.low.min(price));
            bar.close = price;
            bar.volume += trade.qty;
        }
        recount.pop_first();
        recount.retain(|open_time, _| *open_time + Span::MINUTE <= end);
        let of = |record: &&FeedRecord| record.event.instrument == id;
        let bars: Vec<(Timestamp, Bar)> = records
            .iter()
            .filter(of)
            .filter_map(|record| match record.event.data {
                MarketData::Bar(bar) => Some((record.at, bar)),
                _ => None,
            })
            .collect();
        assert_eq!(bars.iter().map(|(_, bar)| *bar).collect::<Vec<_>>(), recount.into_values().collect::<Vec<_>>());
        assert_eq!(bars.len(), 5);
        assert!(bars.iter().all(|(at, bar)| at.since(bar.open_time + Span::MINUTE) <= minutes::LATENESS));
        let count = |wanted: fn(&MarketData) -> bool| {
            records.iter().filter(of).filter(|record| wanted(&record.event.data)).count()
        };
        assert_eq!(count(|data| matches!(data, MarketData::Trade(_))), trades);
        let marks = count(|data| matches!(data, MarketData::Mark(_)));
        assert!((300..=345).contains(&marks), "{marks}");
        let (_, last) = *bars.last().unwrap();
        assert_eq!(feed.history(id, Timeframe::M1, 9, last.open_time + Span::MINUTE).unwrap().last(), Some(&last));
        assert_eq!(feed.backfill(id, last.open_time, last.open_time + Span::MINUTE).unwrap(), [last]);
    }
}

#[test]
fn going_on_from_an_instant_is_as_if_never_stopped() {
    let Some(path) = recordings() else { return };
    let path = format!("{path}/ethusdt_20240808.gz");
    let mut straight = open(&path, &["ETH/USDT:USDT"], "").unwrap();
    let records = take(&mut *straight, Timestamp::MAX);
    let at = Timestamp::from_millis(1_723_161_420_000);
    straight.seek(at).unwrap();
    let rest = take(&mut *straight, Timestamp::MAX);
    let expect: Vec<&FeedRecord> = records.iter().filter(|record| record.at > at).collect();
    assert!(rest.iter().eq(expect.iter().copied()));

    // A range that begins within the recording begins with the whole book.
    let mut ranged = open(&path, &["ETH/USDT:USDT"], "1723161420-1723161480").unwrap();
    let records = take(&mut *ranged, Timestamp::MAX);
    assert!(records.iter().all(|record| record.at > at && record.at <= at + Span::MINUTE));
    let MarketData::Depth(Depth { snapshot: true, levels }) = &records[0].event.data else {
        panic!("{:?}", records[0])
    };
    assert!(levels.len() > 2_000);
    assert!(records[1..].iter().zip(expect).all(|(one, other)| one == other));
    assert!(records.len() > 5_000);
}

const SECOND: u64 = 1_723_161_300_000;

fn trade(at_ms: u64, id: u64, price: &str) -> String {
    format!(
        r#"1 {{"stream":"btcusdt@trade","data":{{"e":"trade","E":{0},"T":{0},"s":"BTCUSDT","t":{id},"p":"{price}","q":"0.5","X":"MARKET","m":true}}}}"#,
        SECOND + at_ms
    )
}

fn depth(first: u64, last: u64, previous: u64) -> String {
    format!(
        r#"1 {{"stream":"btcusdt@depth@0ms","data":{{"e":"depthUpdate","E":1,"T":{SECOND},"s":"BTCUSDT","U":{first},"u":{last},"pu":{previous},"b":[["99","1"]],"a":[["101","{last}"]]}}}}"#
    )
}

fn snapshot(last: u64) -> String {
    format!(r#"1 {{"lastUpdateId":{last},"E":1,"T":{SECOND},"bids":[["98","1"]],"asks":[["102","1"]]}}"#)
}

fn play(files: &[Vec<String>]) -> (Vec<FeedRecord>, Option<FeedError>) {
    let folder = tempfile::tempdir().unwrap();
    for (number, lines) in files.iter().enumerate() {
        fs::write(folder.path().join(format!("btcusdt_{number}.gz")), lines.join("\n")).unwrap();
    }
    let mut feed = match open(&folder.path().display().to_string(), &["BTC/USDT:USDT"], "") {
        Ok(feed) => feed,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut records = Vec::new();
    loop {
        match feed.next() {
            Some(Ok(record)) => records.push(record),
            Some(Err(error)) => {
                assert_eq!((feed.next_at(), feed.next()), (None, None), "nothing comes after an error");
                return (records, Some(error));
            }
            None => return (records, None),
        }
    }
}

#[test]
fn updates_are_applied_in_their_order_or_refused() {
    let t = || trade(0, 1, "100");
    for (lines, depths, breaks) in [
        (vec![t(), depth(5, 9, 4), depth(10, 12, 9), snapshot(10), depth(13, 15, 12)], 3, None),
        (vec![t(), snapshot(10), depth(5, 9, 4), depth(10, 12, 9), depth(13, 15, 12)], 3, None),
        (vec![t(), snapshot(10), depth(11, 12, 10), snapshot(11), depth(13, 15, 12)], 3, None),
        (vec![t(), snapshot(10), depth(11, 12, 10), snapshot(20), depth(19, 25, 12)], 4, None),
        (vec![t(), depth(5, 9, 4), depth(10, 12, 9)], 0, None),
        (vec![t(), snapshot(10), depth(12, 14, 11)], 1, Some((3, "U", 10, 12))),
        (vec![t(), snapshot(10), depth(9, 12, 8), depth(14, 15, 13)], 2, Some((4, "pu", 12, 13))),
        (vec![t(), depth(9, 12, 8), depth(14, 15, 13), snapshot(10)], 0, Some((4, "pu", 12, 13))),
    ] {
        let (records, error) = play(std::slice::from_ref(&lines));
        let said = records.iter().filter(|record| matches!(record.event.data, MarketData::Depth(_))).count();
        assert_eq!(said, depths, "{lines:?}");
        match (error, breaks) {
            (None, None) => {}
            (Some(FeedError::Sequence { line, field, expected, found, .. }), Some(broken)) => {
                assert_eq!((line, field, expected, found), broken);
            }
            (error, _) => panic!("{lines:?}: {error:?}"),
        }
    }
}

#[test]
fn a_second_file_continues_the_first_or_begins_anew() {
    let first = vec![trade(59_000, 1, "100"), snapshot(10), trade(60_500, 2, "101"), depth(10, 12, 9)];
    let joined = vec![depth(13, 15, 12), trade(119_000, 3, "102"), trade(121_500, 4, "103")];
    let (records, error) = play(&[first.clone(), joined]);
    assert_eq!(error, None);
    let bars = |records: &[FeedRecord]| {
        records.iter().filter(|record| matches!(record.event.data, MarketData::Bar(_))).count()
    };
    assert_eq!(bars(&records), 1, "the minute that both files share is whole");

    let apart = vec![depth(33, 35, 32), trade(119_000, 7, "102"), trade(121_500, 8, "103")];
    let (records, error) = play(&[first, apart]);
    assert_eq!((error, bars(&records)), (None, 0));
    let later =
        |from: i64| (0..4).map(|at| trade((from + at * 30_000) as u64, 3 + at as u64, "104")).collect::<Vec<_>>();
    let joined = play(&[vec![trade(59_000, 1, "100"), trade(60_500, 2, "101")], later(61_000)]);
    let apart = play(&[vec![trade(59_000, 1, "100"), trade(60_500, 2, "101")], later(300_000)]);
    assert_eq!((bars(&joined.0), bars(&apart.0)), (1, 0), "time was lost between the files");
    let cleared = Depth { snapshot: true, levels: Vec::new() };
    assert!(records.iter().any(|record| record.event.data == MarketData::Depth(cleared.clone())));
}

#[test]
fn minutes_without_trades_are_flat_and_instants_do_not_go_back() {
    let lines = vec![
        trade(0, 1, "100"),
        trade(61_000, 2, "101"),
        trade(60_900, 3, "103"),
        trade(241_000, 4, "105"),
        trade(242_000, 5, "105"),
    ];
    let (records, error) = play(&[lines]);
    assert_eq!(error, None);
    assert!(records.is_sorted_by_key(|record| record.at));
    let bars: Vec<(i64, String, String)> = records
        .iter()
        .filter_map(|record| match record.event.data {
            MarketData::Bar(bar) => {
                Some((bar.open_time.as_millis() - SECOND as i64, bar.close.to_string(), bar.volume.to_string()))
            }
            _ => None,
        })
        .collect();
    let text = |at, close: &str, volume: &str| (at, close.to_owned(), volume.to_owned());
    assert_eq!(bars, [text(60_000, "103", "1"), text(120_000, "103", "0"), text(180_000, "103", "0")]);
}

#[test]
fn a_malformed_line_is_named_with_its_field() {
    let good = trade(0, 1, "100");
    for (line, field, says) in [
        ("nonsense".to_owned(), "line", "no space"),
        (good.replace("1 {", "x {"), "local_ns", "nanoseconds"),
        (good.replace("}}", "}"), "json", "cannot be read"),
        (good.replace("\"p\":\"100\"", "\"p\":\"1e2\""), "p", "digits"),
        (good.replace("\"p\":\"100\"", "\"p\":\"0\""), "p", "above zero"),
        (good.replace("\"q\":\"0.5\"", "\"q\":\"-1\""), "q", "negative"),
        (good.replace("\"q\":\"0.5\",", ""), "data", "missing field `q`"),
        (good.replace("BTCUSDT", "ETHUSDT"), "s", "is not BTCUSDT"),
        (good.replace(&format!("\"T\":{SECOND}"), "\"T\":99999999999999999"), "T", "milliseconds"),
        ("1 {\"a\":1}".to_owned(), "json", "neither a frame"),
        ("1 {\"lastUpdateId\":1}".to_owned(), "json", "without `T`"),
    ] {
        let (records, error) = play(&[vec![good.clone(), line.clone()]]);
        let error = error.unwrap_or_else(|| panic!("{line}"));
        assert_eq!(records.len(), 1);
        let FeedError::Malformed { line: 2, field: named, .. } = &error else { panic!("{line}: {error:?}") };
        let text = error.to_string();
        assert!(*named == field && text.contains("btcusdt_0.gz line 2") && text.contains(says), "{line}: {text}");
    }
    let (_, error) = play(&[vec![String::new()]]);
    assert!(error.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_give_ok_or_err(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..200, with in any::<u8>()) {
        let _ = parse(&bytes, "BTCUSDT");
        for line in [trade(0, 1, "100"), depth(1, 2, 0), snapshot(1)] {
            let mut damaged = line.into_bytes();
            let at = at % damaged.len();
            damaged[at] = with;
            let _ = parse(&damaged, "BTCUSDT");
            let _ = parse(&damaged[..at], "BTCUSDT");
        }
    }

    #[test]
    fn any_files_are_played_or_refused(
        lines in prop::collection::vec((0_usize..5, 0_u64..400_000, 0_u64..9, any::<u8>(), 0_usize..600), 0..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = trade(0, 1, "100").into_bytes();
        for (kind, at, number, with, place) in lines {
            bytes.push(b'\n');
            let begin = bytes.len();
            bytes.extend(match kind {
                0 | 1 => trade(at, number, "100.5").into_bytes(),
                2 => depth(number, number + at % 3, number.saturating_sub(1)).into_bytes(),
                3 => snapshot(number).into_bytes(),
                _ => vec![with; place],
            });
            if kind == 1 && place % 7 == 0 && begin + place < bytes.len() {
                bytes[begin + place] = with;
            }
        }
        fs::write(folder.path().join("btcusdt_1.gz"), &bytes).unwrap();
        if let Ok(mut feed) = open(&folder.path().display().to_string(), &["BTC/USDT:USDT"], "") {
            let mut last = feed.start_at();
            while let Some(Ok(record)) = feed.next() {
                prop_assert!(record.at >= last);
                last = record.at;
            }
            prop_assert_eq!(feed.next_at(), None);
        }
    }
}
