//! The time of a session that runs beside a venue which does not wait for it.

use tokio::time::Instant;

use super::Clock;
use crate::types::{Span, Timestamp};

/// Session time beside a real venue: the wall's. A simulated venue whose time runs faster has its own, and then session
/// time is that. Cheap to copy; whoever stamps an arrival or a request has one.
#[derive(Debug, Clone, Copy)]
pub struct SessionClock {
    clock: Clock,
    faster: Option<Faster>,
}

/// Time that runs at a speed of its own from an instant on.
#[derive(Debug, Clone, Copy)]
struct Faster {
    /// Session time at the process's uptime `since`.
    origin: Timestamp,
    since: Span,
    speed: f64,
}

impl SessionClock {
    /// Session time is the wall's.
    pub fn wall(clock: Clock) -> SessionClock {
        SessionClock { clock, faster: None }
    }

    /// Session time was `origin` at the uptime `since`, and runs `speed` times as fast as the wall's.
    pub fn running(clock: Clock, origin: Timestamp, since: Span, speed: f64) -> SessionClock {
        SessionClock { clock, faster: Some(Faster { origin, since, speed }) }
    }

    /// Session time now. The wall's can run back when the machine's clock is set; a session's queue does not.
    pub fn now(&self) -> Timestamp {
        match self.faster {
            None => self.clock.wall(),
            Some(faster) => {
                let passed = self.clock.uptime() - faster.since;
                faster.origin + Span::nanos((passed.as_nanos() as f64 * faster.speed) as i64)
            }
        }
    }

    /// Wall time that goes by in a span of session time.
    pub fn wall_span(&self, span: Span) -> Span {
        match self.faster {
            None => span,
            Some(faster) => Span::nanos((span.as_nanos() as f64 / faster.speed) as i64),
        }
    }

    /// Seconds of session time in a second of the wall's.
    pub fn speed(&self) -> f64 {
        self.faster.map_or(1.0, |faster| faster.speed)
    }

    /// The runtime's instant at which session time is, or was, `at`, as far as can be told now.
    pub fn instant(&self, at: Timestamp) -> Instant {
        let uptime = self.clock.uptime() + self.wall_span(at - self.now());
        self.clock.instant_at(uptime.max(Span::ZERO))
    }

    /// The process's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_the_walls_time_or_runs_at_a_speed_of_its_own() {
        let start = Timestamp::from_secs(1_000);
        let clock = Clock::following_runtime(start);
        let plain = SessionClock::wall(clock);
        let fast = SessionClock::running(clock, Timestamp::from_secs(5_000), clock.uptime(), 20.0);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(plain.now(), start + Span::secs(3));
        assert_eq!(fast.now(), Timestamp::from_secs(5_060));
        assert_eq!(fast.wall_span(Span::MINUTE), Span::secs(3));
        tokio::time::sleep_until(fast.instant(Timestamp::from_secs(5_100))).await;
        assert_eq!(fast.now(), Timestamp::from_secs(5_100));
        tokio::time::sleep_until(plain.instant(start + Span::secs(9))).await;
        assert_eq!(plain.now(), start + Span::secs(9));
    }
}
