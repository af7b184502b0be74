//! Whole or fractional seconds, as `HEALTH_CHECK_INTERVAL` and `--duration` give them.

use crate::types::Span;

/// The finest timer that the runtime has.
const SHORTEST: Span = Span::millis(1);
/// A century. Beyond it a number is a mistake, and instants would saturate.
const LONGEST: Span = Span::secs(100 * 366 * 86_400);

/// Why a text is not a number of seconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of seconds; write whole or fractional seconds above 0, like `300` or `0.5`")]
pub struct ParseSecondsError(String);

/// Reads seconds above zero: digits with at most one point among them.
///
/// # Errors
/// If the text is anything else, shorter than a millisecond or longer than a century.
pub fn parse_seconds(text: &str) -> Result<Span, ParseSecondsError> {
    let error = || ParseSecondsError(super::error::shown(text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(error());
    }
    let seconds: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| error())? };
    // No timer keeps what is below a nanosecond.
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |n, d| n * 10 + i64::from(d - b'0'));
    let span = Span::secs(seconds) + Span::nanos(nanos);
    Some(span).filter(|span| (SHORTEST..=LONGEST).contains(span)).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_fractional_and_above_zero() {
        for (text, span) in [
            ("300", Span::secs(300)),
            ("0.5", Span::millis(500)),
            (".25", Span::millis(250)),
            ("2.", Span::secs(2)),
            ("1.0000000009", Span::SECOND),
        ] {
            assert_eq!(parse_seconds(text), Ok(span), "{text}");
        }
        for bad in ["", ".", "0", "0.0", "-1", "+1", "1e3", "inf", "NaN", "5s", " 5", "1.2.3", "1,5", "٣", "0.0001"] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
        assert!(parse_seconds("99999999999999999999").is_err());
    }
}
