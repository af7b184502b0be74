//! Bars from feather and parquet.

use std::path::{Path, PathBuf};

use super::super::FeedError;
use super::csv::{TIME_COLUMNS, TIME_REMEDY};
use super::number::units;
use super::rows::{Found, NUMBER_COLUMNS, NUMBER_REMEDY, Wrong, bar};
use super::series::Row;
use crate::columns::{self, Batch, ColumnsError, Format, Wanted};

const WANTED: Wanted = Wanted { instants: &TIME_COLUMNS, numbers: &NUMBER_COLUMNS };
const NANOS_PER_MINUTE: i64 = 60_000_000_000;

/// A file being read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: columns::Reader,
    batch: Batch,
    /// The row of the batch that is next.
    next: usize,
    /// Rows before the batch.
    before: u64,
}

impl Reader {
    pub(super) fn open(path: &Path, format: Format) -> Result<Reader, FeedError> {
        let file = columns::Reader::open(path, format, WANTED).map_err(|error| told(path, error))?;
        Ok(Reader { path: path.to_owned(), file, batch: Batch::default(), next: 0, before: 0 })
    }

    pub(super) fn time_name(&self) -> &'static str {
        self.file.instants_name()
    }

    pub(super) fn next(&mut self) -> Result<Option<Found>, FeedError> {
        while self.next >= self.batch.instants.len() {
            self.before += self.batch.instants.len() as u64;
            self.next = 0;
            match self.file.next_batch().map_err(|error| told(&self.path, error))? {
                Some(batch) => self.batch = batch,
                None => {
                    self.batch = Batch::default();
                    return Ok(None);
                }
            }
        }
        let at = self.next;
        self.next += 1;
        Ok(Some(Found { line: self.before + self.next as u64, row: self.row(at) }))
    }

    fn row(&self, at: usize) -> Result<Row, Wrong> {
        let time = |value: String, why: &str| Wrong::new(self.time_name(), value, why, TIME_REMEDY);
        let nanos = self.batch.instants[at].ok_or_else(|| time(String::new(), "is not a time"))?;
        let minute = (nanos % NANOS_PER_MINUTE == 0).then(|| u32::try_from(nanos / NANOS_PER_MINUTE).ok()).flatten();
        let minute = minute.ok_or_else(|| {
            let instant = crate::types::Timestamp::from_nanos(nanos);
            time(instant.to_string(), "is not the start of a minute since 1970")
        })?;
        let mut numbers = [0_i64; 5];
        for ((number, name), column) in numbers.iter_mut().zip(NUMBER_COLUMNS).zip(&self.batch.numbers) {
            let exact = name != "volume";
            let value = column[at];
            *number = units(value, exact).map_err(|why| Wrong::new(name, value.to_string(), why, NUMBER_REMEDY))?;
        }
        bar(minute, numbers, |column| self.batch.numbers[column][at].to_string())
    }
}

/// An error of a file by columns in the words of feeds.
fn told(path: &Path, error: ColumnsError) -> FeedError {
    match error {
        ColumnsError::Io { error, .. } => FeedError::io(path, error),
        ColumnsError::Damaged { what, .. } => FeedError::Damaged { path: path.to_owned(), what },
        ColumnsError::Column { what, there, .. } => {
            FeedError::Damaged { path: path.to_owned(), what: format!("{what}; it has {}", there.join(", ")) }
        }
    }
}
