use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::walk::Regime;
use super::*;
use crate::feed::aggregate::aggregate;
use crate::feed::instruments;
use crate::protocol::MarketData;
use crate::types::{Price, Qty, Rate};

const THREE: [&str; 3] = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];

fn open(symbols: &[&str], seed: u64) -> SyntheticFeed {
    ranged(symbols, seed, TimeRange::default())
}

fn ranged(symbols: &[&str], seed: u64, range: TimeRange) -> SyntheticFeed {
    let symbols: Vec<_> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
    let instruments = instruments::load(None, &symbols).unwrap();
    SyntheticFeed::new(&SyntheticSettings::default(), instruments, range, seed).unwrap()
}

fn take_until(feed: &mut SyntheticFeed, until: Timestamp) -> Vec<FeedRecord> {
    let mut records = Vec::new();
    while feed.next_at().is_some_and(|at| at <= until) {
        records.push(feed.next().unwrap().unwrap());
    }
    records
}

fn hours(feed: &SyntheticFeed, hours: i64) -> Timestamp {
    feed.start_at() + Span::HOUR * hours
}

fn bars_of(records: &[FeedRecord], id: InstrumentId) -> Vec<Bar> {
    let bar = |record: &FeedRecord| match record.event.data {
        MarketData::Bar(bar) if record.event.instrument == id => Some(bar),
        _ => None,
    };
    records.iter().filter_map(bar).collect()
}

