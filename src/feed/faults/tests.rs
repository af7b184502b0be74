use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::feed::synthetic::SyntheticFeed;
use crate::feed::{SyntheticSettings, TimeRange, instruments};
use crate::types::Rate;

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);

fn market() -> SyntheticFeed {
    let symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"].map(|symbol| symbol.parse().unwrap());
    let instruments = instruments::load(None, &symbols).unwrap();
    SyntheticFeed::new(&SyntheticSettings::default(), instruments, TimeRange::default(), 1).unwrap()
}

fn faulty(settings: &Settings) -> FaultyFeed<SyntheticFeed> {
    FaultyFeed::new(market(), settings, 1).unwrap()
}

fn scheduled(text: &str) -> FaultyFeed<SyntheticFeed> {
    faulty(&toml::from_str(text).unwrap())
}

fn take<F: Feed>(feed: &mut F, minutes: i64) -> Vec<FeedRecord> {
    let until = feed.start_at() + Span::mins(minutes);
    let mut records = Vec::new();
    while feed.next_at().is_some_and(|at| at <= until) {
        records.push(feed.next().unwrap().unwrap());
    }
    records
}

/// The seconds of the session in which an instrument said something of a kind.
fn seconds(records: &[FeedRecord], id: InstrumentId, wanted: fn(&MarketData) -> bool) -> BTreeSet<i64> {
    let start = market().start_at();
    let of = |record: &&FeedRecord| record.event.instrument == id && wanted(&record.event.data);
    records.iter().filter(of).map(|record| (record.at - start).as_secs()).collect()
}

fn is_mark(data: &MarketData) -> bool {
    matches!(data, MarketData::Mark(_))
}

fn is_bar(data: &MarketData) -> bool {
    matches!(data, MarketData::Bar(_))
}

#[test]
fn without_faults_nothing_changes() {
    assert!(Settings::default().is_quiet());
    assert_eq!(take(&mut faulty(&Settings::default()), 3), take(&mut market(), 3));
}

#[test]
fn a_stall_silences_its_symbol_and_history_fills_it() {
    let mut feed = scheduled("[[schedule]]\nafter = '1m'\nfor = '150s'\nkind = 'stall'\nsymbol = 'ETH/USDT:USDT'");
    let records = take(&mut feed, 6);
    let alive = seconds(&records, ETH, |_| true);
    assert!(alive.iter().all(|second| !(60..210).contains(second)));
    assert_eq!(seconds(&records, ETH, is_mark).len(), 6 * 60 - 150);
    assert_eq!(seconds(&records, ETH, is_bar).into_iter().collect::<Vec<_>>(), [240, 300, 360]);
    assert_eq!(seconds(&records, BTC, is_mark).len(), 360);
    let start = feed.start_at();
    assert_eq!(feed.backfill(ETH, start, start + Span::mins(3)).unwrap().len(), 3);
}

#[test]
fn a_gap_loses_bars_alone() {
    let records = take(&mut scheduled("[[schedule]]\nafter = '90s'\nfor = '2m'\nkind = 'gap'"), 5);
    for id in [BTC, ETH] {
        assert_eq!(seconds(&records, id, is_bar).into_iter().collect::<Vec<_>>(), [60, 240, 300]);
        assert_eq!(seconds(&records, id, is_mark).len(), 300);
    }
}

#[test]
fn an_outage_silences_all_and_does_not_answer() {
    let mut feed = scheduled("[[schedule]]\nafter = '1m'\nfor = '1m'\nkind = 'outage'\nsymbol = 'ETH/USDT:USDT'");
    let records = take(&mut feed, 4);
    for id in [BTC, ETH] {
        assert!(seconds(&records, id, |_| true).iter().all(|second| !(60..120).contains(second)));
    }
    let start = feed.start_at();
    let error = feed.history(BTC, Timeframe::M1, 9, start + Span::secs(90)).expect_err("an outage");
    assert_eq!(error, FeedError::Outage { until: start + Span::mins(2) });
    assert!(feed.history(BTC, Timeframe::M1, 9, start + Span::mins(2)).is_ok());
}

