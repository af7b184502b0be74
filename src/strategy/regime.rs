//! What kind of market it is: trend and volatility from 4h bars, momentum from 1h bars.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::indicator::{Atr, Ema, Percentile, Rsi};
use crate::market::{InvalidSetting, Need};
use crate::types::{Rate, Timeframe};

use super::{Candle, WARM_UP_PERIODS, WILDER_WARM_UP_PERIODS};

/// Trend and volatility are read from these bars.
const SLOW: Timeframe = Timeframe::H4;
/// Momentum is read from these.
const FAST: Timeframe = Timeframe::H1;

/// Which way the market has been going for weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trend {
    /// Three averages in order, the fastest highest, and the close above it.
    Up,
    /// Neither.
    Neutral,
    /// Mirrored.
    Down,
}

/// How hard it has been moving for hours, whichever way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Momentum {
    /// Far and one-sided.
    Strong,
    /// Neither.
    Weak,
    /// Hardly at all.
    Sideways,
}

/// How far it swings, compared with its own past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Volatility {
    /// More than usual.
    High,
    /// As usual.
    Normal,
    /// Less than usual.
    Low,
}

/// Trend and momentum as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bias {
    /// An uptrend with strong momentum.
    StrongUp,
    /// An uptrend.
    Up,
    /// No trend.
    Neutral,
    /// A downtrend.
    Down,
    /// A downtrend with strong momentum.
    StrongDown,
}

/// The regime of an instrument, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regime {
    /// From 4h bars.
    pub trend: Option<Trend>,
    /// From 1h bars.
    pub momentum: Option<Momentum>,
    /// From 4h bars.
    pub volatility: Option<Volatility>,
}

impl Regime {
    /// Is every part of it known?
    pub const fn is_known(&self) -> bool {
        self.trend.is_some() && self.momentum.is_some() && self.volatility.is_some()
    }

    /// Trend and momentum as one; what is not known counts as neutral. Momentum has no direction of its own:
    /// a hard fall within an uptrend calls for the same caution as a hard rise.
    pub fn bias(&self) -> Bias {
        let strong = self.momentum == Some(Momentum::Strong);
        match self.trend.unwrap_or(Trend::Neutral) {
            Trend::Up if strong => Bias::StrongUp,
            Trend::Up => Bias::Up,
            Trend::Neutral => Bias::Neutral,
            Trend::Down if strong => Bias::StrongDown,
            Trend::Down => Bias::Down,
        }
    }
}

/// What becomes of a signal while the regime is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownRegime {
    /// It is refused and recorded.
    #[default]
    Refuse,
    /// What is not known counts as neutral and of usual volatility.
    Neutral,
}

/// The regime: trend and volatility are read from 4h bars, momentum from 1h bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RegimeSettings {
    /// What becomes of a signal while the regime is not known: `refuse` or `neutral`.
    pub unknown: UnknownRegime,
    /// Bars of the fastest of the three averages of the trend. From 2 to 400.
    pub trend_fast: u32,
    /// Bars of the middle one. From 2 to 400, and more than the fast one.
    pub trend_middle: u32,
    /// Bars of the slowest one. From 2 to 400, and more than the middle one.
    pub trend_slow: u32,
    /// Bars of the relative strength that momentum is read from. From 2 to 400.
    pub momentum_rsi: u32,
    /// Bars over which the price change is taken. From 1 to 400.
    pub momentum_bars: u32,
    /// Momentum is strong above this relative strength, if price rose by `strong_change`. From 50 to 99.
    pub strong_above: f64,
    /// Momentum is strong below this relative strength, if price fell by `strong_change`. From 1 to 50.
    pub strong_below: f64,
    /// Price change beyond which momentum can be strong. From 0% to 50%.
    pub strong_change: Rate,
    /// Momentum is sideways from this relative strength. From 1 to 50.
    pub sideways_from: f64,
    /// Up to this one. From 50 to 99.
    pub sideways_to: f64,
    /// Momentum is sideways while the price changed by less. From 0% to 50%.
    pub sideways_change: Rate,
    /// Bars of the average true range that volatility is read from. From 2 to 400.
    pub volatility_atr: u32,
    /// Bars that its rank is taken among. From 10 to 1000.
    pub volatility_window: u32,
    /// Volatility is high above this rank. From 50% to 100%.
    pub high_above: Rate,
    /// Volatility is low below this rank. From 0% to 50%.
    pub low_below: Rate,
    /// Sizes are multiplied by this in high volatility. From 1% to 100%.
    pub high_factor: Rate,
    /// Sizes are multiplied by this in low volatility; never more than all of it. From 1% to 100%.
    pub low_factor: Rate,
}

