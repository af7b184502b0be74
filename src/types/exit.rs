//! The exit codes, which systemd and scripts rely on.

use serde::{Deserialize, Serialize};

/// How the process ends. systemd restarts `Failed`, `Contradiction`, `LedgerUnwritable` and `TryLater`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Exit {
    /// A clean end, a handled SIGINT or SIGTERM included.
    Clean = 0,
    /// The trading loop failed.
    Failed = 1,
    /// A flag or an argument that cannot be understood.
    Usage = 2,
    /// Our own contradiction: a panic, or a stalled loop that the watchdog ended.
    Contradiction = 70,
    /// The ledger cannot be written.
    LedgerUnwritable = 74,
    /// The venue could not be reached, reconciliation did not finish, or the state directory is locked.
    TryLater = 75,
    /// The venue refused the keys.
    KeysRefused = 77,
    /// The configuration is wrong, or the ledger is damaged.
    Configuration = 78,
    /// Halted by risk, and told to leave when that happens.
    HaltedByRisk = 79,
}

impl Exit {
    /// The number given to the operating system.
    pub const fn code(self) -> u8 {
        self as u8
    }
}
