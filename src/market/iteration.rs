//! Iterations: closed minutes over all symbols, counted once each.

use serde::{Deserialize, Serialize};

use crate::types::Timestamp;

/// The minute that is being closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Iterations {
    minute: Option<Timestamp>,
    counted: bool,
    /// All instruments before this one have closed the minute, or are late.
    done_before: usize,
    pub(super) done: u64,
}

impl Iterations {
    /// An instrument closed the minute that opened at `minute`; `is_done` says whether the instrument at a place has, or is
    /// late, and nothing beyond the last place. Gives the newest minute that is now over: one that never became complete
    /// is over when the next begins, so that a bad symbol delays the count and does not stop it.
    pub(super) fn closed(&mut self, minute: Timestamp, is_done: impl Fn(usize) -> Option<bool>) -> Option<Timestamp> {
        let mut over = None;
        if self.minute.is_none_or(|current| minute > current) {
            if !self.counted {
                over = self.minute;
            }
            self.done += u64::from(over.is_some());
            self.minute = Some(minute);
            self.counted = false;
            self.done_before = 0;
        }
        if self.counted || self.minute != Some(minute) {
            return over;
        }
        // A place is looked at again only while it is the one that is waited for, so that a minute costs a look a symbol.
        loop {
            match is_done(self.done_before) {
                Some(true) => self.done_before += 1,
                Some(false) => return over,
                None => break,
            }
        }
        self.counted = true;
        self.done += 1;
        self.minute
    }
}