impl Default for RegimeSettings {
    fn default() -> Self {
        RegimeSettings {
            unknown: UnknownRegime::Refuse,
            trend_fast: 21,
            trend_middle: 50,
            trend_slow: 200,
            momentum_rsi: 14,
            momentum_bars: 10,
            strong_above: 65.0,
            strong_below: 35.0,
            strong_change: Rate::percent(2),
            sideways_from: 40.0,
            sideways_to: 60.0,
            sideways_change: Rate::percent(1),
            volatility_atr: 14,
            volatility_window: 100,
            high_above: Rate::percent(75),
            low_below: Rate::percent(25),
            high_factor: Rate::percent(50),
            low_factor: Rate::percent(100),
        }
    }
}

impl RegimeSettings {
    /// As the embedded demo runs it, which should trade within its first minutes.
    pub fn demo() -> RegimeSettings {
        RegimeSettings { unknown: UnknownRegime::Neutral, ..RegimeSettings::default() }
    }

    /// Is every value within its range?
    ///
    /// # Errors
    /// Names the first setting that is not, its value and what would be right.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        self.check_bars()?;
        let level = |name: &str, value: &f64, range| InvalidSetting::unless_within(name, value, range);
        level("regime.strong_above", &self.strong_above, 50.0..=99.0)?;
        level("regime.strong_below", &self.strong_below, 1.0..=50.0)?;
        level("regime.sideways_from", &self.sideways_from, 1.0..=50.0)?;
        level("regime.sideways_to", &self.sideways_to, 50.0..=99.0)?;
        let ratio = |name: &str, value: &Rate, lowest, highest| {
            InvalidSetting::unless_within(name, value, Rate::percent(lowest)..=Rate::percent(highest))
        };
        ratio("regime.strong_change", &self.strong_change, 0, 50)?;
        ratio("regime.sideways_change", &self.sideways_change, 0, 50)?;
        ratio("regime.high_above", &self.high_above, 50, 100)?;
        ratio("regime.low_below", &self.low_below, 0, 50)?;
        ratio("regime.high_factor", &self.high_factor, 1, 100)?;
        ratio("regime.low_factor", &self.low_factor, 1, 100)
    }

    /// The history that a regime is read from.
    pub fn needs(&self) -> [Need; 2] {
        let volatility = self.volatility_atr * WILDER_WARM_UP_PERIODS + self.volatility_window;
        let slow = (self.trend_slow * WARM_UP_PERIODS).max(volatility);
        let fast = (self.momentum_rsi * WILDER_WARM_UP_PERIODS).max(self.momentum_bars + 1);
        [Need { timeframe: SLOW, bars: slow }, Need { timeframe: FAST, bars: fast }]
    }

    /// What sizes are multiplied by; all of it while volatility is not known.
    pub fn factor(&self, volatility: Option<Volatility>) -> Rate {
        match volatility {
            Some(Volatility::High) => self.high_factor,
            Some(Volatility::Low) => self.low_factor,
            Some(Volatility::Normal) | None => Rate::ONE,
        }
    }

    fn check_bars(&self) -> Result<(), InvalidSetting> {
        let bars = |name: &str, value: &u32, lowest, highest| {
            InvalidSetting::unless_within(&format!("regime.{name}"), value, lowest..=highest)
        };
        bars("trend_fast", &self.trend_fast, 2, 398)?;
        bars("trend_middle", &self.trend_middle, self.trend_fast + 1, 399)?;
        bars("trend_slow", &self.trend_slow, self.trend_middle + 1, 400)?;
        bars("momentum_rsi", &self.momentum_rsi, 2, 400)?;
        bars("momentum_bars", &self.momentum_bars, 1, 400)?;
        bars("volatility_atr", &self.volatility_atr, 2, 400)?;
        bars("volatility_window", &self.volatility_window, 10, 1000)
    }
}

