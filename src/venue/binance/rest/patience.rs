//! Questions that can wait: for room in the budget, for the end of a ban, for a network that comes back.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Call, Failure, Rest};
use crate::types::Span;

/// Longest single wait for room in the budget: a minute's window, a little later.
const LONGEST_WAIT: Duration = Duration::from_secs(65);
/// Shortest one, so that a window that is about to turn is not asked for at every instant.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
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
        let clock = self.clock().clock();
        let begun = clock.uptime();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.send(&call).await {
                Err(Failure::NotSent { retry_at: Some(at), .. }) if clock.uptime() - begun < patience => {
                    let wait = at.since(self.now()).to_std();
                    tokio::time::sleep(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)).await;
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
}
