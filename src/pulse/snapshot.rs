//! The pulses at one moment, as plain data.

use std::fmt;

use serde::Serialize;

use super::Stage;
use crate::types::{Span, Symbol, Timestamp};

/// The pulses as they were read.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Is session time other than the wall's?
    pub is_virtual: bool,
    /// Session time; none before the first event.
    pub session_at: Option<Timestamp>,
    /// Market data is expected from this session time on; none during start-up.
    pub live_from: Option<Timestamp>,
    /// The production loop.
    pub production_loop: LoopPulse,
    /// Market data, in the order of the instruments' table.
    pub symbols: Vec<SymbolPulse>,
    /// Orders and protection.
    pub orders: OrdersPulse,
    /// The ledger.
    pub ledger: LedgerPulse,
    /// Messages to people.
    pub notifier: NotifierPulse,
    /// Gaps in the flight recording.
    pub recorder_gaps: u64,
    /// The venue's clock; none where there is none but ours.
    pub clock: Option<ClockPulse>,
}

/// One line for the log of a process that is about to end.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = self.production_loop;
        let count = |waiting: Option<Unsettled>| waiting.map_or(0, |waiting| waiting.count);
        write!(f, "loop {} after {} beats, last at uptime {}", one.stage.as_str(), one.beats, Or(one.last_beat))?;
        write!(f, "; session at {}", Or(self.session_at))?;
        for symbol in &self.symbols {
            write!(f, "; {} data {}, bar {}", symbol.symbol, Or(symbol.last_data), Or(symbol.last_bar))?;
        }
        let (unanswered, unknown) = (count(self.orders.unanswered), count(self.orders.unknown));
        write!(f, "; orders {unanswered} unanswered, {unknown} unknown")?;
        write!(f, ", unprotected since {}", Or(self.orders.unprotected_since))?;
        let ledger = self.ledger;
        write!(f, "; ledger {} commits, {} failed, last {}", ledger.commits, ledger.failures, Or(ledger.latency_last))?;
        write!(f, "; messages {} waiting, {} lost", self.notifier.backlog, self.notifier.dropped)
    }
}

/// What there is, or `never`.
struct Or<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Or<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("never"),
        }
    }
}

/// The production loop's progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LoopPulse {
    /// What it entered last.
    pub stage: Stage,
    /// How often it has made progress.
    pub beats: u64,
    /// Uptime at its last progress; none before the first.
    pub last_beat: Option<Span>,
    /// The largest lag of the process so far.
    pub lag_max: Span,
}

/// One symbol's market data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SymbolPulse {
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// How often any data ordinarily comes.
    pub data_cadence: Span,
    /// How often a closed bar ordinarily comes.
    pub bar_cadence: Span,
    /// Session time of the last data.
    pub last_data: Option<Timestamp>,
    /// Session time at which the last closed bar came.
    pub last_bar: Option<Timestamp>,
}

/// Orders and protection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OrdersPulse {
    /// Orders without an answer.
    pub unanswered: Option<Unsettled>,
    /// Orders whose state is unknown.
    pub unknown: Option<Unsettled>,
    /// Since when some position has had no confirmed stop.
    pub unprotected_since: Option<Timestamp>,
}

/// Orders that wait for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unsettled {
    /// How many; at least one.
    pub count: u64,
    /// Since when the oldest waits.
    pub oldest: Timestamp,
}

/// The ledger's transactions, in wall time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LedgerPulse {
    /// How many were committed.
    pub commits: u64,
    /// How many failed.
    pub failures: u64,
    /// How long the last took.
    pub latency_last: Option<Span>,
    /// The longest so far.
    pub latency_max: Span,
}

/// Messages to people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NotifierPulse {
    /// Waiting now.
    pub backlog: u64,
    /// Delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Given up.
    pub dropped: u64,
}

/// The venue's clock as last measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockPulse {
    /// Venue time minus ours.
    pub offset: Span,
    /// How far off that may be.
    pub uncertainty: Span,
}
