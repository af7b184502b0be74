//! What the engine wants done. The coordinator does it, in this order, once what must be durable is.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::{Journal, VenueRequest};
use crate::types::{Exit, InstrumentId, Timestamp};

/// One effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Write this to the ledger. All of a step's rows are durable before any of its requests leaves.
    Journal(Journal),
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

/// What a step wants done, in order. Its room in memory is used again by the next step.
#[derive(Debug, Default)]
pub struct Actions {
    list: Vec<Action>,
    keep: Keep,
}

/// Which rows and messages are made at all. No decision depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keep {
    /// All of them: for a ledger that a restart begins from, for people, and for recordings.
    #[default]
    Everything,
    /// Rows that results are made of: fills, trades, equity, signals, states. Nobody restarts from a backtest, and nobody is
    /// told of it while it runs.
    Results,
}

impl Actions {
    /// An empty list that takes what is to be kept.
    pub fn new(keep: Keep) -> Actions {
        Actions { list: Vec::new(), keep }
    }

    /// An empty list that takes the same.
    pub fn emptied(&self) -> Actions {
        Actions::new(self.keep)
    }

    /// Is everything kept?
    pub fn keeps_all(&self) -> bool {
        self.keep == Keep::Everything
    }

    /// Something is to be done.
    pub fn push(&mut self, action: Action) {
        self.list.push(action);
    }

    /// A row that results are made of.
    pub fn row(&mut self, row: Journal) {
        self.list.push(Action::Journal(row));
    }

    /// A row that only a restart asks for.
    pub fn durable(&mut self, row: impl FnOnce() -> Journal) {
        if self.keeps_all() {
            self.list.push(Action::Journal(row()));
        }
    }

    /// A message for people.
    pub fn notify(&mut self, notice: impl FnOnce() -> Notice) {
        if self.keeps_all() {
            self.list.push(Action::Notify(notice()));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Gives everything away, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> {
        self.list.drain(..)
    }
}

impl Deref for Actions {
    type Target = [Action];

    fn deref(&self) -> &[Action] {
        &self.list
    }
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
