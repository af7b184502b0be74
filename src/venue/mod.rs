//! Floor 8: where orders go. A venue takes requests and never makes anyone wait for an answer; what it has to
//! say comes out of `poll`, in the order of its instants.

pub mod binance;
pub(crate) mod inbox;
pub mod paper;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::{Event, MarketEvent, VenueRequest};
use crate::types::{Exit, Timestamp};

/// `[venue]`: where orders go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Binance USDⓈ-M futures.
    pub binance: binance::Settings,
}

impl Settings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), String> {
        self.binance.check()
    }
}

/// Something that trades for an account.
pub trait Venue: Send {
    /// Its name in logs, in the banner and in the ledger.
    fn name(&self) -> &str;

    /// Shows it a piece of market data before the engine sees it. Only a simulated venue cares.
    ///
    /// # Errors
    /// If what follows from it cannot be kept.
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent) -> Result<(), VenueError>;

    /// Hands over a request at session time `at`.
    ///
    /// # Errors
    /// If what follows from it cannot be kept.
    fn send(&mut self, at: Timestamp, request: VenueRequest) -> Result<(), VenueError>;

    /// When it next has something to do or to say, in session time.
    fn next_due(&self) -> Option<Timestamp>;

    /// The next thing that it says, if that is due by `until`: of our orders, of the account, of the line to it.
    ///
    /// # Errors
    /// If it cannot keep its own truth, or will not have us any more; it then says nothing.
    fn poll(&mut self, until: Timestamp) -> Result<Option<(Timestamp, Event)>, VenueError>;
}

/// Why a venue cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum VenueError {
    /// Its file cannot be read or written.
    #[error("the paper venue's file {path}: {reason}")]
    Store {
        /// Which file.
        path: String,
        /// What the database says.
        reason: String,
    },
    /// Its file is of another feed, range or seed.
    #[error(
        "the paper venue in {path} was traded on `{stored}`, and this run is on `{wanted}`; run with the same feed, range and seed, or start anew with --reset-paper, which sets the old files aside"
    )]
    OtherMarket {
        /// Which file.
        path: String,
        /// What it was traded on.
        stored: String,
        /// What this run is on.
        wanted: String,
    },
    /// Its keys are refused, or may do what they must not.
    #[error("the venue's keys: {0}")]
    Keys(String),
    /// The account is not as it must be.
    #[error("the account: {0}")]
    Account(String),
    /// It could not be reached, or does not work now.
    #[error("the venue could not be reached: {0}")]
    Unreachable(String),
    /// Its settings cannot be used.
    #[error("{0}")]
    Settings(String),
}

impl VenueError {
    /// How the process should end because of it.
    pub fn exit(&self) -> Exit {
        match self {
            VenueError::Store { .. } => Exit::LedgerUnwritable,
            VenueError::OtherMarket { .. } | VenueError::Account(_) | VenueError::Settings(_) => Exit::Configuration,
            VenueError::Keys(_) => Exit::KeysRefused,
            VenueError::Unreachable(_) => Exit::TryLater,
        }
    }
}
