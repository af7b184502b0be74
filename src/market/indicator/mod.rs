//! Indicators, a bar at a time. Each takes what it needs of a bar, does work that does not grow with its
//! period (the rolling percentile aside), and answers `None` until it has seen enough. After warm-up their
//! values are TA-Lib's to 1e-9 relative, but for RSI without any movement: TA-Lib says 0, here it is 50.
//!
//! This is one of the few rooms where floats are allowed; nothing of it goes into the books unrounded.

#![expect(clippy::float_arithmetic, reason = "indicators are inexact by nature and never enter the books")]

mod adx;
mod average;
mod deviation;
mod donchian;
mod macd;
mod percentile;
mod range;
mod rsi;
#[cfg(test)]
mod tests;
mod vwap;
mod window;

pub use adx::Adx;
pub use average::{Ema, Sma};
pub use deviation::{Bands, Bollinger, StdDev};
pub use donchian::{Channel, Donchian};
pub use macd::{Macd, MacdValue};
pub use percentile::Percentile;
pub use range::{Atr, TrueRange};
pub use rsi::Rsi;
pub use vwap::Vwap;
