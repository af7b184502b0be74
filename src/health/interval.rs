//! The heartbeat's interval: from the environment, then from the configuration.

use super::Settings;
use crate::types::Span;

/// The variable that comes before the configuration.
pub const INTERVAL_VARIABLE: &str = "HEALTH_CHECK_INTERVAL";

/// Shorter heartbeats would be nothing but log; it also is the finest timer of the runtime.
const SHORTEST: Span = Span::millis(1);

/// Why the variable's value is not an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{INTERVAL_VARIABLE} is `{0}`; write whole or fractional seconds above 0, like `300` or `0.5`")]
pub struct IntervalError(String);

/// The interval to use: the variable's if it is set, else the configuration's (300 s by default).
///
/// # Errors
/// If the variable is set and is not an interval. It is not passed over in silence.
pub fn effective_interval(variable: Option<&str>, settings: &Settings) -> Result<Span, IntervalError> {
    variable.map_or(Ok(settings.interval), parse_interval)
}

/// Reads whole or fractional seconds above 0, at least a millisecond: digits with at most one point among them.
///
/// # Errors
/// If the text is anything else; the error names the variable and the value.
pub fn parse_interval(text: &str) -> Result<Span, IntervalError> {
    let error = || IntervalError(text.chars().take(32).collect());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(error());
    }
    let seconds: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| error())? };
    // Digits beyond a nanosecond say nothing that a timer could keep.
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |n, d| n * 10 + i64::from(d - b'0'));
    let total = seconds.checked_mul(1_000_000_000).and_then(|n| n.checked_add(nanos)).ok_or_else(error)?;
    Some(Span::nanos(total)).filter(|span| *span >= SHORTEST).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_fractional_and_above_zero() {
        for (text, span) in [
            ("300", Span::secs(300)),
            ("10", Span::secs(10)),
            ("0.5", Span::millis(500)),
            (".25", Span::millis(250)),
            ("2.", Span::secs(2)),
            ("0.001", Span::millis(1)),
            ("1.0000000009", Span::SECOND),
        ] {
            assert_eq!(parse_interval(text), Ok(span), "{text}");
        }
        for bad in ["", ".", "0", "0.0", "-1", "+1", "1e3", "inf", "NaN", "5s", " 5", "1.2.3", "1,5", "٣", "0.0001"] {
            let error = parse_interval(bad).expect_err(bad).to_string();
            assert!(error.starts_with(&format!("HEALTH_CHECK_INTERVAL is `{bad}`")), "{error}");
        }
        assert!(parse_interval("99999999999999999999").is_err() && parse_interval("9999999999999").is_err());
    }

    #[test]
    fn the_environment_comes_before_the_configuration() {
        let settings = Settings { interval: Span::secs(60), ..Settings::default() };
        assert_eq!(effective_interval(None, &Settings::default()), Ok(Span::secs(300)));
        assert_eq!(effective_interval(None, &settings), Ok(Span::secs(60)));
        assert_eq!(effective_interval(Some("0.1"), &settings), Ok(Span::millis(100)));
        assert!(effective_interval(Some("soon"), &settings).is_err());
    }
}
