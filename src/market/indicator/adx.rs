//! Strength of a trend, whichever way it goes.

use serde::{Deserialize, Serialize};

use super::average::Wilder;
use super::range::TrueRange;

/// Average directional index as Wilder defined it and TA-Lib computes it: 0 without direction, 100 when all
/// movement goes one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adx {
    n: usize,
    before: Option<(f64, f64)>,
    range: TrueRange,
    up: Running,
    down: Running,
    span: Running,
    index: Wilder,
}

/// Wilder's running sum: each step takes away an n-th of it. The first n − 1 values are added up plainly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Running {
    n: usize,
    seen: usize,
    sum: f64,
}

impl Running {
    fn new(n: usize) -> Running {
        Running { n, seen: 0, sum: 0.0 }
    }

    /// The sum, from the n-th value on.
    fn update(&mut self, value: f64) -> Option<f64> {
        if self.seen + 1 < self.n {
            self.seen += 1;
            self.sum += value;
            return None;
        }
        self.sum = self.sum - self.sum / self.n as f64 + value;
        Some(self.sum)
    }
}

impl Adx {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Adx {
        let running = Running::new(n);
        Adx {
            n,
            before: None,
            range: TrueRange::new(),
            up: running.clone(),
            down: running.clone(),
            span: running,
            index: Wilder::new(n),
        }
    }

    /// Takes the next bar; the index once there are n directional values, which takes 2 n bars.
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let range = self.range.update(high, low, close);
        let (high_before, low_before) = self.before.replace((high, low))?;
        let (rise, fall) = (high - high_before, low_before - low);
        let up = self.up.update(if rise > 0.0 && rise > fall { rise } else { 0.0 });
        let down = self.down.update(if fall > 0.0 && fall > rise { fall } else { 0.0 });
        let span = self.span.update(range?);
        match direction(up?, down?, span?) {
            Some(direction) => self.index.update(direction),
            // Nothing moved, so nothing is learned about direction. While the first mean is being made the
            // bar counts as directionless; afterwards the index stays.
            None if self.index.value().is_none() => self.index.update(0.0),
            None => self.index.value(),
        }
    }

    /// The index, once there are n directional values.
    pub fn value(&self) -> Option<f64> {
        self.index.value()
    }
}

/// How one-sided the movement is, in percent; none if there was no movement.
fn direction(up: f64, down: f64, span: f64) -> Option<f64> {
    if span <= 0.0 {
        return None;
    }
    let (plus, minus) = (100.0 * up / span, 100.0 * down / span);
    let both = plus + minus;
    (both > 0.0).then(|| 100.0 * (plus - minus).abs() / both)
}
