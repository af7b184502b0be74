//! The `backtest` command: data and settings are opened, the run is timed, the report goes where it was asked to.

use super::commands::print;
use super::{Failure, configuration, daemon};
use crate::backtest::{self, Performance, Plan, Report};
use crate::cli::{self, BacktestFlags, Invocation};
use crate::clock::Clock;
use crate::config::Environment;
use crate::types::{Exit, Span, Timestamp};

pub(super) fn run(
    flags: &BacktestFlags,
    asked: &Invocation,
    environment: &Environment,
    clock: Clock,
) -> Result<Exit, Failure> {
    if let Some(path) = &flags.json {
        daemon::has_place("--json", path)?;
    }
    let config = configuration(asked, environment)?;
    let settings = &config.settings;
    let cache = super::cache(flags.no_cache, environment)?;
    let feed = super::open_tape(settings, &cache).and_then(|tape| tape.feed());
    let feed = feed.map_err(|error| Failure::new(Exit::Configuration, error))?;
    cache.notices().iter().for_each(|notice| eprintln!("warning: {notice}"));
    let (describe, instruments) = (feed.describe(), feed.instruments().clone());
    let plan = Plan {
        feed,
        rooms: daemon::rooms(asked, settings),
        exchange: settings.exchange.clone(),
        seed: settings.run.seed,
    };
    let bar = indicatif::ProgressBar::new_spinner();
    let begun = clock.thread_uptime();
    let outcome = backtest::run(plan, |at: Timestamp| bar.set_message(at.to_string()));
    let took = clock.thread_uptime() - begun;
    bar.finish_and_clear();
    let outcome = outcome.map_err(|error| Failure::new(error.exit(), error))?;
    let performance = Performance {
        events: outcome.events,
        records: outcome.records,
        events_per_second: outcome.records as f64 / seconds(took),
        load_seconds: seconds(begun),
        run_seconds: seconds(took),
        peak_rss_bytes: peak_resident(),
    };
    let report = Report::new(describe, &instruments, settings.risk.capital_usdt, outcome, performance);
    if let Some(path) = &flags.json {
        daemon::write_json("--json", path, &report)?;
    }
    print(&cli::backtest_text(&report))
}

fn seconds(span: Span) -> f64 {
    span.as_nanos() as f64 / Span::SECOND.as_nanos() as f64
}

/// The largest resident memory that the process had; none where the system does not say.
fn peak_resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}
