//! The last n values, oldest first.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A queue that never holds more than `size` values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    values: VecDeque<f64>,
    size: usize,
}

impl Window {
    /// # Panics
    /// If `size` is zero: settings are checked before indicators are made of them.
    pub(super) fn new(size: usize) -> Window {
        assert!(size > 0, "an indicator looks at one value at least");
        Window { values: VecDeque::with_capacity(size), size }
    }

    /// Takes the newest value in and gives back the one that fell out, if the window was full.
    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        let fallen = if self.is_full() { self.values.pop_front() } else { None };
        self.values.push_back(value);
        fallen
    }

    pub(super) fn is_full(&self) -> bool {
        self.values.len() == self.size
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = f64> {
        self.values.iter().copied()
    }
}

/// The sum of the last n values, made by adding alone. Taking away what falls out of the window would leave
/// the rounding of large values behind among small ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RollingSum {
    size: usize,
    /// Values since the last full block.
    block: Vec<f64>,
    block_sum: f64,
    /// Of the block before: at `i` the sum of its values from `i` on. Made anew once a block, so that a step
    /// costs two additions on average.
    tails: Vec<f64>,
}

impl RollingSum {
    /// # Panics
    /// If `size` is zero.
    pub(super) fn new(size: usize) -> RollingSum {
        assert!(size > 0, "an indicator looks at one value at least");
        RollingSum { size, block: Vec::with_capacity(size), block_sum: 0.0, tails: Vec::new() }
    }

    /// Takes the newest value in; the sum once there are `size`.
    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        self.block.push(value);
        self.block_sum += value;
        if self.block.len() < self.size {
            return self.tails.get(self.block.len()).map(|tail| tail + self.block_sum);
        }
        let mut tail = 0.0;
        self.tails = vec![0.0; self.size];
        for (slot, value) in self.tails.iter_mut().zip(&self.block).rev() {
            tail += value;
            *slot = tail;
        }
        self.block.clear();
        Some(std::mem::take(&mut self.block_sum))
    }
}
