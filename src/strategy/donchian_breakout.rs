//! Follows a price that leaves the range of the bars before it, with a stop that trails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::InvalidSetting;
use crate::market::indicator::{Atr, Donchian};
use crate::types::{Rate, Side, Timeframe};

use super::distance::{StopRule, TrailRule, check_period};
use super::{Candle, Idea, Kind, Plan, Situation, Strategy, WILDER_WARM_UP_PERIODS};

const NAME: &str = Kind::DonchianBreakout.as_str();

/// Goes with a close beyond the range of the bars before, and leaves at the other end of a shorter range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DonchianBreakoutSettings {
    /// Does it run?
    pub enabled: bool,
    /// The length of its bars.
    pub timeframe: Timeframe,
    /// Bars whose range must be left. From 2 to 400.
    pub entry_bars: u32,
    /// Bars whose range ends the position. From 2 to 400.
    pub exit_bars: u32,
    /// Bars of the average true range. From 2 to 400.
    pub atr_period: u32,
    /// The stop's distance in average true ranges. From 0.1 to 20.
    pub stop_atr: f64,
    /// The stop is at least this far away. From 0% to `stop_max`.
    pub stop_min: Rate,
    /// The stop is at most this far away. From 0.1% to 20%.
    pub stop_max: Rate,
    /// The stop begins to trail once price is so many average true ranges in favour. From 0.1 to 20.
    pub trail_activation_atr: f64,
    /// It trails the best price by so many average true ranges. From 0.1 to 20.
    pub trail_distance_atr: f64,
    /// It moves by at least so many average true ranges at a time. From 0.2 to 5.
    pub trail_step_atr: f64,
}

impl Default for DonchianBreakoutSettings {
    fn default() -> Self {
        DonchianBreakoutSettings {
            enabled: false,
            timeframe: Timeframe::H1,
            entry_bars: 20,
            exit_bars: 10,
            atr_period: 14,
            stop_atr: 2.0,
            stop_min: Rate::ZERO,
            stop_max: Rate::percent(4),
            trail_activation_atr: 2.0,
            trail_distance_atr: 3.0,
            trail_step_atr: 0.2,
        }
    }
}

impl DonchianBreakoutSettings {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        check_period(NAME, "entry_bars", self.entry_bars)?;
        check_period(NAME, "exit_bars", self.exit_bars)?;
        check_period(NAME, "atr_period", self.atr_period)?;
        self.stop().check(NAME)?;
        self.trail().check(NAME)
    }

    fn stop(&self) -> StopRule {
        StopRule { atr: self.stop_atr, at_least: self.stop_min, at_most: self.stop_max }
    }

    fn trail(&self) -> TrailRule {
        TrailRule {
            activation: self.trail_activation_atr,
            distance: self.trail_distance_atr,
            step: self.trail_step_atr,
        }
    }
}

/// One instrument's instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DonchianBreakout {
    settings: DonchianBreakoutSettings,
    entry: Donchian,
    exit: Donchian,
    atr: Atr,
}

impl DonchianBreakout {
    pub(super) fn new(settings: &DonchianBreakoutSettings) -> DonchianBreakout {
        DonchianBreakout {
            entry: Donchian::new(settings.entry_bars as usize),
            exit: Donchian::new(settings.exit_bars as usize),
            atr: Atr::new(settings.atr_period as usize),
            settings: settings.clone(),
        }
    }
}

impl Strategy for DonchianBreakout {
    fn name(&self) -> &'static str {
        NAME
    }

    fn timeframe(&self) -> Timeframe {
        self.settings.timeframe
    }

    fn warm_up(&self) -> u32 {
        // The range in question is that of the bars before this one.
        let ranges = self.settings.entry_bars.max(self.settings.exit_bars) + 1;
        ranges.max(self.settings.atr_period * WILDER_WARM_UP_PERIODS)
    }

    fn leaves(&self) -> bool {
        true
    }

    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea> {
        let (entry, exit) = (self.entry.value(), self.exit.value());
        self.entry.update(candle.high, candle.low);
        self.exit.update(candle.high, candle.low);
        let atr = self.atr.update(candle.high, candle.low, candle.close);
        let (entry, exit, atr) = (entry?, exit?, atr?);
        if let Some(side) = situation.position {
            let ended = match side {
                Side::Buy => candle.close < exit.lower,
                Side::Sell => candle.close > exit.upper,
            };
            return ended
                .then(|| Idea::Leave(format!("close beyond the last {} bars", self.settings.exit_bars).into()));
        }
        let side = if candle.close > entry.upper {
            Side::Buy
        } else if candle.close < entry.lower {
            Side::Sell
        } else {
            return None;
        };
        Some(Idea::Enter(Plan {
            side,
            stop: self.settings.stop().distance(atr, candle.close),
            take_profit: None,
            trailing: Some(self.settings.trail().plan(atr)),
            reason: format!("close beyond the last {} bars", self.settings.entry_bars).into(),
        }))
    }
}
