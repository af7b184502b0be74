//! The waiting times of the order protocol, each with the design's number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::Span;

/// The longest receive window that a venue of this kind accepts.
const RECV_WINDOW_MAX: Span = Span::secs(60);
/// A waiting time beyond this is taken for a slip of the pen: no answer is worth waiting longer for.
const WAIT_MAX: Span = Span::mins(10);

/// How long the daemon waits for answers about its orders, and for the stops that protect a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long after its timestamp the venue may still accept a request. Short, since an order that was not
    /// answered stays in doubt at least this long.
    pub recv_window: Span,
    /// An order without an answer for this long counts as unknown and is asked after; a cancel is repeated.
    pub unanswered: Span,
    /// How far the venue's own order lookup may lag behind its matching.
    pub lag_allowance: Span,
    /// How far off the venue's clock is taken to be until it has been measured.
    pub clock_bound: Span,
    /// Every question to the venue has its answer, or has failed, within this time. What moved within it is left
    /// for the next round of reconciliation.
    pub answer_deadline: Span,
    /// First pause between two questions about the same order; it doubles with each.
    pub query_every: Span,
    /// The pause between two questions about the same order grows no longer than this.
    pub query_at_most: Span,
    /// A protective stop is confirmed by the venue within this time, else it is tried again. Two seconds leave one
    /// more for the next attempts, so that a position is behind a stop within three.
    pub stop_confirm: Span,
    /// A stop that was crossed and has not closed the position within this time is followed by a market order.
    pub stop_escalate: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            recv_window: Span::secs(2),
            unanswered: Span::secs(5),
            lag_allowance: Span::secs(10),
            clock_bound: Span::secs(1),
            answer_deadline: Span::secs(5),
            query_every: Span::secs(2),
            query_at_most: Span::secs(30),
            stop_confirm: Span::secs(2),
            stop_escalate: Span::secs(5),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`orders.{setting}` is {given}: {remedy}")]
pub struct SettingsError {
    /// The setting's name.
    pub setting: &'static str,
    /// What was given.
    pub given: Span,
    /// What to write instead.
    pub remedy: &'static str,
}

impl Settings {
    /// Can the protocol work with these?
    ///
    /// # Errors
    /// Names the first setting that is out of range, and the range.
    pub fn check(&self) -> Result<(), SettingsError> {
        let refuse = |setting, given, remedy| Err(SettingsError { setting, given, remedy });
        if self.recv_window <= Span::ZERO || self.recv_window > RECV_WINDOW_MAX {
            return refuse("recv_window", self.recv_window, "write more than `0ms` and at most `60s`");
        }
        for (setting, given) in [
            ("unanswered", self.unanswered),
            ("lag_allowance", self.lag_allowance),
            ("clock_bound", self.clock_bound),
            ("answer_deadline", self.answer_deadline),
            ("query_every", self.query_every),
            ("query_at_most", self.query_at_most),
            ("stop_confirm", self.stop_confirm),
            ("stop_escalate", self.stop_escalate),
        ] {
            if given <= Span::ZERO || given > WAIT_MAX {
                return refuse(setting, given, "write more than `0ms` and at most `10m`");
            }
        }
        if self.query_at_most < self.query_every {
            return refuse("query_at_most", self.query_at_most, "write at least what `orders.query_every` is");
        }
        Ok(())
    }

    /// The pause after the `asked`th question about the same thing.
    pub(super) fn pause(&self, asked: u32) -> Span {
        let doublings = asked.min(PAUSE_DOUBLINGS);
        (self.query_every * (1_i64 << doublings)).min(self.query_at_most)
    }
}

/// Doubling stops here at the latest, so that the factor stays a small number however often one asks.
const PAUSE_DOUBLINGS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_bad_values_name_setting_value_and_remedy() {
        assert_eq!(Settings::default().check(), Ok(()));
        type Spoil = fn(&mut Settings);
        let cases: [(Spoil, &str); 5] = [
            (|s| s.recv_window = Span::secs(61), "`orders.recv_window` is 61s: write more than"),
            (|s| s.recv_window = Span::ZERO, "`orders.recv_window` is 0ms"),
            (|s| s.unanswered = Span::ZERO, "`orders.unanswered` is 0ms"),
            (|s| s.stop_confirm = Span::HOUR, "`orders.stop_confirm` is 1h: write more than `0ms` and at most `10m`"),
            (|s| s.query_at_most = Span::SECOND, "`orders.query_at_most` is 1s: write at least"),
        ];
        for (spoil, expect) in cases {
            let mut settings = Settings::default();
            spoil(&mut settings);
            let error = settings.check().expect_err(expect).to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let settings = Settings::default();
        let pauses: Vec<i64> = (0..7).map(|asked| settings.pause(asked).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(settings.pause(u32::MAX), Span::secs(30));
    }
}
