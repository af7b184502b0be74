//! What can be set of the simulated exchange.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::faults;
use crate::types::{Rate, Span, Usdt};

/// How the simulated exchange answers, fills and charges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Time that requests take to arrive: ten deciles in microseconds, drawn from with equal chance.
    pub request_latency_us: Vec<u32>,
    /// Time that answers and reports take, likewise.
    pub report_latency_us: Vec<u32>,
    /// A request that arrives later than this after it was sent is refused (-1021).
    pub recv_window: Span,
    /// Spread of a market that is known from bars or trades alone.
    pub spread: Rate,
    /// Liquidity behind the best price where no book is known.
    pub depth: Vec<DepthStep>,
    /// Funding rate of a feed that has none, every funding interval.
    pub funding_rate: Rate,
    /// Most open orders of an account.
    pub max_open_orders: u32,
    /// Faults to rehearse.
    pub faults: faults::Settings,
}

/// A step of the depth curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DepthStep {
    /// Distance from the best price.
    pub distance: Rate,
    /// Notional that rests there.
    pub notional: Usdt,
}

impl Default for Settings {
    fn default() -> Self {
        let step = |bps, thousands: i64| DepthStep { distance: Rate::bps(bps), notional: Usdt::whole(thousands * 1_000) };
        Settings {
            request_latency_us: vec![12_000, 15_000, 18_000, 20_000, 23_000, 27_000, 32_000, 40_000, 60_000, 120_000],
            report_latency_us: vec![4_000, 5_000, 6_000, 7_000, 9_000, 11_000, 14_000, 18_000, 30_000, 60_000],
            recv_window: Span::secs(2),
            spread: Rate::bps(1),
            depth: vec![step(0, 100), step(2, 250), step(5, 500), step(20, 2_000), step(100, 50_000)],
            funding_rate: Rate::bps(1),
            max_open_orders: 200,
            faults: faults::Settings::default(),
        }
    }
}

impl Settings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The setting, its value and the remedy, in words.
    pub fn check(&self) -> Result<(), String> {
        for (name, table) in [("request", &self.request_latency_us), ("report", &self.report_latency_us)] {
            if table.is_empty() || table.len() > 1_000 || table.iter().any(|us| *us > 60_000_000) {
                return Err(format!("`exchange.{name}_latency_us` needs 1 to 1000 values of at most 60000000"));
            }
        }
        if self.recv_window < Span::millis(100) || self.recv_window > Span::MINUTE {
            return Err(format!("`exchange.recv_window` is {}; set it between 100ms and 1m", self.recv_window));
        }
        if self.spread.is_negative() || self.spread > Rate::percent(5) {
            return Err(format!("`exchange.spread` is {}; set it between 0% and 5%", self.spread));
        }
        if self.funding_rate.abs() > Rate::percent(4) {
            return Err(format!("`exchange.funding_rate` is {}; set it between -4% and 4%", self.funding_rate));
        }
        let rises = self.depth.windows(2).all(|pair| pair[0].distance < pair[1].distance);
        if self.depth.is_empty() || !rises || self.depth.iter().any(|step| !step.notional.is_positive()) {
            return Err("`exchange.depth` needs steps of growing distance with a notional above 0".to_owned());
        }
        if self.max_open_orders == 0 || self.max_open_orders > 10_000 {
            return Err(format!("`exchange.max_open_orders` is {}; set it between 1 and 10000", self.max_open_orders));
        }
        self.faults.check()
    }
}
