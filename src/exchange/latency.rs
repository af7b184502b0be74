//! How long requests and reports are on their way: seeded draws from integer tables.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::SettingError;
use crate::types::Span;

/// Longest delay a table may hold: an order that takes longer has long been answered for by its window.
const MAX_MICROS: u32 = 60_000_000;
/// Parts that a table's whole range is divided into when a number is drawn.
const PARTS: u64 = 1_000_000;

/// A point of a distribution: this percentage of messages takes at most this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyPoint {
    /// From 0 (the fastest) to 100 (the slowest).
    pub percent: u8,
    /// Microseconds.
    pub micros: u32,
}

/// A table from pairs of percentage and microseconds.
pub(super) fn table<const N: usize>(points: [(u8, u32); N]) -> Vec<LatencyPoint> {
    points.into_iter().map(|(percent, micros)| LatencyPoint { percent, micros }).collect()
}

/// Is the table empty, or does it rise from 0 to 100 percent?
pub(super) fn check(setting: &'static str, points: &[LatencyPoint]) -> Result<(), SettingError> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(()) };
    if first.percent != 0 || last.percent != 100 {
        let value = format!("from {} to {} percent", first.percent, last.percent);
        return Err(SettingError::new(setting, value, "begin with 0 percent and end with 100"));
    }
    for pair in points.windows(2) {
        if pair[0].percent >= pair[1].percent || pair[0].micros > pair[1].micros {
            let value = format!("falling at {} percent", pair[1].percent);
            return Err(SettingError::new(setting, value, "let both columns rise"));
        }
    }
    if last.micros > MAX_MICROS {
        return Err(SettingError::new(setting, format!("up to {} µs", last.micros), "write at most a minute"));
    }
    Ok(())
}

/// The generator behind a stream of draws.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A number below `bound`, each as likely as the others to one part in 2⁶⁴.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let scaled = u128::from(self.0.next_u64()) * u128::from(bound);
        (scaled >> 64) as u64
    }

    /// A delay from the table, linear between its points. Without a table it is nothing, and nothing is drawn.
    pub(super) fn delay(&mut self, points: &[LatencyPoint]) -> Span {
        if points.is_empty() {
            return Span::ZERO;
        }
        interpolate(points, self.below(PARTS))
    }
}

fn interpolate(points: &[LatencyPoint], part: u64) -> Span {
    let place = |point: &LatencyPoint| u64::from(point.percent) * (PARTS / 100);
    let Some(above) = points.iter().position(|point| place(point) > part) else {
        return points.last().map_or(Span::ZERO, |point| Span::micros(i64::from(point.micros)));
    };
    let (low, high) = (&points[above.saturating_sub(1)], &points[above]);
    let width = place(high).saturating_sub(place(low)).max(1);
    let rise = u64::from(high.micros.saturating_sub(low.micros));
    let micros = u64::from(low.micros) + rise * part.saturating_sub(place(low)) / width;
    Span::micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_lie_on_the_lines_between_the_points() {
        let points = table([(0, 20_000), (50, 35_000), (100, 80_000)]);
        for (part, micros) in [
            (0, 20_000),
            (250_000, 27_500),
            (500_000, 35_000),
            (750_000, 57_500),
            (999_999, 79_999),
            (1_000_000, 80_000),
        ] {
            assert_eq!(interpolate(&points, part), Span::micros(micros), "{part}");
        }
    }

    #[test]
    fn draws_are_seeded_and_within_the_table() {
        let points = table([(0, 5), (100, 9)]);
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (0..200).map(|_| dice.delay(&points)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|d| (Span::micros(5)..=Span::micros(9)).contains(d)));
    }

    #[test]
    fn a_table_rises_from_0_to_100() {
        assert!(check("x", &[]).is_ok());
        assert!(check("x", &table([(0, 1), (100, 2)])).is_ok());
        for bad in [table([(1, 1), (100, 2)]), table([(0, 1), (99, 2)]), table([(0, 3), (100, 2)])] {
            assert!(check("x", &bad).is_err(), "{bad:?}");
        }
    }
}
