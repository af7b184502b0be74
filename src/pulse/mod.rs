//! The pulses: what every stage stamps as it works, and what health judges by. Lock-free, so that stamping costs
//! the loop a few nanoseconds and reading never makes it wait.
//!
//! A stamp says that work was done, not that a timer went off. So a stage that waits must wake and stamp at
//! least every [`BEAT_EVERY`]; one that only sleeps looks like what it is.

mod cell;
mod snapshot;
mod stage;

pub use snapshot::{ClockPulse, LedgerPulse, LoopPulse, NotifierPulse, OrdersPulse, Snapshot, SymbolPulse, Unsettled};
pub use stage::Stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cell::{Instant, Length};

use crate::protocol::{Knowledge, View};
use crate::types::{InstrumentId, Span, Symbol, Timestamp};

/// Longest time between two stamps of a loop that is well, waiting included. Far below every limit that judges it.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Counters and last-seen instants of one process. Shared as `Arc<Pulses>`; every method takes `&self`.
///
/// Instants of the session are [`Timestamp`]s in session time. The loop's own beats are [`Span`]s of uptime, as
/// `Clock::uptime` gives them, because a stalled loop has no session time.
#[derive(Debug)]
pub struct Pulses {
    is_virtual: bool,
    stage: AtomicU8,
    beats: AtomicU64,
    last_beat: Length,
    lag_recent: Length,
    lag_max: Length,
    session_at: Instant,
    live_from: Instant,
    symbols: Box<[Symbols]>,
    unanswered: Waiting,
    unknown: Waiting,
    unprotected_since: Instant,
    commits: AtomicU64,
    commit_failures: AtomicU64,
    commit_last: Length,
    commit_recent: Length,
    commit_max: Length,
    notifier_backlog: AtomicU64,
    notifier_delivered: AtomicU64,
    notifier_failed: AtomicU64,
    notifier_dropped: AtomicU64,
    recorder_gaps: AtomicU64,
    clock_offset: Length,
    clock_uncertainty: Length,
}

/// One symbol's market data.
#[derive(Debug)]
struct Symbols {
    symbol: Symbol,
    data_cadence: Length,
    bar_cadence: Length,
    last_data: Instant,
    last_bar: Instant,
}

/// How many orders wait for something, and since when the oldest.
#[derive(Debug, Default)]
struct Waiting {
    count: AtomicU64,
    oldest: Instant,
}

impl Waiting {
    fn set(&self, waiting: Option<(usize, Timestamp)>) {
        self.count.store(waiting.map_or(0, |(count, _)| count as u64), Relaxed);
        self.oldest.set(waiting.map(|(_, oldest)| oldest));
    }

    fn get(&self) -> Option<Unsettled> {
        // The two halves may be of different stamps; a count of none with an instant is the only one that misleads.
        let oldest = self.oldest.get()?;
        Some(Unsettled { count: self.count.load(Relaxed).max(1), oldest })
    }
}

impl Pulses {
    /// Pulses for these symbols, in the order of the instruments' table. `is_virtual` says that session time is
    /// not the wall's: the feed is synthetic or recorded and the exchange is in the process.
    pub fn new(symbols: &[Symbol], is_virtual: bool) -> Arc<Pulses> {
        let minute = Span::MINUTE;
        let symbol = |symbol: &Symbol| Symbols {
            symbol: symbol.clone(),
            data_cadence: Length::of(minute),
            bar_cadence: Length::of(minute),
            last_data: Instant::default(),
            last_bar: Instant::default(),
        };
        Arc::new(Pulses {
            is_virtual,
            stage: AtomicU8::new(Stage::Starting as u8),
            beats: AtomicU64::new(0),
            last_beat: Length::default(),
            lag_recent: Length::of(Span::ZERO),
            lag_max: Length::of(Span::ZERO),
            session_at: Instant::default(),
            live_from: Instant::default(),
            symbols: symbols.iter().map(symbol).collect(),
            unanswered: Waiting::default(),
            unknown: Waiting::default(),
            unprotected_since: Instant::default(),
            commits: AtomicU64::new(0),
            commit_failures: AtomicU64::new(0),
            commit_last: Length::default(),
            commit_recent: Length::of(Span::ZERO),
            commit_max: Length::of(Span::ZERO),
            notifier_backlog: AtomicU64::new(0),
            notifier_delivered: AtomicU64::new(0),
            notifier_failed: AtomicU64::new(0),
            notifier_dropped: AtomicU64::new(0),
            recorder_gaps: AtomicU64::new(0),
            clock_offset: Length::default(),
            clock_uncertainty: Length::default(),
        })
    }

