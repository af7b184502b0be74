//! What the production loop is doing.

use serde::{Deserialize, Serialize};

/// The stage that the loop entered with its last beat. If the loop stands still, this is where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Stage {
    /// The process runs; the loop has not begun.
    #[default]
    Starting = 0,
    /// Ledger and venue are brought together.
    Recover,
    /// History is loaded.
    Warmup,
    /// Nothing to do; waits for feed, venue, timer or a person.
    Idle,
    /// Takes the next record of the feed.
    Feed,
    /// Steps the engine.
    Engine,
    /// Hands the step to the recorder.
    Record,
    /// Makes the step's rows durable.
    Commit,
    /// Sends what is durable to the venue, and notices to people.
    Dispatch,
    /// Waits after an error before it tries again.
    Backoff,
    /// Closes and cancels everything, for `flatten` or at the end.
    Flatten,
    /// Ends the session.
    Shutdown,
}

impl Stage {
    /// Every stage, in the order of their stamps.
    pub const ALL: [Stage; 12] = [
        Stage::Starting,
        Stage::Recover,
        Stage::Warmup,
        Stage::Idle,
        Stage::Feed,
        Stage::Engine,
        Stage::Record,
        Stage::Commit,
        Stage::Dispatch,
        Stage::Backoff,
        Stage::Flatten,
        Stage::Shutdown,
    ];

    /// The name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Starting => "starting",
            Stage::Recover => "recover",
            Stage::Warmup => "warmup",
            Stage::Idle => "idle",
            Stage::Feed => "feed",
            Stage::Engine => "engine",
            Stage::Record => "record",
            Stage::Commit => "commit",
            Stage::Dispatch => "dispatch",
            Stage::Backoff => "backoff",
            Stage::Flatten => "flatten",
            Stage::Shutdown => "shutdown",
        }
    }

    /// Is market data to be expected at this stage?
    pub const fn trades(self) -> bool {
        match self {
            Stage::Idle | Stage::Feed | Stage::Engine | Stage::Record | Stage::Commit | Stage::Dispatch => true,
            Stage::Backoff => true,
            Stage::Starting | Stage::Recover | Stage::Warmup | Stage::Flatten | Stage::Shutdown => false,
        }
    }

    /// Takes more time than a service manager grants by itself, and so asks it for more.
    pub const fn may_take_long(self) -> bool {
        match self {
            Stage::Starting | Stage::Recover | Stage::Warmup | Stage::Flatten | Stage::Shutdown => true,
            Stage::Idle | Stage::Feed | Stage::Engine | Stage::Record | Stage::Commit | Stage::Dispatch => false,
            Stage::Backoff => false,
        }
    }

    pub(super) fn from_stamp(stamp: u8) -> Stage {
        *Stage::ALL.get(usize::from(stamp)).expect("only stamps of a stage are ever stored")
    }
}
