//! The one loop, pure: a queue of what is to come, the engine, and one `step`. The coordinator, a backtest and
//! a replay all turn this crank; they differ only in who fills the queue and who carries out the actions.

#![deny(clippy::float_arithmetic)]

#[cfg(test)]
mod tests;

use crate::engine::Engine;
use crate::protocol::{Actions, Event, MarketEvent, Stamped};
use crate::types::{Queue, Timestamp};

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

/// The engine with its queue.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    queue: Queue<(Timestamp, Source), Event>,
    seq: u64,
    at: Timestamp,
    /// When the engine wants to be called, as of its last step, or an earlier instant.
    timer: Option<Timestamp>,
    /// Is it that instant itself?
    timer_is_exact: bool,
}

impl Session {
    /// A session that begins at `start`, or goes on after event `seq` if the engine comes from a snapshot.
    pub fn new(mut engine: Engine, start: Timestamp, seq: u64) -> Session {
        let timer = engine.next_deadline();
        Session { engine, queue: Queue::default(), seq, at: start, timer, timer_is_exact: true }
    }

    /// Puts an event in its place. One that should have come earlier comes now: session time never runs back.
    pub fn push(&mut self, at: Timestamp, source: Source, event: Event) {
        self.queue.insert((at.max(self.at), source), event);
    }

    /// When the next step is due; `None` if nothing is queued and the engine waits for nothing.
    pub fn next_at(&mut self) -> Option<Timestamp> {
        let queued = self.queue.next().map(|(at, _)| at);
        if queued.is_some_and(|at| self.timer.is_none_or(|timer| timer >= at)) {
            return queued;
        }
        if !self.timer_is_exact {
            (self.timer, self.timer_is_exact) = (self.engine.next_deadline(), true);
        }
        let timer = self.timer.map(|at| at.max(self.at));
        Timestamp::earliest([queued, timer])
    }

    /// Is nothing due until `at`, that instant included? Without searching: a yes is certain, a no is not.
    pub fn is_idle_until(&self, at: Timestamp) -> bool {
        self.queue.next().is_none_or(|(head, _)| head > at) && self.timer.is_none_or(|timer| timer > at)
    }

    /// Takes the earliest event, a timer included, through the engine: gives it with its place and instant, and in `out`
    /// what is to be done about it, in place of what is there.
    pub fn step(&mut self, out: &mut Actions) -> Option<Stamped<Event>> {
        let next = self.next_at()?;
        let queued = self.queue.next().is_some_and(|(at, _)| at == next);
        let event = if queued { self.queue.take()?.1 } else { Event::Timer };
        let stamped = Stamped { seq: self.seq + 1, at: next, event };
        self.turn(&stamped, out);
        Some(stamped)
    }

    /// Takes a piece of market data of `at` through the engine at once: the same as [`Session::push`] and [`Session::step`],
    /// for one before which nothing is due, and that nobody wants back.
    ///
    /// # Panics
    /// If something is due before `at`, or queued for it: the caller's contradiction.
    pub fn take(&mut self, at: Timestamp, event: &MarketEvent, out: &mut Actions) {
        let queued = self.queue.next().is_some_and(|(head, _)| head <= at);
        let early = self.timer.is_some_and(|timer| timer < at) && self.next_at().is_some_and(|next| next < at);
        assert!(!queued && !early && at >= self.at, "nothing is due before an event that is taken at once");
        (self.seq, self.at) = (self.seq + 1, at);
        out.clear();
        self.timer_is_exact = false;
        if self.engine.on_market(at, event, out) {
            self.timer = self.engine.earliest_deadline();
        }
    }

    /// Takes a recorded event through the engine.
    ///
    /// # Errors
    /// If the recording does not go on where the session stands: the sequence number that was expected.
    pub fn replay(&mut self, stamped: &Stamped<Event>, out: &mut Actions) -> Result<(), u64> {
        if stamped.seq != self.seq + 1 || stamped.at < self.at {
            return Err(self.seq + 1);
        }
        self.turn(stamped, out);
        Ok(())
    }

    fn turn(&mut self, stamped: &Stamped<Event>, out: &mut Actions) {
        (self.seq, self.at) = (stamped.seq, stamped.at);
        out.clear();
        self.engine.on_event(stamped.at, &stamped.event, out);
        (self.timer, self.timer_is_exact) = (self.engine.earliest_deadline(), false);
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