    /// Is session time other than the wall's?
    pub fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    /// The loop made progress and enters `stage`. The only proof that it is alive.
    pub fn beat(&self, stage: Stage, uptime: Span) {
        self.stage.store(stage as u8, Relaxed);
        self.last_beat.set(Some(uptime));
        self.beats.fetch_add(1, Relaxed);
    }

    /// How often the loop has beaten: equal twice means that it stood still between.
    pub fn beats(&self) -> u64 {
        self.beats.load(Relaxed)
    }

    /// The stage that the loop entered last.
    pub fn stage(&self) -> Stage {
        Stage::from_stamp(self.stage.load(Relaxed))
    }

    /// How much later than due the loop came to something, in wall time.
    pub fn lagged(&self, lag: Span) {
        self.lag_recent.raise(lag);
        self.lag_max.raise(lag);
    }

    /// The largest lag since this was last called. Only the monitor calls it; all others see it in a snapshot.
    pub fn take_lag(&self) -> Span {
        self.lag_recent.replace(Span::ZERO)
    }

    /// Session time has come to `at`.
    pub fn session(&self, at: Timestamp) {
        self.session_at.raise(at);
    }

    /// From session time `at` on, market data is expected of every symbol: warm-up is over, or begins anew.
    pub fn live_from(&self, at: Timestamp) {
        self.live_from.set(Some(at));
    }

    /// How often an instrument's data and its closed bars ordinarily come, in session time.
    pub fn expect(&self, id: InstrumentId, data: Span, bar: Span) {
        if let Some(symbol) = self.symbols.get(id.index()) {
            symbol.data_cadence.set(Some(data));
            symbol.bar_cadence.set(Some(bar));
        }
    }

    /// Market data of any kind came for the instrument.
    pub fn market_data(&self, id: InstrumentId, at: Timestamp) {
        if let Some(symbol) = self.symbols.get(id.index()) {
            symbol.last_data.raise(at);
        }
    }

    /// A closed 1m bar came for the instrument, at session time `at`. It is market data too.
    pub fn bar_closed(&self, id: InstrumentId, at: Timestamp) {
        if let Some(symbol) = self.symbols.get(id.index()) {
            symbol.last_data.raise(at);
            symbol.last_bar.raise(at);
        }
    }

    /// Orders that the venue has not answered: how many, and since when the oldest waits.
    pub fn unanswered(&self, orders: Option<(usize, Timestamp)>) {
        self.unanswered.set(orders);
    }

    /// Orders in state `Unknown`: how many, and since when the oldest is.
    pub fn unknown(&self, orders: Option<(usize, Timestamp)>) {
        self.unknown.set(orders);
    }

    /// Since when some position has had no confirmed stop; the earliest of them.
    pub fn unprotected(&self, since: Option<Timestamp>) {
        self.unprotected_since.set(since);
    }

    /// Takes what a view says of orders and protection. To be called whenever either changed: in a fast virtual
    /// session an old view would make settled orders look old.
    pub fn absorb(&self, view: &View) {
        self.unanswered(view.unanswered);
        let unknown = || view.open_orders.iter().filter_map(|order| unknown_since(order.knowledge));
        self.unknown(unknown().min().map(|oldest| (unknown().count(), oldest)));
        self.unprotected(view.positions.iter().filter_map(|position| position.unprotected_since).min());
    }

