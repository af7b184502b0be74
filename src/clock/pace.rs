//! When a session's instants are, by the wall clock. Pacing only sleeps; it never changes an event.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;

use super::SessionClock;
use crate::types::{Span, Timestamp};

/// Fastest pace that is still a pace. Above it a day of session time lasts under a millisecond: say `max`.
const SPEED_MAX: f64 = 1e8;

/// Seconds of session time in a second of wall time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as the machine can.
    Max,
    /// So many times the wall clock; positive and finite.
    X(f64),
}

/// Why a text is not a speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a speed; write a number above 0, like `1` or `60`, or `max`")]
pub struct ParseSpeedError(String);

impl Speed {
    fn times(factor: f64) -> Option<Speed> {
        (factor > 0.0 && factor <= SPEED_MAX).then_some(Speed::X(factor))
    }
}

impl FromStr for Speed {
    type Err = ParseSpeedError;
    fn from_str(text: &str) -> Result<Speed, ParseSpeedError> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let error = || ParseSpeedError(text.chars().take(32).collect());
        text.parse().ok().and_then(Speed::times).ok_or_else(error)
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Max => f.write_str("max"),
            Speed::X(factor) => write!(f, "{factor}"),
        }
    }
}

impl Serialize for Speed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Speed::Max => serializer.serialize_str("max"),
            Speed::X(factor) => serializer.serialize_f64(*factor),
        }
    }
}

/// A number or a text, as people write either.
struct SpeedVisitor;

impl serde::de::Visitor<'_> for SpeedVisitor {
    type Value = Speed;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number above 0 or `max`")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Speed, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_f64<E: serde::de::Error>(self, factor: f64) -> Result<Speed, E> {
        Speed::times(factor).ok_or_else(|| E::custom(ParseSpeedError(factor.to_string())))
    }
    fn visit_i64<E: serde::de::Error>(self, factor: i64) -> Result<Speed, E> {
        self.visit_f64(factor as f64)
    }
    fn visit_u64<E: serde::de::Error>(self, factor: u64) -> Result<Speed, E> {
        self.visit_f64(factor as f64)
    }
}

impl<'de> Deserialize<'de> for Speed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpeedVisitor)
    }
}

impl schemars::JsonSchema for Speed {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Speed".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, { "type": "string" }],
            "description": "Seconds of session time in a second of wall time, or `max`."
        })
    }
}

/// Ties session time to the runtime's. What goes by virtual time is paced from the moment this is made; beside a real
/// venue, session time is what it is and nothing is paced.
#[derive(Debug, Clone, Copy)]
pub struct Pace(Time);

#[derive(Debug, Clone, Copy)]
enum Time {
    Virtual { speed: Speed, session_start: Timestamp, started: Instant },
    Real(SessionClock),
}

impl Pace {
    /// Session time is `session_start` now and runs at `speed`.
    #[expect(clippy::disallowed_methods, reason = "this module is the one reader of time")]
    pub fn new(speed: Speed, session_start: Timestamp) -> Pace {
        Pace(Time::Virtual { speed, session_start, started: Instant::now() })
    }

    /// Session time is this clock's.
    pub fn real(clock: SessionClock) -> Pace {
        Pace(Time::Real(clock))
    }

    /// How long to sleep until session time is `at`; `None` if it already is, or if nothing is waited for.
    /// A session that fell behind catches up: the pace is against its start and does not drift.
    #[expect(clippy::disallowed_methods, reason = "this module is the one reader of time")]
    pub fn due(&self, at: Timestamp) -> Option<Duration> {
        let instant = self.instant(at)?;
        Some(instant.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// The runtime's instant at which session time is `at`; `None` at `max`, where there is none.
    pub fn instant(&self, at: Timestamp) -> Option<Instant> {
        match self.0 {
            Time::Real(clock) => Some(clock.instant(at)),
            Time::Virtual { speed: Speed::Max, .. } => None,
            Time::Virtual { speed: Speed::X(factor), session_start, started } => {
                let wall_nanos = at.since(session_start).as_nanos() as f64 / factor;
                // The cast saturates; a century is as good as never and still an instant that can be added.
                let wall = Duration::from_nanos(wall_nanos as u64).min(Duration::from_secs(100 * 365 * 86_400));
                started.checked_add(wall)
            }
        }
    }

    /// The session time that it should be now; `None` at `max`, where the feed alone says.
    #[expect(clippy::disallowed_methods, reason = "this module is the one reader of time")]
    pub fn session_now(&self) -> Option<Timestamp> {
        match self.0 {
            Time::Real(clock) => Some(clock.now()),
            Time::Virtual { speed: Speed::Max, .. } => None,
            Time::Virtual { speed: Speed::X(factor), session_start, started } => {
                let wall = Instant::now().saturating_duration_since(started);
                Some(session_start + Span::nanos((wall.as_nanos() as f64 * factor) as i64))
            }
        }
    }

    /// Does session time go on by itself, whatever the session does?
    pub fn is_real(&self) -> bool {
        match self.0 {
            Time::Real(_) => true,
            Time::Virtual { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_positive_number_or_max() {
        for (text, speed) in [("max", Speed::Max), ("1", Speed::X(1.0)), ("0.5", Speed::X(0.5)), ("60", Speed::X(60.0))]
        {
            assert_eq!(text.parse(), Ok(speed));
            assert_eq!(speed.to_string(), text);
        }
        for bad in ["", "0", "-1", "NaN", "inf", "fast", "1e9"] {
            let error = bad.parse::<Speed>().expect_err(bad).to_string();
            assert!(error.contains("`max`") && error.starts_with(&format!("`{bad}`")), "{error}");
        }
        assert_eq!(serde_json::from_str::<Speed>("60").ok(), Some(Speed::X(60.0)));
        assert_eq!(serde_json::from_str::<Speed>("\"max\"").ok(), Some(Speed::Max));
        assert!(serde_json::from_str::<Speed>("0").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_at_sixty_is_a_second_of_waiting_and_does_not_drift() {
        let start = Timestamp::from_secs(1_000_000);
        let pace = Pace::new(Speed::X(60.0), start);
        assert_eq!(pace.due(start + Span::MINUTE), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_millis(1_700)).await;
        assert_eq!(pace.due(start + Span::MINUTE), None, "it is late, and says go");
        assert_eq!(pace.due(start + Span::mins(2)), Some(Duration::from_millis(300)), "counted from the start");
        assert_eq!(pace.session_now(), Some(start + Span::secs(102)));
        assert_eq!(pace.due(Timestamp::EPOCH), None);
        assert!(pace.due(Timestamp::MAX).is_some_and(|wait| wait > Duration::from_secs(86_400)));
        assert_eq!(Pace::new(Speed::Max, start).due(Timestamp::MAX), None);
        assert_eq!(Pace::new(Speed::Max, start).session_now(), None);
    }
}
