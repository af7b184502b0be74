//! Reading bars from CSV. The columns are found by their names, so their order does not matter and others may
//! stand between them.

use std::path::Path;

use super::super::FeedError;
use super::super::error::shown;
use super::super::spec::day;
use super::lines::Lines;
use super::series::{PLACES, Row};

/// Longest line: six numbers take a hundred bytes; an exchange's twelve columns take two hundred.
const LONGEST_LINE: usize = 4_096;

/// Most bars read for a symbol: ten years of minutes, which take 250 MB.
pub(super) const MAX_ROWS: usize = 5_300_000;

/// Names that the column of the bar's open has. The last two say their unit.
const TIME_COLUMNS: [&str; 5] = ["timestamp", "date", "open_time", "open_time_s", "open_time_ms"];
const NUMBER_COLUMNS: [&str; 5] = ["open", "high", "low", "close", "volume"];

const TIME_REMEDY: &str =
    "write the bar's open in UTC like `2024-10-01 03:00:00`, or as seconds or milliseconds since 1970";
const NUMBER_REMEDY: &str = "write a plain decimal number with at most eight places";
const ORDER_REMEDY: &str = "sort the file by time and keep one line per minute";
const BAR_REMEDY: &str = "repair or remove the line";

/// How the time column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Seconds,
    Millis,
    /// A date, or a number whose size tells its unit.
    Any,
}

/// Where the columns are.
#[derive(Debug)]
struct Header {
    clock: Clock,
    time_name: &'static str,
    /// The time column, then those of [`NUMBER_COLUMNS`].
    columns: [usize; 6],
}

