//! How long a WebSocket connection lives, and how much its client may say.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{ALLOWANCE, Socket};
use crate::clock::Clock;

/// How often the server pings, how long it waits for the answer, and how long a connection lives: as at Binance.
const PING_EVERY: Duration = Duration::from_secs(180);
const PONG_WITHIN: Duration = Duration::from_secs(600);
const LONGEST: Duration = Duration::from_secs(86_400);

/// A connection's life.
#[derive(Debug)]
pub(super) struct Life {
    clock: Clock,
    born: Instant,
    heard: Instant,
    /// The second at hand, what was said in it, and how much may be.
    second: Instant,
    count: u32,
    most: u32,
}

impl Life {
    /// Begins now; the client may say so much in a second, pings and pongs included.
    pub(super) fn begin(clock: Clock, most: u32) -> Life {
        let now = clock.instant_at(clock.uptime());
        Life { clock, born: now, heard: now, second: now, count: 0, most }
    }

    /// When pings are due.
    pub(super) fn pings(&self) -> Interval {
        let mut pings = interval_at(self.born + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings
    }

    /// The client has said something whole.
    ///
    /// # Errors
    /// If it says too much.
    pub(super) fn hear(&mut self, socket: &mut Socket) -> Result<(), CloseCode> {
        socket.get_mut().allow(ALLOWANCE);
        self.heard = self.now();
        self.count_one(self.heard)
    }

    /// Has the client been silent, or been there, for too long?
    pub(super) fn is_over(&self) -> bool {
        let now = self.now();
        now.saturating_duration_since(self.heard) > PONG_WITHIN || now.saturating_duration_since(self.born) > LONGEST
    }

    fn count_one(&mut self, now: Instant) -> Result<(), CloseCode> {
        if now.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.count) = (now, 0);
        }
        self.count += 1;
        if self.count > self.most { Err(CloseCode::Policy) } else { Ok(()) }
    }

    fn now(&self) -> Instant {
        self.clock.instant_at(self.clock.uptime())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_may_be_said_in_a_second() {
        let mut life = Life::begin(Clock::start(), 2);
        let begun = life.second;
        let at = |millis| begun + Duration::from_millis(millis);
        assert_eq!((life.count_one(at(0)), life.count_one(at(999))), (Ok(()), Ok(())));
        assert_eq!(life.count_one(at(999)), Err(CloseCode::Policy));
        assert_eq!(life.count_one(at(1_000)), Ok(()));
        assert!(!life.is_over());
    }
}