#[test]
fn duplicates_come_twice_and_order_is_broken_only_in_what_is_said() {
    let clean = take(&mut market(), 4);
    let records = take(&mut scheduled("[[schedule]]\nafter = '0s'\nfor = '1h'\nkind = 'duplicate'"), 4);
    assert_eq!(records.len(), 2 * clean.len());

    let records = take(&mut scheduled("[[schedule]]\nafter = '0s'\nfor = '1h'\nkind = 'out_of_order'"), 30);
    assert!(records.is_sorted_by_key(|record| record.at));
    let opened: Vec<Timestamp> = records
        .iter()
        .filter_map(|record| match record.event.data {
            MarketData::Bar(bar) if record.event.instrument == BTC => Some(bar.open_time),
            _ => None,
        })
        .collect();
    assert!(!opened.is_sorted() && opened.len() >= 28, "{opened:?}");
}

#[test]
fn garbage_can_be_told_from_data() {
    let records = take(&mut scheduled("[[schedule]]\nafter = '0s'\nfor = '1h'\nkind = 'garbage'"), 10);
    assert_eq!(records.len(), take(&mut market(), 10).len());
    for record in records {
        let sane = match &record.event.data {
            MarketData::Bar(bar) => bar.is_consistent(),
            MarketData::Quote(quote) => quote.bid.is_positive() && quote.bid < quote.ask,
            MarketData::Trade(trade) => trade.price.is_positive() && trade.qty.is_positive(),
            MarketData::Mark(mark) => mark.price.is_positive(),
            MarketData::Funding(_) | MarketData::Depth(_) | MarketData::Tradable(_) | MarketData::History { .. } => {
                true
            }
        };
        assert!(!sane, "{record:?}");
    }
}

#[test]
fn settings_are_checked_and_symbols_known() {
    for (text, says) in [
        ("stall = '101%'", "faults.feed.stall"),
        ("lasts = '11m'", "faults.feed.lasts"),
        ("[[schedule]]\nafter = '1s'\nfor = '0s'\nkind = 'gap'", "faults.feed.schedule.for"),
        ("[[schedule]]\nafter = '1s'\nfor = '2d'\nkind = 'gap'", "from 1ms to 1d"),
        (
            "[[schedule]]\nafter = '1s'\nfor = '1s'\nkind = 'gap'\nsymbol = 'XRP/USDT:USDT'",
            "one of the session's symbols",
        ),
    ] {
        let settings: Settings = toml::from_str(text).unwrap();
        let error = FaultyFeed::new(market(), &settings, 1).expect_err(text).to_string();
        assert!(error.contains(says), "{error}");
    }
    for text in ["stall = 0.5", "stal = '1%'", "[[schedule]]\nafter = '1s'\nkind = 'gap'", "[[schedule]]\nkind = 'nap'"]
    {
        assert!(toml::from_str::<Settings>(text).is_err(), "{text}");
    }
}

fn random_faults() -> Settings {
    Settings {
        stall: Rate::percent(5),
        gap: Rate::percent(10),
        outage: Rate::percent(3),
        lasts: Span::secs(90),
        duplicate: Rate::percent(2),
        out_of_order: Rate::percent(20),
        garbage: Rate::percent(2),
        schedule: Vec::new(),
    }
}

#[test]
fn random_faults_are_those_of_the_seed() {
    let with = |seed| take(&mut FaultyFeed::new(market(), &random_faults(), seed).unwrap(), 20);
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
    let (clean, marks) = (take(&mut market(), 20), |records: &[FeedRecord]| seconds(records, BTC, is_mark).len());
    let lost = marks(&clean) - marks(&with(1));
    assert!((30..900).contains(&lost), "{lost} of 1200");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn going_on_from_any_instant_meets_the_same_faults(ms in 0_i64..900_000) {
        let mut straight = faulty(&random_faults());
        let from = straight.start_at() + Span::millis(ms);
        let mut expect = take(&mut straight, 18);
        expect.retain(|record| record.at > from);
        let mut resumed = faulty(&random_faults());
        resumed.seek(from).unwrap();
        prop_assert_eq!(take(&mut resumed, 18), expect);
    }
}
