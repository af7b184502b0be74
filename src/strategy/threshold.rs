//! The relative strength at which the two regime-aware strategies act.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::market::InvalidSetting;
use crate::types::Symbol;

use super::Bias;

/// Shares of `rsi_range` that the threshold moves by in a trend, and in a trend with strong momentum.
const TREND_SHARE: f64 = 0.3;
const STRONG_SHARE: f64 = 0.5;

/// A threshold that depends on the regime, or a fixed one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Threshold {
    Fixed(f64),
    ByRegime { base: f64, range: f64, lowest: f64, highest: f64 },
}

impl Threshold {
    /// Where a long acts. A rising market asks for a deeper dip, since a shallow one there is no bargain; a
    /// falling one gives bounces early.
    pub(super) fn of_long(&self, bias: Bias) -> f64 {
        self.moved(match bias {
            Bias::StrongUp => -STRONG_SHARE,
            Bias::Up => -TREND_SHARE,
            Bias::Neutral => 0.0,
            Bias::Down => TREND_SHARE,
            Bias::StrongDown => STRONG_SHARE,
        })
    }

    /// Where a short acts. Only a rising market asks for more strength to sell into.
    pub(super) fn of_short(&self, bias: Bias) -> f64 {
        self.moved(match bias {
            Bias::StrongUp => STRONG_SHARE,
            Bias::Up => TREND_SHARE,
            Bias::Neutral | Bias::Down | Bias::StrongDown => 0.0,
        })
    }

    fn moved(&self, share: f64) -> f64 {
        match *self {
            Threshold::Fixed(value) => value,
            Threshold::ByRegime { base, range, lowest, highest } => (base + share * range).clamp(lowest, highest),
        }
    }

    pub(super) fn check(&self, strategy: &str, fixed: &BTreeMap<Symbol, f64>) -> Result<(), InvalidSetting> {
        let name = |setting: &str| format!("strategy.{strategy}.{setting}");
        for (symbol, value) in fixed {
            InvalidSetting::unless_within(&name(&format!("rsi_threshold.\"{symbol}\"")), value, 1.0..=99.0)?;
        }
        let Threshold::ByRegime { base, range, lowest, highest } = self else { return Ok(()) };
        InvalidSetting::unless_within(&name("rsi_base"), base, 1.0..=99.0)?;
        InvalidSetting::unless_within(&name("rsi_range"), range, 0.0..=50.0)?;
        InvalidSetting::unless_within(&name("rsi_highest"), highest, 1.0..=99.0)?;
        InvalidSetting::unless_within(&name("rsi_lowest"), lowest, 1.0..=*highest)
    }
}
