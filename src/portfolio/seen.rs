//! Numbers of the venue that count once.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// How many numbers are remembered for each instrument: hourly fundings of three weeks, while a venue is asked for a
/// day at most.
const KEPT: usize = 504;

/// The latest numbers, of which each counts once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    known: BTreeSet<u64>,
    order: VecDeque<u64>,
}

impl Seen {
    /// Notes a number. Was it new? The oldest is forgotten for it once there are too many.
    pub(super) fn note(&mut self, number: u64) -> bool {
        if !self.known.insert(number) {
            return false;
        }
        self.order.push_back(number);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_once_and_memory_is_bounded() {
        let mut seen = Seen::default();
        assert!(seen.note(7) && !seen.note(7));
        for number in 1_000..1_000 + KEPT as u64 {
            assert!(seen.note(number));
        }
        assert_eq!((seen.known.len(), seen.order.len()), (KEPT, KEPT));
        assert!(!seen.note(1_000) && seen.note(7), "the oldest was forgotten, the others were not");
    }
}
