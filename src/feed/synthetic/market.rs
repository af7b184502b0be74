//! What one symbol's market is like, apart from what happens in it.

use super::super::SyntheticSettings;
use super::super::random;
use crate::types::{Instrument, Price, Qty, Rounding, Span, Usdt};

/// About where each symbol trades, and how much it moves where the settings say 1.
const REFERENCES: [(&str, i64, u32, f64); 7] = [
    ("BTC", 60_000, 0, 0.95),
    ("ETH", 3_000, 0, 1.0),
    ("SOL", 150, 0, 1.15),
    ("BNB", 600, 0, 0.95),
    ("XRP", 60, 2, 1.05),
    ("DOGE", 15, 2, 1.15),
    ("ADA", 45, 2, 1.1),
];

/// Ticks in the price of a symbol that has no reference: fine enough for a spread of a few basis points.
const TICKS_OF_UNKNOWN: i64 = 20_000;

/// Quantity is dealt in lots of about this much money: a trade is of one to some twenty.
const LOT: Usdt = Usdt::whole(500);

/// One symbol's constants.
#[derive(Debug)]
pub(super) struct Market {
    /// Stands for seed and symbol in every key.
    pub(super) key: u64,
    /// Stands for the seed alone: draws that all symbols share.
    pub(super) common: u64,
    pub(super) tick: Price,
    /// The price that the walk is pulled to, in ticks.
    pub(super) reference_ticks: f64,
    pub(super) lot: Qty,
    /// Standard deviation of a minute's return in an ordinary regime.
    pub(super) sigma: f64,
    /// Share of the variance that is common to all symbols.
    pub(super) correlation: f64,
    /// Half the spread as a ratio of price.
    pub(super) half_spread: f64,
    pub(super) regime_minutes: i64,
    pub(super) funding_interval: Span,
}

impl Market {
    pub(super) fn new(settings: &SyntheticSettings, instrument: &Instrument, seed: u64) -> Market {
        let base = instrument.symbol.base();
        let known = REFERENCES.iter().find(|(name, ..)| *name == base);
        let (reference, liveliness) = match known {
            Some((_, number, places, liveliness)) => (Price::new(*number, *places), *liveliness),
            None => (instrument.tick * TICKS_OF_UNKNOWN, 1.0),
        };
        Market {
            key: random::key(&[seed, random::word(base)]),
            common: random::key(&[seed, random::word("every symbol")]),
            tick: instrument.tick,
            reference_ticks: reference.to_f64() / instrument.tick.to_f64(),
            lot: LOT
                .per_price(reference, Rounding::Down)
                .round_to(instrument.step, Rounding::Down)
                .max(instrument.step),
            sigma: settings.volatility.to_f64() * liveliness,
            correlation: settings.correlation.to_f64(),
            half_spread: settings.spread.to_f64() / 2.0,
            regime_minutes: settings.regime_span.as_secs() / 60,
            funding_interval: instrument.funding_interval,
        }
    }

    /// A place of the walk as a price in ticks.
    pub(super) fn ticks(&self, place: f64) -> f64 {
        self.reference_ticks * (1.0 + place)
    }

    /// The price nearest to so many ticks, and at least one.
    pub(super) fn price(&self, ticks: f64) -> Price {
        self.tick * (ticks.round() as i64).max(1)
    }

    /// A standard normal draw, partly common to all symbols, that belongs to `words`.
    pub(super) fn shock(&self, words: &[u64]) -> f64 {
        let draw = |key: u64| random::normal(&mut random::generator(random::key(&[key, random::key(words)])));
        self.correlation.sqrt() * draw(self.common) + (1.0 - self.correlation).sqrt() * draw(self.key)
    }

    /// An even draw in [0, 1) of this symbol alone that belongs to `words`.
    pub(super) fn chance(&self, words: &[u64]) -> f64 {
        random::unit(random::key(&[self.key, random::key(words)]))
    }
}
