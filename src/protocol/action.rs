//! What the engine wants done. The coordinator does it, in this order, once what must be durable is.

use serde::{Deserialize, Serialize};

use super::{Journal, VenueRequest};
use crate::types::{Exit, InstrumentId, Timestamp};

/// One effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Write this to the ledger. All of a step's rows are durable before any of its requests leaves.
    Journal(Box<Journal>),
    /// Hand this to the venue.
    Send(VenueRequest),
    /// Tell people.
    Notify(Notice),
    /// Load closed 1m bars that are missing, and deliver them as history.
    Backfill {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Open time of the first missing bar.
        from: Timestamp,
        /// Open time after the last missing bar.
        until: Timestamp,
    },
    /// The instrument's market data is lost: connect it anew.
    RestartFeed {
        /// Which.
        instrument: InstrumentId,
    },
    /// End the process.
    Leave {
        /// With this code.
        exit: Exit,
        /// Why.
        reason: String,
    },
}

/// Something that people should hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What kind of thing it is.
    pub kind: NoticeKind,
    /// Two notices of one kind with the same key are one.
    pub key: String,
    /// The message, plain text.
    pub text: String,
}

/// Kinds of notices, each of which a person can recognise at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The daemon started.
    Started,
    /// The daemon stopped.
    Stopped,
    /// A position was opened.
    PositionOpened,
    /// A position was closed.
    PositionClosed,
    /// A stop was placed and confirmed.
    Protected,
    /// A stop could not be placed.
    ProtectionFailed,
    /// The trading state changed.
    TradingState,
    /// Health changed.
    Health,
    /// A regular summary.
    Summary,
    /// Something that should not happen did.
    Alarm,
}
