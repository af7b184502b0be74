//! Recorded 1m bars through the market: the 4h bars that it builds against those of an independent source, and
//! what the strategies make of whole months. The recordings are of the spot market, which stands in for the
//! perpetual here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use live_trading_launcher::market::{Market, Need, Settings};
use live_trading_launcher::protocol::{Bar, FeedShape, MarketData, MarketEvent};
use live_trading_launcher::strategy::{self, Desk, Proposal, RegimeSettings};
use live_trading_launcher::types::{
    Instrument, Instruments, MarginTier, Price, Qty, Rate, Span, Timeframe, Timestamp, Usdt,
};

#[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
fn shared() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let shared = PathBuf::from(std::env::var("LTL_SHARED_DIR").unwrap_or(beside.to_owned()));
    shared.join("data").is_dir().then_some(shared)
}

fn instruments(base: &str) -> Instruments {
    let tier = MarginTier {
        notional_floor: Usdt::ZERO,
        notional_cap: Usdt::whole(1_000_000),
        max_leverage: 20,
        maintenance_rate: Rate::percent(1),
        maintenance_amount: Usdt::ZERO,
    };
    let instrument = Instrument {
        symbol: format!("{base}/USDT:USDT").parse().expect("a symbol"),
        venue_symbol: format!("{base}USDT"),
        tick: Price::new(1, 1),
        step: Qty::new(1, 3),
        min_qty: Qty::new(1, 3),
        max_qty: Qty::whole(1_000),
        market_max_qty: Qty::whole(100),
        min_notional: Usdt::whole(5),
        percent_price: Rate::percent(5),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(125),
        funding_interval: Span::mins(480),
        tiers: vec![tier],
    };
    Instruments::new(vec![instrument]).expect("a table")
}

/// Columns after the time: open, high, low, close, volume.
type Row = (String, String, String, String, String, String);

fn bar(open_time: Timestamp, row: &Row) -> Bar {
    let price = |text: &str| text.parse::<Price>().expect("a price");
    let (open, high, low, close) = (price(&row.1), price(&row.2), price(&row.3), price(&row.4));
    Bar { open_time, open, high, low, close, volume: row.5.parse().expect("a quantity") }
}

fn minutes(path: PathBuf) -> Vec<Bar> {
    let file = std::fs::File::open(path).expect("the file is there");
    let mut rows = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let utc = |text: &str| {
        let time: jiff::Timestamp = format!("{text}Z").parse().expect("a time");
        Timestamp::from_secs(time.as_second())
    };
    rows.deserialize::<Row>().map(|row| row.expect("a row")).map(|row| bar(utc(&row.0), &row)).collect()
}

fn four_hours(path: PathBuf) -> BTreeMap<Timestamp, Bar> {
    let mut rows = csv::Reader::from_path(path).expect("the file is there");
    let time = |row: &Row| Timestamp::from_secs(row.0.parse().expect("seconds"));
    rows.deserialize::<Row>().map(|row| row.expect("a row")).map(|row| (time(&row), bar(time(&row), &row))).collect()
}

/// Every 4h bar that the market builds of these 1m bars.
fn build(minutes: &[Bar]) -> Vec<Bar> {
    let instruments = instruments("BTC");
    let need = [Need { timeframe: Timeframe::H4, bars: 0 }];
    let mut market = Market::new(&instruments, FeedShape::BARS, &need, Settings::default());
    let id = instruments.ids().next().expect("one instrument");
    market.mark_history_complete(Timestamp::EPOCH, id);
    let mut built = Vec::new();
    for minute in minutes {
        let event = MarketEvent { instrument: id, data: MarketData::Bar(*minute) };
        let absorbed = market.absorb(minute.open_time + Span::MINUTE, &event);
        assert_eq!(absorbed.gap, None, "these recordings have no holes");
        built
            .extend(absorbed.closed.iter().filter(|closed| closed.timeframe == Timeframe::H4).map(|closed| closed.bar));
    }
    built
}

#[test]
fn built_4h_bars_equal_an_independent_source() {
    let Some(shared) = shared() else {
        println!("skipped: no shared data");
        return;
    };
    let data = shared.join("data");
    for (base, years, expect) in [("BTC", &["2024"][..], 208), ("SOL", &["2023", "2024"][..], 241)] {
        let theirs = four_hours(data.join(format!("ohlcv-4h-binance-spot/{base}USDT_4h.csv")));
        let mut compared = 0;
        for year in years {
            let path = data.join(format!("ohlcv-1m-binance-spot/{base}USDT_1m_{year}.csv.gz"));
            for ours in build(&minutes(path)) {
                if let Some(theirs) = theirs.get(&ours.open_time) {
                    assert_eq!(ours, *theirs, "{base} at {}", ours.open_time);
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, expect, "{base}: bars in both sources");
    }
}

/// How often each outcome came of the strategies of the table over these 1m bars, with no position ever held.
fn outcomes(base: &str, minutes: &[Bar], counts: &mut BTreeMap<String, u32>) {
    let instruments = instruments(base);
    let id = instruments.ids().next().expect("one instrument");
    let mut desk = Desk::new(&strategy::Settings::default(), &RegimeSettings::demo(), &instruments);
    let mut market = Market::new(&instruments, FeedShape::BARS, &desk.needs(), Settings::default());
    market.mark_history_complete(Timestamp::EPOCH, id);
    for minute in minutes {
        let event = MarketEvent { instrument: id, data: MarketData::Bar(*minute) };
        for closed in market.absorb(minute.open_time + Span::MINUTE, &event).closed {
            for proposal in desk.on_bar(id, closed.timeframe, &closed.bar, closed.live, None) {
                let outcome = match proposal {
                    Proposal::Enter(Ok(signal)) => signal.strategy().to_owned(),
                    Proposal::Enter(Err(refused)) => refused.refusal.as_str().to_owned(),
                    Proposal::Leave { strategy, .. } => panic!("{strategy} would leave what it does not hold"),
                };
                *counts.entry(outcome).or_default() += 1;
            }
        }
    }
    assert_eq!(market.iterations(), minutes.len() as u64);
}

#[test]
fn both_strategies_of_the_table_find_trades_in_recorded_months() {
    let Some(shared) = shared() else {
        println!("skipped: no shared data");
        return;
    };
    for month in ["Q4_2024", "marzo_2025"] {
        let mut counts = BTreeMap::new();
        for base in ["BTC", "ETH", "SOL"] {
            let path = format!("data/ohlcv-1m-binance-spot/{base}USDT_1m_{month}.csv.gz");
            outcomes(base, &minutes(shared.join(path)), &mut counts);
        }
        println!("{month}: {counts:?}");
        for strategy in ["oversold_bounce", "short_the_rip"] {
            assert!(counts.get(strategy).is_some_and(|count| *count >= 20), "{month}: {counts:?}");
        }
    }
}
