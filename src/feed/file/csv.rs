//! Lines of bars, of trades or of best prices. The columns are found by their names, so their order does not matter and others
//! may stand between them. A file without names has them in the order in which Binance publishes them.

mod quotes;
mod trades;

use std::path::Path;

use super::super::FeedError;
use super::lines::Lines;
use super::number::{Clock, Dates, decimal};
use super::rows::{BAR_REMEDY, Found, NUMBER_COLUMNS, NUMBER_REMEDY, Numbered, Wrong, bar};
use super::series::Row;
pub(in crate::feed) use quotes::Quotes;
use trades::Minutes;
pub(in crate::feed) use trades::Trades;

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

/// The lines after the names, with the first if it has none.
#[derive(Debug)]
pub(in crate::feed) struct Text {
    lines: Lines,
    /// The line that was come to was not given yet.
    again: bool,
}

/// What lines hold.
#[derive(Debug)]
enum Kind {
    Bars(Columns),
    Trades(Trades),
    Quotes(Quotes),
}

/// Where the columns of bars are.
#[derive(Debug, Clone, Copy)]
struct Columns {
    clock: Clock,
    time_name: &'static str,
    /// The time column, then those of [`NUMBER_COLUMNS`].
    places: [usize; 6],
}

/// A file of bars, or of trades of which they are made, being read.
#[derive(Debug)]
pub(super) struct Lined {
    text: Text,
    layout: Layout,
}

#[derive(Debug)]
enum Layout {
    Bars(Columns, Dates),
    Trades(Minutes),
}

/// Opens a file of which bars can be read.
pub(super) fn open(path: &Path) -> Result<Lined, FeedError> {
    let (text, kind) = heading(path)?;
    let layout = match kind {
        Kind::Bars(columns) => Layout::Bars(columns, Dates::default()),
        Kind::Trades(trades) => Layout::Trades(Minutes::new(trades)),
        Kind::Quotes(_) => {
            let (what, remedy) = ("a file of best prices", "give it with the trades beside it, as --feed ticks:FOLDER");
            return Err(FeedError::Unsupported { path: path.to_owned(), what, remedy });
        }
    };
    Ok(Lined { text, layout })
}

/// A file of ticks, being read.
#[derive(Debug)]
pub(in crate::feed) enum TickLines {
    /// Of trades.
    Trades(Trades),
    /// Of best prices.
    Quotes(Quotes),
}

/// Opens a file of trades or of best prices.
pub(in crate::feed) fn open_ticks(path: &Path) -> Result<(Text, TickLines), FeedError> {
    let (text, kind) = heading(path)?;
    match kind {
        Kind::Trades(trades) => Ok((text, TickLines::Trades(trades))),
        Kind::Quotes(quotes) => Ok((text, TickLines::Quotes(quotes))),
        Kind::Bars(_) => {
            let (what, remedy) = ("a file of bars, and as such no ticks", "give it as --feed file:PATH");
            Err(FeedError::Unsupported { path: path.to_owned(), what, remedy })
        }
    }
}

/// Opens a file, and reads from its first line what its columns are.
fn heading(path: &Path) -> Result<(Text, Kind), FeedError> {
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
    let kind = if has_names { named(line) } else { unnamed(line) };
    let kind = kind.map_err(|(why, remedy)| wrong(line, why, remedy))?;
    Ok((Text { lines, again: !has_names }, kind))
}

impl Text {
    pub(in crate::feed) fn path(&self) -> &Path {
        self.lines.path()
    }

