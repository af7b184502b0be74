//! How far the results of a backtest can be trusted: does a decision change when the future is cut off, or when less of the
//! past is loaded than there is; do the results hold outside of the first part of the data; and how much of the drawdown is
//! luck. The first two run the strategies again at sampled instants, at a cost that does not grow with the data.

mod look_ahead;
mod out_of_sample;
mod warm_up;

use std::collections::BTreeSet;

use serde::Serialize;

use super::run::{BacktestError, Outcome, Plan};
use crate::feed::{Feed, FeedError};
use crate::portfolio::statistics::{Reshuffled, reshuffle};
use crate::strategy::Desk;
use crate::types::{InstrumentId, Rate, Span, Symbol, Timestamp, Usdt};
pub use out_of_sample::{OutOfSample, Part};

/// Differences that are named; of a strategy that is wrong everywhere a few say it all.
const MOST_FINDINGS: usize = 20;
/// Orders of the trades that are drawn: enough for the 99th percentile to stand on ten of them.
const ORDERS: usize = 1_000;
/// The part of the time that counts as the sample unless told otherwise.
pub const DEFAULT_SPLIT: Rate = Rate::percent(70);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checks {
    /// Decisions made again with the future cut off.
    pub look_ahead: Comparison,
    /// Decisions made again after the declared warm-up alone.
    pub warm_up: Comparison,
    /// Before and after an instant; none if the curve is too short to be split.
    pub out_of_sample: Option<OutOfSample>,
    /// The drawdown in other orders of the trades; none for fewer than two trades.
    pub reshuffled: Option<Reshuffled>,
}

/// Decisions that were made twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Instants at which they were looked at; none if there was too little data.
    pub samples: usize,
    /// Decisions that were compared.
    pub decisions: u64,
    /// Of those, how many were others the second time.
    pub changed: u64,
    /// Names of the strategies whose decisions changed.
    pub strategies: BTreeSet<String>,
    /// The first of the changes.
    pub findings: Vec<Finding>,
}

/// A decision that was another the second time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Whose decision it was.
    pub strategy: String,
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// When, UTC.
    pub at: String,
    /// What was decided with everything at hand.
    pub with: String,
    /// What was decided without the future, or without the longer past.
    pub without: String,
}

impl Comparison {
    /// Has nothing changed, and was there something that could have?
    pub fn is_clean(&self) -> bool {
        self.decisions > 0 && self.changed == 0
    }

    fn found(&mut self, finding: Finding) {
        self.changed += 1;
        self.strategies.insert(finding.strategy.clone());
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// How the same thing is run again.
pub struct Examination<'a> {
    /// Opens the data anew.
    pub open: &'a dyn Fn() -> Result<Box<dyn Feed>, FeedError>,
    /// Makes the plan over data that it is handed. A strategy may look at all of it, and is found out if it does.
    pub plan: &'a dyn Fn(Box<dyn Feed>) -> Plan,
    /// Share of the time that counts as the sample.
    pub split: Rate,
    /// Of the orders of trades that are drawn.
    pub seed: u64,
}

/// Examines what came of a run that began with `capital`.
///
/// # Errors
/// If the data is damaged, or an engine does not get ready.
pub fn examine(this: &Examination, capital: Usdt, outcome: &Outcome) -> Result<Checks, BacktestError> {
    let mut feed = (this.open)()?;
    Ok(Checks {
        look_ahead: look_ahead::examine(&mut *feed, this.plan, outcome)?,
        warm_up: warm_up::examine(&mut *feed, this.plan, outcome)?,
        out_of_sample: out_of_sample::split(&outcome.books, this.split),
        reshuffled: reshuffle(capital, &outcome.books.trades, ORDERS, this.seed),
    })
}

/// The strategies of a plan, without an engine around them.
fn desk(plan: &Plan) -> Desk {
    let instruments = plan.feed.instruments();
    Desk::new(&plan.rooms.strategy, &plan.rooms.regime, instruments).with_guests(plan.guests.clone())
}

/// Up to `most` instants of a run with an instrument each, in the order of time: half of them evenly spread, half where
/// positions were opened, since a rule that acts seldom is best looked at where it acted.
fn instants(outcome: &Outcome, instruments: usize, most: usize) -> Vec<(Timestamp, InstrumentId)> {
    let (from, until) = (outcome.started_at, outcome.ended_at);
    let even = most.div_ceil(2) as i64;
    let half_step = Span::nanos((until - from).as_nanos() / (2 * even).max(1));
    let turn = |n: i64| InstrumentId((n as usize % instruments.max(1)) as u16);
    let spread = (0..even).map(|n| (from + half_step * (2 * n + 1), turn(n)));
    let trades = &outcome.books.trades;
    let wanted = (most / 2).min(trades.len());
    let opened =
        (0..wanted).map(|n| &trades[n * trades.len() / wanted]).map(|trade| (trade.opened_at, trade.instrument));
    let all: BTreeSet<_> = spread.chain(opened).collect();
    all.into_iter().collect()
}
