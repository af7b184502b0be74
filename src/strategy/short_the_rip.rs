//! Sells at the close of a bar at which price has risen within a downtrend.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::InvalidSetting;
use crate::market::indicator::{Atr, Ema, Rsi};
use crate::types::{Rate, Side, Symbol, Timeframe};

use super::distance::{StopRule, TargetRule, check_period};
use super::threshold::Threshold;
use super::{Candle, Idea, Kind, Plan, Situation, Strategy, WARM_UP_PERIODS, WILDER_WARM_UP_PERIODS};

const NAME: &str = Kind::ShortTheRip.as_str();

/// Symbols that rise less before they turn, and their threshold in every regime.
const EARLY: [(&str, f64); 2] = [("ETH/USDT:USDT", 50.0), ("SOL/USDT:USDT", 50.0)];

/// Sells when the relative strength rises to a threshold that depends on the regime, below falling averages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShortTheRipSettings {
    /// Does it run?
    pub enabled: bool,
    /// The length of its bars.
    pub timeframe: Timeframe,
    /// Bars of the relative strength. From 2 to 400.
    pub rsi_period: u32,
    /// Threshold unless the trend is up. From 1 to 99.
    pub rsi_base: f64,
    /// How much an uptrend raises it: by three tenths of this, or by half of it with strong momentum. From 0
    /// to 50.
    pub rsi_range: f64,
    /// Lowest threshold. From 1 to `rsi_highest`.
    pub rsi_lowest: f64,
    /// Highest threshold. From 1 to 99.
    pub rsi_highest: f64,
    /// By symbol, a threshold that holds in every regime. From 1 to 99. Unless given, ETH and SOL have 50.
    pub rsi_threshold: BTreeMap<Symbol, f64>,
    /// Bars of the fastest average, which must be below the middle one. From 2 to 400.
    pub ema_fast: u32,
    /// Bars of the middle average, which must not be above the slow one. From 2 to 400.
    pub ema_middle: u32,
    /// Bars of the slowest average. From 2 to 400.
    pub ema_slow: u32,
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

impl Default for ShortTheRipSettings {
    fn default() -> Self {
        let early = EARLY.into_iter().filter_map(|(symbol, rsi)| Some((symbol.parse().ok()?, rsi)));
        ShortTheRipSettings {
            enabled: true,
            timeframe: Timeframe::M30,
            rsi_period: 14,
            rsi_base: 55.0,
            rsi_range: 10.0,
            rsi_lowest: 55.0,
            rsi_highest: 85.0,
            rsi_threshold: early.collect(),
            ema_fast: 21,
            ema_middle: 50,
            ema_slow: 200,
            atr_period: 14,
            stop_atr: 1.5,
            stop_min: Rate::ZERO,
            stop_max: Rate::percent(2),
            take_profit_atr: 3.0,
            take_profit_min: Rate::percent(1),
        }
    }
}

impl ShortTheRipSettings {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        check_period(NAME, "rsi_period", self.rsi_period)?;
        check_period(NAME, "ema_fast", self.ema_fast)?;
        check_period(NAME, "ema_middle", self.ema_middle)?;
        check_period(NAME, "ema_slow", self.ema_slow)?;
        check_period(NAME, "atr_period", self.atr_period)?;
        self.by_regime().check(NAME, &self.rsi_threshold)?;
        self.stop().check(NAME)?;
        self.target().check(NAME)
    }

    fn by_regime(&self) -> Threshold {
        let ShortTheRipSettings { rsi_base: base, rsi_range: range, .. } = *self;
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
pub(super) struct ShortTheRip {
    settings: ShortTheRipSettings,
    threshold: Threshold,
    rsi: Rsi,
    averages: [Ema; 3],
    atr: Atr,
}

impl ShortTheRip {
    pub(super) fn new(settings: &ShortTheRipSettings, symbol: &Symbol) -> ShortTheRip {
        let fixed = settings.rsi_threshold.get(symbol).copied().map(Threshold::Fixed);
        let periods = [settings.ema_fast, settings.ema_middle, settings.ema_slow];
        ShortTheRip {
            threshold: fixed.unwrap_or(settings.by_regime()),
            rsi: Rsi::new(settings.rsi_period as usize),
            averages: periods.map(|bars| Ema::new(bars as usize)),
            atr: Atr::new(settings.atr_period as usize),
            settings: settings.clone(),
        }
    }
}

impl Strategy for ShortTheRip {
    fn name(&self) -> &'static str {
        NAME
    }

    fn timeframe(&self) -> Timeframe {
        self.settings.timeframe
    }

    fn warm_up(&self) -> u32 {
        let ShortTheRipSettings { rsi_period, ema_fast, ema_middle, ema_slow, atr_period, .. } = self.settings;
        let averages = ema_fast.max(ema_middle).max(ema_slow) * WARM_UP_PERIODS;
        averages.max(rsi_period.max(atr_period) * WILDER_WARM_UP_PERIODS)
    }

    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea> {
        let rsi = self.rsi.update(candle.close);
        let atr = self.atr.update(candle.high, candle.low, candle.close);
        let [fast, middle, slow] = self.averages.each_mut().map(|average| average.update(candle.close));
        let (rsi, atr, fast, middle, slow) = (rsi?, atr?, fast?, middle?, slow?);
        let threshold = self.threshold.of_short(situation.bias);
        let falling = fast < middle && middle <= slow;
        if situation.position.is_some() || rsi < threshold || !falling || candle.volume <= 0.0 {
            return None;
        }
        Some(Idea::Enter(Plan {
            side: Side::Sell,
            stop: self.settings.stop().distance(atr, candle.close),
            take_profit: Some(self.settings.target().distance(atr, candle.close)),
            trailing: None,
            reason: format!("RSI {rsi:.1} at or above {threshold:.1} in a downtrend").into(),
        }))
    }
}
