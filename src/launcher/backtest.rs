//! The `backtest` command: data and settings are opened, the run is timed and examined, the report goes where it was asked to.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::commands::print;
use super::{Failure, configuration, daemon};
use crate::backtest::honesty::{self, Checks, Examination};
use crate::backtest::{self, Assumption, BacktestError, Candles, Outcome, Performance, Plan, Report, Subject};
use crate::cli::{self, BacktestFlags, Invocation};
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::feed::{Feed, FeedError};
use crate::strategy::Kind;
use crate::types::{Exit, Instruments, Span, Timestamp};

/// How often a spinner turns while what it stands for says nothing.
const SPIN_EVERY: std::time::Duration = std::time::Duration::from_millis(120);

pub(super) fn run(
    flags: &BacktestFlags,
    asked: &Invocation,
    environment: &Environment,
    clock: Clock,
) -> Result<Exit, Failure> {
    for (flag, path) in [("--json", &flags.json), ("--html", &flags.html)] {
        path.as_deref().map_or(Ok(()), |path| daemon::has_place(flag, path))?;
    }
    let config = configuration(asked, environment)?;
    let settings = &config.settings;
    let cache = super::cache(flags.no_cache, environment)?;
    let tape = super::open_tape(settings, &cache).map_err(unreadable)?;
    super::warn_of(&cache);
    let open = || tape.feed();
    let plan = |feed| Plan {
        feed,
        rooms: daemon::rooms(asked, settings),
        guests: Vec::new(),
        exchange: settings.exchange.clone(),
        seed: settings.run.seed,
    };
    let feed = open().map_err(unreadable)?;
    let (describe, instruments) = (feed.describe(), feed.instruments().clone());
    let (outcome, performance) = timed(plan(feed), end_of(settings), clock)?;
    let examined = (!flags.no_checks).then(|| {
        let split = flags.split.unwrap_or(honesty::DEFAULT_SPLIT);
        examine(&Examination { open: &open, plan: &plan, split, seed: settings.run.seed }, settings, &outcome)
    });
    let checks = examined.transpose()?;
    super::warn_of(&cache);
    let plan_strategies = daemon::rooms(asked, settings).strategy;
    let enabled = Kind::ALL.into_iter().filter(|kind| plan_strategies.is_enabled(*kind));
    let subject = Subject {
        kind: "backtest",
        feed: describe,
        strategies: enabled.map(|kind| kind.as_str().to_owned()).collect(),
        assumptions: assumptions(settings, &instruments),
        capital: settings.risk.capital_usdt,
        instruments,
    };
    let instruments = subject.instruments.clone();
    let report = Report::new(subject, &outcome, checks, performance);
    if let Some(path) = &flags.json {
        daemon::write_json("--json", path, &report)?;
    }
    if let Some(path) = &flags.html {
        let candles = candles(&mut *open().map_err(unreadable)?, &instruments).map_err(unreadable)?;
        write_page(path, &report, &outcome, candles)?;
    }
    print(&cli::backtest_text(&report, flags.define))
}

fn unreadable(error: FeedError) -> Failure {
    Failure::new(Exit::Configuration, error)
}

fn failed(error: BacktestError) -> Failure {
    Failure::new(error.exit(), error)
}

/// Where the range that was asked for ends, if it says so.
fn end_of(settings: &Settings) -> Option<Timestamp> {
    settings.feed.range().ok().flatten().and_then(|range| range.until)
}

/// Runs a plan with a progress bar: of session time where the end is known, of dates alone where it is not.
fn timed(plan: Plan, end: Option<Timestamp>, clock: Clock) -> Result<(Outcome, Performance), Failure> {
    let start = plan.feed.start_at();
    let bar = match end {
        Some(end) => {
            ProgressBar::new((end - start).as_secs().unsigned_abs()).with_style(style("{bar:40} {percent:>3}%"))
        }
        None => ProgressBar::new_spinner().with_style(style("{spinner}")),
    };
    let begun = clock.thread_uptime();
    let outcome = backtest::run(plan, |at: Timestamp| {
        bar.set_position((at - start).as_secs().unsigned_abs());
        bar.set_message(at.to_string().chars().take("2025-01-01".len()).collect::<String>());
    });
    let took = clock.thread_uptime() - begun;
    bar.finish_and_clear();
    let outcome = outcome.map_err(failed)?;
    let performance = Performance {
        events: outcome.events,
        records: outcome.records,
        events_per_second: outcome.records as f64 / seconds(took),
        load_seconds: seconds(begun),
        run_seconds: seconds(took),
        peak_rss_bytes: peak_resident(),
    };
    Ok((outcome, performance))
}

fn examine(examination: &Examination, settings: &Settings, outcome: &Outcome) -> Result<Checks, Failure> {
    let bar = ProgressBar::new_spinner().with_message("checking for look-ahead and warm-up");
    bar.enable_steady_tick(SPIN_EVERY);
    let checks = honesty::examine(examination, settings.risk.capital_usdt, outcome);
    bar.finish_and_clear();
    checks.map_err(failed)
}

/// A bar's looks, with the date behind it and how long is left.
fn style(shape: &str) -> ProgressStyle {
    let template = format!("{shape} {{msg}} {{elapsed}} (left {{eta}})");
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What the results rest on beside the data.
fn assumptions(settings: &Settings, instruments: &Instruments) -> Vec<Assumption> {
    let exchange = &settings.exchange;
    let fees = instruments.iter().map(|(_, one)| format!("maker {}, taker {}", one.maker_fee, one.taker_fee));
    let mut fees: Vec<String> = fees.collect();
    fees.sort();
    fees.dedup();
    let median = |points: &[crate::exchange::LatencyPoint]| {
        let half = points.iter().find(|point| point.percent >= 50).map_or(0, |point| point.micros);
        format!("{:.1} ms", f64::from(half) / 1_000.0)
    };
    let assumption = |about, value: String| Assumption { about, value };
    vec![
        assumption("Capital", format!("{} USDT", settings.risk.capital_usdt)),
        assumption("Leverage", format!("{}x, cross margin", settings.risk.leverage)),
        assumption("Fees", fees.join("; ")),
        assumption("Spread where the data has no quotes", exchange.spread.to_string()),
        assumption("Share of a bar's volume that reaches resting orders", exchange.bar_share.to_string()),
        assumption("Funding for 8 h where the data has none", exchange.funding_rate.to_string()),
        assumption("Median way of a request to the exchange", median(&exchange.request_latency)),
        assumption("Median way of a report back", median(&exchange.report_latency)),
        assumption("Seed", settings.run.seed.to_string()),
    ]
}

/// Reads the data once more, for a chart.
fn candles(feed: &mut dyn Feed, instruments: &Instruments) -> Result<Candles, FeedError> {
    let mut candles = Candles::new(instruments);
    while let Some(record) = feed.next() {
        candles.hear(&record?.event);
    }
    Ok(candles)
}

/// Writes a report as a page.
pub(super) fn write_page(path: &Path, report: &Report, outcome: &Outcome, candles: Candles) -> Result<(), Failure> {
    let page = backtest::page(report, outcome, candles).map_err(|error| Failure::new(Exit::Contradiction, error))?;
    std::fs::write(path, page).map_err(|error| {
        Failure::new(Exit::LedgerUnwritable, format!("--html {}: it cannot be written: {error}", path.display()))
    })
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
