//! What can be set about feeds.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FeedError, FeedSpec, TimeRange, spec};
use crate::types::{Rate, Span, Timestamp};

/// `[feed]`: where market data comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which feed: `synthetic`, `binance` (its market in real time), or `file:PATH` with a file or folder of recorded
    /// data; `ticks:PATH` for its trades and best prices in place of bars. `--feed` replaces it.
    pub source: String,
    /// Part of the feed, like `20241001-20241105` (UTC days, the end not included); all of it if not given.
    /// `--timerange` replaces it.
    pub timerange: Option<String>,
    /// A JSON or TOML file with the rules of the instruments, in place of the embedded table.
    pub instruments_file: Option<PathBuf>,
    /// Funding rate per funding interval where a raw recording carries none.
    pub recording_funding_rate: Rate,
    /// The embedded market.
    pub synthetic: SyntheticSettings,
}

/// `[feed.synthetic]`: the market made from a seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SyntheticSettings {
    /// The UTC day its session begins, like `2025-01-01`. A time range replaces it.
    pub start: String,
    /// Standard deviation of a minute's return in an ordinary regime. A bar's true range is about 1.5 times this.
    pub volatility: Rate,
    /// How much of the variance of returns all symbols have in common.
    pub correlation: Rate,
    /// Distance of best bid and best ask.
    pub spread: Rate,
    /// How long a regime (trending, ranging, volatile, gapping) lasts.
    pub regime_span: Span,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            source: "synthetic".into(),
            timerange: None,
            instruments_file: None,
            recording_funding_rate: Rate::bps(1),
            synthetic: SyntheticSettings::default(),
        }
    }
}

impl Default for SyntheticSettings {
    fn default() -> SyntheticSettings {
        SyntheticSettings {
            start: "2025-01-01".into(),
            volatility: Rate::bps(35),
            correlation: Rate::percent(50),
            spread: Rate::bps(1),
            regime_span: Span::mins(30),
        }
    }
}

impl Settings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), FeedError> {
        FeedSpec::parse(&self.source).map_err(|_| {
            FeedError::setting("feed.source", &self.source, "write `synthetic`, `binance`, `file:PATH` or `ticks:PATH`")
        })?;
        self.range()?;
        between("feed.recording_funding_rate", self.recording_funding_rate, Rate::percent(-3), Rate::percent(3))?;
        self.synthetic.check()
    }

    /// The time range that is set.
    ///
    /// # Errors
    /// [`FeedError::TimeRange`] if it cannot be understood.
    pub fn range(&self) -> Result<Option<TimeRange>, FeedError> {
        self.timerange.as_deref().map(str::parse).transpose()
    }
}

impl SyntheticSettings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), FeedError> {
        self.start_at()?;
        between("feed.synthetic.volatility", self.volatility, Rate::new(1, 5), Rate::percent(3))?;
        between("feed.synthetic.correlation", self.correlation, Rate::ZERO, Rate::percent(100))?;
        between("feed.synthetic.spread", self.spread, Rate::ZERO, Rate::percent(1))?;
        if self.regime_span < Span::mins(5) || self.regime_span > Span::DAY {
            let remedy = "use from 5m to 1d";
            return Err(FeedError::setting("feed.synthetic.regime_span", self.regime_span, remedy));
        }
        Ok(())
    }

    /// Midnight UTC of the day that is set.
    pub(super) fn start_at(&self) -> Result<Timestamp, FeedError> {
        let mut parts = self.start.split('-').map(|part| part.parse::<i64>().ok());
        let date = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(year)), Some(Some(month)), Some(Some(day)), None) => spec::day(year, month, day),
            _ => None,
        };
        date.ok_or_else(|| {
            FeedError::setting("feed.synthetic.start", format!("`{}`", self.start), "write a day like `2025-01-01`")
        })
    }
}

fn between(setting: &str, value: Rate, least: Rate, most: Rate) -> Result<(), FeedError> {
    if value < least || value > most {
        return Err(FeedError::setting(setting, value, format!("use from {least} to {most}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_a_range() {
        assert_eq!(Settings::default().check(), Ok(()));
        type Change = fn(&mut Settings);
        let table: [(&str, Change); 8] = [
            ("feed.source", |s| s.source = "nowhere".into()),
            ("--timerange", |s| s.timerange = Some("yesterday".into())),
            ("feed.recording_funding_rate", |s| s.recording_funding_rate = Rate::percent(4)),
            ("feed.synthetic.start", |s| s.synthetic.start = "2025-02-30".into()),
            ("feed.synthetic.volatility", |s| s.synthetic.volatility = Rate::ZERO),
            ("feed.synthetic.correlation", |s| s.synthetic.correlation = Rate::percent(101)),
            ("feed.synthetic.spread", |s| s.synthetic.spread = Rate::bps(-1)),
            ("feed.synthetic.regime_span", |s| s.synthetic.regime_span = Span::ZERO),
        ];
        for (name, change) in table {
            let mut settings = Settings::default();
            change(&mut settings);
            let text = settings.check().expect_err(name).to_string();
            assert!(text.contains(name), "{text}");
        }
    }
}