    /// The next line and its number, or what is wrong with it. Only at the end of a file may lines be empty.
    pub(in crate::feed) fn next(&mut self) -> Result<Option<Numbered<&[u8]>>, FeedError> {
        let mut blank = None;
        loop {
            if !std::mem::take(&mut self.again) && !self.lines.advance()? {
                return Ok(None);
            }
            let (number, line) = self.lines.line();
            if !line.is_empty() {
                break;
            }
            blank.get_or_insert(number);
        }
        if let Some(blank) = blank {
            // The line stays the next one, so that a check goes on with it.
            self.again = true;
            return Ok(Some((blank, Err(Wrong::new("line", b"", "is empty, with more lines after it", BAR_REMEDY)))));
        }
        let (number, line) = self.lines.line();
        Ok(Some((number, Ok(line))))
    }
}

impl Lined {
    pub(super) fn time_name(&self) -> &'static str {
        match &self.layout {
            Layout::Bars(columns, _) => columns.time_name,
            Layout::Trades(minutes) => minutes.time_name(),
        }
    }

    /// The next bar. Trades give one when their minute is over.
    pub(super) fn next(&mut self) -> Result<Option<Found>, FeedError> {
        if let Layout::Trades(minutes) = &mut self.layout
            && let Some(found) = minutes.ready()
        {
            return Ok(Some(found));
        }
        while let Some((number, line)) = self.text.next()? {
            let found = match (line, &mut self.layout) {
                (Err(wrong), _) => Some(Found { line: number, row: Err(wrong) }),
                (Ok(line), Layout::Bars(columns, dates)) => {
                    Some(Found { line: number, row: row(columns, dates, line) })
                }
                (Ok(line), Layout::Trades(minutes)) => minutes.take(number, line),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(if let Layout::Trades(minutes) = &mut self.layout { minutes.end() } else { None })
    }
}

type Refused = (String, &'static str);

fn named(line: &[u8]) -> Result<Kind, Refused> {
    let names: Vec<&[u8]> = cells(line).collect();
    let find = |name: &str| names.iter().position(|cell| cell.eq_ignore_ascii_case(name.as_bytes()));
    if let Some(trades) = Trades::named(find) {
        return Ok(Kind::Trades(trades));
    }
    if let Some(quotes) = Quotes::named(find) {
        return Ok(Kind::Quotes(quotes));
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
    Ok(Kind::Bars(Columns { clock, time_name, places }))
}

fn unnamed(line: &[u8]) -> Result<Kind, Refused> {
    let values: Vec<&[u8]> = cells(line).collect();
    if let Some(trades) = Trades::unnamed(&values) {
        return Ok(Kind::Trades(trades));
    }
    if let Some(quotes) = Quotes::unnamed(&values) {
        return Ok(Kind::Quotes(quotes));
    }
    if values.len() != BINANCE_BAR_COLUMNS {
        let why = format!(
            "has no names, and its {} columns are not the {BINANCE_BAR_COLUMNS} of Binance's bars",
            values.len()
        );
        return Err((why, UNNAMED_REMEDY));
    }
    Ok(Kind::Bars(Columns { clock: Clock::Any, time_name: "open_time", places: [0, 1, 2, 3, 4, 5] }))
}

fn cells(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// The cells at some places of a line; an empty one where the line is too short.
fn pick<const N: usize>(line: &[u8], places: [usize; N]) -> [&[u8]; N] {
    let mut found: [&[u8]; N] = [b""; N];
    for (at, cell) in cells(line).enumerate() {
        for (slot, place) in found.iter_mut().zip(places) {
            if place == at {
                *slot = cell;
            }
        }
    }
    found
}

fn whole(cell: &[u8]) -> Option<i64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// An instant in nanoseconds, from milliseconds or microseconds; the size tells the unit.
fn nanos(cell: &[u8]) -> Option<i64> {
    match whole(cell)? {
        millis @ 10_000_000_000..100_000_000_000_000 => millis.checked_mul(1_000_000),
        micros @ 100_000_000_000_000..100_000_000_000_000_000 => micros.checked_mul(1_000),
        _ => None,
    }
}

fn row(columns: &Columns, dates: &mut Dates, line: &[u8]) -> Result<Row, Wrong> {
    let found = pick(line, columns.places);
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
