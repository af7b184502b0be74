//! Values of flags. Each error says what would be right; the parser adds the flag and the value.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::clock::Speed;
use crate::config::parse_seconds;
use crate::feed::{FeedSpec, TimeRange};
use crate::serve::AccountSpec;
use crate::telemetry::LogFormat;
use crate::types::{Rate, Span, Timeframe};

/// The largest seed: a configuration file's integers are signed.
const MAX_SEED: u64 = i64::MAX as u64;
/// More restarts than a year of them would take.
const MAX_RESTARTS: u32 = 1_000_000;
/// Longest reason: it is a line in the ledger.
const MAX_REASON: usize = 500;

pub(super) fn seconds(text: &str) -> Result<Span, String> {
    parse_seconds(text).map_err(|error| error.to_string())
}

pub(super) fn speed(text: &str) -> Result<Speed, String> {
    text.parse::<Speed>().map_err(|error| error.to_string())
}

/// Checked here, so that a mistake is one of usage; the configuration keeps the text.
pub(super) fn feed(text: &str) -> Result<String, String> {
    FeedSpec::parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Checked here, so that a mistake is one of usage; the configuration keeps the text.
pub(super) fn timerange(text: &str) -> Result<String, String> {
    text.parse::<TimeRange>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

pub(super) fn timeframe(text: &str) -> Result<Timeframe, String> {
    text.parse::<Timeframe>().map_err(|error| error.to_string())
}

/// Seconds of market time in a second, for a server whose market has to have a pace.
pub(super) fn pace(text: &str) -> Result<f64, String> {
    match speed(text)? {
        Speed::X(factor) => Ok(factor),
        Speed::Max => Err("a server's market goes with its clock; write a number".to_owned()),
    }
}

pub(super) fn account(text: &str) -> Result<AccountSpec, String> {
    text.parse::<AccountSpec>().map_err(|error| error.to_string())
}

pub(super) fn restarts(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= MAX_RESTARTS);
    number.ok_or_else(|| format!("write a whole number from 0 to {MAX_RESTARTS}"))
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number <= MAX_SEED);
    number.ok_or_else(|| format!("write a whole number from 0 to {MAX_SEED}"))
}

/// A part of a whole that leaves something on either side.
pub(super) fn share(text: &str) -> Result<Rate, String> {
    let share = text.parse::<Rate>().map_err(|error| error.to_string())?;
    if share < Rate::percent(5) || share > Rate::percent(95) {
        return Err("write a ratio from 5% to 95%".to_owned());
    }
    Ok(share)
}

pub(super) fn reason(text: &str) -> Result<String, String> {
    let reason = text.trim();
    match reason.chars().count() {
        0 => Err("say in a few words why it is safe again".to_owned()),
        length if length > MAX_REASON => Err(format!("write at most {MAX_REASON} characters")),
        _ if reason.chars().any(char::is_control) => Err("write it on one line".to_owned()),
        _ => Ok(reason.to_owned()),
    }
}

pub(super) fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    const ALL: [LogFormat; 3] = [LogFormat::Pretty, LogFormat::Json, LogFormat::Journald];
    let named = |text: String| ALL.into_iter().find(|format| format.as_str() == text).unwrap_or_default();
    PossibleValuesParser::new(ALL.map(LogFormat::as_str)).map(named)
}
