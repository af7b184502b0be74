//! Questions that can wait: for room in the budget, for the end of a ban, for a network that comes back.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Call, Class, Failure, Rest};
use crate::types::Span;

/// The start of a session waits for room in the venue's limits for so long: the fees of a hundred symbols cost two windows of
/// a minute, and others may have used up the one before.
pub(crate) const START: Span = Span::mins(3);
/// Shortest one, so that a window that is about to turn is not asked for at every instant.
const SHORTEST_WAIT: Span = Span::millis(100);
/// Attempts without an answer, with pauses between that make a quarter of a minute together.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl Rest {
    /// As [`Rest::call`] for a question that can wait. While there is no room for it, it waits, for `patience` at most; where
    /// no answer comes, it asks again some times.
    ///
    /// # Errors
    /// As [`Rest::call`].
    ///
    /// # Panics
    /// If the call does more than read: what acts is never sent again.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: Call<T>, patience: Span) -> Result<T, Failure> {
        assert!(call.only_reads(), "only what reads is asked again");
        let until = self.clock().clock().uptime() + patience;
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.send(&call).await {
                Err(failure) if self.room_in(&failure).is_some() => {
                    if !self.waited_for_room(&failure, until).await {
                        return Err(failure);
                    }
                }
                Err(failure) if attempt < ATTEMPTS && failure.class().is_none() => {
                    tokio::time::sleep(pause).await;
                    attempt += 1;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    /// Does something as soon as the venue's limits leave room for it, and waits for `patience` at most. What was turned away
    /// for want of room was certainly not done.
    ///
    /// # Errors
    /// As what is done.
    pub(crate) async fn with_room<T>(
        &self,
        patience: Span,
        act: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let until = self.clock().clock().uptime() + patience;
        loop {
            match act().await {
                Err(failure) if self.waited_for_room(&failure, until).await => {}
                outcome => return outcome,
            }
        }
    }

    /// How long nothing may be asked, if it is for that that nothing came of a request.
    fn room_in(&self, failure: &Failure) -> Option<Span> {
        let at = match failure {
            Failure::NotSent { retry_at, .. } => (*retry_at)?,
            Failure::Refused { class: Class::Limited, .. } => self.banned_until()?,
            Failure::Refused { .. } | Failure::Unknown { .. } => return None,
        };
        Some(self.clock().wall_span(at - self.now()).max(SHORTEST_WAIT))
    }

    /// Waits until there is room again, if that will be before the process's uptime `until`. Says whether to try again.
    async fn waited_for_room(&self, failure: &Failure, until: Span) -> bool {
        let left = until - self.clock().clock().uptime();
        let Some(wait) = self.room_in(failure).filter(|wait| *wait <= left) else { return false };
        tracing::info!(%wait, "the venue's limits leave no room; what is to be asked waits");
        tokio::time::sleep(wait.to_std()).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::clock::{Clock, SessionClock};
    use crate::types::Timestamp;
    use crate::venue::binance::settings::Settings;

    /// Does something for which there is room after `wait`, at ten times the wall's pace. How often it was tried, what came of
    /// it, and how long that took.
    async fn after(wait: Span, patience: Span) -> (u32, bool, Span) {
        let clock = Clock::following_runtime(Timestamp::from_secs(1_700_000_000));
        let time = SessionClock::running(clock, Timestamp::from_secs(1_700_000_000), clock.uptime(), 10.0);
        let rest = Rest::new(&Settings::default(), None, time, None).expect("a client");
        let (free, tried, begun) = (rest.now() + wait, Cell::new(0), clock.uptime());
        let done = rest
            .with_room(patience, async || {
                tried.set(tried.get() + 1);
                let full = Failure::NotSent { reason: "full".to_owned(), retry_at: Some(free) };
                if rest.now() < free { Err(full) } else { Ok(()) }
            })
            .await;
        (tried.get(), done.is_ok(), clock.uptime() - begun)
    }

    #[tokio::test(start_paused = true)]
    async fn what_there_will_be_room_for_waits_and_what_there_will_not_ends_at_once() {
        let patience = Span::secs(10);
        let (tried, done, took) = after(Span::secs(60), patience).await;
        assert!(tried == 2 && done && took >= Span::secs(6) && took < Span::secs(7), "{tried} {done} {took}");
        assert_eq!(after(Span::secs(101), patience).await, (1, false, Span::ZERO));
        assert_eq!(after(Span::ZERO, Span::ZERO).await, (1, true, Span::ZERO));
    }
}
