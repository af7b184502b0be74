//! How far prices move within a bar.

use serde::{Deserialize, Serialize};

use super::average::Wilder;

/// The bar's range, stretched to the close before it. The first bar has none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrueRange {
    close: Option<f64>,
}

impl TrueRange {
    /// Before the first bar.
    pub fn new() -> TrueRange {
        TrueRange::default()
    }

    /// Takes the next bar; its true range if there was one before it.
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let before = self.close.replace(close)?;
        Some(high.max(before) - low.min(before))
    }
}

/// Average true range, smoothed as Wilder did (New Concepts in Technical Trading Systems, 1978).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Atr {
    range: TrueRange,
    average: Wilder,
}

impl Atr {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Atr {
        Atr { range: TrueRange::new(), average: Wilder::new(n) }
    }

    /// Takes the next bar; the average once there are n true ranges, which takes n + 1 bars.
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let range = self.range.update(high, low, close)?;
        self.average.update(range)
    }

    /// The average, once there are n true ranges.
    pub fn value(&self) -> Option<f64> {
        self.average.value()
    }
}
