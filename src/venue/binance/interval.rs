//! The lengths of Binance's bars.

use crate::types::{Span, Timestamp};

/// A bar's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interval {
    /// So many minutes, aligned to the epoch in UTC.
    Minutes(u32),
    /// From Monday to Monday.
    Week,
    /// A month of the calendar.
    Month,
}

const NAMES: [(&str, Interval); 15] = [
    ("1m", Interval::Minutes(1)),
    ("3m", Interval::Minutes(3)),
    ("5m", Interval::Minutes(5)),
    ("15m", Interval::Minutes(15)),
    ("30m", Interval::Minutes(30)),
    ("1h", Interval::Minutes(60)),
    ("2h", Interval::Minutes(120)),
    ("4h", Interval::Minutes(240)),
    ("6h", Interval::Minutes(360)),
    ("8h", Interval::Minutes(480)),
    ("12h", Interval::Minutes(720)),
    ("1d", Interval::Minutes(1_440)),
    ("3d", Interval::Minutes(4_320)),
    ("1w", Interval::Week),
    ("1M", Interval::Month),
];

impl Interval {
    pub(crate) fn read(text: &str) -> Option<Interval> {
        NAMES.iter().find(|(name, _)| *name == text).map(|(_, interval)| *interval)
    }

    pub(crate) fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, interval)| *interval == self).map_or("", |(name, _)| name)
    }

    /// When the bar that `at` falls into opens.
    pub(crate) fn open_of(self, at: Timestamp) -> Timestamp {
        /// The epoch was a Thursday.
        const MONDAY: Span = Span::secs(4 * 86_400);
        match self {
            Interval::Minutes(count) => at.floor(Span::MINUTE * i64::from(count)),
            Interval::Week => (at - MONDAY).floor(Span::DAY * 7) + MONDAY,
            Interval::Month => month(at, 0),
        }
    }

    /// The longest that such a bar lasts.
    pub(crate) const fn longest(self) -> Span {
        match self {
            Interval::Minutes(count) => Span::mins(count as i64),
            Interval::Week => Span::secs(7 * 86_400),
            Interval::Month => Span::secs(31 * 86_400),
        }
    }

    /// When the bar that opens at `open` ends.
    pub(crate) fn end_of(self, open: Timestamp) -> Timestamp {
        match self {
            Interval::Minutes(count) => open + Span::MINUTE * i64::from(count),
            Interval::Week => open + Span::DAY * 7,
            Interval::Month => month(open, 1),
        }
    }
}

/// Midnight of the first of the month that `at` falls into, or of one `later`.
fn month(at: Timestamp, later: i16) -> Timestamp {
    let Ok(instant) = jiff::Timestamp::from_second(at.as_secs()) else { return at };
    let date = jiff::tz::TimeZone::UTC.to_datetime(instant).date();
    let months = (date.year() * 12 + i16::from(date.month()) - 1).saturating_add(later);
    let month = i8::try_from(months.rem_euclid(12) + 1).unwrap_or(1);
    let first = jiff::civil::Date::new(months.div_euclid(12), month, 1);
    let midnight = first.and_then(|first| jiff::tz::TimeZone::UTC.to_timestamp(first.at(0, 0, 0, 0)));
    midnight.map_or(at, |midnight| Timestamp::from_secs(midnight.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_open_and_end_where_binance_has_them() {
        // 2024-12-18 (a Wednesday) 13:37:11 UTC
        let at = Timestamp::from_secs(1_734_529_031);
        for (name, open, end) in [
            ("1m", 1_734_529_020, 1_734_529_080),
            ("1h", 1_734_526_800, 1_734_530_400),
            ("1d", 1_734_480_000, 1_734_566_400),
            ("1w", 1_734_307_200, 1_734_912_000),
            ("1M", 1_733_011_200, 1_735_689_600),
        ] {
            let interval = Interval::read(name).expect(name);
            let opened = interval.open_of(at);
            assert_eq!((opened.as_secs(), interval.end_of(opened).as_secs()), (open, end), "{name}");
            assert_eq!(interval.as_str(), name);
        }
        assert_eq!(Interval::read("7m"), None);
    }
}
