//! The black box: each stamped event of a session, and the digest of each step that returned actions.
//!
//! A session's folder `<state-dir>/recordings/<session>/` holds segments `segment-00001.ltr`, each of which
//! begins with the configuration, the instruments and a snapshot of the engine, and so replays alone. Nothing here
//! is needed to recover: a recorder that cannot write any more says so once and stops, and trading goes on.
//!
//! A segment is eight magic bytes and then blocks: a head (lengths, number of the first record, checksums of
//! payload and head) and a payload compressed with LZ4. A block holds records: a length, a checksum, and the record in
//! postcard. A changed bit is found by the checksums and named by segment and record; a file that ends in the
//! middle, as a killed process leaves it, is read up to there.

mod format;
mod reader;
mod retention;
#[cfg(test)]
mod tests;
mod thread;
mod writer;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use format::{Entry, Header, digest_of};
pub use reader::{Recording, RecordingError, RecordingInfo, Segment, Tail, recordings};
pub use thread::{Overflow, RecorderThread};
pub use writer::{Recorded, Recorder, RecorderError};

/// The folder in the state directory that holds one folder a session.
pub const RECORDINGS_DIR: &str = "recordings";
const BYTES_PER_MIB: u64 = 1 << 20;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A segment that has grown to this size is closed and the next one begun, in MiB. Smaller segments replay
    /// sooner; each costs a snapshot of the engine.
    pub segment_mib: u32,
    /// All recordings together stay below this size, in MiB: the oldest segments are deleted.
    pub total_mib: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { segment_mib: 64, total_mib: 4_096 }
    }
}

impl Settings {
    /// Are the sizes usable, and do they fit together?
    pub fn check(&self) -> Result<(), String> {
        if self.segment_mib == 0 {
            return Err("recorder.segment_mib is 0: give at least 1".to_owned());
        }
        if u64::from(self.total_mib) < 2 * u64::from(self.segment_mib) {
            return Err(format!(
                "recorder.total_mib is {}, less than two segments of recorder.segment_mib = {}: give at least {}",
                self.total_mib,
                self.segment_mib,
                2 * u64::from(self.segment_mib)
            ));
        }
        Ok(())
    }

    fn segment_bytes(self) -> u64 {
        u64::from(self.segment_mib) * BYTES_PER_MIB
    }

    fn total_bytes(self) -> u64 {
        u64::from(self.total_mib) * BYTES_PER_MIB
    }
}

fn segment_name(number: u32) -> String {
    format!("segment-{number:05}.{SEGMENT_EXTENSION}")
}

fn segment_number(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("segment-")?.strip_suffix(&format!(".{SEGMENT_EXTENSION}"))?.parse().ok()
}

const SEGMENT_EXTENSION: &str = "ltr";

/// The segments in a session's folder, in order.
fn segments_in(folder: &Path) -> std::io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(number) = segment_number(&path) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}
