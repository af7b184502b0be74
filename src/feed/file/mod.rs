//! Recorded data: which files a path means, how each is read, and the feed of 1m bars.
//!
//! A path is one file, or a folder whose files are known by their names: `BTCUSDT_1m_Q4_2024.csv.gz`,
//! `BTCUSDT-1m-2024-10.csv` and `BTCUSDT-trades-2024-10-01.csv` as exchanges publish bars and trades,
//! `BTC_USDT_USDT-1m-futures.feather`, `.parquet` or `.csv` as freqtrade lays bars out (also in a folder `futures` below the
//! one named), and `btcusdt_20240808.gz` as raw frames are recorded. Where there are bars of a symbol, its trades are left.

mod bars;
mod cache;
mod check;
mod columnar;
mod convert;
mod csv;
pub(super) mod lines;
mod name;
mod number;
mod rows;
mod series;

use std::path::{Path, PathBuf};

use super::FeedError;
use crate::types::{InstrumentId, Instruments};

pub use bars::BarFeed;
pub use cache::Cache;
pub use check::{Checked, Fault, FaultKind, check, tables};
pub use convert::{Conversion, ConvertError, Written, convert};
pub use lines::fingerprint;
use name::{Content, FileName};

/// Most entries looked at in a folder: ten years of a file a day for a few symbols, and far below what would
/// take seconds to list.
const MAX_ENTRIES: usize = 20_000;

/// The files of each instrument, in the order of their names.
pub type Files = Vec<Vec<PathBuf>>;

/// What a path was found to hold.
#[derive(Debug)]
pub enum Found {
    /// 1m bars, or trades of which they are made.
    Bars(Files),
    /// Raw frames.
    Recordings(Files),
}

/// Finds the files of each instrument.
///
/// # Errors
/// When the path cannot be read, holds nothing for an instrument, or is of a kind that is not read.
pub fn discover(path: &Path, instruments: &Instruments) -> Result<Found, FeedError> {
    let meta = std::fs::metadata(path).map_err(|error| FeedError::io(path, error))?;
    if meta.is_dir() { folder(path, instruments) } else { single(path, instruments) }
}

/// A single file belongs to the one symbol asked for, or to the one that its name says.
fn single(path: &Path, instruments: &Instruments) -> Result<Found, FeedError> {
    let name = FileName::of(path);
    let by_name = name.venue_symbol.as_deref().and_then(|venue| instruments.find_venue(venue));
    let owner = match (by_name, instruments.len()) {
        (Some(id), 1) => id,
        (None, 1) if name.timeframe.is_none() => InstrumentId(0),
        _ => {
            let missing = instruments.ids().find(|id| Some(*id) != by_name).unwrap_or(InstrumentId(0));
            return Err(no_data(path, instruments, missing, "there is nothing", "the file's name says another symbol"));
        }
    };
    let mut files: Files = vec![Vec::new(); instruments.len()];
    files[owner.index()].push(path.to_owned());
    if !matches!(name.content, Content::Columnar(_)) && lines::is_recording(path)? {
        Ok(Found::Recordings(files))
    } else {
        Ok(Found::Bars(files))
    }
}

fn folder(path: &Path, instruments: &Instruments) -> Result<Found, FeedError> {
    let mut entries = list(path)?;
    let futures = path.join("futures");
    if futures.is_dir() {
        entries.extend(list(&futures)?);
    }
    let none = || -> Files { vec![Vec::new(); instruments.len()] };
    let (mut bars, mut trades, mut recordings) = (none(), none(), none());
    let mut unread: Vec<(InstrumentId, PathBuf)> = Vec::new();
    for file in entries {
        let name = FileName::of(&file);
        let Some(id) = name.venue_symbol.as_deref().and_then(|venue| instruments.find_venue(venue)) else { continue };
        match (name.content, name.timeframe) {
            _ if name.is_minutes() => bars[id.index()].push(file),
            (Content::Csv, None) if name.has_trades => trades[id.index()].push(file),
            (Content::Gzip, None) => recordings[id.index()].push(file),
            (Content::Csv | Content::Gzip | Content::Columnar(_) | Content::Other, _) => unread.push((id, file)),
        }
    }
    for (bars, trades) in bars.iter_mut().zip(trades).filter(|(bars, _)| bars.is_empty()) {
        *bars = trades;
    }
    let any = |files: &Files| files.iter().any(|one| !one.is_empty());
    if any(&bars) && any(&recordings) {
        let (what, remedy) = ("a folder of both bars and raw recordings", "name one file, or a folder of one kind");
        return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
    }
    let found = if any(&recordings) { recordings } else { bars };
    if let Some(id) = instruments.ids().find(|id| found[id.index()].is_empty()) {
        let others: Vec<String> =
            unread.iter().filter(|(owner, _)| *owner == id).map(|(_, file)| short(file)).collect();
        let there = if others.is_empty() { "no file is named after it".to_owned() } else { others.join(", ") };
        return Err(no_data(path, instruments, id, "there are no 1m bars and no recording", &there));
    }
    let is_recording = found.iter().flatten().next().is_some_and(|file| FileName::of(file).content == Content::Gzip);
    Ok(if is_recording { Found::Recordings(found) } else { Found::Bars(found) })
}

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

fn no_data(path: &Path, instruments: &Instruments, id: InstrumentId, what: &'static str, there: &str) -> FeedError {
    let one = instruments.get(id);
    let (venue, stem) = (&one.venue_symbol, one.symbol.file_stem());
    FeedError::NoData {
        path: path.to_owned(),
        what,
        symbol: one.symbol.clone(),
        remedy: format!(
            "found: {there}; add a file such as {venue}_1m_2024.csv.gz, {stem}-1m-futures.feather or {}_20240808.gz, \
             or leave the symbol out",
            venue.to_lowercase()
        ),
    }
}

#[cfg(test)]
mod tests;
