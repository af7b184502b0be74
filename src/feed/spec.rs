//! The two flags that say what is read: which feed, and which part of it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::FeedError;
use super::error::shown;
use crate::types::{Span, Timestamp};

/// Which feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedSpec {
    /// The market made from a seed.
    Synthetic,
    /// A file or folder of recorded data: bars where there are any, or trades of which they are made.
    File(PathBuf),
    /// A file or folder of recorded data, of which the trades and best prices themselves are told.
    Ticks(PathBuf),
    /// Binance's market, in real time.
    Binance,
}

impl FeedSpec {
    /// Reads `synthetic`, `binance`, `file:PATH` or `ticks:PATH`.
    ///
    /// # Errors
    /// [`FeedError::Spec`] for anything else.
    pub fn parse(given: &str) -> Result<FeedSpec, FeedError> {
        let error = |why| Err(FeedError::Spec { given: shown(given), why });
        match given.split_once(':') {
            None if given == "synthetic" => Ok(FeedSpec::Synthetic),
            None if given == "binance" => Ok(FeedSpec::Binance),
            Some(("file" | "ticks", "")) => error("the path is missing"),
            Some(("file", path)) => Ok(FeedSpec::File(path.into())),
            Some(("ticks", path)) => Ok(FeedSpec::Ticks(path.into())),
            None | Some(_) => error("there is no such feed"),
        }
    }
}

/// A stretch of time, whose ends may be open. A bar belongs to it if it opens at or after the start and before the
/// end; what has an instant of its own may be at the end, as the last bar's close is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Nothing up to this; `None` for all there is.
    pub from: Option<Timestamp>,
    /// Nothing after this; `None` for all there is.
    pub until: Option<Timestamp>,
}

impl TimeRange {
    /// Does the range hold everything?
    pub fn is_all(&self) -> bool {
        *self == TimeRange::default()
    }
}

impl FromStr for TimeRange {
    type Err = FeedError;

    /// Reads `20241001-20241105`, either side of which may be missing. Besides days, seconds and milliseconds
    /// since the epoch (10 and 13 digits) are understood, as freqtrade does.
    fn from_str(given: &str) -> Result<TimeRange, FeedError> {
        let error = |why| FeedError::TimeRange { given: shown(given), why };
        let (from, until) = given.split_once('-').ok_or_else(|| error("it has no `-`"))?;
        let side = |text: &str| if text.is_empty() { Ok(None) } else { instant(text).map(Some) };
        let range = TimeRange { from: side(from).map_err(error)?, until: side(until).map_err(error)? };
        match (range.from, range.until) {
            (None, None) => Err(error("both ends are missing")),
            (Some(from), Some(until)) if from >= until => Err(error("it ends before it begins")),
            (Some(_), _) | (_, Some(_)) => Ok(range),
        }
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |at: Option<Timestamp>, open: &str| at.map_or(open.to_owned(), |at| at.to_string());
        write!(f, "{}/{}", side(self.from, "start"), side(self.until, "end"))
    }
}

fn instant(text: &str) -> Result<Timestamp, &'static str> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a side has something other than digits");
    }
    let number: i64 = text.parse().map_err(|_| "a side has too many digits")?;
    match text.len() {
        8 => day(number / 10_000, number / 100 % 100, number % 100).ok_or("there is no such day"),
        10 => Ok(Timestamp::from_secs(number)),
        13 => Ok(Timestamp::from_millis(number)),
        _ => Err("a side is neither a day of eight digits nor seconds or milliseconds since 1970"),
    }
}

/// Midnight UTC of a day of the calendar; `None` before 1970 and for days that do not exist.
pub(super) fn day(year: i64, month: i64, day: i64) -> Option<Timestamp> {
    let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    let secs = jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    (secs >= 0).then_some(Timestamp::EPOCH + Span::secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_named_or_explained() {
        assert_eq!(FeedSpec::parse("synthetic"), Ok(FeedSpec::Synthetic));
        assert_eq!(FeedSpec::parse("file:a/b:c.csv"), Ok(FeedSpec::File("a/b:c.csv".into())));
        assert_eq!(FeedSpec::parse("ticks:a"), Ok(FeedSpec::Ticks("a".into())));
        for bad in ["", "file", "file:", "ticks:", "binanec", "synthetic:1"] {
            let text = FeedSpec::parse(bad).expect_err(bad).to_string();
            assert!(text.contains(&format!("--feed `{bad}`")) && text.contains("file:PATH"), "{text}");
        }
    }

    #[test]
    fn a_time_range_is_two_utc_days_or_explained() {
        let text = |range: &str| range.parse::<TimeRange>().expect(range).to_string();
        for (given, shown) in [
            ("20241001-20241105", "2024-10-01T00:00:00.000Z/2024-11-05T00:00:00.000Z"),
            ("20240229-", "2024-02-29T00:00:00.000Z/end"),
            ("-1727740800", "start/2024-10-01T00:00:00.000Z"),
            ("1727740800123-", "2024-10-01T00:00:00.123Z/end"),
        ] {
            assert_eq!(text(given), shown);
        }
        for bad in [
            "",
            "-",
            "20241001",
            "20241105-20241001",
            "20230229-",
            "2024-10-01",
            "abc-",
            "99999999999999999999-",
            "123-",
        ] {
            let text = bad.parse::<TimeRange>().expect_err(bad).to_string();
            assert!(text.starts_with(&format!("--timerange `{bad}`")) && text.contains("20241001-20241105"), "{text}");
        }
    }
}
