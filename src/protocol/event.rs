//! Everything that enters by the one door.

use serde::{Deserialize, Serialize};

use super::{AccountReport, Command, MarketEvent, OrderReport, Recovered};
use crate::types::{InstrumentId, Span, Timestamp};

/// A thing with its place in the session's order and its instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// Counts from 1 without holes.
    pub seq: u64,
    /// Session time; never goes backwards.
    pub at: Timestamp,
    /// The thing.
    pub event: T,
}

/// Everything that can change a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The first event of a session: what the ledger knew when it was opened.
    Recovered(Box<Recovered>),
    /// Market data.
    Market(MarketEvent),
    /// The venue says something about us.
    Venue(VenueReport),
    /// A connection changed.
    Connection {
        /// Which.
        link: Link,
        /// To what.
        state: ConnectionState,
    },
    /// The deadline that the engine asked for has come.
    Timer,
    /// A person asks for something.
    Command(Command),
    /// Health changed; critical health stops entries.
    Health {
        /// To what.
        status: HealthStatus,
        /// The probes that say so, in words.
        reasons: Vec<String>,
    },
    /// The venue's clock was measured.
    Clock {
        /// Venue time minus ours.
        offset: Span,
        /// How far off that may be: half the round trip.
        uncertainty: Span,
    },
}

/// What a venue says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VenueReport {
    /// About one order.
    Order(OrderReport),
    /// About the account.
    Account(AccountReport),
}

/// A connection whose state matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Link {
    /// Market data of one instrument.
    Market(InstrumentId),
    /// Our own order and account events.
    User,
}

/// How far a connection has come. Connected is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Down.
    Lost,
    /// The socket stands.
    Connected,
    /// The venue acknowledged the subscription.
    Subscribed,
    /// The first payload came.
    Live,
}

/// The monitor's judgement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Every probe is within its limit.
    #[default]
    Healthy,
    /// At least one is not.
    Degraded,
    /// One that trading cannot do without is not.
    Critical,
}

impl HealthStatus {
    /// The word in the heartbeat line.
    pub const fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Critical => "critical",
        }
    }
}
