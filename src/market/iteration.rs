//! Iterations: closed minutes over all symbols, counted once each.

use serde::{Deserialize, Serialize};

use crate::types::Timestamp;

/// The minute that is being closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Iterations {
    minute: Option<Timestamp>,
    counted: bool,
    pub(super) done: u64,
}

impl Iterations {
    /// An instrument closed the minute that opened at `minute`; `all` says whether every instrument that is
    /// not late has. Gives the newest minute that is now over: one that never became complete is over when
    /// the next begins, so that a bad symbol delays the count and does not stop it.
    pub(super) fn closed(&mut self, minute: Timestamp, all: bool) -> Option<Timestamp> {
        let mut over = None;
        if self.minute.is_none_or(|current| minute > current) {
            if !self.counted {
                over = self.minute;
            }
            self.done += u64::from(over.is_some());
            self.minute = Some(minute);
            self.counted = false;
        }
        if all && !self.counted && self.minute == Some(minute) {
            self.counted = true;
            self.done += 1;
            over = self.minute;
        }
        over
    }
}
