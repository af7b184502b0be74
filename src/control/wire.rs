//! What is said over the socket.

use serde::{Deserialize, Serialize};

use crate::protocol::{HealthStatus, View};
use crate::types::{Span, Symbol};

/// Longest request in bytes. The longest one has a reason of a few lines in it.
pub(super) const MAX_REQUEST: u64 = 16 << 10;
/// Longest answer in bytes: a picture with a hundred symbols and their orders is a tenth of it.
pub(super) const MAX_ANSWER: u64 = 4 << 20;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How is it?
    Status,
    /// No more entries.
    Pause,
    /// Lift a pause.
    Resume,
    /// End the session.
    Stop {
        /// Why, for the log and the summary.
        reason: String,
    },
    /// Close one position, or all.
    Close {
        /// Which; all if none is given.
        symbol: Option<Symbol>,
    },
    /// Lower the trading state.
    Rearm {
        /// Why it is safe again.
        reason: String,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// How it is.
    Status(Box<Status>),
    /// The command is on its way to the engine.
    Accepted,
    /// It cannot be done.
    Refused {
        /// Why.
        reason: String,
    },
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of the build.
    pub version: String,
    /// Of the process.
    pub pid: u32,
    /// Since the process started.
    pub uptime: Span,
    /// `paper` or `live`.
    pub mode: String,
    /// The venue's name.
    pub venue: String,
    /// Where market data comes from.
    pub feed: String,
    /// The monitor's judgement.
    pub health: HealthLine,
    /// The engine's picture.
    pub view: View,
}

/// The monitor's judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthLine {
    /// The status now.
    pub status: HealthStatus,
    /// Why, worst first.
    pub reasons: Vec<String>,
    /// The worst status of this process.
    pub worst: HealthStatus,
    /// Heartbeat lines so far.
    pub heartbeats: u64,
}
