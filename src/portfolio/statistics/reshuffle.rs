//! How deep the drawdown might have been, had the same round trips come in another order: a permutation test, as in
//! D. Aronson, "Evidence-Based Technical Analysis", 2006, and K. Davey, "Building Winning Algorithmic Trading Systems", 2014.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::Serialize;

use crate::protocol::TradeRow;
use crate::types::Usdt;

/// Most round trips that are laid end to end over all orders: some tenths of a second. Longer lists get fewer orders.
const MOST_STEPS: usize = 20_000_000;

/// The largest drawdowns of the round trips in orders drawn at random, as ratios of the peak before. Each round trip brings
/// what it brought, in USDT, when it closes; what is open between is not seen, so these are smaller than the curve's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reshuffled {
    /// Orders that were drawn.
    pub orders: usize,
    /// Of the generator; the same seed draws the same orders.
    pub seed: u64,
    /// In the order in which they came.
    pub actual: f64,
    /// Half of the orders stay below.
    pub median: f64,
    /// 19 of 20 stay below.
    pub p95: f64,
    /// 99 of 100 stay below.
    pub p99: f64,
    /// The largest of all.
    pub worst: f64,
    /// Share of the orders that fell at least as far as the actual one. Near 1 the actual order was a lucky one.
    pub at_least_actual: f64,
}

/// Draws `orders` orders of the round trips. None for fewer than two of them, which have one order, or without capital.
pub fn reshuffle(capital: Usdt, trades: &[TradeRow], orders: usize, seed: u64) -> Option<Reshuffled> {
    let mut results: Vec<f64> = trades.iter().map(|trade| trade.net().to_f64()).collect();
    if results.len() < 2 || !capital.is_positive() || orders == 0 {
        return None;
    }
    let capital = capital.to_f64();
    let actual = deepest(capital, &results);
    let orders = orders.min(MOST_STEPS / results.len()).max(1);
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut falls: Vec<f64> = (0..orders)
        .map(|_| {
            shuffle(&mut results, &mut generator);
            deepest(capital, &results)
        })
        .collect();
    falls.sort_unstable_by(f64::total_cmp);
    let below = falls.partition_point(|fall| *fall < actual);
    Some(Reshuffled {
        orders,
        seed,
        actual,
        median: quantile(&falls, 0.5),
        p95: quantile(&falls, 0.95),
        p99: quantile(&falls, 0.99),
        worst: quantile(&falls, 1.0),
        at_least_actual: (orders - below) as f64 / orders as f64,
    })
}

/// The largest fall from a peak, as a ratio of it.
fn deepest(capital: f64, results: &[f64]) -> f64 {
    let (mut equity, mut peak, mut deepest) = (capital, capital, 0.0_f64);
    for result in results {
        equity += result;
        peak = peak.max(equity);
        deepest = deepest.max((peak - equity) / peak);
    }
    deepest
}

/// Fisher and Yates, with D. Lemire's reduction of a number to a range.
fn shuffle(values: &mut [f64], generator: &mut Xoshiro256PlusPlus) {
    for last in (1..values.len()).rev() {
        let drawn = (u128::from(generator.next_u64()) * (last as u128 + 1)) >> 64;
        values.swap(last, drawn as usize);
    }
}

/// The smallest value that the share `of` of them does not exceed.
fn quantile(sorted: &[f64], of: f64) -> f64 {
    let place = (of * sorted.len() as f64).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}
