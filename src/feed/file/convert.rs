//! Bars from one form of file to another: what was read is joined by symbol, checked, and written in freqtrade's layout.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::aggregate::aggregate;
use super::super::{Cache, FeedError, TimeRange};
use super::bars::read_all;
use super::check::tables;
use super::name::FileName;
use super::series::{Row, Series};
use crate::columns::{self, Column, ColumnsError, Format, replace};
use crate::protocol::Bar;
use crate::types::{Timeframe, Timestamp};

/// Names of the columns, in freqtrade's order.
const COLUMNS: [&str; 6] = ["date", "open", "high", "low", "close", "volume"];

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// A file, or a folder that gets `futures/BTC_USDT_USDT-1m-futures.feather` and so on.
    pub to: PathBuf,
    /// How; none for CSV.
    pub format: Option<Format>,
    /// Is `to` a file?
    pub single: bool,
    /// As venues write them, such as `BTCUSDT`; all that there are if none are named.
    pub symbols: Vec<String>,
    /// Which part.
    pub range: TimeRange,
    /// The length of the bars that are written.
    pub timeframe: Timeframe,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Which.
    pub path: PathBuf,
    /// As venues write it.
    pub symbol: String,
    /// Files that it was made from.
    pub sources: usize,
    /// Bars in it.
    pub bars: usize,
    /// The first one's open.
    pub from: Timestamp,
    /// The last one's close.
    pub until: Timestamp,
}

/// Why something could not be converted. What was written before stays.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// What should be read is wrong.
    #[error("{0}; `data check` lists all that is wrong with it")]
    Read(#[from] FeedError),
    /// What should be written cannot be.
    #[error(transparent)]
    Write(#[from] ColumnsError),
    /// There is nothing to write.
    #[error("{0}")]
    Nothing(String),
}

/// Converts what a path holds. `progress` hears which file is read next, how many were read before it, and how many there are.
///
/// # Errors
/// If something cannot be read or written.
pub fn convert(
    path: &Path,
    what: &Conversion,
    mut progress: impl FnMut(&Path, usize, usize),
) -> Result<Vec<Written>, ConvertError> {
    let sources = sources(path, what)?;
    let all: usize = sources.values().map(Vec::len).sum();
    if what.single && sources.len() > 1 {
        let names: Vec<&str> = sources.keys().map(String::as_str).collect();
        let why =
            format!("{} holds {}; name one with --symbols, or a folder with --to", path.display(), names.join(", "));
        return Err(ConvertError::Nothing(why));
    }
    let (mut written, mut done) = (Vec::new(), 0);
    for (symbol, files) in sources {
        if let Some(first) = files.first() {
            progress(first, done, all);
        }
        let series = read_all(&files, &mut String::new(), &Cache::off())?;
        done += files.len();
        written.push(write(&symbol, &files, &series, what)?);
    }
    Ok(written)
}

/// The files of each symbol. A file that has no symbol in its name can be converted alone.
fn sources(path: &Path, what: &Conversion) -> Result<BTreeMap<String, Vec<PathBuf>>, ConvertError> {
    let found = tables(path)?;
    let alone = found.len() == 1 && !path.is_dir();
    let mut sources: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut trades: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in found {
        let name = FileName::of(&file);
        let symbol =
            name.venue_symbol.clone().or_else(|| alone.then(|| what.symbols.first().cloned().unwrap_or_default()));
        let Some(symbol) = symbol.filter(|one| what.symbols.is_empty() || what.symbols.contains(one)) else { continue };
        if name.has_trades {
            trades.entry(symbol).or_default().push(file);
        } else if alone || name.is_minutes() {
            sources.entry(symbol).or_default().push(file);
        }
    }
    // Where there are bars of a symbol, its trades are left, as a feed leaves them.
    trades.into_iter().for_each(|(symbol, files)| {
        sources.entry(symbol).or_insert(files);
    });
    let missing = what.symbols.iter().find(|symbol| !sources.contains_key(*symbol));
    match missing {
        Some(symbol) => {
            Err(ConvertError::Nothing(format!("{} has no 1m bars and no trades of {symbol}", path.display())))
        }
        None if sources.is_empty() => {
            Err(ConvertError::Nothing(format!("{} has no 1m bars and no trades", path.display())))
        }
        None => Ok(sources),
    }
}

fn write(symbol: &str, files: &[PathBuf], series: &Series, what: &Conversion) -> Result<Written, ConvertError> {
    let rows = series.rows();
    let from = what.range.from.map_or(0, |from| series.opening_from(from));
    let until = what.range.until.map_or(rows.len(), |until| series.opening_from(until));
    let bars: Vec<Bar> = match what.timeframe {
        Timeframe::M1 => rows[from..until.max(from)].iter().map(Row::bar).collect(),
        longer => aggregate(longer, rows[from..until.max(from)].iter().map(Row::bar)),
    };
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        let there: Vec<String> =
            [rows.first(), rows.last()].into_iter().flatten().map(|row| row.opened().to_string()).collect();
        let why = format!(
            "{symbol}: there are no whole {} bars in the range; there is {}",
            what.timeframe,
            there.join(" to ")
        );
        return Err(ConvertError::Nothing(why));
    };
    let path = place(symbol, what)?;
    match what.format {
        Some(format) => columns::write(&path, format, &table(&bars))?,
        None => csv(&path, &bars)?,
    }
    let until = last.open_time + what.timeframe.span();
    Ok(Written {
        path,
        symbol: symbol.to_owned(),
        sources: files.len(),
        bars: bars.len(),
        from: first.open_time,
        until,
    })
}

fn place(symbol: &str, what: &Conversion) -> Result<PathBuf, ConvertError> {
    if what.single {
        return Ok(what.to.clone());
    }
    let folder = what.to.join("futures");
    std::fs::create_dir_all(&folder).map_err(|error| ColumnsError::Io { path: folder.clone(), error })?;
    let stem = symbol.strip_suffix("USDT").map_or_else(|| symbol.to_owned(), |base| format!("{base}_USDT_USDT"));
    let ending = match what.format {
        Some(Format::Feather) => "feather",
        Some(Format::Parquet) => "parquet",
        None => "csv",
    };
    Ok(folder.join(format!("{stem}-{}-futures.{ending}", what.timeframe)))
}

fn table(bars: &[Bar]) -> columns::Table {
    let numbers = |number: fn(&Bar) -> f64| Column::Numbers(bars.iter().map(number).collect());
    let columns = [
        Column::Instants(bars.iter().map(|bar| bar.open_time.as_millis()).collect()),
        numbers(|bar| bar.open.to_f64()),
        numbers(|bar| bar.high.to_f64()),
        numbers(|bar| bar.low.to_f64()),
        numbers(|bar| bar.close.to_f64()),
        numbers(|bar| bar.volume.to_f64()),
    ];
    COLUMNS.map(str::to_owned).into_iter().zip(columns).collect()
}

fn csv(path: &Path, bars: &[Bar]) -> Result<(), ColumnsError> {
    replace(path, |file| {
        let mut line = |text: String| file.write_all(text.as_bytes());
        let all = line(format!("{}\n", COLUMNS.join(","))).and_then(|()| {
            bars.iter().try_for_each(|bar| {
                let date = bar.open_time.to_string().replace('T', " ").replace(".000Z", "+00:00");
                line(format!("{date},{},{},{},{},{}\n", bar.open, bar.high, bar.low, bar.close, bar.volume))
            })
        });
        all.map_err(|error| ColumnsError::Io { path: path.to_owned(), error })
    })
}
