//! What can be wrong with a file of the state directory, what to do about it, and the exit code it has.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::LockError;
use crate::types::Exit;

/// Why the ledger cannot be used. Each message names the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk is full or read-only, the file is held by another program, or input and output fail.
    #[error("{} cannot be written: {why}; make room or make it writable, then start again", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// What was to be written contradicts what is written: our own mistake, never the disk's.
    #[error("{} already says otherwise: {why}", .path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// Which rule would be broken.
        why: String,
    },
    /// The file is not what the daemon wrote.
    #[error(
        "{} is damaged: {why}; nothing was changed: restore it from a backup, or move it away and let the \
         venue's account be taken over anew (on paper: --reset-paper)", .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A later build wrote the file.
    #[error(
        "{} has schema version {found}, and this build knows only up to {known}: run the build that wrote it, \
         or a later one", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version that this build knows.
        known: i64,
    },
    /// The ledger belongs to something else.
    #[error(
        "{} belongs to {field} `{found}`, and `{asked}` was asked for: give another --state-dir{}", .path.display(),
        if *field == "mode" { "" } else { ", or on paper --reset-paper" }
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// `mode`, `venue` or `account`.
        field: &'static str,
        /// As it is bound.
        found: String,
        /// As it was to be opened.
        asked: String,
    },
    /// There are open positions or orders in instruments that the session does not have.
    #[error(
        "{} has open positions or orders in {}, which this session does not trade: add them to --symbols",
        .path.display(), .symbols.join(", ")
    )]
    MissingSymbols {
        /// The file.
        path: PathBuf,
        /// The symbols.
        symbols: Vec<String>,
    },
    /// There is no such file.
    #[error("{} does not exist: no daemon has run with this state directory yet", .path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the state directory.
    #[error(transparent)]
    Locked(#[from] LockError),
}

impl LedgerError {
    /// The code that the process ends with because of it.
    pub fn exit(&self) -> Exit {
        match self {
            LedgerError::Unwritable { .. } => Exit::LedgerUnwritable,
            LedgerError::Contradiction { .. } => Exit::Contradiction,
            LedgerError::Damaged { .. }
            | LedgerError::Newer { .. }
            | LedgerError::Foreign { .. }
            | LedgerError::MissingSymbols { .. }
            | LedgerError::Absent { .. } => Exit::Configuration,
            LedgerError::Locked(error) => error.exit(),
        }
    }

    /// Sorts an error of SQLite.
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> LedgerError {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport
                | ErrorCode::OutOfMemory,
            ) => LedgerError::Unwritable { path, why },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => LedgerError::Damaged { path, why },
            _ => LedgerError::Contradiction { path, why },
        }
    }

    /// Sorts an error met while reading what was written before: whatever is not the disk is damage.
    pub(super) fn reading(path: &Path, error: &rusqlite::Error) -> LedgerError {
        match LedgerError::sqlite(path, error) {
            LedgerError::Contradiction { path, why } => LedgerError::Damaged { path, why },
            other => other,
        }
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> LedgerError {
        LedgerError::Unwritable { path: path.to_owned(), why: error.to_string() }
    }

    pub(super) fn damaged(path: &Path, why: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { path: path.to_owned(), why: why.into() }
    }
}
