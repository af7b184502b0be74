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
