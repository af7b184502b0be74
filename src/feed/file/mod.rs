//! Recorded data: which files a path means, and the feed of 1m bars read from CSV.
//!
//! A path is one file, or a folder whose files are known by their names: `BTCUSDT_1m_Q4_2024.csv.gz` and
//! `BTCUSDT-1m-2024-10.csv` as exchanges publish bars, `BTC_USDT_USDT-1m-futures.csv` as freqtrade lays them out
//! (also in a folder `futures` below the one named), and `btcusdt_20240808.gz` as raw frames are recorded.

mod bars;
mod csv;
pub(super) mod lines;
mod name;
mod series;

use std::path::{Path, PathBuf};

use super::FeedError;
use crate::types::{InstrumentId, Instruments, Timeframe};

pub use bars::BarFeed;
use name::{Content, FileName};

/// Most entries looked at in a folder: ten years of a file a day for a few symbols, and far below what would
/// take seconds to list.
const MAX_ENTRIES: usize = 20_000;

/// The files of each instrument, in the order of their names.
pub type Files = Vec<Vec<PathBuf>>;

/// What a path was found to hold.
#[derive(Debug)]
pub enum Found {
    /// 1m bars in CSV.
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
    refuse_unread(path, &name)?;
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
    if lines::is_recording(path)? { Ok(Found::Recordings(files)) } else { Ok(Found::Bars(files)) }
}

fn folder(path: &Path, instruments: &Instruments) -> Result<Found, FeedError> {
    let mut entries = list(path)?;
    let futures = path.join("futures");
    if futures.is_dir() {
        entries.extend(list(&futures)?);
    }
    let (mut bars, mut recordings): (Files, Files) =
        (vec![Vec::new(); instruments.len()], vec![Vec::new(); instruments.len()]);
    let mut unread: Vec<(InstrumentId, PathBuf, FileName)> = Vec::new();
    for file in entries {
        let name = FileName::of(&file);
        let Some(id) = name.venue_symbol.as_deref().and_then(|venue| instruments.find_venue(venue)) else { continue };
        match (name.content, name.timeframe) {
            (Content::Csv, Some(Timeframe::M1)) if name.is_of_trades => bars[id.index()].push(file),
            (Content::Gzip, None) => recordings[id.index()].push(file),
            (Content::Csv | Content::Gzip | Content::Columnar | Content::Other, _) => unread.push((id, file, name)),
        }
    }
    let any = |files: &Files| files.iter().any(|one| !one.is_empty());
    if any(&bars) && any(&recordings) {
        let (what, remedy) = ("a folder of both bars and raw recordings", "name one file, or a folder of one kind");
        return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
    }
    let found = if any(&recordings) { recordings } else { bars };
    if let Some(id) = instruments.ids().find(|id| found[id.index()].is_empty()) {
        if let Some((_, file, name)) = unread.iter().find(|(owner, _, name)| *owner == id && name.is_columnar_minutes())
        {
            refuse_unread(file, name)?;
        }
        let others: Vec<String> =
            unread.iter().filter(|(owner, ..)| *owner == id).map(|(_, file, _)| short(file)).collect();
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

fn refuse_unread(path: &Path, name: &FileName) -> Result<(), FeedError> {
    match name.content {
        Content::Columnar => Err(FeedError::Unsupported {
            path: path.to_owned(),
            what: "feather or parquet",
            remedy: "convert it to CSV with the columns date,open,high,low,close,volume",
        }),
        Content::Csv | Content::Gzip | Content::Other => Ok(()),
    }
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
            "found: {there}; add a file such as {venue}_1m_2024.csv.gz, {stem}-1m-futures.csv or {}_20240808.gz, or \
             leave the symbol out",
            venue.to_lowercase()
        ),
    }
}

#[cfg(test)]
mod tests;