/// Reads the regime of one instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RegimeReader {
    averages: [Ema; 3],
    atr: Atr,
    rank: Percentile,
    slow_seen: u32,
    rsi: Rsi,
    /// Closes of the 1h bars over which the change is taken, oldest first.
    closes: VecDeque<f64>,
    fast_seen: u32,
    regime: Regime,
}

impl RegimeReader {
    pub(super) fn new(settings: &RegimeSettings) -> RegimeReader {
        let average = |bars: u32| Ema::new(bars as usize);
        RegimeReader {
            averages: [settings.trend_fast, settings.trend_middle, settings.trend_slow].map(average),
            atr: Atr::new(settings.volatility_atr as usize),
            rank: Percentile::new(settings.volatility_window as usize),
            slow_seen: 0,
            rsi: Rsi::new(settings.momentum_rsi as usize),
            closes: VecDeque::new(),
            fast_seen: 0,
            regime: Regime::default(),
        }
    }

    pub(super) fn regime(&self) -> Regime {
        self.regime
    }

    /// Takes a closed bar of any timeframe; only its own two count.
    pub(super) fn on_bar(&mut self, timeframe: Timeframe, candle: &Candle, settings: &RegimeSettings) {
        if timeframe != SLOW && timeframe != FAST {
            return;
        }
        let [slow, fast] = settings.needs();
        if timeframe == slow.timeframe {
            self.slow_seen = self.slow_seen.saturating_add(1);
            let (trend, volatility) = (self.trend(candle), self.volatility(candle, settings));
            if self.slow_seen >= slow.bars {
                (self.regime.trend, self.regime.volatility) = (trend, volatility);
            }
        }
        if timeframe == fast.timeframe {
            self.fast_seen = self.fast_seen.saturating_add(1);
            let momentum = self.momentum(candle, settings);
            if self.fast_seen >= fast.bars {
                self.regime.momentum = momentum;
            }
        }
    }

    fn trend(&mut self, candle: &Candle) -> Option<Trend> {
        let [fast, middle, slow] = self.averages.each_mut().map(|average| average.update(candle.close));
        let (fast, middle, slow) = (fast?, middle?, slow?);
        Some(if candle.close > fast && fast > middle && middle > slow {
            Trend::Up
        } else if candle.close < fast && fast < middle && middle < slow {
            Trend::Down
        } else {
            Trend::Neutral
        })
    }

    fn volatility(&mut self, candle: &Candle, settings: &RegimeSettings) -> Option<Volatility> {
        let atr = self.atr.update(candle.high, candle.low, candle.close)?;
        let rank = self.rank.update(atr / candle.close)?;
        Some(if rank > settings.high_above.to_f64() {
            Volatility::High
        } else if rank < settings.low_below.to_f64() {
            Volatility::Low
        } else {
            Volatility::Normal
        })
    }

    fn momentum(&mut self, candle: &Candle, settings: &RegimeSettings) -> Option<Momentum> {
        let rsi = self.rsi.update(candle.close);
        self.closes.push_back(candle.close);
        if self.closes.len() <= settings.momentum_bars as usize {
            return None;
        }
        let change = candle.close / self.closes.pop_front()? - 1.0;
        let rsi = rsi?;
        let far = settings.strong_change.to_f64();
        let strong = (rsi > settings.strong_above && change > far) || (rsi < settings.strong_below && change < -far);
        let even = (settings.sideways_from..=settings.sideways_to).contains(&rsi);
        Some(if strong {
            Momentum::Strong
        } else if even || change.abs() < settings.sideways_change.to_f64() {
            Momentum::Sideways
        } else {
            Momentum::Weak
        })
    }
}
