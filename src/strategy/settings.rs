//! Which strategies run, and what every signal must keep to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::InvalidSetting;
use crate::types::{Rate, Timeframe};

use super::{
    BollingerReversionSettings, DonchianBreakoutSettings, EmaCrossSettings, Kind, Limits, OversoldBounceSettings,
    ShortTheRipSettings,
};

/// Which strategies run, and what every signal must keep to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A take profit must be at least so many times as far away as the stop. From 0.5 to 20.
    pub min_reward_to_risk: f64,
    /// A stop must be at least this far from the entry. From 0% to 10%.
    pub min_stop_distance: Rate,
    /// Buys what fell too far.
    pub oversold_bounce: OversoldBounceSettings,
    /// Sells what rose within a downtrend.
    pub short_the_rip: ShortTheRipSettings,
    /// Follows the crossing of two averages.
    pub ema_cross: EmaCrossSettings,
    /// Follows a price that leaves its range.
    pub donchian_breakout: DonchianBreakoutSettings,
    /// Expects the return to the mean.
    pub bollinger_reversion: BollingerReversionSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            min_reward_to_risk: 1.5,
            min_stop_distance: Rate::bps(30),
            oversold_bounce: OversoldBounceSettings::default(),
            short_the_rip: ShortTheRipSettings::default(),
            ema_cross: EmaCrossSettings::default(),
            donchian_breakout: DonchianBreakoutSettings::default(),
            bollinger_reversion: BollingerReversionSettings::default(),
        }
    }
}

impl Settings {
    /// As the embedded demo runs them: three strategies on 1m bars, whose ranges are so small that a stop at
    /// a multiple of them would lie within the noise; a floor keeps it out.
    pub fn demo() -> Settings {
        let (timeframe, stop_min) = (Timeframe::M1, Rate::bps(35));
        let all = Settings::default();
        Settings {
            oversold_bounce: OversoldBounceSettings { timeframe, stop_min, ..all.oversold_bounce },
            short_the_rip: ShortTheRipSettings { timeframe, stop_min, ..all.short_the_rip },
            ema_cross: EmaCrossSettings { enabled: true, timeframe, stop_min, ..all.ema_cross },
            ..all
        }
    }

    /// Is every value within its range, and is there a strategy to run?
    ///
    /// # Errors
    /// Names the first setting that is not, its value and what would be right.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let stops = Rate::ZERO..=Rate::percent(10);
        InvalidSetting::unless_within("strategy.min_reward_to_risk", &self.min_reward_to_risk, 0.5..=20.0)?;
        InvalidSetting::unless_within("strategy.min_stop_distance", &self.min_stop_distance, stops)?;
        self.oversold_bounce.check()?;
        self.short_the_rip.check()?;
        self.ema_cross.check()?;
        self.donchian_breakout.check()?;
        self.bollinger_reversion.check()?;
        let any = Kind::ALL.into_iter().any(|kind| self.is_enabled(kind));
        InvalidSetting::unless(any, "strategy", &"no strategy is enabled", || {
            "set `enabled = true` for one of them, such as strategy.oversold_bounce".to_owned()
        })
    }

    /// Does the strategy run?
    pub fn is_enabled(&self, kind: Kind) -> bool {
        match kind {
            Kind::OversoldBounce => self.oversold_bounce.enabled,
            Kind::ShortTheRip => self.short_the_rip.enabled,
            Kind::EmaCross => self.ema_cross.enabled,
            Kind::DonchianBreakout => self.donchian_breakout.enabled,
            Kind::BollingerReversion => self.bollinger_reversion.enabled,
        }
    }

    /// What every signal must keep to, if its strategy does not leave by itself.
    pub fn limits(&self) -> Limits {
        let reward_to_risk = Rate::from_f64(self.min_reward_to_risk).unwrap_or(Rate::ONE);
        Limits { reward_to_risk, stop_distance: self.min_stop_distance, leaves: false }
    }
}
