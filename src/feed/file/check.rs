//! Everything that is wrong with files of bars, trades and best prices, where reading stops at the first fault.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::FeedError;
use super::name::FileName;
use super::rows::{Found, Rows, disorder};
use super::series::Row;
use super::{list, short};
use crate::feed::ticks::Published;
use crate::types::{Timeframe, Timestamp};

/// Faults of one file that are listed; more are counted. A file with more has one cause.
const MAX_LISTED: usize = 1_000;
/// Rows between two words of progress.
const PROGRESS_EVERY: u64 = 1 << 16;

/// What a file was found to hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// Which.
    pub path: PathBuf,
    /// The length of its bars; none of a file of best prices.
    pub timeframe: Option<Timeframe>,
    /// Bars that can be read.
    pub bars: u64,
    /// Best prices that can be read.
    pub quotes: u64,
    /// The first bar's open or the first instant, UTC.
    pub from: Option<String>,
    /// The last bar's close or the last instant, UTC.
    pub until: Option<String>,
    /// What is wrong, in the order of the file.
    pub faults: Vec<Fault>,
    /// Faults that are not listed.
    pub more_faults: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What kind of thing.
    pub kind: FaultKind,
    /// Which line, from 1; of a file by columns, which row; none of the file as a whole.
    pub line: Option<u64>,
    /// Which field of it.
    pub field: String,
    /// What stands there, cut to a line.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The file cannot be read at all, or not further.
    Unreadable,
    /// A value is not what it should be.
    BadValue,
    /// A bar stands after a later one.
    Disorder,
    /// A bar stands twice.
    Duplicate,
    /// Bars are missing.
    Gap,
}

impl FaultKind {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            FaultKind::Unreadable => "unreadable",
            FaultKind::BadValue => "bad value",
            FaultKind::Disorder => "disorder",
            FaultKind::Duplicate => "duplicate",
            FaultKind::Gap => "gap",
        }
    }
}

/// The files of bars, trades and best prices that a path means: itself, or those of a folder and of its subfolder `futures`.
///
/// # Errors
/// If it cannot be listed, or there are none.
pub fn tables(path: &Path) -> Result<Vec<PathBuf>, FeedError> {
    let meta = std::fs::metadata(path).map_err(|error| FeedError::io(path, error))?;
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = list(path)?;
    let futures = path.join("futures");
    if futures.is_dir() {
        files.extend(list(&futures)?);
    }
    // Funding rates lie beside the bars, and are none.
    let is_bars = |name: &FileName| name.is_table() && (name.timeframe.is_some() || name.has_trades || name.has_quotes);
    files.retain(|file| is_bars(&FileName::of(file)) && !short(file).contains("funding"));
    if files.is_empty() {
        let (what, remedy) =
            ("a folder without files of bars", "name one whose files are called like BTCUSDT_1m_2024.csv");
        return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
    }
    Ok(files)
}

/// Reads a file to its end and notes all that is wrong. `progress` hears the rows read now and then.
pub fn check(path: &Path, mut progress: impl FnMut(u64)) -> Checked {
    let name = FileName::of(path);
    let mut checked = Checked {
        path: path.to_owned(),
        timeframe: (!name.has_quotes).then(|| name.timeframe.unwrap_or(Timeframe::M1)),
        bars: 0,
        quotes: 0,
        from: None,
        until: None,
        faults: Vec::new(),
        more_faults: 0,
    };
    let looked = match checked.timeframe {
        Some(timeframe) => bars(path, timeframe, &mut checked, &mut progress),
        None => quotes(path, &mut checked, &mut progress),
    };
    if let Err(error) = looked {
        checked.note(Fault {
            kind: FaultKind::Unreadable,
            line: None,
            field: String::new(),
            value: String::new(),
            why: error.to_string(),
            remedy: "nothing after it was looked at".to_owned(),
        });
    }
    checked
}

fn bars(
    path: &Path,
    timeframe: Timeframe,
    checked: &mut Checked,
    progress: &mut impl FnMut(u64),
) -> Result<(), FeedError> {
    let mut source = Rows::open(path)?;
    let step = u32::try_from(timeframe.minutes()).unwrap_or(1);
    let mut last: Option<Row> = None;
    while let Some(Found { line, row }) = source.next()? {
        let row = match row {
            Ok(row) => row,
            Err(wrong) => {
                checked.note(Fault::new(FaultKind::BadValue, line, wrong));
                continue;
            }
        };
        checked.bars += 1;
        if checked.bars.is_multiple_of(PROGRESS_EVERY) {
            progress(checked.bars);
        }
        if let Some(before) = &last {
            if let Some(wrong) = disorder(source.time_name(), before, &row) {
                let twice = row.minute == before.minute;
                checked.note(Fault::new(if twice { FaultKind::Duplicate } else { FaultKind::Disorder }, line, wrong));
                continue;
            }
            if row.minute - before.minute > step {
                checked.note(gap(source.time_name(), line, before, &row, step));
            }
        }
        checked.from.get_or_insert_with(|| row.opened().to_string());
        checked.until = Some((row.opened() + timeframe.span()).to_string());
        last = Some(row);
    }
    Ok(())
}

fn quotes(path: &Path, checked: &mut Checked, progress: &mut impl FnMut(u64)) -> Result<(), FeedError> {
    let mut source = Published::open(path)?;
    let mut ends: Option<(Timestamp, Timestamp)> = None;
    while let Some((line, at)) = source.look()? {
        match at {
            Ok(at) => {
                checked.quotes += 1;
                if checked.quotes.is_multiple_of(PROGRESS_EVERY) {
                    progress(checked.quotes);
                }
                ends = Some(ends.map_or((at, at), |(first, _)| (first, at)));
            }
            Err(wrong) => checked.note(Fault::new(FaultKind::BadValue, line, wrong)),
        }
    }
    checked.from = ends.map(|(first, _)| first.to_string());
    checked.until = ends.map(|(_, last)| last.to_string());
    Ok(())
}

fn gap(field: &'static str, line: u64, last: &Row, row: &Row, step: u32) -> Fault {
    let missing = (row.minute - last.minute) / step - 1;
    let from = last.opened() + crate::types::Span::MINUTE * i64::from(step);
    let minute = |at: Timestamp| at.to_string().trim_end_matches(":00.000Z").replace('T', " ");
    let why = if missing == 0 {
        "the bar does not begin where one of its length does".to_owned()
    } else {
        format!("{missing} bars are missing before it, from {} to {}", minute(from), minute(row.opened()))
    };
    Fault {
        kind: FaultKind::Gap,
        line: Some(line),
        field: field.to_owned(),
        value: row.opened().to_string(),
        why,
        remedy: "get them from where the file came from; over an hour, choose a stretch with --timerange".to_owned(),
    }
}

impl Checked {
    fn note(&mut self, fault: Fault) {
        if self.faults.len() < MAX_LISTED { self.faults.push(fault) } else { self.more_faults += 1 }
    }

    /// Is nothing wrong?
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }
}

impl Fault {
    fn new(kind: FaultKind, line: u64, wrong: super::rows::Wrong) -> Fault {
        let super::rows::Wrong { field, value, why, remedy } = wrong;
        Fault { kind, line: Some(line), field: field.to_owned(), value, why, remedy: remedy.to_owned() }
    }
}
