//! The price that the average unit changed hands at.

use serde::{Deserialize, Serialize};

use super::window::RollingSum;

/// Volume-weighted average of the typical price (high + low + close) / 3 over the last n bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vwap {
    money: RollingSum,
    volume: RollingSum,
}

impl Vwap {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Vwap {
        Vwap { money: RollingSum::new(n), volume: RollingSum::new(n) }
    }

    /// Takes the next bar; the average once there are n, and none while nothing was traded in them.
    pub fn update(&mut self, high: f64, low: f64, close: f64, volume: f64) -> Option<f64> {
        let money = self.money.push((high + low + close) / 3.0 * volume);
        let volume = self.volume.push(volume);
        let (money, volume) = (money?, volume?);
        (volume > 0.0).then(|| money / volume)
    }
}
