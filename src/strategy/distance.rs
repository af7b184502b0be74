//! How far exits lie from the entry: a multiple of the average true range, held within bounds of the price.

use crate::market::InvalidSetting;
use crate::types::Rate;

use super::TrailingPlan;

/// Multiples of the average true range that a distance can be set to.
const MULTIPLES: std::ops::RangeInclusive<f64> = 0.1..=20.0;
/// Furthest that a distance can be set to, as a ratio of the price.
const FURTHEST: Rate = Rate::percent(20);

/// A stop's distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StopRule {
    pub(super) atr: f64,
    pub(super) at_least: Rate,
    pub(super) at_most: Rate,
}

impl StopRule {
    pub(super) fn distance(&self, atr: f64, entry: f64) -> f64 {
        let (least, most) = (entry * self.at_least.to_f64(), entry * self.at_most.to_f64());
        (atr * self.atr).max(least).min(most)
    }

    pub(super) fn check(&self, strategy: &str) -> Result<(), InvalidSetting> {
        let name = |setting: &str| format!("strategy.{strategy}.{setting}");
        InvalidSetting::unless_within(&name("stop_atr"), &self.atr, MULTIPLES)?;
        InvalidSetting::unless_within(&name("stop_max"), &self.at_most, Rate::bps(10)..=FURTHEST)?;
        InvalidSetting::unless_within(&name("stop_min"), &self.at_least, Rate::ZERO..=self.at_most)
    }
}

/// A take profit's distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TargetRule {
    pub(super) atr: f64,
    pub(super) at_least: Rate,
}

impl TargetRule {
    pub(super) fn distance(&self, atr: f64, entry: f64) -> f64 {
        (atr * self.atr).max(entry * self.at_least.to_f64())
    }

    pub(super) fn check(&self, strategy: &str) -> Result<(), InvalidSetting> {
        let name = |setting: &str| format!("strategy.{strategy}.{setting}");
        InvalidSetting::unless_within(&name("take_profit_atr"), &self.atr, MULTIPLES)?;
        InvalidSetting::unless_within(&name("take_profit_min"), &self.at_least, Rate::ZERO..=FURTHEST)
    }
}

/// A trailing stop's distances, all in average true ranges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TrailRule {
    pub(super) activation: f64,
    pub(super) distance: f64,
    pub(super) step: f64,
}

impl TrailRule {
    pub(super) fn plan(&self, atr: f64) -> TrailingPlan {
        TrailingPlan { activation: self.activation * atr, distance: self.distance * atr, step: self.step * atr }
    }

    pub(super) fn check(&self, strategy: &str) -> Result<(), InvalidSetting> {
        let name = |setting: &str| format!("strategy.{strategy}.{setting}");
        InvalidSetting::unless_within(&name("trail_activation_atr"), &self.activation, MULTIPLES)?;
        InvalidSetting::unless_within(&name("trail_distance_atr"), &self.distance, MULTIPLES)?;
        InvalidSetting::unless_within(&name("trail_step_atr"), &self.step, 0.2..=5.0)
    }
}

/// Periods of indicators that make sense: two bars at least, and short enough that four of them are a warm-up
/// that venues can deliver.
pub(super) fn check_period(strategy: &str, setting: &str, bars: u32) -> Result<(), InvalidSetting> {
    InvalidSetting::unless_within(&format!("strategy.{strategy}.{setting}"), &bars, 2..=400)
}
