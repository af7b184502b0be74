//! One daemon a state directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::types::Exit;

/// The file that is locked; the holder's process id stands in it.
pub const LOCK_FILE: &str = "lock";
/// A process id has fewer digits; more than this is not read from the file.
const MAX_PID_TEXT: u64 = 16;

/// The state directory is ours for as long as this lives; the system frees it when the process dies, however it dies.
#[derive(Debug)]
pub struct StateLock {
    file: File,
    path: PathBuf,
}

/// Why the state directory is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "the state directory {} is in use by {}: stop that one first, or give another --state-dir",
        .dir.display(), .pid.map_or("another process".to_owned(), |pid| format!("the process with pid {pid}"))
    )]
    Held {
        /// The directory.
        dir: PathBuf,
        /// Its process id, if the holder has written it yet.
        pid: Option<u32>,
    },
    /// The directory or the file in it cannot be made, written or locked.
    #[error("the state directory {} cannot be used: {why}; make it writable, or give another --state-dir", .dir.display())]
    Unusable {
        /// The directory.
        dir: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl LockError {
    /// The code that the process ends with because of it.
    pub fn exit(&self) -> Exit {
        match self {
            LockError::Held { .. } => Exit::TryLater,
            LockError::Unusable { .. } => Exit::LedgerUnwritable,
        }
    }
}

impl StateLock {
    /// Makes the directory if need be and takes it. Never waits.
    pub fn acquire(dir: &Path) -> Result<StateLock, LockError> {
        let unusable = |error: std::io::Error| LockError::Unusable { dir: dir.to_owned(), why: error.to_string() };
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let path = dir.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { dir: dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        file.set_len(0).map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(StateLock { file, path })
    }

    /// The locked file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // An empty file says that nobody holds it; the lock itself goes with the file's handle in any case.
        let _ = self.file.set_len(0);
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(MAX_PID_TEXT).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
