//! Goes against a price that strayed far from its mean, until it is back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::InvalidSetting;
use crate::market::indicator::{Atr, Bollinger};
use crate::types::{Rate, Side, Timeframe};

use super::distance::{StopRule, TargetRule, check_period};
use super::{Candle, Idea, Kind, Plan, Situation, Strategy, WILDER_WARM_UP_PERIODS};

const NAME: &str = Kind::BollingerReversion.as_str();

/// Buys below the lower Bollinger band, sells above the upper one, and leaves at the middle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BollingerReversionSettings {
    /// Does it run?
    pub enabled: bool,
    /// The length of its bars.
    pub timeframe: Timeframe,
    /// Bars of the bands. From 2 to 400.
    pub period: u32,
    /// Half their width in standard deviations. From 0.5 to 5.
    pub width: f64,
    /// Bars of the average true range. From 2 to 400.
    pub atr_period: u32,
    /// The stop's distance in average true ranges. From 0.1 to 20.
    pub stop_atr: f64,
    /// The stop is at least this far away. From 0% to `stop_max`.
    pub stop_min: Rate,
    /// The stop is at most this far away. From 0.1% to 20%.
    pub stop_max: Rate,
    /// The take profit's distance in average true ranges, should price run through the middle. From 0.1 to 20.
    pub take_profit_atr: f64,
    /// The take profit is at least this far away. From 0% to 20%.
    pub take_profit_min: Rate,
}

impl Default for BollingerReversionSettings {
    fn default() -> Self {
        BollingerReversionSettings {
            enabled: false,
            timeframe: Timeframe::M30,
            period: 20,
            width: 2.0,
            atr_period: 14,
            stop_atr: 1.5,
            stop_min: Rate::ZERO,
            stop_max: Rate::percent(2),
            take_profit_atr: 3.0,
            take_profit_min: Rate::bps(80),
        }
    }
}

impl BollingerReversionSettings {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        check_period(NAME, "period", self.period)?;
        check_period(NAME, "atr_period", self.atr_period)?;
        InvalidSetting::unless_within("strategy.bollinger_reversion.width", &self.width, 0.5..=5.0)?;
        self.stop().check(NAME)?;
        self.target().check(NAME)
    }

    fn stop(&self) -> StopRule {
        StopRule { atr: self.stop_atr, at_least: self.stop_min, at_most: self.stop_max }
    }

    fn target(&self) -> TargetRule {
        TargetRule { atr: self.take_profit_atr, at_least: self.take_profit_min }
    }
}

/// One instrument's instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BollingerReversion {
    settings: BollingerReversionSettings,
    bands: Bollinger,
    atr: Atr,
}

impl BollingerReversion {
    pub(super) fn new(settings: &BollingerReversionSettings) -> BollingerReversion {
        BollingerReversion {
            bands: Bollinger::new(settings.period as usize, settings.width),
            atr: Atr::new(settings.atr_period as usize),
            settings: settings.clone(),
        }
    }
}

impl Strategy for BollingerReversion {
    fn name(&self) -> &'static str {
        NAME
    }

    fn timeframe(&self) -> Timeframe {
        self.settings.timeframe
    }

    fn warm_up(&self) -> u32 {
        self.settings.period.max(self.settings.atr_period * WILDER_WARM_UP_PERIODS)
    }

    fn leaves(&self) -> bool {
        true
    }

    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea> {
        let bands = self.bands.update(candle.close);
        let atr = self.atr.update(candle.high, candle.low, candle.close);
        let (bands, atr) = (bands?, atr?);
        if let Some(side) = situation.position {
            let back = match side {
                Side::Buy => candle.close >= bands.middle,
                Side::Sell => candle.close <= bands.middle,
            };
            return back.then(|| Idea::Leave("back at the middle band".into()));
        }
        let (side, band) = if candle.close < bands.lower {
            (Side::Buy, "lower")
        } else if candle.close > bands.upper {
            (Side::Sell, "upper")
        } else {
            return None;
        };
        (candle.volume > 0.0).then(|| {
            Idea::Enter(Plan {
                side,
                stop: self.settings.stop().distance(atr, candle.close),
                take_profit: Some(self.settings.target().distance(atr, candle.close)),
                trailing: None,
                reason: format!("close beyond the {band} band").into(),
            })
        })
    }
}
