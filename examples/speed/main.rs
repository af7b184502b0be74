//! How fast the engine is: events per second of processor time, allocations per event, start, and memory, over made data, with
//! risk, fees, latency and the whole life of orders on: `cargo run --release --example speed [-- CASE…]`.

#![expect(clippy::disallowed_methods, reason = "real time is what is measured")]

mod data;
mod measure;
mod ticks;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use clap::Parser;
use comfy_table::{CellAlignment, Table};
use live_trading_launcher::backtest::Plan;
use live_trading_launcher::engine::{self, Rooms};
use live_trading_launcher::feed::{Cache, Feed, Tape};
use live_trading_launcher::strategy::{EmaCrossSettings, RegimeSettings};
use live_trading_launcher::types::{Rate, Span, Timeframe};
use live_trading_launcher::{exchange, feed, market, orders, risk, strategy};

use measure::Measured;
use ticks::{TickFeed, Ticks};

/// Measures the engine over made data.
#[derive(Debug, Parser)]
struct Flags {
    /// Only cases whose names hold one of these
    cases: Vec<String>,
    /// Every case is run this often, and the fastest run counts
    #[arg(long, default_value = "3")]
    runs: usize,
    /// Cases are this many times smaller
    #[arg(long, default_value = "1")]
    smaller: usize,
}

/// What the strategy does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trading {
    /// It never enters.
    Nothing,
    /// EMA 10/30 with market orders; the stop is far away and does not trail.
    Cross,
    /// EMA 10/30 with market orders, a near stop, and trailing in small steps.
    Trailing,
}

struct Case {
    name: &'static str,
    symbols: usize,
    /// Bars of each symbol, or ticks.
    events: usize,
    trading: Trading,
}

/// Cases of ticks begin so; all others are of bars.
const TICKS: &str = "ticks";
/// Cases of ticks that are read from files, by way of the cache, begin so.
const FILED: &str = "ticks from file";

const CASES: [Case; 14] = [
    Case { name: "bars: no orders", symbols: 1, events: 1_000_000, trading: Trading::Nothing },
    Case { name: "bars: EMA cross", symbols: 1, events: 1_000_000, trading: Trading::Cross },
    Case { name: "bars: EMA cross, trailing", symbols: 1, events: 1_000_000, trading: Trading::Trailing },
    Case { name: "bars: a day", symbols: 1, events: 1_440, trading: Trading::Cross },
    Case { name: "bars: a month", symbols: 1, events: 43_200, trading: Trading::Cross },
    Case { name: "bars: a year", symbols: 1, events: 525_600, trading: Trading::Cross },
    Case { name: "bars: five years", symbols: 1, events: 2_628_000, trading: Trading::Cross },
    Case { name: "bars: 10 symbols", symbols: 10, events: 100_000, trading: Trading::Cross },
    Case { name: "bars: 100 symbols", symbols: 100, events: 10_000, trading: Trading::Cross },
    Case { name: "bars: 500 symbols", symbols: 500, events: 2_000, trading: Trading::Cross },
    Case { name: "ticks: no orders", symbols: 1, events: 20_400_000, trading: Trading::Nothing },
    Case { name: "ticks: EMA cross", symbols: 1, events: 20_400_000, trading: Trading::Cross },
    Case { name: "ticks from file: no orders", symbols: 1, events: 2_040_000, trading: Trading::Nothing },
    Case { name: "ticks from file: EMA cross", symbols: 1, events: 2_040_000, trading: Trading::Cross },
];

fn rooms(trading: Trading, symbols: usize) -> Rooms {
    let far = EmaCrossSettings {
        enabled: trading != Trading::Nothing,
        timeframe: Timeframe::M1,
        stop_atr: 20.0,
        stop_min: Rate::percent(2),
        stop_max: Rate::percent(20),
        trail_activation_atr: 20.0,
        trail_distance_atr: 20.0,
        trail_step_atr: 5.0,
        ..EmaCrossSettings::default()
    };
    let near = EmaCrossSettings { enabled: true, timeframe: Timeframe::M1, ..EmaCrossSettings::default() };
    let ema_cross = if trading == Trading::Trailing { near } else { far };
    let mut strategy = strategy::Settings { ema_cross, min_stop_distance: Rate::ZERO, ..strategy::Settings::default() };
    strategy.oversold_bounce.enabled = false;
    strategy.short_the_rip.enabled = false;
    // Every signal is to become an order: limits are there and looked at, and none is reached.
    let risk = risk::Settings {
        position_notional: Rate::percent(1),
        gross_notional: Rate::percent(1_000),
        // No more than the venue lets have stops at once, and some room for stops that are being replaced.
        open_positions: symbols.min(150) as u32,
        daily_loss: Rate::percent(90),
        drawdown: Rate::percent(95),
        stop_outs: 1_000_000,
        orders_per_minute: 10_000,
        orders_per_day: 1_000_000,
        cooldown: Span::ZERO,
        ..risk::Settings::default()
    };
    Rooms {
        engine: engine::Settings::default(),
        market: market::Settings::default(),
        orders: orders::Settings::default(),
        strategy,
        regime: RegimeSettings::demo(),
        risk,
    }
}

