//! Relative strength.

use serde::{Deserialize, Serialize};

use super::average::Wilder;

/// Relative strength index, smoothed as Wilder did: 0 when all moves were down, 100 when all were up, and 50
/// when there was no movement at all, since neither side was stronger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rsi {
    close: Option<f64>,
    gains: Wilder,
    losses: Wilder,
}

impl Rsi {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Rsi {
        Rsi { close: None, gains: Wilder::new(n), losses: Wilder::new(n) }
    }

    /// Takes the next close; the index once there are n changes, which takes n + 1 closes.
    pub fn update(&mut self, close: f64) -> Option<f64> {
        let change = close - self.close.replace(close)?;
        self.gains.update(change.max(0.0));
        self.losses.update((-change).max(0.0));
        self.value()
    }

    /// The index, once there are n changes.
    pub fn value(&self) -> Option<f64> {
        let (gains, losses) = (self.gains.value()?, self.losses.value()?);
        let movement = gains + losses;
        Some(if movement > 0.0 { 100.0 * gains / movement } else { 50.0 })
    }
}
