//! Lines of bars or of trades. The columns are found by their names, so their order does not matter and others may stand
//! between them. A file without names has them in the order in which Binance publishes bars and trades.

mod trades;

use std::path::Path;

use super::super::FeedError;
use super::lines::Lines;
use super::number::{Clock, Dates, decimal};
use super::rows::{BAR_REMEDY, Found, NUMBER_COLUMNS, NUMBER_REMEDY, Wrong, bar};
use super::series::Row;
use trades::Trades;

/// Longest line: six numbers take a hundred bytes; an exchange's twelve columns take two hundred.
const LONGEST_LINE: usize = 4_096;
/// Columns of a file without names: open time, open, high, low, close, volume, close time, and six more.
const BINANCE_BAR_COLUMNS: usize = 12;

/// Names that the column of the bar's open has. The last two say their unit.
pub(super) const TIME_COLUMNS: [&str; 5] = ["timestamp", "date", "open_time", "open_time_s", "open_time_ms"];

pub(super) const TIME_REMEDY: &str =
    "write the bar's open in UTC like `2024-10-01 03:00:00`, or as seconds or milliseconds since 1970";
const HEADER_REMEDY: &str = "begin with a line such as `timestamp,open,high,low,close,volume`";
const UNNAMED_REMEDY: &str = "give the columns a line of names, or keep those of a file that Binance publishes";

/// A file of lines being read.
#[derive(Debug)]
pub(super) struct Lined {
    lines: Lines,
    layout: Layout,
    /// A line that was read and not taken yet.
    kept: Option<(u64, Vec<u8>)>,
    /// The empty line after which nothing may come.
    ended_at: Option<u64>,
}

/// What the lines hold.
#[derive(Debug)]
enum Layout {
    Bars(Columns, Dates),
    Trades(Trades),
}

/// Where the columns of bars are.
#[derive(Debug, Clone, Copy)]
struct Columns {
    clock: Clock,
    time_name: &'static str,
    /// The time column, then those of [`NUMBER_COLUMNS`].
    places: [usize; 6],
}

/// Opens a file whose first line says what its columns are.
pub(super) fn open(path: &Path) -> Result<Lined, FeedError> {
    let mut lines = Lines::open(path, LONGEST_LINE)?;
    let wrong = |value: &[u8], why: String, remedy| Wrong::new("header", value, why, remedy).at(path, 1);
    let Some((_, line)) = lines.next()? else {
        return Err(wrong(b"", "is an empty file".into(), HEADER_REMEDY));
    };
    if line.starts_with(b"PK\x03\x04") {
        let (what, remedy) = ("a zip archive", "unpack it, and give the file that was in it");
        return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
    }
    let has_names = !line.first().is_some_and(u8::is_ascii_digit);
    let layout = if has_names { named(line) } else { unnamed(line) };
    let layout = layout.map_err(|(why, remedy)| wrong(line, why, remedy))?;
    let kept = (!has_names).then(|| (1, line.to_vec()));
    Ok(Lined { lines, layout, kept, ended_at: None })
}

impl Lined {
    pub(super) fn time_name(&self) -> &'static str {
        match &self.layout {
            Layout::Bars(columns, _) => columns.time_name,
            Layout::Trades(trades) => trades.time_name(),
        }
    }

    /// The next bar. Trades give one when their minute is over.
    pub(super) fn next(&mut self) -> Result<Option<Found>, FeedError> {
        if let Layout::Trades(trades) = &mut self.layout
            && let Some(found) = trades.ready()
        {
            return Ok(Some(found));
        }
        loop {
            let kept = self.kept.take();
            let (number, line) = match &kept {
                Some((number, line)) => (*number, line.as_slice()),
                None => match self.lines.next()? {
                    Some(next) => next,
                    None => return Ok(if let Layout::Trades(trades) = &mut self.layout { trades.end() } else { None }),
                },
            };
            if line.is_empty() {
                self.ended_at.get_or_insert(number);
                continue;
            }
            if let Some(blank) = self.ended_at.take() {
                // The line stays the next one, so that a check goes on with it.
                self.kept = Some((number, line.to_vec()));
                let wrong = Wrong::new("line", b"", "is empty, with bars after it", BAR_REMEDY);
                return Ok(Some(Found { line: blank, row: Err(wrong) }));
            }
            match &mut self.layout {
                Layout::Bars(columns, dates) => {
                    return Ok(Some(Found { line: number, row: row(columns, dates, line) }));
                }
                Layout::Trades(trades) => {
                    if let Some(found) = trades.take(number, line) {
                        return Ok(Some(found));
                    }
                }
            }
        }
    }
}

