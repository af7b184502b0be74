//! The one loop, pure: a queue of what is to come, the engine, and one `step`. The coordinator, a backtest and
//! a replay all turn this crank; they differ only in who fills the queue and who carries out the actions.

#![deny(clippy::float_arithmetic)]

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::engine::Engine;
use crate::protocol::{Action, Event, Stamped};
use crate::types::Timestamp;

/// Where an event comes from. Of events at one instant the earlier source goes first: what the venue said of us
/// is known before the market is judged, and a person's word comes before our own timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The ledger, at the start.
    Ledger,
    /// The venue.
    Venue,
    /// The market.
    Market,
    /// A person, the health monitor, or a measured clock.
    Operator,
}

/// An event that waits for its turn.
#[derive(Debug)]
struct Pending {
    at: Timestamp,
    source: Source,
    order: u64,
    event: Event,
}

impl Pending {
    fn key(&self) -> (Timestamp, Source, u64) {
        (self.at, self.source, self.order)
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Pending {}
impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// One turn of the crank: what went in, and what is to be done about it.
#[derive(Debug)]
pub struct Step {
    /// The event with its place and instant.
    pub stamped: Stamped<Event>,
    /// What the engine wants done, in this order.
    pub actions: Vec<Action>,
}

/// The engine with its queue.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    queue: BinaryHeap<Reverse<Pending>>,
    pushed: u64,
    seq: u64,
    at: Timestamp,
    /// When the engine wants to be called, as of its last step.
    timer: Option<Timestamp>,
}

impl Session {
    /// A session that begins at `start`, or goes on after event `seq` if the engine comes from a snapshot.
    pub fn new(engine: Engine, start: Timestamp, seq: u64) -> Session {
        let timer = engine.next_deadline();
        Session { engine, queue: BinaryHeap::new(), pushed: 0, seq, at: start, timer }
    }

    /// Puts an event in its place. One that should have come earlier comes now: session time never runs back.
    pub fn push(&mut self, at: Timestamp, source: Source, event: Event) {
        self.pushed += 1;
        self.queue.push(Reverse(Pending { at: at.max(self.at), source, order: self.pushed, event }));
    }

    /// When the next step is due; `None` if nothing is queued and the engine waits for nothing.
    pub fn next_at(&self) -> Option<Timestamp> {
        let queued = self.queue.peek().map(|Reverse(head)| head.at);
        let timer = self.timer.map(|at| at.max(self.at));
        queued.into_iter().chain(timer).min()
    }

    /// Takes the earliest event, a timer included, through the engine.
    pub fn step(&mut self) -> Option<Step> {
        let next = self.next_at()?;
        let (at, event) = match self.queue.peek() {
            Some(Reverse(head)) if head.at == next => {
                let Reverse(pending) = self.queue.pop()?;
                (pending.at, pending.event)
            }
            _ => (next, Event::Timer),
        };
        Some(self.turn(Stamped { seq: self.seq + 1, at, event }))
    }

    /// Takes an event of `at` through the engine at once: the same as [`Session::push`] and [`Session::step`], for an event
    /// before which nothing is due.
    ///
    /// # Panics
    /// If something is due before `at`, or queued for it: the caller's contradiction.
    pub fn take(&mut self, at: Timestamp, event: Event) -> Step {
        let queued = self.queue.peek().is_some_and(|Reverse(head)| head.at <= at);
        let early = self.timer.is_some_and(|timer| timer < at);
        assert!(!queued && !early && at >= self.at, "nothing is due before an event that is taken at once");
        self.pushed += 1;
        self.turn(Stamped { seq: self.seq + 1, at, event })
    }

    /// Takes a recorded event through the engine.
    ///
    /// # Errors
    /// If the recording does not go on where the session stands: the sequence number that was expected.
    pub fn replay(&mut self, stamped: Stamped<Event>) -> Result<Step, u64> {
        if stamped.seq != self.seq + 1 || stamped.at < self.at {
            return Err(self.seq + 1);
        }
        Ok(self.turn(stamped))
    }

    fn turn(&mut self, stamped: Stamped<Event>) -> Step {
        self.seq = stamped.seq;
        self.at = stamped.at;
        let actions = self.engine.on_event(&stamped);
        self.timer = self.engine.next_deadline();
        Step { stamped, actions }
    }

    /// The engine, to be looked at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Session time.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Number of the last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}