fn plan(case: &Case, feed: Box<dyn Feed>) -> Plan {
    let rooms = rooms(case.trading, case.symbols);
    Plan { feed, rooms, guests: Vec::new(), exchange: exchange::Settings::default(), seed: 1 }
}

/// The fastest of some runs of a case.
fn fastest(case: &Case, flags: &Flags) -> Measured {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (rules, symbols) = (data::instruments(folder.path(), case.symbols), data::symbols(case.symbols));
    let events = (case.events / flags.smaller).max(500);
    let settings = feed::Settings { instruments_file: Some(rules.clone()), ..feed::Settings::default() };
    let runs = 0..flags.runs.max(1);
    let best = if case.name.starts_with(FILED) {
        data::ticks(folder.path(), &Ticks::made(events));
        let (spec, cache) = (format!("ticks:{}", folder.path().display()), Cache::at(folder.path().join("cache")));
        let tape = Tape::open(&settings, &spec, &symbols, None, 0, &cache).expect("made data is good");
        runs.map(|_| measure::run(|| plan(case, tape.feed().expect("made data is good")))).min_by_key(|run| run.busy)
    } else if case.name.starts_with(TICKS) {
        let ticks = Arc::new(Ticks::made(events));
        let table = feed::instruments::load(Some(&rules), &symbols).expect("the made rules are good");
        let feed = || Box::new(TickFeed::new(table.clone(), Arc::clone(&ticks)));
        runs.map(|_| measure::run(|| plan(case, feed()))).min_by_key(|run| run.busy)
    } else {
        data::bars(folder.path(), case.symbols, events);
        let spec = format!("file:{}", folder.path().display());
        let feed = || feed::open(&settings, &spec, &symbols, None, 0).expect("made data is good");
        runs.map(|_| measure::run(|| plan(case, feed()))).min_by_key(|run| run.busy)
    };
    best.expect("there is a run")
}

fn main() {
    let flags = Flags::parse();
    let mut table = Table::new();
    table.set_header([
        "case",
        "events",
        "steps",
        "orders",
        "events/s",
        "ns/event",
        "ns/step",
        "alloc/event",
        "start ms",
        "peak MiB",
        "results",
    ]);
    let wanted = |case: &&Case| flags.cases.is_empty() || flags.cases.iter().any(|part| case.name.contains(part));
    for case in CASES.iter().filter(wanted) {
        table.add_row(row(case.name, &fastest(case, &flags)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
}

fn row(name: &str, run: &Measured) -> Vec<String> {
    let events = run.outcome.records as f64;
    let steps = run.outcome.events as f64;
    let nanos = run.busy.as_nanos() as f64;
    vec![
        name.to_owned(),
        run.outcome.records.to_string(),
        run.outcome.events.to_string(),
        run.outcome.view.orders.to_string(),
        format!("{:.0}", events * 1e9 / nanos),
        format!("{:.1}", nanos / events),
        format!("{:.1}", nanos / steps),
        format!("{:.2}", run.allocations as f64 / events),
        format!("{:.1}", run.start.as_secs_f64() * 1e3),
        format!("{:.0}", run.peak_mib),
        fingerprint(run),
    ]
}

/// A number that two runs with the same trades and the same equity share.
fn fingerprint(run: &Measured) -> String {
    let mut hasher = DefaultHasher::new();
    for trade in &run.outcome.books.trades {
        (trade.entry_id, trade.qty, trade.exit_price, trade.closed_at, trade.net()).hash(&mut hasher);
    }
    for point in &run.outcome.books.equity {
        (point.at, point.equity).hash(&mut hasher);
    }
    format!("{:08x}", hasher.finish() >> 32)
}