#[test]
fn a_seed_is_a_market() {
    let run = |seed| {
        let mut feed = open(&THREE, seed);
        let end = feed.start_at() + Span::mins(5);
        (take_until(&mut feed, end), feed.identity())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
    assert_ne!(run(1).1, run(2).1);
}

#[test]
fn a_symbols_market_does_not_depend_on_the_others() {
    let sol = |symbols: &[&str]| {
        let mut feed = open(symbols, 3);
        let id = feed.instruments().find_venue("SOLUSDT").unwrap();
        let end = feed.start_at() + Span::mins(3);
        let mut records = take_until(&mut feed, end);
        records.retain(|record| record.event.instrument == id);
        records.into_iter().map(|record| (record.at, record.event.data)).collect::<Vec<_>>()
    };
    assert_eq!(sol(&THREE), sol(&["SOL/USDT:USDT"]));
}

#[test]
fn records_are_in_order_and_at_their_cadence() {
    let mut feed = open(&THREE, 1);
    let end = feed.start_at() + Span::mins(10);
    let records = take_until(&mut feed, end);
    let place = |record: &FeedRecord| (record.at, record.event.instrument, rank(&record.event.data));
    assert!(records.is_sorted_by_key(place));
    assert!(records.iter().all(|record| record.at > feed.start_at()));
    let count = |wanted: fn(&MarketData) -> bool| records.iter().filter(|record| wanted(&record.event.data)).count();
    assert_eq!(count(|data| matches!(data, MarketData::Bar(_))), 3 * 10);
    assert_eq!(count(|data| matches!(data, MarketData::Mark(_))), 3 * 600);
    assert_eq!(count(|data| matches!(data, MarketData::Quote(_))), 3 * 600);
    let trades = count(|data| matches!(data, MarketData::Trade(_)));
    assert!((3 * 200..=3 * 600).contains(&trades), "{trades}");
    for record in &records {
        let rules = feed.instruments().get(record.event.instrument);
        match record.event.data {
            MarketData::Quote(quote) => {
                assert!(quote.bid.is_positive() && quote.bid < quote.ask, "{quote:?}");
                assert!(quote.bid.is_multiple_of(rules.tick) && quote.ask.is_multiple_of(rules.tick));
            }
            MarketData::Trade(trade) => {
                assert!(trade.price.is_multiple_of(rules.tick) && trade.qty.is_multiple_of(rules.step));
            }
            MarketData::Bar(bar) => assert_eq!(record.at, bar.open_time + Span::MINUTE),
            _ => {}
        }
    }
}

#[test]
fn bars_are_the_recount_of_their_trades() {
    let mut feed = open(&THREE, 5);
    let end = feed.start_at() + Span::mins(40);
    let records = take_until(&mut feed, end);
    for id in feed.instruments().ids() {
        let mut recounted: Vec<Bar> = Vec::new();
        for record in records.iter().filter(|record| record.event.instrument == id) {
            let MarketData::Trade(trade) = record.event.data else { continue };
            let open_time = record.at.floor(Span::MINUTE);
            if recounted.last().is_none_or(|bar| bar.open_time != open_time) {
                let (price, volume) = (trade.price, Qty::ZERO);
                recounted.push(Bar { open_time, open: price, high: price, low: price, close: price, volume });
            }
            let bar = recounted.last_mut().unwrap();
            bar.high = bar.high.max(trade.price);
            bar.low = bar.low.min(trade.price);
            bar.close = trade.price;
            bar.volume += trade.qty;
        }
        assert_eq!(bars_of(&records, id), recounted);
    }
}

#[test]
fn history_is_whole_in_every_timeframe_and_joins_what_follows() {
    let mut feed = open(&THREE, 7);
    let start = feed.start_at();
    let first = take_until(&mut feed, start + Span::SECOND);
    for id in feed.instruments().ids() {
        for timeframe in Timeframe::ALL {
            let bars = feed.history(id, timeframe, 800, start).unwrap();
            assert_eq!(bars.len(), 800, "{timeframe}");
            assert!(bars.iter().all(Bar::is_consistent));
            assert!(bars.windows(2).all(|pair| pair[0].open_time + timeframe.span() == pair[1].open_time));
            assert!(bars.windows(2).all(|pair| pair[0].close == pair[1].open), "{timeframe}");
            assert_eq!(bars[799].open_time + timeframe.span(), start);
        }
        let minutes = feed.history(id, Timeframe::M1, 4_000, start).unwrap();
        for timeframe in [Timeframe::M5, Timeframe::M15, Timeframe::H1, Timeframe::H4, Timeframe::D1] {
            let built = aggregate(timeframe, minutes.iter().copied());
            assert_eq!(feed.history(id, timeframe, built.len(), start).unwrap(), built, "{timeframe}");
        }
        let quote = first.iter().find_map(|record| match record.event.data {
            MarketData::Quote(quote) if record.event.instrument == id => Some(quote),
            _ => None,
        });
        let (last, quote) = (minutes.last().unwrap().close.to_f64(), quote.unwrap());
        assert!((quote.bid.to_f64() / last - 1.0).abs() < 0.01, "{last} {quote:?}");
    }
}

#[test]
fn history_and_backfill_within_the_session_are_what_was_said() {
    let mut feed = open(&THREE, 9);
    let (start, now) = (feed.start_at(), hours(&feed, 5));
    let records = take_until(&mut feed, now + Span::mins(7));
    let id = InstrumentId(1);
    let said: Vec<Bar> = bars_of(&records, id).into_iter().filter(|bar| bar.open_time < now).collect();
    assert_eq!(feed.history(id, Timeframe::M1, said.len(), now).unwrap(), said);
    assert_eq!(feed.backfill(id, start, now).unwrap(), said);
    for timeframe in [Timeframe::M5, Timeframe::M30, Timeframe::H1, Timeframe::H4] {
        let built = aggregate(timeframe, said.iter().copied());
        assert!(!built.is_empty());
        assert_eq!(feed.history(id, timeframe, built.len(), now + Span::mins(3)).unwrap(), built, "{timeframe}");
        let longer = feed.history(id, timeframe, built.len() + 4, now).unwrap();
        assert_eq!(longer.len(), built.len() + 4);
        assert!(longer.windows(2).all(|pair| pair[0].open_time + timeframe.span() == pair[1].open_time));
    }
    let across = feed.backfill(id, start - Span::mins(2), start + Span::mins(2)).unwrap();
    assert_eq!(across.len(), 4);
}

#[test]
fn fundings_are_settled_at_the_rate_and_mark_announced() {
    let mut feed = open(&["ETH/USDT:USDT"], 2);
    let end = hours(&feed, 16);
    let (mut announced, mut settled) = (BTreeMap::new(), Vec::new());
    while feed.next_at().is_some_and(|at| at <= end) {
        let record = feed.next().unwrap().unwrap();
        match record.event.data {
            MarketData::Mark(mark) => {
                announced.insert(mark.next_funding, mark.funding_rate);
            }
            MarketData::Funding(funding) => settled.push((record.at, funding, announced[&record.at])),
            _ => {}
        }
    }
    assert_eq!(settled.iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [hours(&feed, 8), hours(&feed, 16)]);
    for (at, funding, announced) in settled {
        assert_eq!(announced, funding.rate, "{at}");
        assert!(funding.rate.abs() < Rate::bps(10) && funding.mark.is_positive());
    }
}

#[test]
fn a_range_begins_and_ends_the_session() {
    let day = |text: &str| text.parse::<TimeRange>().unwrap();
    let mut feed = ranged(&THREE, 1, day("20240301-1709251500"));
    assert_eq!(feed.start_at().to_string(), "2024-03-01T00:00:00.000Z");
    let records = take_until(&mut feed, Timestamp::MAX);
    assert_eq!(records.last().map(|record| record.at), Some(Timestamp::from_secs(1_709_251_500)));
    assert_eq!(bars_of(&records, InstrumentId(2)).len(), 5);
    assert_eq!(feed.next(), None);
    feed.seek(Timestamp::MAX).unwrap();
    assert_eq!(feed.next_at(), None);
}

#[test]
fn every_regime_occurs_and_symbols_move_together() {
    let (mut regimes, mut products, mut squares) = (BTreeSet::new(), 0.0, (0.0, 0.0));
    for seed in 0..12 {
        let mut feed = open(&THREE, seed);
        let end = hours(&feed, 2);
        for (market, at) in feed.markets.iter().flat_map(|market| (0..4).map(move |at| (market, at))) {
            let name = match Regime::of(market, feed.start + market_block(market) * at) {
                Regime::Trending { up: true } => "up",
                Regime::Trending { up: false } => "down",
                Regime::Ranging => "ranging",
                Regime::Volatile => "volatile",
                Regime::Gapping => "gapping",
            };
            regimes.insert(name);
        }
        let returns = |feed: &mut SyntheticFeed, id| {
            let bars = feed.history(InstrumentId(id), Timeframe::M1, 120, end).unwrap();
            bars.iter().map(|bar| bar.close.to_f64() / bar.open.to_f64() - 1.0).collect::<Vec<_>>()
        };
        for (btc, eth) in returns(&mut feed, 0).into_iter().zip(returns(&mut feed, 1)) {
            products += btc * eth;
            squares = (squares.0 + btc * btc, squares.1 + eth * eth);
        }
    }
    assert_eq!(regimes.into_iter().collect::<Vec<_>>(), ["down", "gapping", "ranging", "up", "volatile"]);
    let correlation = products / (squares.0 * squares.1).sqrt();
    assert!((0.3..0.8).contains(&correlation), "{correlation}");
}

fn market_block(market: &Market) -> Span {
    Span::mins(market.regime_minutes)
}

/// The embedded demo's long entry, in its simplest form, to see that the market gives it something to do: RSI and
/// ATR of 14 by Wilder, a stop 1.2 ATR away (at most 1.5 %), a take profit 2.5 ATR away.
fn trades_a_round(feed: &mut SyntheticFeed, id: InstrumentId, atrs: &mut Vec<f64>) -> bool {
    let end = hours(feed, 1);
    let bars = feed.history(id, Timeframe::M1, 260, end).unwrap();
    let (mut gain, mut loss, mut atr) = (0.0, 0.0, 0.0);
    let mut position: Option<(f64, f64)> = None;
    for (index, pair) in bars.windows(2).enumerate() {
        let [last, bar] = pair else { continue };
        let (before, close) = (last.close.to_f64(), bar.close.to_f64());
        let (high, low) = (bar.high.to_f64().max(before), bar.low.to_f64().min(before));
        gain = (gain * 13.0 + (close - before).max(0.0)) / 14.0;
        loss = (loss * 13.0 + (before - close).max(0.0)) / 14.0;
        atr = (atr * 13.0 + high - low) / 14.0;
        if index < 200 {
            continue;
        }
        atrs.push(atr / close);
        match position {
            Some((stop, target)) if bar.low.to_f64() <= stop || bar.high.to_f64() >= target => return true,
            Some(_) => {}
            None => {
                let distance = (1.2 * atr).min(0.015 * close);
                if 100.0 * gain / (gain + loss) <= 42.0 && distance >= 0.003 * close {
                    position = Some((close - distance, close + (2.5 * atr).max(0.008 * close)));
                }
            }
        }
    }
    false
}

#[test]
fn the_market_is_lively_enough_for_the_demo() {
    let (mut sessions, mut atrs) = (0, Vec::new());
    for seed in 1..=100 {
        let mut feed = open(&THREE, seed);
        let ids: Vec<_> = feed.instruments().ids().collect();
        let rounds = ids.into_iter().filter(|id| trades_a_round(&mut feed, *id, &mut atrs)).count();
        sessions += usize::from(rounds > 0);
    }
    atrs.sort_by(f64::total_cmp);
    let quantile = |share: usize| atrs[atrs.len() * share / 100];
    assert!(sessions >= 97, "{sessions} of 100 sessions closed a position");
    assert!(quantile(10) > 0.0035 && quantile(90) < 0.0095, "{} {} {}", quantile(10), quantile(50), quantile(90));
}

#[test]
fn prices_stay_near_the_reference_for_months() {
    let feed = open(&["BTC/USDT:USDT"], 11);
    let (market, mut walk) = (&feed.markets[0], Walk::begin(&feed.markets[0], feed.start));
    let mut places: Vec<f64> = (0..60 * 1_440).map(|_| walk.step(market).to).collect();
    places.sort_by(f64::total_cmp);
    let (low, high) = (places[0], places[places.len() - 1]);
    assert!(low > -0.6 && high < 0.6, "{low} {high}");
    assert!(Price::ONE <= market.price(market.ticks(low)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn going_on_from_any_instant_is_as_if_never_stopped(ms in -5_000_i64..400_000) {
        let mut straight = open(&THREE, 4);
        let from = straight.start_at() + Span::millis(ms);
        let end = straight.start_at() + Span::mins(8);
        let mut expect = take_until(&mut straight, end);
        expect.retain(|record| record.at > from);
        let mut resumed = open(&THREE, 4);
        take_until(&mut resumed, from + Span::secs(30));
        resumed.seek(from).unwrap();
        prop_assert_eq!(take_until(&mut resumed, end), expect);
    }
}
