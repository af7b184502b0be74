//! Where a value stands among its predecessors.

use serde::{Deserialize, Serialize};

use super::window::Window;

/// Rank of the newest value among the last n (itself one of them): 0 if it is the lowest, 1 if the highest,
/// one half if all are equal; equals count half. Work grows with n, which is small.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    window: Window,
    rank: Option<f64>,
}

impl Percentile {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> Percentile {
        Percentile { window: Window::new(n), rank: None }
    }

    /// Takes the next value; its rank once there are n.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.window.push(value);
        self.rank = self.window.is_full().then(|| {
            let (mut below, mut equal) = (0.0, -1.0);
            for other in self.window.iter() {
                below += f64::from(u8::from(other < value));
                equal += f64::from(u8::from(other == value));
            }
            let others = self.window.size() as f64 - 1.0;
            if others > 0.0 { (below + equal / 2.0) / others } else { 0.5 }
        });
        self.rank
    }

    /// The rank of the newest value, once there are n.
    pub fn value(&self) -> Option<f64> {
        self.rank
    }
}
