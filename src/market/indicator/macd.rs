//! Moving average convergence and divergence.

use serde::{Deserialize, Serialize};

use super::average::Ema;

/// The distance between a fast and a slow exponential average, with its own average as the signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    /// Closes that only the slow average takes, so that both give their first value at the same bar. TA-Lib
    /// aligns them so, which makes the fast one start later than it could.
    slow_only: usize,
}

/// The three lines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MacdValue {
    /// Fast average minus slow average.
    pub macd: f64,
    /// The average of `macd`.
    pub signal: f64,
    /// `macd` minus `signal`.
    pub histogram: f64,
}

impl Macd {
    /// # Panics
    /// If a period is zero or `fast` is longer than `slow`.
    pub fn new(fast: usize, slow: usize, signal: usize) -> Macd {
        assert!(fast <= slow, "the fast average is the shorter one");
        Macd { fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal), slow_only: slow - fast }
    }

    /// Takes the next close; the lines once there are slow + signal − 1.
    pub fn update(&mut self, close: f64) -> Option<MacdValue> {
        let slow = self.slow.update(close);
        if self.slow_only > 0 {
            self.slow_only -= 1;
            return None;
        }
        let macd = self.fast.update(close)? - slow?;
        let signal = self.signal.update(macd)?;
        Some(MacdValue { macd, signal, histogram: macd - signal })
    }
}
