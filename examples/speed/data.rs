//! Markets made from a seed, written as the files that the project reads.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use live_trading_launcher::types::Symbol;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::ticks::Ticks;

/// Of all markets.
pub const SEED: u64 = 7;
/// 2024-01-01 00:00:00 UTC.
pub const START_SECS: u64 = 1_704_067_200;
/// The first price in ticks of a hundredth.
pub const FIRST_TICKS: i64 = 5_000_000;

/// So many symbols, `M0/USDT:USDT` first.
pub fn symbols(count: usize) -> Vec<Symbol> {
    (0..count).map(|at| format!("M{at}/USDT:USDT").parse().expect("a symbol")).collect()
}

/// The rules of `count` instruments, as a file.
pub fn instruments(folder: &Path, count: usize) -> PathBuf {
    let mut text = String::new();
    for symbol in symbols(count) {
        write!(
            text,
            "[[instruments]]\nsymbol = \"{symbol}\"\ntick = \"0.01\"\nstep = \"0.0001\"\nmax_qty = \"1000\"\n\
             market_max_qty = \"500\"\nmin_notional = \"1\"\npercent_price = \"5%\"\n\
             tiers = [\n  {{ up_to = \"1000000\", leverage = 100, maintenance = \"0.5%\" }},\n  \
             {{ up_to = \"100000000\", leverage = 20, maintenance = \"2%\" }},\n]\n\n"
        )
        .expect("text takes text");
    }
    let path = folder.join("instruments.toml");
    std::fs::write(&path, text).expect("the folder can be written");
    path
}

/// A step of a walk: evenly from minus to plus `most`.
fn step(rng: &mut Xoshiro256PlusPlus, most: i64) -> i64 {
    let width = 2 * most.unsigned_abs() + 1;
    i64::try_from(rng.next_u64() % width).expect("a width is small") - most
}

/// A price that strays by a tenth of a thousandth a step, and back towards where it began.
fn walk(rng: &mut Xoshiro256PlusPlus, ticks: i64, most: i64) -> i64 {
    ticks + step(rng, most) + (FIRST_TICKS - ticks) / 50_000
}

/// 1m bars of `symbols`, a file each: `bars` of them.
pub fn bars(folder: &Path, symbols: usize, bars: usize) {
    for symbol in 0..symbols {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED + symbol as u64);
        let mut text = String::with_capacity(bars * 64);
        text.push_str("timestamp,open,high,low,close,volume\n");
        let mut close = FIRST_TICKS;
        for at in 0..bars {
            let open = close;
            let points = [0; 4].map(|_| {
                close = walk(&mut rng, close, 2_000);
                close
            });
            let low = points.into_iter().chain([open]).min().expect("five points");
            let high = points.into_iter().chain([open]).max().expect("five points");
            let volume = 10 + rng.next_u64() % 90;
            let price = |ticks: i64| format!("{}.{:02}", ticks / 100, ticks % 100);
            let secs = START_SECS + 60 * at as u64;
            writeln!(text, "{secs},{},{},{},{},{volume}", price(open), price(high), price(low), price(close))
                .expect("text takes text");
        }
        std::fs::write(folder.join(format!("M{symbol}USDT_1m_made.csv")), text).expect("the folder can be written");
    }
}

/// Ticks of the first symbol, as an exchange publishes them: a file of trades, and one of the best prices.
pub fn ticks(folder: &Path, ticks: &Ticks) {
    let mut trades = "id,price,qty,quote_qty,time,is_buyer_maker\n".to_owned();
    let mut quotes =
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n".to_owned();
    let price = |ticks: i64| format!("{}.{:02}", ticks / 100, ticks % 100);
    let qty = |steps: u32| format!("{}.{:04}", steps / 10_000, steps % 10_000);
    for (number, tick) in ticks.0.iter().enumerate() {
        let (millis, low, first) = (tick.at / 1_000_000, price(tick.low), qty(tick.first));
        let written = if tick.high == 0 {
            writeln!(trades, "{number},{low},{first},0,{millis},{}", tick.second == 0)
        } else {
            let (high, second) = (price(tick.high), qty(tick.second));
            writeln!(quotes, "{number},{low},{first},{high},{second},{millis},{millis}")
        };
        written.expect("text takes text");
    }
    for (kind, text) in [("trades", trades), ("bookTicker", quotes)] {
        std::fs::write(folder.join(format!("M0USDT-{kind}-made.csv")), text).expect("the folder can be written");
    }
}
