//! Whether a loop that failed is started again, and after how long.

use crate::cli::RunFlags;
use crate::types::Span;

/// With `--auto-restart`, so many failures in a row are no accident.
const FAILURES_IN_A_ROW: u32 = 10;
/// A loop that ran for this long had recovered: its failure begins a new row.
const RECOVERED_AFTER: Span = Span::mins(10);
/// Longest wait between two starts.
const LONGEST_DELAY: Span = Span::HOUR;
/// First wait of `--infinite`.
const INFINITE_DELAY: Span = Span::SECOND;
/// Doublings after which every wait is the longest one.
const MOST_DOUBLINGS: u32 = 20;

/// What the flags allow, and how often it was used.
#[derive(Debug)]
pub(super) struct Restarts {
    infinite: bool,
    most: u32,
    first: Span,
    in_a_row: u32,
    done: u32,
}

impl Restarts {
    /// As the flags say; none at all without `--infinite` or `--auto-restart`.
    pub fn new(flags: &RunFlags) -> Restarts {
        Restarts {
            infinite: flags.infinite,
            most: if flags.auto_restart { flags.max_restarts } else { 0 },
            first: if flags.infinite { INFINITE_DELAY } else { flags.restart_delay },
            in_a_row: 0,
            done: 0,
        }
    }

    /// The number of the run that comes next, from 1.
    pub fn next_run(&self) -> u32 {
        self.done.saturating_add(1)
    }

    /// The wait before the next start of a loop that failed after `ran`; none if there is not to be one.
    pub fn after_failure(&mut self, ran: Span) -> Option<Span> {
        self.in_a_row = if ran >= RECOVERED_AFTER { 1 } else { self.in_a_row.saturating_add(1) };
        if !self.infinite && (self.done >= self.most || self.in_a_row >= FAILURES_IN_A_ROW) {
            return None;
        }
        self.done = self.done.saturating_add(1);
        let doubled = self.first * (1_i64 << (self.in_a_row - 1).min(MOST_DOUBLINGS));
        Some(doubled.min(LONGEST_DELAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(words: &str, ran: &[i64]) -> Vec<Option<i64>> {
        let words = std::iter::once("x").chain(words.split_whitespace()).map(Into::into);
        let mut restarts = Restarts::new(&crate::cli::parse(words).expect("good flags").run);
        ran.iter().map(|secs| restarts.after_failure(Span::secs(*secs)).map(Span::as_secs)).collect()
    }

    #[test]
    fn a_failed_loop_is_started_again_as_the_flags_allow() {
        let at_once = [0; 10];
        assert_eq!(waits("", &[0]), [None]);
        assert_eq!(waits("--auto-restart --restart-delay 2", &[0, 0, 0]), [Some(2), Some(4), Some(8)]);
        assert_eq!(waits("--auto-restart --max-restarts 1", &[0, 0]), [Some(30), None]);
        assert_eq!(waits("--auto-restart", &at_once)[8..], [Some(3_600), None], "ten in a row end it");
        assert_eq!(waits("--infinite", &[0; 14])[11..], [Some(2_048), Some(3_600), Some(3_600)], "nothing ends it");
    }

    #[test]
    fn a_loop_that_had_recovered_begins_a_new_row() {
        let long = RECOVERED_AFTER.as_secs();
        assert_eq!(waits("--auto-restart", &[0, 0, long, 0]), [Some(30), Some(60), Some(30), Some(60)]);
        assert!(waits("--auto-restart", &[long; 40]).iter().all(|wait| *wait == Some(30)), "months of rare failures");
    }
}
