//! Raw recordings.

use std::collections::BTreeMap;

use super::super::block::Print;
use super::super::minutes::Minutes;
use super::super::recording::parse;
use super::super::sync::Sync;
use super::*;
use crate::feed::book::Book;
use crate::protocol::Depth;

/// What a recording says, read frame by frame.
fn events(path: &str, venue_symbol: &str) -> Vec<(Timestamp, Event)> {
    let mut lines = Lines::open(Path::new(path), LONGEST_LINE).unwrap();
    let mut events = Vec::new();
    while let Some((number, line)) = lines.next().unwrap() {
        let (mut block, mut cursor) = (Block::default(), Cursor::default());
        parse(number, line, venue_symbol, &mut block).unwrap();
        events.extend(cursor.at(&block).zip(cursor.take(&block)));
    }
    events
}

/// The recorded touch by the number of its update.
fn tickers(path: &str) -> BTreeMap<u64, (Price, Price)> {
    let mut lines = Lines::open(Path::new(path), LONGEST_LINE).unwrap();
    let mut tickers = BTreeMap::new();
    while let Some((_, line)) = lines.next().unwrap() {
        let (_, json) = std::str::from_utf8(line).unwrap().split_once(' ').unwrap();
        let frame: serde_json::Value = serde_json::from_str(json).unwrap();
        if frame["data"]["e"] == "bookTicker" {
            let price = |name: &str| frame["data"][name].as_str().unwrap().parse::<Price>().unwrap();
            tickers.insert(frame["data"]["u"].as_u64().unwrap(), (price("b"), price("a")));
        }
    }
    tickers
}

/// At each of the 13,128 depth updates that continue the snapshots, the touch of the kept book is the recorded
/// ticker's of the same or the last earlier update.
#[test]
fn the_kept_book_has_the_recorded_touch_at_every_update() {
    let Some(path) = recordings() else { return };
    let mut compared = 0;
    for (file, venue_symbol) in [("btcusdt_20240808.gz", "BTCUSDT"), ("ethusdt_20240808.gz", "ETHUSDT")] {
        let path = format!("{path}/{file}");
        let tickers = tickers(&path);
        let (mut sync, mut book, mut waiting) = (Sync::new(), Book::default(), Vec::new());
        for (_, event) in events(&path, venue_symbol) {
            let (said, updates): (Vec<Depth>, Vec<u64>) = match event {
                Event::Snapshot { last_update, levels } => {
                    let said = sync.snapshot(last_update, levels).unwrap();
                    // The update in which the snapshot falls and those after it count, as they are applied now.
                    waiting.retain(|last| *last >= last_update);
                    let mut updates = vec![last_update];
                    updates.append(&mut waiting);
                    (said, updates)
                }
                Event::Update(update) => {
                    let last = update.numbers.last;
                    match sync.update(update).unwrap() {
                        Some(depth) => (vec![depth], vec![last]),
                        None => {
                            waiting.push(last);
                            continue;
                        }
                    }
                }
                Event::Quote(_) | Event::Trade(_) => continue,
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
        for (at, event) in events(&format!("{path}/{file}"), venue_symbol) {
            if let Event::Trade(_) | Event::Quote(_) = event {
                end = end.max(at);
            }
            let Event::Trade(trade) = event else { continue };
            trades += 1;
            let open_time = at.floor(Span::MINUTE);
            let (price, volume) = (trade.price(), Qty::ZERO);
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
            bar.volume += trade.qty();
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

fn ticker(at_ms: u64, bid: &str) -> String {
    format!(
        r#"1 {{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","E":1,"T":{},"s":"BTCUSDT","u":1,"b":"{bid}","B":"1","a":"999","A":"1"}}}}"#,
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
    all(&mut *feed)
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
        (good.replace("\"p\":\"100\"", "\"p\":\"1e2\""), "p", "is not a decimal number"),
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
        let mut block = Block::default();
        let _ = parse(1, &bytes, "BTCUSDT", &mut block);
        for line in [trade(0, 1, "100"), depth(1, 2, 0), snapshot(1)] {
            let mut damaged = line.into_bytes();
            let at = at % damaged.len();
            damaged[at] = with;
            let _ = parse(1, &damaged, "BTCUSDT", &mut block);
            let _ = parse(1, &damaged[..at], "BTCUSDT", &mut block);
        }
    }

    /// Most events are said without a look at what is due; the bars are those of who looks at each.
    #[test]
    fn bars_are_those_of_a_look_at_every_event(
        events in prop::collection::vec((any::<bool>(), -700_i64..2_500, 1_i64..200), 1..300),
    ) {
        let (mut lines, mut bars, mut minutes) = (Vec::new(), Vec::new(), Minutes::recorded());
        let (mut dated, mut at, mut seconds) = (0_i64, Timestamp::EPOCH, Vec::new());
        for (number, (traded, step, price)) in events.into_iter().enumerate() {
            dated = (dated + step).max(0);
            let (when, before) = (Timestamp::from_millis(SECOND as i64 + dated), at);
            at = at.max(when);
            if number > 0 && at.floor(Span::SECOND) > before {
                seconds.push(at.floor(Span::SECOND));
            }
            bars.extend(minutes.pass(at));
            if traded {
                lines.push(trade(dated as u64, number as u64, &price.to_string()));
                let print = Print { id: number as u64, price: price * 100_000_000, qty: 50_000_000, sold: true };
                bars.extend(minutes.trade(when, &print));
            } else {
                lines.push(ticker(dated as u64, &price.to_string()));
            }
        }
        let (records, error) = play(&[lines]);
        let said: Vec<Bar> = records.iter().filter_map(|record| match record.event.data {
            MarketData::Bar(bar) => Some(bar),
            _ => None,
        }).collect();
        prop_assert_eq!((said, error), (bars, None));
        let marks: Vec<Timestamp> = records.iter().filter_map(|record| match record.event.data {
            MarketData::Mark(_) => Some(record.at),
            _ => None,
        }).collect();
        prop_assert_eq!(marks, seconds);
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
