//! What a user can set about market data.

use std::fmt::Display;
use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Rate, Span};

/// A setting outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} = {value}: {remedy}")]
pub struct InvalidSetting {
    /// Its full name, such as `market.stale_after`.
    pub setting: String,
    /// The value as it was given.
    pub value: String,
    /// What would be right.
    pub remedy: String,
}

impl InvalidSetting {
    /// Refuses a value that is not within `range`; a number that is none is in no range.
    pub fn unless_within<T: Display + PartialOrd>(
        setting: &str,
        value: &T,
        range: RangeInclusive<T>,
    ) -> Result<(), InvalidSetting> {
        InvalidSetting::unless(range.contains(value), setting, value, || {
            format!("give a value from {} to {}", range.start(), range.end())
        })
    }

    /// Refuses a value for which a condition does not hold.
    pub fn unless(
        holds: bool,
        setting: &str,
        value: &impl Display,
        remedy: impl FnOnce() -> String,
    ) -> Result<(), InvalidSetting> {
        if holds {
            return Ok(());
        }
        Err(InvalidSetting { setting: setting.to_owned(), value: value.to_string(), remedy: remedy() })
    }
}

/// Market data: how old it may get, and what is made up for where a feed has bars alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Distance between bid and ask around the last price, where the feed has no quotes. From 0% to 1%.
    pub bar_spread: Rate,
    /// How often a mark price is expected. From 100ms to 1m. Where the feed has no mark price, the bar's
    /// length stands for this and for `quote_cadence`.
    pub mark_cadence: Span,
    /// How often a quote is expected, if not as often as a mark price. From 100ms to 10m. Raise it for a
    /// market so quiet that its best prices rest for seconds.
    pub quote_cadence: Option<Span>,
    /// Data older than so many times its cadence is stale: no entries on the symbol. From 2 to 60.
    pub stale_after: u32,
    /// Data older than so many times its cadence is lost: positions of the symbol are only reduced and its
    /// feed is restarted. From 3 to 600, and more than `stale_after`.
    pub lost_after: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            bar_spread: Rate::bps(1),
            mark_cadence: Span::SECOND,
            quote_cadence: None,
            stale_after: 2,
            lost_after: 5,
        }
    }
}

impl Settings {
    /// Is every value within its range?
    ///
    /// # Errors
    /// Names the first setting that is not, its value and what would be right.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let within = InvalidSetting::unless_within::<Span>;
        InvalidSetting::unless_within("market.bar_spread", &self.bar_spread, Rate::ZERO..=Rate::percent(1))?;
        within("market.mark_cadence", &self.mark_cadence, Span::millis(100)..=Span::MINUTE)?;
        if let Some(cadence) = &self.quote_cadence {
            within("market.quote_cadence", cadence, Span::millis(100)..=Span::mins(10))?;
        }
        InvalidSetting::unless_within("market.stale_after", &self.stale_after, 2..=60)?;
        InvalidSetting::unless_within("market.lost_after", &self.lost_after, 3..=600)?;
        InvalidSetting::unless(self.lost_after > self.stale_after, "market.lost_after", &self.lost_after, || {
            format!("give more than market.stale_after, which is {}", self.stale_after)
        })
    }
}
