//! Views in, signals out. A strategy sees closed bars of its timeframe and the regime, and proposes to enter
//! or to leave; whether that is done, and how large, is decided above it and by `risk`.
//!
//! One file a strategy. [`Desk`] holds an instance of each enabled one per instrument, and the regimes.

mod bollinger_reversion;
mod desk;
mod distance;
mod donchian_breakout;
mod ema_cross;
mod guest;
mod oversold_bounce;
mod regime;
mod settings;
mod short_the_rip;
mod signal;
#[cfg(test)]
mod tests;
mod threshold;

use serde::{Deserialize, Serialize};

pub use self::bollinger_reversion::BollingerReversionSettings;
pub use self::desk::{Alone, Desk, Proposal};
pub use self::donchian_breakout::DonchianBreakoutSettings;
pub use self::ema_cross::EmaCrossSettings;
pub use self::guest::{Guest, GuestStrategy};
pub use self::oversold_bounce::OversoldBounceSettings;
pub use self::regime::{Bias, Momentum, Regime, RegimeSettings, Trend, UnknownRegime, Volatility};
pub use self::settings::Settings;
pub use self::short_the_rip::ShortTheRipSettings;
pub use self::signal::{Draft, Limits, Refusal, RefusedSignal, Signal};
use crate::protocol::Bar;
use crate::types::{Side, Timeframe, Words};

/// Bars of history for each bar of an exponential average's period: what it was begun with then counts for a
/// four-hundredth.
const WARM_UP_PERIODS: u32 = 4;
/// The same for Wilder's averages, which forget half as fast and decide by thresholds: for a ten-thousandth.
const WILDER_WARM_UP_PERIODS: u32 = 10;

/// Every strategy there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Buys what fell too far.
    OversoldBounce,
    /// Sells what rose within a downtrend.
    ShortTheRip,
    /// Follows the crossing of two averages.
    EmaCross,
    /// Follows a price that leaves its range.
    DonchianBreakout,
    /// Expects the return to the mean.
    BollingerReversion,
}

impl Kind {
    /// Every strategy.
    pub const ALL: [Kind; 5] =
        [Kind::OversoldBounce, Kind::ShortTheRip, Kind::EmaCross, Kind::DonchianBreakout, Kind::BollingerReversion];

    /// Its name in the configuration, the ledger and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::OversoldBounce => "oversold_bounce",
            Kind::ShortTheRip => "short_the_rip",
            Kind::EmaCross => "ema_cross",
            Kind::DonchianBreakout => "donchian_breakout",
            Kind::BollingerReversion => "bollinger_reversion",
        }
    }
}

/// A rule of trading for one instrument.
pub trait Strategy {
    /// Its name in the configuration, the ledger and the log.
    fn name(&self) -> &'static str;

    /// The length of the bars that it sees.
    fn timeframe(&self) -> Timeframe;

    /// Bars that it must have seen before what it says counts.
    fn warm_up(&self) -> u32;

    /// Does it say itself when a position of its own is over? If not, each signal must bring a take profit or a trailing stop.
    fn leaves(&self) -> bool {
        false
    }

    /// Takes the next closed bar and says what it would do at its close.
    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea>;
}

/// A closed bar in the numbers that indicators take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candle {
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded quantity.
    pub volume: f64,
}

impl From<&Bar> for Candle {
    fn from(bar: &Bar) -> Candle {
        Candle {
            high: bar.high.to_f64(),
            low: bar.low.to_f64(),
            close: bar.close.to_f64(),
            volume: bar.volume.to_f64(),
        }
    }
}

/// What a strategy may know beside its bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Trend and momentum as one.
    pub bias: Bias,
    /// The side of the position that this strategy holds in this instrument.
    pub position: Option<Side>,
}

/// What a strategy would do.
#[derive(Debug, Clone, PartialEq)]
pub enum Idea {
    /// Open a position at the close.
    Enter(Plan),
    /// Close the position that it holds.
    Leave(Words),
}

/// An entry at the close of the bar, its exits as distances from there.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Which way.
    pub side: Side,
    /// From the entry to the stop.
    pub stop: f64,
    /// From the entry to the take profit.
    pub take_profit: Option<f64>,
    /// A stop that follows.
    pub trailing: Option<TrailingPlan>,
    /// Why, in words.
    pub reason: Words,
}

/// A trailing stop, in distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrailingPlan {
    /// It begins once price is this far in favour.
    pub activation: f64,
    /// How far behind the best price it follows.
    pub distance: f64,
    /// It moves by at least this much.
    pub step: f64,
}
