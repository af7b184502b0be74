//! Why the loop ended other than cleanly.

use crate::feed::FeedError;
use crate::ledger::LedgerError;
use crate::types::Exit;
use crate::venue::VenueError;

/// Why the loop cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The market data is damaged.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// There is no such market data: what was asked for must change, or the files must.
    #[error(transparent)]
    NoFeed(FeedError),
    /// The venue cannot go on.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// The ledger cannot be written. Nothing more is sent.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The black box cannot be begun.
    #[error(transparent)]
    Recorder(#[from] crate::recorder::RecorderError),
    /// A step of the start took too long.
    #[error("start-up step `{step}` did not finish within {deadline}: waiting for {waiting_for}")]
    StartTooSlow {
        /// Which step.
        step: &'static str,
        /// Its deadline.
        deadline: crate::types::Span,
        /// What was missing.
        waiting_for: String,
    },
    /// An error was rehearsed.
    #[error("a rehearsed error of the loop; the schedule is in [faults.process]")]
    Rehearsed,
    /// The engine asked for the end.
    #[error("{reason}")]
    Left {
        /// With this code.
        exit: Exit,
        /// Why.
        reason: String,
    },
}

impl RunError {
    /// The exit code that tells systemd and people what to do about it.
    pub fn exit(&self) -> Exit {
        match self {
            RunError::Feed(_) | RunError::Rehearsed => Exit::Failed,
            RunError::NoFeed(_) => Exit::Configuration,
            RunError::Recorder(_) => Exit::LedgerUnwritable,
            RunError::Venue(error) => error.exit(),
            RunError::Ledger(error) => error.exit(),
            RunError::StartTooSlow { .. } => Exit::TryLater,
            RunError::Left { exit, .. } => *exit,
        }
    }

    /// May the loop be started again in the same process? Not if only a person can change the outcome.
    pub fn may_restart(&self) -> bool {
        match self.exit() {
            Exit::Failed | Exit::TryLater => true,
            Exit::Clean
            | Exit::Usage
            | Exit::Contradiction
            | Exit::LedgerUnwritable
            | Exit::KeysRefused
            | Exit::Configuration
            | Exit::HaltedByRisk => false,
        }
    }
}
