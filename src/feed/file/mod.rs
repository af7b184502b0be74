//! Recorded data: which files a path means, how each is read, and the feed of 1m bars.

mod bars;
mod cache;
mod check;
mod columnar;
mod convert;
pub(super) mod csv;
mod find;
pub(super) mod lines;
mod name;
pub(super) mod number;
mod rows;
mod series;

use std::path::{Path, PathBuf};

use super::FeedError;

pub use bars::BarFeed;
pub use check::{Checked, Fault, FaultKind, check, tables};
pub use convert::{Conversion, ConvertError, Written, convert};
pub use find::{Files, Found, TickFiles, discover, ticks};
pub use lines::fingerprint;
pub(super) use rows::{Numbered, Wrong};

/// Most entries looked at in a folder: ten years of a file a day for a few symbols, and far below what would
/// take seconds to list.
const MAX_ENTRIES: usize = 20_000;

fn list(path: &Path) -> Result<Vec<PathBuf>, FeedError> {
    let io = |error| FeedError::io(path, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        if files.len() >= MAX_ENTRIES {
            return Err(FeedError::TooLarge { path: path.to_owned(), limit: format!("{MAX_ENTRIES} files") });
        }
        files.push(entry.map_err(io)?.path());
    }
    files.sort();
    Ok(files)
}

fn short(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
