//! Whatever a test recorded is replayed, and every decision held against the recorded one.

use std::path::Path;

use live_trading_launcher::backtest::{self, ReplayError};
use live_trading_launcher::recorder::{self, RecordingError};

/// Replays every session that a state directory has recordings of. Gives how many there were.
pub fn assert_recordings_replay(dir: &Path) -> usize {
    let mut replayed = 0;
    let Ok(sessions) = std::fs::read_dir(dir.join(recorder::RECORDINGS_DIR)) else { return replayed };
    for session in sessions.flatten().map(|entry| entry.path()).filter(|path| has_segments(path)) {
        match backtest::replay(&session, true, |_| {}) {
            Ok(done) => assert_eq!(done.divergence, None, "{}", session.display()),
            // The process was killed, or is still at work, before its first block was whole.
            Err(ReplayError::Recording(RecordingError::NoHeader { .. })) => continue,
            Err(error) => panic!("{}: {error}", session.display()),
        }
        replayed += 1;
    }
    replayed
}

/// A process that was killed at its start leaves an empty folder, or an empty file.
fn has_segments(session: &Path) -> bool {
    let entries = std::fs::read_dir(session).map(|entries| entries.flatten().collect::<Vec<_>>());
    entries.is_ok_and(|entries| {
        let filled = |entry: &std::fs::DirEntry| entry.metadata().is_ok_and(|meta| meta.len() > 0);
        entries.iter().any(filled)
    })
}
