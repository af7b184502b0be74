//! Moving averages: simple and exponential.

use serde::{Deserialize, Serialize};

use super::window::RollingSum;

/// The mean of the last n values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sma {
    sum: RollingSum,
    n: usize,
}

impl Sma {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Sma {
        Sma { sum: RollingSum::new(n), n }
    }

    /// Takes the next value; the mean once there are n.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        Some(self.sum.push(value)? / self.n as f64)
    }
}

/// Exponential moving average with the smoothing 2 / (n + 1), begun with the mean of the first n values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ema {
    n: usize,
    seen: usize,
    sum: f64,
    value: f64,
}

impl Ema {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Ema {
        assert!(n > 0, "an indicator looks at one value at least");
        Ema { n, seen: 0, sum: 0.0, value: 0.0 }
    }

    /// Takes the next value; the average once there are n.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        if self.seen < self.n {
            self.seen += 1;
            self.sum += value;
            self.value = self.sum / self.n as f64;
        } else {
            self.value += (value - self.value) * 2.0 / (self.n as f64 + 1.0);
        }
        self.value()
    }

    /// The average, once there are n values.
    pub fn value(&self) -> Option<f64> {
        (self.seen == self.n).then_some(self.value)
    }
}

/// Wilder's smoothing: begun with the mean of the first n values, then each counts 1/n.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Wilder {
    n: usize,
    seen: usize,
    value: f64,
}

impl Wilder {
    pub(super) fn new(n: usize) -> Wilder {
        assert!(n > 0, "an indicator looks at one value at least");
        Wilder { n, seen: 0, value: 0.0 }
    }

    pub(super) fn update(&mut self, value: f64) -> Option<f64> {
        let n = self.n as f64;
        if self.seen < self.n {
            // Until it is warm the value is the sum.
            self.seen += 1;
            self.value += value;
            if self.seen == self.n {
                self.value /= n;
            }
        } else {
            self.value = (self.value * (n - 1.0) + value) / n;
        }
        self.value()
    }

    pub(super) fn value(&self) -> Option<f64> {
        (self.seen == self.n).then_some(self.value)
    }
}
