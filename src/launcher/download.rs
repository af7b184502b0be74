//! The `download` command: history of the venue into the data folder, laid out as freqtrade does.

mod file;

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, commands, configuration, state_dir, venue};
use crate::cli::{DownloadFlags, Invocation};
use crate::clock::Clock;
use crate::config::Environment;
use crate::feed::TimeRange;
use crate::types::{Exit, Span, Symbol, Timeframe, Timestamp};
use crate::venue::binance::download::{Series, bars, fundings};
use crate::venue::binance::rest::calls::market::BarsOf;
use crate::venue::binance::rest::{Failure as RestFailure, Rest};
use crate::venue::binance::rules::Rules;

use file::{Kind, Row, Table};

/// How far back is asked for if no range is given.
const USUAL_DAYS: i64 = 30;
/// Bars of mark prices are as long as freqtrade has them.
const MARK_TIMEFRAME: Timeframe = Timeframe::H1;
/// When the venue's first perpetual began: nothing is older.
const FIRST: Timestamp = Timestamp::from_secs(1_567_900_800);

/// One file to be.
#[derive(Debug)]
struct Wanted {
    symbol: Symbol,
    name: String,
    kind: Kind,
    path: PathBuf,
}

/// Downloads.
pub(super) fn run(
    flags: &DownloadFlags,
    asked: &Invocation,
    environment: &Environment,
    clock: Clock,
) -> Result<Exit, Failure> {
    let config = configuration(asked, environment)?;
    let symbols = flags.symbols.clone().unwrap_or_else(|| config.settings.run.symbols.clone());
    let dir = state_dir(asked, environment).ok();
    let rest = venue::client(&config, None, dir.as_deref(), clock)?;
    let range = match &flags.timerange {
        Some(text) => text.parse().map_err(|error| Failure::new(Exit::Usage, error))?,
        None => TimeRange::default(),
    };
    let folder = flags.data_dir.join("binance").join("futures");
    std::fs::create_dir_all(&folder).map_err(|error| {
        Failure::new(Exit::Configuration, format!("--data-dir {}: it cannot be made: {error}", folder.display()))
    })?;
    commands::runtime()?.block_on(async {
        rest.sync_clock().await.map_err(unreachable)?;
        let rules = Rules::ask(&rest, Span::ZERO).await.map_err(unreachable)?;
        let instruments = rules.instruments(&symbols).map_err(|error| Failure::new(Exit::Configuration, error))?;
        let until = range.until.unwrap_or(Timestamp::MAX).min(rest.now());
        let from = range.from.unwrap_or_else(|| (rest.now() - Span::DAY * USUAL_DAYS).floor(Span::DAY)).max(FIRST);
        let wanted = instruments.iter().flat_map(|(_, one)| {
            let kinds = [Kind::Bars(flags.timeframe), Kind::Mark(MARK_TIMEFRAME), Kind::Funding];
            kinds.map(|kind| Wanted {
                symbol: one.symbol.clone(),
                name: one.venue_symbol.clone(),
                kind,
                path: folder.join(kind.file_name(&one.symbol)),
            })
        });
        for one in wanted {
            fetch(&rest, &one, from, until).await?;
        }
        Ok(Exit::Clean)
    })
}

fn unreachable(failure: RestFailure) -> Failure {
    Failure::new(Exit::TryLater, format!("Binance could not be asked: {failure}"))
}

/// Brings one file up to `until`: what it has is kept, what is before and behind that is asked for.
async fn fetch(rest: &Rest, wanted: &Wanted, from: Timestamp, until: Timestamp) -> Result<(), Failure> {
    let failed = |error| Failure::new(Exit::Configuration, error);
    let mut table = Table::open(&wanted.path, wanted.kind).map_err(failed)?;
    let bar = progress(&wanted.symbol, wanted.kind, from, until);
    let mut fresh = 0;
    for (begin, end) in table.holes(from, until) {
        let mut next = begin;
        loop {
            let page = page(rest, wanted, next, end).await;
            let rows = match page {
                Ok(rows) => rows,
                Err(failure) => {
                    // What has come so far is kept, so that the next run goes on from there.
                    table.keep().map_err(failed)?;
                    bar.abandon();
                    return Err(unreachable(failure));
                }
            };
            let Some(last) = rows.last().map(|row| row.at) else { break };
            fresh += rows.len();
            table.add(rows).map_err(failed)?;
            next = last + Span::millis(1);
            bar.set_position(minutes(from, next));
        }
    }
    table.keep().map_err(failed)?;
    bar.set_position(minutes(from, until));
    bar.finish();
    println!("{}: {} rows, {fresh} of them new", wanted.path.display(), table.len());
    Ok(())
}

async fn page(rest: &Rest, wanted: &Wanted, from: Timestamp, until: Timestamp) -> Result<Vec<Row>, RestFailure> {
    let of_bars = |of, timeframe| Series { of, symbol: &wanted.name, timeframe };
    match wanted.kind {
        Kind::Bars(timeframe) => {
            Ok(bars(rest, of_bars(BarsOf::Trades, timeframe), from, until).await?.iter().map(Row::of_bar).collect())
        }
        Kind::Mark(timeframe) => {
            Ok(bars(rest, of_bars(BarsOf::Mark, timeframe), from, until).await?.iter().map(Row::of_bar).collect())
        }
        Kind::Funding => Ok(fundings(rest, &wanted.name, from, until).await?.iter().map(Row::of_funding).collect()),
    }
}

fn progress(symbol: &Symbol, kind: Kind, from: Timestamp, until: Timestamp) -> ProgressBar {
    let bar = ProgressBar::new(minutes(from, until));
    let form = "{msg:32} {bar:40} {percent:>3}% {elapsed} of {duration}";
    bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("{symbol} {}", kind.words()));
    bar
}

fn minutes(from: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(until.since(from).as_secs() / 60).unwrap_or(0)
}
