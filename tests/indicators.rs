//! Our indicators against TA-Lib's values, which `data/indicators/generate.py` computed and wrote down.

use std::collections::BTreeMap;
use std::path::PathBuf;

use live_trading_launcher::market::indicator::{
    Adx, Atr, Bollinger, Donchian, Ema, Macd, Percentile, Rsi, Sma, StdDev, TrueRange, Vwap,
};

/// Largest difference allowed, relative to the value.
const TOLERANCE: f64 = 1e-9;

/// Every indicator, with the periods that the script used.
struct All {
    ema10: Ema,
    ema200: Ema,
    sma20: Sma,
    stddev20: StdDev,
    rsi14: Rsi,
    true_range: TrueRange,
    atr14: Atr,
    bollinger: Bollinger,
    macd: Macd,
    adx14: Adx,
    donchian: Donchian,
    vwap20: Vwap,
    percentile50: Percentile,
}

impl All {
    fn new() -> All {
        All {
            ema10: Ema::new(10),
            ema200: Ema::new(200),
            sma20: Sma::new(20),
            stddev20: StdDev::new(20),
            rsi14: Rsi::new(14),
            true_range: TrueRange::new(),
            atr14: Atr::new(14),
            bollinger: Bollinger::new(20, 2.0),
            macd: Macd::new(12, 26, 9),
            adx14: Adx::new(14),
            donchian: Donchian::new(20),
            vwap20: Vwap::new(20),
            percentile50: Percentile::new(50),
        }
    }

    fn update(&mut self, [high, low, close, volume]: [f64; 4]) -> BTreeMap<&'static str, Option<f64>> {
        let atr = self.atr14.update(high, low, close);
        let bands = self.bollinger.update(close);
        let macd = self.macd.update(close);
        let channel = self.donchian.update(high, low);
        BTreeMap::from([
            ("ema10", self.ema10.update(close)),
            ("ema200", self.ema200.update(close)),
            ("sma20", self.sma20.update(close)),
            ("stddev20", self.stddev20.update(close)),
            ("rsi14", self.rsi14.update(close)),
            ("true_range", self.true_range.update(high, low, close)),
            ("atr14", atr),
            ("bollinger_lower", bands.map(|bands| bands.lower)),
            ("bollinger_middle", bands.map(|bands| bands.middle)),
            ("bollinger_upper", bands.map(|bands| bands.upper)),
            ("macd", macd.map(|lines| lines.macd)),
            ("macd_signal", macd.map(|lines| lines.signal)),
            ("macd_histogram", macd.map(|lines| lines.histogram)),
            ("adx14", self.adx14.update(high, low, close)),
            ("donchian_upper", channel.map(|channel| channel.upper)),
            ("donchian_lower", channel.map(|channel| channel.lower)),
            ("vwap20", self.vwap20.update(high, low, close, volume)),
            ("percentile50", atr.and_then(|atr| self.percentile50.update(atr / close))),
        ])
    }
}

fn data(name: &str) -> csv::Reader<std::fs::File> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/indicators").join(name);
    csv::Reader::from_path(path).expect("the data file is in the project")
}

/// Compares every column of a row that one of our indicators is named after; gives how many held a value.
fn compare(row: &BTreeMap<String, String>, ours: &BTreeMap<&str, Option<f64>>, bar: usize) -> usize {
    let mut values = 0;
    for (name, ours) in ours {
        let theirs = row[*name].as_str();
        match (ours, theirs) {
            (None, "") => {}
            (Some(ours), theirs) if !theirs.is_empty() => {
                let theirs: f64 = theirs.parse().expect("a number");
                let off = (ours - theirs).abs();
                assert!(off <= TOLERANCE * theirs.abs(), "{name} at bar {bar}: {ours} is not {theirs}");
                values += 1;
            }
            (ours, theirs) => panic!("{name} at bar {bar}: {ours:?} where TA-Lib has `{theirs}`"),
        }
    }
    values
}

#[test]
fn indicators_equal_talib_on_a_random_walk() {
    let (mut all, mut values) = (All::new(), 0);
    for (bar, row) in data("walk.csv").deserialize().enumerate() {
        let row: BTreeMap<String, String> = row.expect("a row");
        let ours = all.update(["high", "low", "close", "volume"].map(|name| row[name].parse().expect("a number")));
        values += compare(&row, &ours, bar);
    }
    assert_eq!(values, 4_822, "300 bars less what each indicator needs to warm up");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
fn indicators_equal_talib_on_recorded_bars() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let shared = std::env::var("LTL_SHARED_DIR").unwrap_or(beside.to_owned());
    let path = PathBuf::from(shared).join("data/ohlcv-1m-binance-spot/BTCUSDT_1m_Q4_2024.csv.gz");
    let Ok(file) = std::fs::File::open(path) else {
        println!("skipped: no shared data");
        return;
    };
    let mut bars = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let mut bars = bars.deserialize::<(String, f64, f64, f64, f64, f64)>().enumerate();
    let (mut all, mut rows) = (All::new(), 0);
    for row in data("recorded.csv").deserialize() {
        let row: BTreeMap<String, String> = row.expect("a row");
        let wanted: usize = row["bar"].parse().expect("a number");
        let ours = loop {
            let (bar, values) = bars.next().expect("the file goes on");
            let (_, _, high, low, close, volume) = values.expect("a bar");
            let ours = all.update([high, low, close, volume]);
            if bar == wanted {
                break ours;
            }
        };
        compare(&row, &ours, wanted);
        rows += 1;
    }
    assert_eq!(rows, 500);
}
