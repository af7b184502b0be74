//! Keeping all recordings under their cap.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::segments_in;

struct Stored {
    modified: SystemTime,
    path: PathBuf,
    bytes: u64,
}

/// Deletes the oldest segments under `root` until the rest takes at most `cap` bytes. Folders that
/// become empty go with them; `current` stays whatever its size.
pub(super) fn make_room(root: &Path, current: &Path, cap: u64) -> std::io::Result<()> {
    let mut stored = Vec::new();
    for folder in std::fs::read_dir(root)? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for (_, path) in segments_in(&folder)? {
            // What somebody deletes in the meantime takes no room.
            let Ok(metadata) = path.metadata() else { continue };
            stored.push(Stored { modified: metadata.modified()?, bytes: metadata.len(), path });
        }
    }
    stored.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
    let mut total: u64 = stored.iter().map(|one| one.bytes).sum();
    for old in stored.iter().filter(|one| one.path != current) {
        if total <= cap {
            break;
        }
        match std::fs::remove_file(&old.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        total -= old.bytes;
        if let Some(folder) = old.path.parent() {
            // Fails while other segments are in it, and that is as it should be.
            let _ = std::fs::remove_dir(folder);
        }
    }
    Ok(())
}
