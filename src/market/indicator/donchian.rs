//! The highest high and the lowest low.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The channel that the last n bars span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Donchian {
    n: usize,
    seen: u64,
    /// Highs that no later bar has reached, each with its bar's number, highest first. The front is the
    /// highest of the last n; a bar enters and leaves at most once, so a step is O(1) on average.
    highs: VecDeque<(u64, f64)>,
    /// The same for lows, lowest first.
    lows: VecDeque<(u64, f64)>,
}

/// Upper and lower bound of the last n bars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Highest high.
    pub upper: f64,
    /// Lowest low.
    pub lower: f64,
}

impl Donchian {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Donchian {
        assert!(n > 0, "an indicator looks at one value at least");
        Donchian { n, seen: 0, highs: VecDeque::new(), lows: VecDeque::new() }
    }

    /// Takes the next bar; the channel with this bar in it, once there are n.
    pub fn update(&mut self, high: f64, low: f64) -> Option<Channel> {
        self.seen += 1;
        let oldest = self.seen.saturating_sub(self.n as u64);
        enter(&mut self.highs, self.seen, high, oldest, |kept, new| kept <= new);
        enter(&mut self.lows, self.seen, low, oldest, |kept, new| kept >= new);
        self.value()
    }

    /// The channel of the last n bars, once there are as many. Read before `update`, it is the channel that
    /// the next bar may break out of.
    pub fn value(&self) -> Option<Channel> {
        if self.seen < self.n as u64 {
            return None;
        }
        Some(Channel { upper: self.highs.front()?.1, lower: self.lows.front()?.1 })
    }
}

fn enter(queue: &mut VecDeque<(u64, f64)>, number: u64, value: f64, oldest: u64, beaten: impl Fn(f64, f64) -> bool) {
    while queue.back().is_some_and(|(_, kept)| beaten(*kept, value)) {
        queue.pop_back();
    }
    queue.push_back((number, value));
    while queue.front().is_some_and(|(number, _)| *number <= oldest) {
        queue.pop_front();
    }
}