    /// A transaction of the ledger is durable; it took so much wall time.
    pub fn committed(&self, latency: Span) {
        self.commit_last.set(Some(latency));
        self.commit_recent.raise(latency);
        self.commit_max.raise(latency);
        self.commits.fetch_add(1, Relaxed);
    }

    /// A transaction of the ledger failed.
    pub fn commit_failed(&self) {
        self.commit_failures.fetch_add(1, Relaxed);
    }

    /// The slowest commit since this was last called. Only the monitor calls it.
    pub fn take_commit_latency(&self) -> Span {
        self.commit_recent.replace(Span::ZERO)
    }

    /// Messages that wait for delivery now.
    pub fn notifier_backlog(&self, messages: usize) {
        self.notifier_backlog.store(messages as u64, Relaxed);
    }

    /// A message was delivered.
    pub fn notifier_delivered(&self) {
        self.notifier_delivered.fetch_add(1, Relaxed);
    }

    /// An attempt to deliver a message failed.
    pub fn notifier_failed(&self) {
        self.notifier_failed.fetch_add(1, Relaxed);
    }

    /// A message was given up: the outbox was full, or its attempts are used up.
    pub fn notifier_dropped(&self) {
        self.notifier_dropped.fetch_add(1, Relaxed);
    }

    /// The recorder could not keep up and left a counted gap.
    pub fn recorder_gap(&self) {
        self.recorder_gaps.fetch_add(1, Relaxed);
    }

    /// The venue's clock was measured: venue time minus ours, and half the round trip.
    pub fn clock(&self, offset: Span, uncertainty: Span) {
        self.clock_offset.set(Some(offset));
        self.clock_uncertainty.set(Some(uncertainty));
    }

    /// Everything at once. Session time is read before what is compared with it, so that a loop which runs on
    /// meanwhile makes nothing look older than it is.
    pub fn snapshot(&self) -> Snapshot {
        let session_at = self.session_at.get();
        let symbol = |one: &Symbols| SymbolPulse {
            symbol: one.symbol.clone(),
            data_cadence: one.data_cadence.get().unwrap_or(Span::MINUTE),
            bar_cadence: one.bar_cadence.get().unwrap_or(Span::MINUTE),
            last_data: one.last_data.get(),
            last_bar: one.last_bar.get(),
        };
        Snapshot {
            is_virtual: self.is_virtual,
            session_at,
            live_from: self.live_from.get(),
            production_loop: LoopPulse {
                stage: self.stage(),
                beats: self.beats(),
                last_beat: self.last_beat.get(),
                lag_max: self.lag_max.get().unwrap_or_default(),
            },
            symbols: self.symbols.iter().map(symbol).collect(),
            orders: OrdersPulse {
                unanswered: self.unanswered.get(),
                unknown: self.unknown.get(),
                unprotected_since: self.unprotected_since.get(),
            },
            ledger: LedgerPulse {
                commits: self.commits.load(Relaxed),
                failures: self.commit_failures.load(Relaxed),
                latency_last: self.commit_last.get(),
                latency_max: self.commit_max.get().unwrap_or_default(),
            },
            notifier: NotifierPulse {
                backlog: self.notifier_backlog.load(Relaxed),
                delivered: self.notifier_delivered.load(Relaxed),
                failed: self.notifier_failed.load(Relaxed),
                dropped: self.notifier_dropped.load(Relaxed),
            },
            recorder_gaps: self.recorder_gaps.load(Relaxed),
            clock: self
                .clock_offset
                .get()
                .zip(self.clock_uncertainty.get())
                .map(|(offset, uncertainty)| ClockPulse { offset, uncertainty }),
        }
    }
}

fn unknown_since(knowledge: Knowledge) -> Option<Timestamp> {
    match knowledge {
        Knowledge::Known => None,
        Knowledge::Unknown { since } => Some(since),
    }
}

#[cfg(test)]
mod tests;
