//! Follows the crossing of a fast and a slow average to either side, with a stop that trails unless told otherwise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::InvalidSetting;
use crate::market::indicator::{Atr, Ema};
use crate::types::{Rate, Side, Timeframe};

use super::distance::{StopRule, TrailRule, check_period};
use super::{Candle, Idea, Kind, Plan, Situation, Strategy, WARM_UP_PERIODS, WILDER_WARM_UP_PERIODS};

const NAME: &str = Kind::EmaCross.as_str();

/// Goes with the fast average when it crosses the slow one, and leaves when it crosses back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmaCrossSettings {
    /// Does it run?
    pub enabled: bool,
    /// The length of its bars.
    pub timeframe: Timeframe,
    /// Bars of the fast average. From 2 to 400, and fewer than the slow one's.
    pub fast: u32,
    /// Bars of the slow average. From 2 to 400.
    pub slow: u32,
    /// Bars of the average true range. From 2 to 400.
    pub atr_period: u32,
    /// The stop's distance in average true ranges. From 0.1 to 20.
    pub stop_atr: f64,
    /// The stop is at least this far away. From 0% to `stop_max`.
    pub stop_min: Rate,
    /// The stop is at most this far away. From 0.1% to 20%.
    pub stop_max: Rate,
    /// Does the stop trail? Without it the stop stays where the entry put it.
    pub trail: bool,
    /// The stop begins to trail once price is so many average true ranges in favour. From 0.1 to 20.
    pub trail_activation_atr: f64,
    /// It trails the best price by so many average true ranges. From 0.1 to 20.
    pub trail_distance_atr: f64,
    /// It moves by at least so many average true ranges at a time. From 0.2 to 5.
    pub trail_step_atr: f64,
}

impl Default for EmaCrossSettings {
    fn default() -> Self {
        EmaCrossSettings {
            enabled: false,
            timeframe: Timeframe::M30,
            fast: 10,
            slow: 30,
            atr_period: 14,
            stop_atr: 2.0,
            stop_min: Rate::ZERO,
            stop_max: Rate::percent(3),
            trail: true,
            trail_activation_atr: 1.0,
            trail_distance_atr: 2.0,
            trail_step_atr: 0.2,
        }
    }
}

impl EmaCrossSettings {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        check_period(NAME, "slow", self.slow)?;
        check_period(NAME, "fast", self.fast)?;
        check_period(NAME, "atr_period", self.atr_period)?;
        InvalidSetting::unless(self.fast < self.slow, "strategy.ema_cross.fast", &self.fast, || {
            format!("give fewer bars than strategy.ema_cross.slow, which has {}", self.slow)
        })?;
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
pub(super) struct EmaCross {
    settings: EmaCrossSettings,
    fast: Ema,
    slow: Ema,
    atr: Atr,
    /// Where the fast average is, as the side that goes with it.
    leans: Option<Side>,
    /// A cross that has not been acted on.
    crossed: Option<Cross>,
}

/// While the position of the other side is still being closed, a cross cannot be acted on. It may be at the
/// next close, but not later: by then price is elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Cross {
    Now(Side),
    LastBar(Side),
}

impl EmaCross {
    pub(super) fn new(settings: &EmaCrossSettings) -> EmaCross {
        EmaCross {
            fast: Ema::new(settings.fast as usize),
            slow: Ema::new(settings.slow as usize),
            atr: Atr::new(settings.atr_period as usize),
            leans: None,
            crossed: None,
            settings: settings.clone(),
        }
    }

    /// Notes where the averages are after a bar, and whether they have just crossed.
    fn look(&mut self, fast: f64, slow: f64) {
        let aged = match self.crossed {
            Some(Cross::Now(side)) => Some(Cross::LastBar(side)),
            Some(Cross::LastBar(_)) | None => None,
        };
        // Equal averages have not crossed yet.
        let leans = if fast > slow {
            Some(Side::Buy)
        } else if fast < slow {
            Some(Side::Sell)
        } else {
            self.leans
        };
        let turned = self.leans.is_some() && leans != self.leans;
        self.crossed = if turned { leans.map(Cross::Now) } else { aged };
        self.leans = leans;
    }
}

impl Strategy for EmaCross {
    fn name(&self) -> &'static str {
        NAME
    }

    fn timeframe(&self) -> Timeframe {
        self.settings.timeframe
    }

    fn warm_up(&self) -> u32 {
        (self.settings.slow * WARM_UP_PERIODS).max(self.settings.atr_period * WILDER_WARM_UP_PERIODS)
    }

    fn leaves(&self) -> bool {
        true
    }

    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea> {
        let (fast, slow) = (self.fast.update(candle.close), self.slow.update(candle.close));
        let atr = self.atr.update(candle.high, candle.low, candle.close);
        let (fast, slow, atr) = (fast?, slow?, atr?);
        self.look(fast, slow);
        if let Some(side) = situation.position {
            // Asked of where the averages are and not of their crossing, so that a cross that happened while
            // nobody was looking still ends the position.
            let against = self.leans == Some(side.closing());
            return against.then(|| Idea::Leave("the averages crossed back".into()));
        }
        let (Cross::Now(side) | Cross::LastBar(side)) = self.crossed.take()?;
        Some(Idea::Enter(Plan {
            side,
            stop: self.settings.stop().distance(atr, candle.close),
            take_profit: None,
            trailing: self.settings.trail.then(|| self.settings.trail().plan(atr)),
            reason: format!("EMA{} crossed EMA{}", self.settings.fast, self.settings.slow).into(),
        }))
    }
}
