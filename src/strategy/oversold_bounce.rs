//! Buys at the close of a bar at which price has fallen too far, too fast.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::InvalidSetting;
use crate::market::indicator::{Atr, Rsi};
use crate::types::{Rate, Side, Symbol, Timeframe};

use super::distance::{StopRule, TargetRule, check_period};
use super::threshold::Threshold;
use super::{Candle, Idea, Kind, Plan, Situation, Strategy, WILDER_WARM_UP_PERIODS};

const NAME: &str = Kind::OversoldBounce.as_str();

/// Buys when the relative strength falls to a threshold that depends on the regime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OversoldBounceSettings {
    /// Does it run?
    pub enabled: bool,
    /// The length of its bars.
    pub timeframe: Timeframe,
    /// Bars of the relative strength. From 2 to 400.
    pub rsi_period: u32,
    /// Threshold without a trend. From 1 to 99.
    pub rsi_base: f64,
    /// How much the regime moves it: by three tenths of this in a trend, by half of it with strong momentum;
    /// down in an uptrend, up in a downtrend. From 0 to 50.
    pub rsi_range: f64,
    /// Lowest threshold. From 1 to `rsi_highest`.
    pub rsi_lowest: f64,
    /// Highest threshold. From 1 to 99.
    pub rsi_highest: f64,
    /// By symbol, a threshold that holds in every regime. From 1 to 99.
    pub rsi_threshold: BTreeMap<Symbol, f64>,
    /// Bars of the average true range. From 2 to 400.
    pub atr_period: u32,
    /// The stop's distance in average true ranges. From 0.1 to 20.
    pub stop_atr: f64,
    /// The stop is at least this far away. From 0% to `stop_max`.
    pub stop_min: Rate,
    /// The stop is at most this far away. From 0.1% to 20%.
    pub stop_max: Rate,
    /// The take profit's distance in average true ranges. From 0.1 to 20.
    pub take_profit_atr: f64,
    /// The take profit is at least this far away. From 0% to 20%.
    pub take_profit_min: Rate,
}

impl Default for OversoldBounceSettings {
    fn default() -> Self {
        OversoldBounceSettings {
            enabled: true,
            timeframe: Timeframe::M30,
            rsi_period: 14,
            rsi_base: 45.0,
            rsi_range: 10.0,
            rsi_lowest: 30.0,
            rsi_highest: 50.0,
            rsi_threshold: BTreeMap::new(),
            atr_period: 14,
            stop_atr: 1.2,
            stop_min: Rate::ZERO,
            stop_max: Rate::bps(150),
            take_profit_atr: 2.5,
            take_profit_min: Rate::bps(80),
        }
    }
}

impl OversoldBounceSettings {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        check_period(NAME, "rsi_period", self.rsi_period)?;
        check_period(NAME, "atr_period", self.atr_period)?;
        self.by_regime().check(NAME, &self.rsi_threshold)?;
        self.stop().check(NAME)?;
        self.target().check(NAME)
    }

    fn by_regime(&self) -> Threshold {
        let OversoldBounceSettings { rsi_base: base, rsi_range: range, .. } = *self;
        Threshold::ByRegime { base, range, lowest: self.rsi_lowest, highest: self.rsi_highest }
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
pub(super) struct OversoldBounce {
    settings: OversoldBounceSettings,
    threshold: Threshold,
    rsi: Rsi,
    atr: Atr,
}

impl OversoldBounce {
    pub(super) fn new(settings: &OversoldBounceSettings, symbol: &Symbol) -> OversoldBounce {
        let fixed = settings.rsi_threshold.get(symbol).copied().map(Threshold::Fixed);
        OversoldBounce {
            threshold: fixed.unwrap_or(settings.by_regime()),
            rsi: Rsi::new(settings.rsi_period as usize),
            atr: Atr::new(settings.atr_period as usize),
            settings: settings.clone(),
        }
    }
}

impl Strategy for OversoldBounce {
    fn name(&self) -> &'static str {
        NAME
    }

    fn timeframe(&self) -> Timeframe {
        self.settings.timeframe
    }

    fn warm_up(&self) -> u32 {
        self.settings.rsi_period.max(self.settings.atr_period) * WILDER_WARM_UP_PERIODS
    }

    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea> {
        let rsi = self.rsi.update(candle.close);
        let atr = self.atr.update(candle.high, candle.low, candle.close);
        let (rsi, atr) = (rsi?, atr?);
        let threshold = self.threshold.of_long(situation.bias);
        if situation.position.is_some() || rsi > threshold || candle.volume <= 0.0 {
            return None;
        }
        Some(Idea::Enter(Plan {
            side: Side::Buy,
            stop: self.settings.stop().distance(atr, candle.close),
            take_profit: Some(self.settings.target().distance(atr, candle.close)),
            trailing: None,
            reason: format!("RSI {rsi:.1} at or below {threshold:.1}").into(),
        }))
    }
}
