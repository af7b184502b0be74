//! The rows of a file, however it is written: one after the other with its place and what is wrong with it, so that reading
//! can stop at the first fault and checking can list them all.

use std::path::Path;

use super::super::FeedError;
use super::super::error::shown;
use super::columnar;
use super::csv::{self, Lined};
use super::name::{Content, FileName};
use super::series::Row;

/// Most bars read for a symbol: ten years of minutes, which take 250 MB.
pub(super) const MAX_ROWS: usize = 5_300_000;

pub(super) const NUMBER_REMEDY: &str = "write a plain decimal number with at most eight places";
pub(super) const ORDER_REMEDY: &str = "sort the file by time and keep one line per minute";
pub(super) const BAR_REMEDY: &str = "repair or remove the line";
pub(super) const NUMBER_COLUMNS: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// What is wrong with a line, before the file and the line are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::feed) struct Wrong {
    pub(super) field: &'static str,
    pub(super) value: String,
    pub(super) why: String,
    pub(super) remedy: &'static str,
}

/// A line's number, and what it says or what is wrong with it.
pub(in crate::feed) type Numbered<T> = (u64, Result<T, Wrong>);

impl Wrong {
    pub(in crate::feed) fn new(
        field: &'static str,
        value: impl AsRef<[u8]>,
        why: impl Into<String>,
        remedy: &'static str,
    ) -> Wrong {
        Wrong { field, value: shown(value), why: why.into(), remedy }
    }

    pub(in crate::feed) fn at(self, path: &Path, line: u64) -> FeedError {
        let Wrong { field, value, why, remedy } = self;
        FeedError::Malformed { path: path.to_owned(), line, field, value, why, remedy }
    }
}

/// A row, or what is wrong with it, and its line from 1; of a file by columns, its row.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) line: u64,
    pub(super) row: Result<Row, Wrong>,
}

/// A file being read.
#[derive(Debug)]
pub(super) enum Rows {
    /// Lines of bars or of trades.
    Lined(Lined),
    /// Feather or parquet.
    Columnar(columnar::Reader),
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Rows, FeedError> {
        Ok(match FileName::of(path).content {
            Content::Columnar(format) => Rows::Columnar(columnar::Reader::open(path, format)?),
            Content::Csv | Content::Gzip | Content::Other => Rows::Lined(csv::open(path)?),
        })
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Found>, FeedError> {
        match self {
            Rows::Lined(lines) => lines.next(),
            Rows::Columnar(reader) => reader.next(),
        }
    }

    /// What the column of the time is called.
    pub(super) fn time_name(&self) -> &'static str {
        match self {
            Rows::Lined(lines) => lines.time_name(),
            Rows::Columnar(reader) => reader.time_name(),
        }
    }
}

/// Reads a whole file of 1m bars, or of trades as such, which will know it by `file`.
pub(super) fn read(path: &Path, file: u16) -> Result<Vec<Row>, FeedError> {
    let mut source = Rows::open(path)?;
    let mut rows: Vec<Row> = Vec::new();
    while let Some(Found { line, row }) = source.next()? {
        let row = Row { file, ..row.map_err(|wrong| wrong.at(path, line))? };
        if let Some(wrong) = rows.last().and_then(|last| disorder(source.time_name(), last, &row)) {
            return Err(wrong.at(path, line));
        }
        if rows.len() >= MAX_ROWS {
            return Err(FeedError::TooLarge { path: path.to_owned(), limit: format!("{MAX_ROWS} bars") });
        }
        rows.push(row);
    }
    refuse_other_timeframes(path, &rows)?;
    Ok(rows)
}

/// What is wrong with a row after the one before it.
pub(super) fn disorder(time_name: &'static str, before: &Row, row: &Row) -> Option<Wrong> {
    let why = match before.minute.cmp(&row.minute) {
        std::cmp::Ordering::Less => return None,
        std::cmp::Ordering::Equal => "is the minute of the line before",
        std::cmp::Ordering::Greater => "is before the line above",
    };
    Some(Wrong::new(time_name, row.opened().to_string(), why, ORDER_REMEDY))
}

/// A bar whose numbers agree with each other; `text` gives the words of the number at a place, for errors.
pub(super) fn bar(minute: u32, numbers: [i64; 5], text: impl Fn(usize) -> String) -> Result<Row, Wrong> {
    let [open, high, low, close, volume] = numbers;
    let wrong = |at: usize, why: &str, remedy| Err(Wrong::new(NUMBER_COLUMNS[at], text(at), why, remedy));
    if let Some(at) = [open, high, low, close].iter().position(|price| *price <= 0) {
        return wrong(at, "is not a price above zero", NUMBER_REMEDY);
    }
    if high < open.max(close) {
        return wrong(1, "is below the bar's open or close", BAR_REMEDY);
    }
    if low > open.min(close) {
        return wrong(2, "is above the bar's open or close", BAR_REMEDY);
    }
    if volume < 0 {
        return wrong(4, "is negative", NUMBER_REMEDY);
    }
    Ok(Row { minute, file: 0, open, high, low, close, volume })
}

/// Bars of five minutes and more never follow each other within four.
pub(super) fn refuse_other_timeframes(path: &Path, rows: &[Row]) -> Result<(), FeedError> {
    let nearest = rows.windows(2).map(|pair| pair[1].minute - pair[0].minute).min();
    match nearest {
        Some(minutes) if minutes > 1 => Err(FeedError::Unsupported {
            path: path.to_owned(),
            what: "a file of bars longer than a minute",
            remedy: "give 1m bars; longer ones are built from them",
        }),
        Some(_) | None => Ok(()),
    }
}
