//! Floor 6: tables by column, in the files that data tools write and read: feather (Arrow IPC, version 2) and parquet.
//!
//! Only what tables of market data and of results need: instants, whole numbers, floats and texts. A file is read a batch at
//! a time, and written beside its place and then renamed, so that nobody sees half of one.

mod feather;
mod parquet;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Rows of a batch that we write: what one is read into stays below some megabytes.
const BATCH_ROWS: usize = 1 << 16;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Arrow IPC, compressed with LZ4, as pandas' `to_feather` writes it.
    Feather,
    /// Parquet, compressed with Snappy, as pandas' `to_parquet` writes it.
    Parquet,
}

/// A column that is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Instants in milliseconds since 1970, UTC.
    Instants(Vec<i64>),
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Numbers; NaN where there is none.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

impl Column {
    /// How many values it has.
    pub fn len(&self) -> usize {
        match self {
            Column::Instants(values) | Column::Whole(values) => values.len(),
            Column::Numbers(values) => values.len(),
            Column::Texts(values) => values.len(),
        }
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Columns by name, all equally long.
pub type Table = Vec<(String, Column)>;

/// What is read of a file.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Names that the column of instants may have; the first that is there is taken.
    pub instants: &'static [&'static str],
    /// The columns of numbers.
    pub numbers: &'static [&'static str],
}

/// Some rows of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Nanoseconds since 1970; `None` where there is no value, or one that is too large.
    pub instants: Vec<Option<i64>>,
    /// A list for each column wanted; NaN where there is no value.
    pub numbers: Vec<Vec<f64>>,
}

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ColumnsError {
    /// The system would not.
    #[error("{}: {error}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// It is not what its name says, or damaged.
    #[error("{}: {what}", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A column that is needed is not there, or holds something else.
    #[error("{}: {what}; it has {}", .path.display(), .there.join(", "))]
    Column {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// The columns that there are.
        there: Vec<String>,
    },
}

impl ColumnsError {
    fn io(path: &Path, error: std::io::Error) -> ColumnsError {
        ColumnsError::Io { path: path.to_owned(), error }
    }

    fn damaged(path: &Path, what: impl ToString) -> ColumnsError {
        ColumnsError::Damaged { path: path.to_owned(), what: what.to_string() }
    }
}

/// A file being read.
#[derive(Debug)]
pub struct Reader(Kind);

#[derive(Debug)]
enum Kind {
    Feather(feather::Reader),
    Parquet(parquet::Reader),
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read, is not of the format, or lacks a column.
    pub fn open(path: &Path, format: Format, wanted: Wanted) -> Result<Reader, ColumnsError> {
        Ok(Reader(match format {
            Format::Feather => Kind::Feather(feather::Reader::open(path, wanted)?),
            Format::Parquet => Kind::Parquet(parquet::Reader::open(path, wanted)?),
        }))
    }

    /// The name that the column of instants has.
    pub fn instants_name(&self) -> &'static str {
        match &self.0 {
            Kind::Feather(reader) => reader.instants_name,
            Kind::Parquet(reader) => reader.instants_name,
        }
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// If the file is damaged here.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, ColumnsError> {
        match &mut self.0 {
            Kind::Feather(reader) => reader.next_batch(),
            Kind::Parquet(reader) => reader.next_batch(),
        }
    }
}

/// Writes a table to a file, whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, format: Format, table: &Table) -> Result<(), ColumnsError> {
    replace(path, |file| match format {
        Format::Feather => feather::write(path, file, table),
        Format::Parquet => parquet::write(path, file, table),
    })
}

/// Writes a file beside its place, and puts it there when it is whole and on the disk.
///
/// # Errors
/// Those of `fill`, and if the system would not; the file that was there before stays then.
pub fn replace<T, E: From<ColumnsError>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let io = |error| E::from(ColumnsError::io(path, error));
    let written = File::create(&part).map_err(io).and_then(|file| {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let done = fill(&mut file)?;
        file.flush().and_then(|()| file.get_ref().sync_all()).map_err(io)?;
        std::fs::rename(&part, path).map_err(io)?;
        Ok(done)
    });
    if written.is_err() {
        // What is left of it is of no use; that it cannot be removed adds nothing to the error that is told.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Rows that a table has.
fn rows(table: &Table) -> usize {
    table.first().map_or(0, |(_, column)| column.len())
}

/// The first of the names that the file has.
fn find(path: &Path, there: &[String], wanted: Wanted) -> Result<(&'static str, Vec<usize>), ColumnsError> {
    let place = |name: &str| there.iter().position(|one| one.eq_ignore_ascii_case(name));
    let missing = |what: String| ColumnsError::Column { path: path.to_owned(), what, there: there.to_vec() };
    let (name, instants) = wanted
        .instants
        .iter()
        .find_map(|name| Some((*name, place(name)?)))
        .ok_or_else(|| missing(format!("it has no column for the time ({})", wanted.instants.join(", "))))?;
    let mut places = vec![instants];
    for name in wanted.numbers {
        places.push(place(name).ok_or_else(|| missing(format!("it has no column {name}")))?);
    }
    Ok((name, places))
}

/// A whole number without a unit as nanoseconds. Since seconds reach these sizes only in the year 5138, the size tells
/// the unit.
fn unitless(number: i64) -> Option<i64> {
    let scale = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(scale)
}

#[cfg(test)]
mod tests;
