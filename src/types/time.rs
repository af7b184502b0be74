//! Instants, spans and the timeframes of bars. One representation: nanoseconds, UTC.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// An instant: nanoseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// Later than every instant that can occur.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }
    /// From milliseconds since the epoch, saturating.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis.saturating_mul(NANOS_PER_MILLI))
    }
    /// From seconds since the epoch, saturating.
    pub const fn from_secs(secs: i64) -> Self {
        Timestamp(secs.saturating_mul(NANOS_PER_SECOND))
    }
    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }
    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }
    /// The last multiple of `span` (counted from the epoch) that is not after this instant.
    pub const fn floor(self, span: Span) -> Self {
        Timestamp(self.0.saturating_sub(self.0.rem_euclid(span.0)))
    }
    /// The UTC day, counted from 1970-01-01.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(Span::DAY.0)
    }
    /// The first of these instants.
    pub fn earliest<const N: usize>(instants: [Option<Timestamp>; N]) -> Option<Timestamp> {
        let first = instants.into_iter().fold(Timestamp::MAX, |first, at| first.min(at.unwrap_or(Timestamp::MAX)));
        (first < Timestamp::MAX).then_some(first)
    }
    /// How long ago `earlier` was, or zero if it is later.
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_or(Err(fmt::Error), |at| write!(f, "{at:.3}"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Timestamp {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A signed length of time in nanoseconds. Written with its unit: `250ms`, `60s`, `5m`, `24h`, `7d`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// Why a text is not a span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time; write a number with a unit, like `250ms`, `60s`, `5m`, `24h` or `7d`")]
pub struct ParseSpanError(String);

const UNITS: [(&str, i64); 5] = [
    ("ms", NANOS_PER_MILLI),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("d", 86_400 * NANOS_PER_SECOND),
];

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// One second.
    pub const SECOND: Span = Span::secs(1);
    /// One minute.
    pub const MINUTE: Span = Span::secs(60);
    /// One hour.
    pub const HOUR: Span = Span::secs(3_600);
    /// One UTC day.
    pub const DAY: Span = Span::secs(86_400);

    /// A span of nanoseconds.
    pub const fn nanos(nanos: i64) -> Span {
        Span(nanos)
    }
    /// A span of microseconds.
    pub const fn micros(micros: i64) -> Span {
        Span(micros.saturating_mul(1_000))
    }
    /// A span of milliseconds.
    pub const fn millis(millis: i64) -> Span {
        Span(millis.saturating_mul(NANOS_PER_MILLI))
    }
    /// A span of seconds.
    pub const fn secs(secs: i64) -> Span {
        Span(secs.saturating_mul(NANOS_PER_SECOND))
    }
    /// A span of minutes.
    pub const fn mins(mins: i64) -> Span {
        Span(mins.saturating_mul(60 * NANOS_PER_SECOND))
    }
    /// The length in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
    /// The length in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }
    /// The length in whole seconds, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }
    /// As the standard library's duration; a negative span is zero.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(if self.0 > 0 { self.0.unsigned_abs() } else { 0 })
    }
}

impl From<std::time::Duration> for Span {
    fn from(duration: std::time::Duration) -> Span {
        Span(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Neg for Span {
    type Output = Span;
    fn neg(self) -> Span {
        Span(self.0.saturating_neg())
    }
}

impl Mul<i64> for Span {
    type Output = Span;
    fn mul(self, times: i64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Span, ParseSpanError> {
        let error = || ParseSpanError(text.chars().take(32).collect());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().map_err(|_| error())?;
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(error)?;
        number.checked_mul(*nanos).map(Span).ok_or_else(error)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().rev().find(|(_, nanos)| self.0 != 0 && self.0 % nanos == 0) {
            Some((unit, nanos)) => write!(f, "{}{unit}", self.0 / nanos),
            None => write!(f, "{}ms", self.as_millis()),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Span)
        }
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]+ ?(ms|s|m|h|d)$", "description": "A length of time with its unit, such as `60s`." })
    }
}

/// The length of a bar. Bars are aligned to UTC and known by the time they open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Timeframe {
    /// One minute.
    #[serde(rename = "1m")]
    M1,
    /// Five minutes.
    #[serde(rename = "5m")]
    M5,
    /// Fifteen minutes.
    #[serde(rename = "15m")]
    M15,
    /// Thirty minutes.
    #[serde(rename = "30m")]
    M30,
    /// One hour.
    #[serde(rename = "1h")]
    H1,
    /// Four hours.
    #[serde(rename = "4h")]
    H4,
    /// One day.
    #[serde(rename = "1d")]
    D1,
}

/// Why a text is not a timeframe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a timeframe; use one of 1m, 5m, 15m, 30m, 1h, 4h, 1d")]
pub struct ParseTimeframeError(String);

impl Timeframe {
    /// Every timeframe, shortest first.
    pub const ALL: [Timeframe; 7] =
        [Timeframe::M1, Timeframe::M5, Timeframe::M15, Timeframe::M30, Timeframe::H1, Timeframe::H4, Timeframe::D1];

    /// The length of one bar.
    pub const fn span(self) -> Span {
        Span(self.minutes() * 60 * NANOS_PER_SECOND)
    }

    /// The number of 1m bars in one bar.
    pub const fn minutes(self) -> i64 {
        match self {
            Timeframe::M1 => 1,
            Timeframe::M5 => 5,
            Timeframe::M15 => 15,
            Timeframe::M30 => 30,
            Timeframe::H1 => 60,
            Timeframe::H4 => 240,
            Timeframe::D1 => 1_440,
        }
    }

    /// As CCXT and freqtrade write it: `1m`, `4h`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Timeframe::M1 => "1m",
            Timeframe::M5 => "5m",
            Timeframe::M15 => "15m",
            Timeframe::M30 => "30m",
            Timeframe::H1 => "1h",
            Timeframe::H4 => "4h",
            Timeframe::D1 => "1d",
        }
    }

    /// When the bar that contains `at` opened.
    pub const fn open_of(self, at: Timestamp) -> Timestamp {
        at.floor(self.span())
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Timeframe {
    type Err = ParseTimeframeError;
    fn from_str(text: &str) -> Result<Self, ParseTimeframeError> {
        Timeframe::ALL
            .into_iter()
            .find(|tf| tf.as_str() == text)
            .ok_or_else(|| ParseTimeframeError(text.chars().take(32).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_they_are_written() {
        for text in ["250ms", "60s", "5m", "24h", "7d"] {
            let span: Span = text.parse().expect(text);
            assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
        assert_eq!("60s".parse::<Span>().map(|s| s.to_string()).as_deref(), Ok("1m"));
        for bad in ["", "60", "s", "-5s", "1.5h", "5 weeks", "99999999999999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn bars_are_aligned_to_utc() {
        let at = Timestamp::from_secs(1_723_161_255);
        assert_eq!(at.to_string(), "2024-08-08T23:54:15.000Z");
        assert_eq!(Timeframe::M1.open_of(at).to_string(), "2024-08-08T23:54:00.000Z");
        assert_eq!(Timeframe::H4.open_of(at).to_string(), "2024-08-08T20:00:00.000Z");
        assert_eq!(Timeframe::D1.open_of(at).to_string(), "2024-08-08T00:00:00.000Z");
    }
}
