//! What people, and the parts that speak for them, may ask of the daemon.

use serde::{Deserialize, Serialize};

use crate::types::InstrumentId;

/// May the daemon trade? Raised from anywhere, kept over a restart, lowered only by a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Everything is allowed.
    #[default]
    Active,
    /// No entries.
    Paused,
    /// Only orders that shrink a position.
    ReduceOnly,
    /// Entries are cancelled; stops and exits stay.
    Halted,
}

impl TradingState {
    /// The name in logs and in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            TradingState::Active => "active",
            TradingState::Paused => "paused",
            TradingState::ReduceOnly => "reduce_only",
            TradingState::Halted => "halted",
        }
    }
}

/// A person's request, from the command line, a socket, a signal or a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// No more entries.
    Pause,
    /// Lift a pause (never a halt).
    Resume,
    /// Raise the trading state to at least this.
    Raise {
        /// To what.
        state: TradingState,
        /// Why.
        reason: String,
    },
    /// Lower the trading state to `Active` and acknowledge adjustments.
    Rearm {
        /// Why it is safe again.
        reason: String,
    },
    /// Close one position, or all, at the market.
    Close {
        /// Which; all if none is given.
        instrument: Option<InstrumentId>,
    },
    /// End the session: cancel entries; close positions as well if asked.
    Shutdown {
        /// Close everything first?
        flatten: bool,
        /// Why, for the log and the summary.
        reason: String,
    },
}