/// Reads a whole file of 1m bars, which will know it by `file`.
pub(super) fn read(path: &Path, file: u16) -> Result<Vec<Row>, FeedError> {
    let mut lines = Lines::open(path, LONGEST_LINE)?;
    let header = match lines.next()? {
        Some((_, line)) => header(path, line)?,
        None => return Err(malformed(path, 1, "header", b"", "is an empty file".into(), HEADER_REMEDY)),
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut dates = Dates::default();
    let mut ended_at: Option<u64> = None;
    while let Some((number, line)) = lines.next()? {
        if line.is_empty() {
            ended_at.get_or_insert(number);
            continue;
        }
        if let Some(blank) = ended_at {
            return Err(malformed(path, blank, "line", b"", "is empty, with bars after it".into(), BAR_REMEDY));
        }
        let row = row(&header, &mut dates, line).map_err(|wrong| wrong.at(path, number))?;
        let row = Row { file, ..row };
        if let Some(last) = rows.last().filter(|last| last.minute >= row.minute) {
            let why =
                if last.minute == row.minute { "is the minute of the line before" } else { "is before the line above" };
            let time = cells(line).nth(header.columns[0]).unwrap_or_default();
            return Err(malformed(path, number, header.time_name, time, why.into(), ORDER_REMEDY));
        }
        if rows.len() >= MAX_ROWS {
            return Err(FeedError::TooLarge { path: path.to_owned(), limit: format!("{MAX_ROWS} bars") });
        }
        rows.push(row);
    }
    refuse_other_timeframes(path, &rows)?;
    Ok(rows)
}

const HEADER_REMEDY: &str = "begin with a line such as `timestamp,open,high,low,close,volume`";

fn header(path: &Path, line: &[u8]) -> Result<Header, FeedError> {
    let names: Vec<&[u8]> = cells(line).collect();
    let find = |name: &str| names.iter().position(|cell| cell.eq_ignore_ascii_case(name.as_bytes()));
    let missing = |what: &str| malformed(path, 1, "header", line, format!("has no column {what}"), HEADER_REMEDY);
    let (time_name, time) = TIME_COLUMNS
        .into_iter()
        .find_map(|name| find(name).map(|at| (name, at)))
        .ok_or_else(|| missing("for the time"))?;
    let clock = match time_name {
        "open_time_s" => Clock::Seconds,
        "open_time_ms" => Clock::Millis,
        _ => Clock::Any,
    };
    let mut columns = [time; 6];
    for (place, name) in columns[1..].iter_mut().zip(NUMBER_COLUMNS) {
        *place = find(name).ok_or_else(|| missing(name))?;
    }
    Ok(Header { clock, time_name, columns })
}

fn cells(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// What is wrong with a line, before the file and the line are known.
struct Wrong {
    field: &'static str,
    value: String,
    why: String,
    remedy: &'static str,
}

impl Wrong {
    fn new(field: &'static str, value: &[u8], why: impl Into<String>, remedy: &'static str) -> Wrong {
        Wrong { field, value: shown(value), why: why.into(), remedy }
    }

    fn at(self, path: &Path, line: u64) -> FeedError {
        let Wrong { field, value, why, remedy } = self;
        FeedError::Malformed { path: path.to_owned(), line, field, value, why, remedy }
    }
}

fn malformed(
    path: &Path,
    line: u64,
    field: &'static str,
    value: &[u8],
    why: String,
    remedy: &'static str,
) -> FeedError {
    Wrong::new(field, value, why, remedy).at(path, line)
}

fn row(header: &Header, dates: &mut Dates, line: &[u8]) -> Result<Row, Wrong> {
    let mut found: [&[u8]; 6] = [b""; 6];
    for (at, cell) in cells(line).enumerate() {
        for (slot, column) in found.iter_mut().zip(header.columns) {
            if column == at {
                *slot = cell;
            }
        }
    }
    let secs = dates.seconds(header.clock, found[0]);
    let secs = secs.ok_or_else(|| Wrong::new(header.time_name, found[0], "is not a time", TIME_REMEDY))?;
    let whole = |secs: i64| (secs % 60 == 0).then(|| u32::try_from(secs / 60).ok()).flatten();
    let minute = whole(secs).ok_or_else(|| {
        Wrong::new(header.time_name, found[0], "is not the start of a minute since 1970", TIME_REMEDY)
    })?;
    let mut numbers = [0_i64; 5];
    for ((number, name), cell) in numbers.iter_mut().zip(NUMBER_COLUMNS).zip(&found[1..]) {
        let exact = name != "volume";
        *number = decimal(cell, exact).map_err(|why| Wrong::new(name, cell, why, NUMBER_REMEDY))?;
    }
    let [open, high, low, close, volume] = numbers;
    let price = |field, cell| Err(Wrong::new(field, cell, "is not a price above zero", NUMBER_REMEDY));
    match (open.min(close), low, high) {
        _ if open <= 0 => price("open", found[1]),
        _ if high <= 0 => price("high", found[2]),
        _ if low <= 0 => price("low", found[3]),
        _ if close <= 0 => price("close", found[4]),
        (_, _, high) if high < open.max(close) => {
            Err(Wrong::new("high", found[2], "is below the bar's open or close", BAR_REMEDY))
        }
        (bottom, low, _) if low > bottom => {
            Err(Wrong::new("low", found[3], "is above the bar's open or close", BAR_REMEDY))
        }
        _ if volume < 0 => Err(Wrong::new("volume", found[5], "is negative", NUMBER_REMEDY)),
        _ => Ok(Row { minute, file: 0, open, high, low, close, volume }),
    }
}

/// A decimal number in units of 10⁻⁸. Where it need not be exact, further places are cut off: sums of volumes
/// written by programs that compute in floating point have them.
fn decimal(text: &[u8], exact: bool) -> Result<i64, &'static str> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut units, mut places, mut seen_point, mut seen_digit) = (0_i64, 0, false, false);
    for byte in digits {
        match byte {
            b'.' if !seen_point => seen_point = true,
            b'0'..=b'9' => {
                seen_digit = true;
                if seen_point && places == PLACES {
                    if exact && *byte != b'0' {
                        return Err("has more than eight decimal places");
                    }
                    continue;
                }
                places += u32::from(seen_point);
                let next = units.checked_mul(10).and_then(|units| units.checked_add(i64::from(byte - b'0')));
                units = next.ok_or("is too large")?;
            }
            _ => return Err("is not a decimal number"),
        }
    }
    if !seen_digit {
        return Err("is not a number");
    }
    let units = units.checked_mul(10_i64.pow(PLACES - places)).ok_or("is too large")?;
    Ok(if negative { -units } else { units })
}

/// Reads times, remembering the last date: a day's minutes share it.
#[derive(Debug, Default)]
struct Dates {
    text: Vec<u8>,
    secs: i64,
}

impl Dates {
    fn seconds(&mut self, clock: Clock, text: &[u8]) -> Option<i64> {
        if text.iter().all(u8::is_ascii_digit) {
            let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            return match clock {
                Clock::Seconds => Some(number),
                Clock::Millis => (number % 1_000 == 0).then_some(number / 1_000),
                // Since seconds reach these sizes only in the year 5138, the size tells the unit.
                Clock::Any if number < 100_000_000_000 => Some(number),
                Clock::Any if number < 100_000_000_000_000 => (number % 1_000 == 0).then_some(number / 1_000),
                Clock::Any => (number % 1_000_000 == 0).then_some(number / 1_000_000),
            };
        }
        let (date, rest) = text.split_at_checked(10)?;
        if date != self.text {
            let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
            let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
            self.secs = day(year, two(*m1, *m2)?, two(*d1, *d2)?)?.as_secs();
            self.text = date.to_vec();
        }
        let [b' ' | b'T', h1, h2, b':', m1, m2, rest @ ..] = rest else { return None };
        let (seconds, rest) = match rest {
            [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
            rest => (0, rest),
        };
        let fraction = rest.strip_prefix(b".").map_or(0, |rest| rest.iter().take_while(|b| **b == b'0').count() + 1);
        let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
        let is_utc = matches!(&rest[fraction..], b"" | b"Z" | b"+00:00" | b"+0000" | b" UTC");
        (is_utc && hours < 24 && minutes < 60 && seconds < 60)
            .then(|| self.secs + hours * 3_600 + minutes * 60 + seconds)
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// Bars of five minutes and more never follow each other within four.
fn refuse_other_timeframes(path: &Path, rows: &[Row]) -> Result<(), FeedError> {
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

#[cfg(test)]
mod tests;
