//! Whole or fractional seconds, as `HEALTH_CHECK_INTERVAL` and `--duration` give them.

use crate::health::parse_interval;
use crate::types::Span;

/// A century. Beyond it a number is a mistake, and instants would saturate.
const LONGEST: Span = Span::secs(100 * 366 * 86_400);

/// Why a text is not a number of seconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of seconds; write whole or fractional seconds above 0, like `300` or `0.5`")]
pub struct ParseSecondsError(String);

/// Reads seconds as the heartbeat's variable is read: digits with at most one point among them.
///
/// # Errors
/// If the text is anything else, shorter than a millisecond or longer than a century.
pub fn parse_seconds(text: &str) -> Result<Span, ParseSecondsError> {
    let span = parse_interval(text).ok().filter(|span| *span <= LONGEST);
    span.ok_or_else(|| ParseSecondsError(super::error::shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_fractional_and_above_zero() {
        assert_eq!(parse_seconds("0.5"), Ok(Span::millis(500)));
        for bad in ["", "0", "-1", "inf", "NaN", "5s", "9999999999"] {
            let error = parse_seconds(bad).expect_err(bad).to_string();
            assert!(error.starts_with(&format!("`{bad}` is not a number of seconds")), "{error}");
        }
    }
}
