//! The server's clock: the wall's at the start, then so many times as fast, and told with an offset where a fault
//! asks for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::types::{Span, Timestamp};

/// Handle to the server's clock. Cheap to copy.
#[derive(Debug, Clone)]
pub(crate) struct ServerTime {
    clock: Clock,
    /// Server time when the process's uptime was `since`.
    origin: Timestamp,
    since: Span,
    speed: f64,
    offset: Arc<AtomicI64>,
}

impl ServerTime {
    /// Server time is `origin` now and runs at `speed`.
    pub(crate) fn new(clock: Clock, origin: Timestamp, speed: f64) -> ServerTime {
        ServerTime { clock, origin, since: clock.uptime(), speed, offset: Arc::default() }
    }

    /// The time by which the market goes.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.clock.uptime() - self.since;
        self.origin + Span::nanos((passed.as_nanos() as f64 * self.speed) as i64)
    }

    /// The time that clients are told and held against.
    pub(crate) fn told(&self) -> Timestamp {
        self.now() + self.offset()
    }

    /// Puts the clock that clients see ahead, or behind if negative.
    pub(crate) fn set_offset(&self, offset: Span) {
        self.offset.store(offset.as_nanos(), Ordering::Relaxed);
    }

    /// How far the clock that clients see is ahead.
    pub(crate) fn offset(&self) -> Span {
        Span::nanos(self.offset.load(Ordering::Relaxed))
    }

    /// The runtime's instant at which the market's time is `at`.
    pub(crate) fn instant(&self, at: Timestamp) -> tokio::time::Instant {
        let wall = at.since(self.origin).as_nanos().max(0) as f64 / self.speed;
        self.clock.instant_at(self.since + Span::nanos(wall as i64))
    }

    /// Wall time that goes by in a span of the market's.
    pub(crate) fn wall(&self, span: Span) -> Duration {
        Duration::from_nanos((span.as_nanos().max(0) as f64 / self.speed) as u64)
    }

    /// The process's clock.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }
}
