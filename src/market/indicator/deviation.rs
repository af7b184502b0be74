//! How far values stray from their mean.

use serde::{Deserialize, Serialize};

use super::window::Window;

/// Standard deviation of the last n values, taken as the whole population (divided by n).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StdDev {
    window: Window,
    mean: f64,
    /// Sum of the squared distances from the mean. Kept around the mean and not as a sum of squares, whose
    /// difference would drown a small deviation of large prices in rounding.
    squares: f64,
    until_recount: usize,
}

impl StdDev {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize) -> StdDev {
        StdDev { window: Window::new(n), mean: 0.0, squares: 0.0, until_recount: n }
    }

    /// Takes the next value; the deviation once there are n.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        if let Some(fallen) = self.window.push(value) {
            let before = self.mean;
            self.mean += (value - fallen) / self.window.size() as f64;
            self.squares += (value - fallen) * (value - self.mean + fallen - before);
        }
        self.until_recount -= 1;
        if self.until_recount == 0 {
            self.recount();
        }
        self.value()
    }

    /// The deviation, once there are n values.
    pub fn value(&self) -> Option<f64> {
        self.window.is_full().then(|| (self.squares.max(0.0) / self.window.size() as f64).sqrt())
    }

    /// The mean of the last n values, once there are as many.
    pub fn mean(&self) -> Option<f64> {
        self.window.is_full().then_some(self.mean)
    }

    /// Once a window, so that rounding does not add up over months; one step a bar on average.
    fn recount(&mut self) {
        self.until_recount = self.window.size();
        self.mean = self.window.iter().sum::<f64>() / self.window.size() as f64;
        self.squares = self.window.iter().map(|value| (value - self.mean) * (value - self.mean)).sum();
    }
}

/// Bollinger bands: the mean of the last n values, and `width` standard deviations to either side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bollinger {
    deviation: StdDev,
    width: f64,
}

/// Three prices, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bands {
    /// `width` deviations below the mean.
    pub lower: f64,
    /// The mean.
    pub middle: f64,
    /// `width` deviations above the mean.
    pub upper: f64,
}

impl Bollinger {
    /// # Panics
    /// If `n` is zero.
    pub fn new(n: usize, width: f64) -> Bollinger {
        Bollinger { deviation: StdDev::new(n), width }
    }

    /// Takes the next close; the bands once there are n.
    pub fn update(&mut self, close: f64) -> Option<Bands> {
        let reach = self.deviation.update(close)? * self.width;
        let middle = self.deviation.mean()?;
        Some(Bands { lower: middle - reach, middle, upper: middle + reach })
    }
}
