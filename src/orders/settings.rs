//! What can be set of the order protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::Span;

/// The waits of the order protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The venue refuses an order that reaches it later than this after it was signed.
    pub recv_window: Span,
    /// An order or cancel without an answer for this long is asked about.
    pub unanswered: Span,
    /// How far the venue's clock may be off.
    pub clock_bound: Span,
    /// How long a venue may take to show an order that it accepted.
    pub lag_allowance: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            recv_window: Span::secs(2),
            unanswered: Span::secs(5),
            clock_bound: Span::SECOND,
            lag_allowance: Span::secs(10),
        }
    }
}

impl Settings {
    /// How long after its decision an order that nobody has seen may still come to life.
    pub fn blind_period(&self) -> Span {
        self.recv_window + self.clock_bound * 2 + self.lag_allowance
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// The setting, its value and the remedy, in words.
    pub fn check(&self) -> Result<(), String> {
        let ranges = [
            ("orders.recv_window", self.recv_window, Span::millis(100), Span::MINUTE),
            ("orders.unanswered", self.unanswered, Span::millis(500), Span::MINUTE),
            ("orders.clock_bound", self.clock_bound, Span::millis(10), Span::secs(10)),
            ("orders.lag_allowance", self.lag_allowance, Span::SECOND, Span::MINUTE * 5),
        ];
        match ranges.into_iter().find(|(_, span, low, high)| span < low || span > high) {
            Some((name, span, low, high)) => Err(format!("`{name}` is {span}; set it between {low} and {high}")),
            None => Ok(()),
        }
    }
}