type Refused = (String, &'static str);

fn named(line: &[u8]) -> Result<Layout, Refused> {
    let names: Vec<&[u8]> = cells(line).collect();
    let find = |name: &str| names.iter().position(|cell| cell.eq_ignore_ascii_case(name.as_bytes()));
    if let Some(trades) = Trades::named(find) {
        return Ok(Layout::Trades(trades));
    }
    let missing = |what: &str| (format!("has no column {what}"), HEADER_REMEDY);
    let (time_name, time) = TIME_COLUMNS
        .into_iter()
        .find_map(|name| find(name).map(|at| (name, at)))
        .ok_or_else(|| missing("for the time"))?;
    let clock = match time_name {
        "open_time_s" => Clock::Seconds,
        "open_time_ms" => Clock::Millis,
        _ => Clock::Any,
    };
    let mut places = [time; 6];
    for (place, name) in places[1..].iter_mut().zip(NUMBER_COLUMNS) {
        *place = find(name).ok_or_else(|| missing(name))?;
    }
    Ok(Layout::Bars(Columns { clock, time_name, places }, Dates::default()))
}

fn unnamed(line: &[u8]) -> Result<Layout, Refused> {
    let values: Vec<&[u8]> = cells(line).collect();
    if let Some(trades) = Trades::unnamed(&values) {
        return Ok(Layout::Trades(trades));
    }
    if values.len() != BINANCE_BAR_COLUMNS {
        let why = format!(
            "has no names, and its {} columns are not the {BINANCE_BAR_COLUMNS} of Binance's bars",
            values.len()
        );
        return Err((why, UNNAMED_REMEDY));
    }
    let columns = Columns { clock: Clock::Any, time_name: "open_time", places: [0, 1, 2, 3, 4, 5] };
    Ok(Layout::Bars(columns, Dates::default()))
}

fn cells(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn row(columns: &Columns, dates: &mut Dates, line: &[u8]) -> Result<Row, Wrong> {
    let mut found: [&[u8]; 6] = [b""; 6];
    for (at, cell) in cells(line).enumerate() {
        for (slot, column) in found.iter_mut().zip(columns.places) {
            if column == at {
                *slot = cell;
            }
        }
    }
    let secs = dates.seconds(columns.clock, found[0]);
    let secs = secs.ok_or_else(|| Wrong::new(columns.time_name, found[0], "is not a time", TIME_REMEDY))?;
    let whole = |secs: i64| (secs % 60 == 0).then(|| u32::try_from(secs / 60).ok()).flatten();
    let minute = whole(secs).ok_or_else(|| {
        Wrong::new(columns.time_name, found[0], "is not the start of a minute since 1970", TIME_REMEDY)
    })?;
    let mut numbers = [0_i64; 5];
    for ((number, name), cell) in numbers.iter_mut().zip(NUMBER_COLUMNS).zip(&found[1..]) {
        let exact = name != "volume";
        *number = decimal(cell, exact).map_err(|why| Wrong::new(name, cell, why, NUMBER_REMEDY))?;
    }
    bar(minute, numbers, |at| String::from_utf8_lossy(found[at + 1]).into_owned())
}

#[cfg(test)]
mod tests;
