//! The only reader of time. Everything else is given an instant or asks a [`Clock`] that it was handed, so that
//! a test which pauses the runtime's time pauses all of the shell, and a search for time readers ends here.

mod pace;
mod session;

pub use pace::{Pace, ParseSpeedError, Speed};
pub use session::SessionClock;

use std::time::{Instant as ThreadInstant, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::types::{Span, Timestamp};

/// A handle to the clock of this process: wall time, and the time since the process started. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    thread_started: ThreadInstant,
    wall: Wall,
}

/// Where wall time comes from.
#[derive(Debug, Clone, Copy)]
enum Wall {
    /// The operating system.
    System,
    /// An instant at the clock's start, moved on by the runtime's time: tests with paused time.
    FollowsRuntime(Timestamp),
}

impl Clock {
    /// Begins to count at this call, which the launcher makes first of all.
    pub fn start() -> Clock {
        Clock::with(Wall::System)
    }

    /// A clock whose wall time is `wall` now and moves on with the runtime's time, paused or not.
    pub fn following_runtime(wall: Timestamp) -> Clock {
        Clock::with(Wall::FollowsRuntime(wall))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
    fn with(wall: Wall) -> Clock {
        Clock { started: Instant::now(), thread_started: ThreadInstant::now(), wall }
    }

    /// Wall time, UTC. It can jump when the machine's clock is set.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
    pub fn wall(&self) -> Timestamp {
        match self.wall {
            // A clock before 1970 is a broken machine; the epoch makes that visible in every line.
            Wall::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::EPOCH + Span::from(since_epoch)
            }
            Wall::FollowsRuntime(start) => start + self.uptime(),
        }
    }

    /// Monotonic time since the clock was started, by the runtime's time: it stands still where a test pauses it.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
    pub fn uptime(&self) -> Span {
        Span::from(Instant::now().saturating_duration_since(self.started))
    }

    /// Monotonic time since the clock was started, by the operating system: for threads that watch the runtime
    /// from outside and must see time go by when the runtime does not.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
    pub fn thread_uptime(&self) -> Span {
        Span::from(ThreadInstant::now().saturating_duration_since(self.thread_started))
    }

    /// The runtime's instant at which [`Clock::uptime`] was, or will be, `uptime`: for sleeping until then.
    pub fn instant_at(&self, uptime: Span) -> Instant {
        self.started + uptime.to_std()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn uptime_follows_the_runtime_and_so_can_the_wall() {
        let clock = Clock::following_runtime(Timestamp::from_secs(1_000));
        tokio::time::advance(Duration::from_millis(2_500)).await;
        assert_eq!(clock.uptime(), Span::millis(2_500));
        assert_eq!(clock.wall(), Timestamp::from_millis(1_002_500));
        assert!(clock.thread_uptime() < Span::secs(2), "a thread's time does not stand still nor leap");
        tokio::time::sleep_until(clock.instant_at(Span::secs(4))).await;
        assert_eq!(clock.uptime(), Span::secs(4));
    }

    #[test]
    fn the_system_clock_is_of_this_century() {
        let clock = Clock::start();
        assert!(clock.wall() > Timestamp::from_secs(1_700_000_000), "{}", clock.wall());
        assert!(clock.uptime() >= Span::ZERO && clock.uptime() < Span::HOUR);
    }
}
