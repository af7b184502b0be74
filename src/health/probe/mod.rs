//! The probes. Each is a pure function of the evidence of one moment: it names what is beyond its limit and why,
//! and finds nothing when all is well, which is how it recovers.

mod ledger;
mod machine;
mod market;
mod orders;
mod people;
mod progress;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::{Machine, Settings};
use crate::protocol::HealthStatus;
use crate::pulse::Snapshot;
use crate::types::{Span, Symbol, Timestamp};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// The production loop makes progress.
    LoopProgress,
    /// The production loop comes in time to what is due.
    LoopLag,
    /// Market data arrives, per symbol.
    MarketData,
    /// Bars close, per symbol.
    BarClose,
    /// Orders are answered.
    UnansweredOrders,
    /// The state of every order is known.
    UnknownOrders,
    /// Every position has a confirmed stop.
    Protection,
    /// The ledger commits, and in time.
    Ledger,
    /// The flight recording has no gap.
    Recorder,
    /// Messages reach people.
    Notifier,
    /// There is room on the disk.
    Disk,
    /// Memory does not grow.
    Memory,
    /// The venue's clock is known and near ours.
    Clock,
}

/// Something is beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which probe says so.
    pub probe: Probe,
    /// The symbol it is about, if it is about one.
    pub symbol: Option<Symbol>,
    /// `Degraded` or `Critical`.
    pub level: HealthStatus,
    /// Why, in words.
    pub reason: String,
}

/// All that the probes judge by.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    /// The pulses.
    pub pulses: &'a Snapshot,
    /// Time since the process started, on the clock of the loop's beats.
    pub uptime: Span,
    /// Session time: the wall's with a real venue, else as far as the session has come.
    pub now: Timestamp,
    /// Market data is expected from here on; none during start-up.
    pub live_from: Option<Timestamp>,
    /// The largest lag since the last evaluation.
    pub lag: Span,
    /// The slowest commit since the last evaluation.
    pub commit_latency: Span,
    /// What was counted since the last evaluation.
    pub new: Counted,
    /// The newest sample of the machine; none before the first.
    pub machine: Option<&'a Machine>,
    /// How long a sample of the machine has been waited for.
    pub machine_silent: Span,
}

/// Counters of things that should not happen, or what was added to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Commits that failed.
    pub commit_failures: u64,
    /// Gaps of the recorder.
    pub recorder_gaps: u64,
    /// Deliveries that failed.
    pub deliveries_failed: u64,
    /// Messages given up.
    pub messages_dropped: u64,
}

impl Counted {
    /// The counters as they stand.
    pub fn of(pulses: &Snapshot) -> Counted {
        Counted {
            commit_failures: pulses.ledger.failures,
            recorder_gaps: pulses.recorder_gaps,
            deliveries_failed: pulses.notifier.failed,
            messages_dropped: pulses.notifier.dropped,
        }
    }

    /// What was added since `earlier`.
    pub fn since(&self, earlier: &Counted) -> Counted {
        Counted {
            commit_failures: self.commit_failures.saturating_sub(earlier.commit_failures),
            recorder_gaps: self.recorder_gaps.saturating_sub(earlier.recorder_gaps),
            deliveries_failed: self.deliveries_failed.saturating_sub(earlier.deliveries_failed),
            messages_dropped: self.messages_dropped.saturating_sub(earlier.messages_dropped),
        }
    }
}

type Look = fn(&Evidence<'_>, &Settings, &mut Vec<Finding>);

/// Every probe. A new one is a row here.
const PROBES: [Look; 12] = [
    progress::loop_progress,
    progress::loop_lag,
    market::data_and_bars,
    orders::unanswered,
    orders::unknown,
    orders::protection,
    ledger::ledger,
    ledger::recorder,
    people::notifier,
    machine::disk,
    machine::memory,
    progress::clock,
];

/// What is beyond its limit now; nothing if all is well.
pub fn examine(evidence: &Evidence<'_>, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for look in PROBES {
        look(evidence, settings, &mut findings);
    }
    findings
}

/// A finding about the daemon as a whole.
fn finding(probe: Probe, level: HealthStatus, reason: String) -> Finding {
    Finding { probe, symbol: None, level, reason }
}

/// The level of a value that has a first and a second limit; none while it is within both.
fn level<T: PartialOrd>(value: T, degraded: T, critical: T) -> Option<HealthStatus> {
    if value >= critical {
        Some(HealthStatus::Critical)
    } else if value >= degraded {
        Some(HealthStatus::Degraded)
    } else {
        None
    }
}

/// As people read lengths of time: seconds with a decimal, below a second milliseconds.
fn lasting(span: Span) -> String {
    if span < Span::SECOND {
        format!("{} ms", span.as_millis())
    } else {
        format!("{:.1} s", span.as_millis() as f64 / 1_000.0)
    }
}
