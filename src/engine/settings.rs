//! What can be set of the engine itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Rate, Span};

/// How the engine enters, leaves and keeps its books in step with the venue's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How an entry is made: `market`, or `limit` at the touch.
    pub entry: EntryStyle,
    /// A limit entry that is still open after this long is cancelled.
    pub entry_timeout: Span,
    /// A position that is older than this is closed at the market.
    pub time_exit: Span,
    /// What happens to open positions when the daemon stops: `keep` leaves stop and take profit at the venue,
    /// `flatten` closes everything first.
    pub on_stop: OnStop,
    /// What happens after a halt: `stay` keeps managing what is open, `exit` leaves with exit code 79.
    pub on_halt: OnHalt,
    /// Orders and positions at the venue that are not ours: `refuse` to trade, `ignore` them, or `adopt` them.
    pub foreign: Foreign,
    /// How often open orders are asked for while there are any. Ten times as long while there are none.
    pub poll_orders: Span,
    /// How often positions and balance are asked for while there are any. Ten times as long while there are none.
    pub poll_positions: Span,
    /// What moved within this time is left for the next comparison with the venue.
    pub settle: Span,
    /// Distance of the stop that a position found at the venue without a plan is given.
    pub rescue_stop: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            entry: EntryStyle::Market,
            entry_timeout: Span::secs(30),
            time_exit: Span::HOUR * 24,
            on_stop: OnStop::Keep,
            on_halt: OnHalt::Stay,
            foreign: Foreign::Refuse,
            poll_orders: Span::secs(10),
            poll_positions: Span::secs(30),
            settle: Span::secs(5),
            rescue_stop: Rate::percent(2),
        }
    }
}

/// How an entry is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryStyle {
    /// At once, paying the spread.
    Market,
    /// A limit order at the best price of our own side.
    Limit,
}

/// What a stop of the daemon does to positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnStop {
    /// They stay, protected at the venue.
    Keep,
    /// They are closed at the market.
    Flatten,
}

/// What a halt does to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnHalt {
    /// It goes on managing what is open.
    Stay,
    /// It leaves with exit code 79.
    Exit,
}

/// What becomes of orders and positions that somebody else made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Foreign {
    /// The daemon does not trade beside them.
    Refuse,
    /// They are left alone.
    Ignore,
    /// Positions are protected as if they were ours.
    Adopt,
}

impl Settings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The setting, its value and the remedy, in words.
    pub fn check(&self) -> Result<(), String> {
        let spans = [
            ("engine.entry_timeout", self.entry_timeout),
            ("engine.time_exit", self.time_exit),
            ("engine.poll_orders", self.poll_orders),
            ("engine.poll_positions", self.poll_positions),
        ];
        for (name, span) in spans {
            if span < Span::SECOND {
                return Err(format!("`{name}` is {span}; set it to at least 1s"));
            }
        }
        if self.settle < Span::ZERO || self.settle > Span::MINUTE {
            return Err(format!("`engine.settle` is {}; set it between 0s and 1m", self.settle));
        }
        if !self.rescue_stop.is_positive() || self.rescue_stop > Rate::percent(50) {
            return Err(format!("`engine.rescue_stop` is {}; set it above 0% and up to 50%", self.rescue_stop));
        }
        Ok(())
    }
}
