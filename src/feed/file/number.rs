//! Numbers and instants, as files write them.

use super::super::spec::day;
use super::series::PLACES;

/// How a time column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Seconds,
    Millis,
    /// A date, or a number whose size tells its unit.
    Any,
}

/// A decimal number in units of 10⁻⁸. Where it need not be exact, further places are cut off: sums of volumes
/// written by programs that compute in floating point have them.
pub(in crate::feed) fn decimal(text: &[u8], exact: bool) -> Result<i64, &'static str> {
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
                        return nearest(text);
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

/// A float in units of 10⁻⁸, as the shortest decimal number that it stands for. Where it need not be exact, it is rounded.
pub(super) fn units(value: f64, exact: bool) -> Result<i64, &'static str> {
    /// Floats hold every whole number up to here.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let scale = 10_f64.powi(PLACES as i32);
    if !value.is_finite() {
        return Err("is not a number");
    }
    let scaled = (value * scale).round();
    if scaled.abs() > LARGEST {
        // A float this large has no ninth place.
        return decimal(value.to_string().as_bytes(), false);
    }
    if exact && !is_noise(scaled / scale - value, value) {
        return Err(TOO_FINE);
    }
    Ok(scaled as i64)
}

const TOO_FINE: &str = "has more than eight decimal places";

/// A text with more places than are kept: `1.0854300000000001` is what a program that computes in floats writes for 1.08543.
fn nearest(text: &[u8]) -> Result<i64, &'static str> {
    let value: f64 =
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or("is not a decimal number")?;
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    // Fewer digits than a float has are meant as they stand.
    if digits < f64::DIGITS as usize { Err(TOO_FINE) } else { units(value, true) }
}

/// Is a difference no more than what the last two bits of a float can say?
fn is_noise(difference: f64, value: f64) -> bool {
    difference.abs() <= value.abs() * f64::EPSILON * 2.0
}

/// Reads times, remembering the last date: a day's minutes share it.
#[derive(Debug, Default)]
pub(super) struct Dates {
    text: Vec<u8>,
    secs: i64,
}

impl Dates {
    /// Seconds since 1970, if the text is a whole one.
    pub(super) fn seconds(&mut self, clock: Clock, text: &[u8]) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_the_decimals_that_they_stand_for() {
        for (value, expect) in [
            (0.1 + 0.2, Ok(30_000_000)),
            (63_443.76, Ok(6_344_376_000_000)),
            (1e-8, Ok(1)),
            (1e-9, Err("has more than eight decimal places")),
            (f64::NAN, Err("is not a number")),
            (f64::INFINITY, Err("is not a number")),
            (1e12, Err("is too large")),
            (5e10, Ok(5_000_000_000_000_000_000)),
            (123_456_789.125, Ok(12_345_678_912_500_000)),
            (-1.5, Ok(-150_000_000)),
        ] {
            assert_eq!(units(value, true), expect, "{value}");
        }
        for (text, expect) in [
            ("1.0854300000000001", Ok(108_543_000)),
            ("1.0977999999999999", Ok(109_780_000)),
            ("1.123456789", Err("has more than eight decimal places")),
            ("1.1234567890000001", Err("has more than eight decimal places")),
            ("90071993.123456791", Ok(9_007_199_312_345_679)),
            ("0.000000001000000000001", Err("has more than eight decimal places")),
        ] {
            assert_eq!(decimal(text.as_bytes(), true), expect, "{text}");
        }
        assert_eq!(units(14.632_120_001, false), Ok(1_463_212_000));
        for number in [1_i64, 10_101_010_101, 6_344_376_000_001, 9_007_199_254_740_991] {
            assert_eq!(units(number as f64 / 1e8, true), Ok(number));
        }
    }
}
