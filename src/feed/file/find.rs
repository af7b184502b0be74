//! Which files a path means: it is one file, or a folder whose files are known by their names.
//!
//! `BTCUSDT_1m_Q4_2024.csv.gz`, `BTCUSDT-1m-2024-10.csv`, `BTCUSDT-trades-2024-10-01.csv` and
//! `BTCUSDT-bookTicker-2024-03-30.csv` as exchanges publish bars, trades and best prices; `BTC_USDT_USDT-1m-futures.feather`,
//! `.parquet` or `.csv` as freqtrade lays bars out (also in a folder `futures` below the one named); and `btcusdt_20240808.gz`
//! as raw frames are recorded. Where bars are asked for and there are bars of a symbol, its trades are left.

use std::path::{Path, PathBuf};

use super::super::FeedError;
use super::csv::{self, TickLines};
use super::name::{Content, FileName};
use super::{lines, list, short};
use crate::types::{InstrumentId, Instruments};

/// The files of each instrument, in the order of their names.
pub type Files = Vec<Vec<PathBuf>>;

/// What a path was found to hold.
#[derive(Debug)]
pub enum Found {
    /// 1m bars, or trades of which they are made.
    Bars(Files),
    /// Ticks, of which no bars can be read.
    Ticks(TickFiles),
}

/// Files of ticks.
#[derive(Debug)]
pub enum TickFiles {
    /// Raw frames.
    Recorded(Files),
    /// As Binance publishes them.
    Published {
        /// Trades.
        trades: Files,
        /// Best prices: of every instrument, or of none.
        quotes: Files,
    },
}

/// Finds the files of each instrument: bars, or trades of which they are made, or else raw recordings.
///
/// # Errors
/// When the path cannot be read, holds nothing for an instrument, or is of a kind that is not read.
pub fn discover(path: &Path, instruments: &Instruments) -> Result<Found, FeedError> {
    if !is_folder(path)? {
        let files = single(path, instruments)?;
        let columnar = matches!(FileName::of(path).content, Content::Columnar(_));
        let recorded = !columnar && lines::is_recording(path)?;
        return Ok(if recorded { Found::Ticks(TickFiles::Recorded(files)) } else { Found::Bars(files) });
    }
    let Listed { minutes: mut bars, trades, recordings, others, .. } = Listed::of(path, instruments)?;
    for (bars, trades) in bars.iter_mut().zip(trades).filter(|(bars, _)| bars.is_empty()) {
        *bars = trades;
    }
    if any(&bars) && any(&recordings) {
        let (what, remedy) = ("a folder of both bars and raw recordings", "name one file, or a folder of one kind");
        return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
    }
    let recorded = any(&recordings);
    let found = if recorded { recordings } else { bars };
    refuse_missing(path, instruments, &found, "there are no 1m bars and no recording", &others)?;
    Ok(if recorded { Found::Ticks(TickFiles::Recorded(found)) } else { Found::Bars(found) })
}

/// Finds the files of each instrument's ticks: trades with best prices or without, or raw recordings.
///
/// # Errors
/// When the path cannot be read, holds nothing for an instrument, or best prices for some of them alone.
pub fn ticks(path: &Path, instruments: &Instruments) -> Result<TickFiles, FeedError> {
    if !is_folder(path)? {
        let files = single(path, instruments)?;
        if lines::is_recording(path)? {
            return Ok(TickFiles::Recorded(files));
        }
        if matches!(csv::open_ticks(path)?, (_, TickLines::Quotes(_))) {
            let (what, remedy) = ("a file of best prices alone", "name a folder that has the trades beside them");
            return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
        }
        return Ok(TickFiles::Published { trades: files, quotes: vec![Vec::new(); instruments.len()] });
    }
    let Listed { trades, quotes, recordings, others, .. } = Listed::of(path, instruments)?;
    if any(&trades) && any(&recordings) {
        let (what, remedy) = ("a folder of both trades and raw recordings", "name one file, or a folder of one kind");
        return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
    }
    if any(&recordings) {
        refuse_missing(path, instruments, &recordings, "there is no recording", &others)?;
        return Ok(TickFiles::Recorded(recordings));
    }
    refuse_missing(path, instruments, &trades, "there are no trades", &others)?;
    if any(&quotes) {
        refuse_missing(path, instruments, &quotes, "there are best prices of other symbols, and none", &others)?;
    }
    Ok(TickFiles::Published { trades, quotes })
}

fn is_folder(path: &Path) -> Result<bool, FeedError> {
    Ok(std::fs::metadata(path).map_err(|error| FeedError::io(path, error))?.is_dir())
}

/// A single file belongs to the one symbol asked for, or to the one that its name says.
fn single(path: &Path, instruments: &Instruments) -> Result<Files, FeedError> {
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
    Ok(files)
}

/// A folder's files by what their names say.
struct Listed {
    minutes: Files,
    trades: Files,
    quotes: Files,
    recordings: Files,
    /// Of an instrument, and of none of these kinds.
    others: Vec<(InstrumentId, PathBuf)>,
}

impl Listed {
    fn of(path: &Path, instruments: &Instruments) -> Result<Listed, FeedError> {
        let mut entries = list(path)?;
        let futures = path.join("futures");
        if futures.is_dir() {
            entries.extend(list(&futures)?);
        }
        let none = || -> Files { vec![Vec::new(); instruments.len()] };
        let mut found =
            Listed { minutes: none(), trades: none(), quotes: none(), recordings: none(), others: Vec::new() };
        for file in entries {
            let name = FileName::of(&file);
            let owner = name.venue_symbol.as_deref().and_then(|venue| instruments.find_venue(venue));
            let Some(id) = owner else { continue };
            match (name.content, name.timeframe) {
                _ if name.is_minutes() => found.minutes[id.index()].push(file),
                (Content::Csv, None) if name.has_trades => found.trades[id.index()].push(file),
                (Content::Csv, None) if name.has_quotes => found.quotes[id.index()].push(file),
                (Content::Gzip, None) => found.recordings[id.index()].push(file),
                (Content::Csv | Content::Gzip | Content::Columnar(_) | Content::Other, _) => {
                    found.others.push((id, file));
                }
            }
        }
        Ok(found)
    }
}

fn any(files: &Files) -> bool {
    files.iter().any(|one| !one.is_empty())
}

fn refuse_missing(
    path: &Path,
    instruments: &Instruments,
    found: &Files,
    what: &'static str,
    others: &[(InstrumentId, PathBuf)],
) -> Result<(), FeedError> {
    let Some(id) = instruments.ids().find(|id| found[id.index()].is_empty()) else { return Ok(()) };
    let others: Vec<String> = others.iter().filter(|(owner, _)| *owner == id).map(|(_, file)| short(file)).collect();
    let there = if others.is_empty() { "no file is named after it".to_owned() } else { others.join(", ") };
    Err(no_data(path, instruments, id, what, &there))
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
