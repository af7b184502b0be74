//! Which runs a sweep has: every combination of the settings' values, or a random sample of them.

use std::collections::BTreeSet;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::Serialize;

/// Most runs of a sweep: their results lie in memory, at half a kilobyte each.
pub const MAX_RUNS: usize = 1_000_000;
/// Of a sample, so many draws in a row that were drawn before mean that the space is nearly used up.
const MAX_REPEATS: usize = 10_000;

/// A setting and its values, as texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// The setting's full name.
    pub setting: String,
    /// Its values, in the order in which they were given.
    pub values: Vec<String>,
}

/// How runs are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Search {
    /// Every combination.
    Grid,
    /// A sample without repetition.
    Random {
        /// How many.
        runs: usize,
        /// The same seed, the same sample.
        seed: u64,
    },
}

/// A run's place on each axis.
pub type Point = Vec<usize>;

/// The runs of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// What varies.
    pub axes: Vec<Axis>,
    /// The runs. A run's number is its place here.
    pub points: Vec<Point>,
}

impl Space {
    /// Lays out the runs. A sample of all there is, or more, is the grid.
    ///
    /// # Errors
    /// If there are too many.
    pub fn new(axes: Vec<Axis>, search: Search) -> Result<Space, String> {
        let size = axes.iter().try_fold(1_usize, |size, axis| size.checked_mul(axis.values.len()));
        let points = match (search, size) {
            (Search::Random { runs, .. }, _) if runs == 0 || runs > MAX_RUNS => {
                return Err(format!("--random {runs}: draw from 1 to {MAX_RUNS} runs"));
            }
            (Search::Random { runs, seed }, size) if size.is_none_or(|size| size > runs) => sample(&axes, runs, seed),
            (Search::Grid | Search::Random { .. }, Some(size)) if size <= MAX_RUNS => {
                (0..size).map(|at| point(&axes, at)).collect()
            }
            (Search::Grid | Search::Random { .. }, size) => {
                let size = size.map_or_else(|| "more than can be counted".to_owned(), |size| size.to_string());
                return Err(format!(
                    "the grid has {size} runs; {MAX_RUNS} are the most, so take larger steps, or --random N of them"
                ));
            }
        };
        Ok(Space { axes, points })
    }

    /// A run's value on an axis.
    pub fn value(&self, run: usize, axis: usize) -> &str {
        &self.axes[axis].values[self.points[run][axis]]
    }
}

/// The last word of a setting's name.
pub fn short(setting: &str) -> &str {
    setting.rsplit('.').next().unwrap_or(setting)
}

/// The last axis changes fastest.
fn point(axes: &[Axis], mut at: usize) -> Point {
    let mut point = vec![0; axes.len()];
    for (place, axis) in point.iter_mut().zip(axes).rev() {
        *place = at % axis.values.len();
        at /= axis.values.len();
    }
    point
}

fn sample(axes: &[Axis], runs: usize, seed: u64) -> Vec<Point> {
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (mut drawn, mut points, mut repeats) = (BTreeSet::new(), Vec::with_capacity(runs), 0);
    while points.len() < runs && repeats < MAX_REPEATS {
        let point: Point = axes.iter().map(|axis| below(&mut dice, axis.values.len())).collect();
        if drawn.insert(point.clone()) {
            points.push(point);
            repeats = 0;
        } else {
            repeats += 1;
        }
    }
    points
}

/// Evenly from 0 to below `end`: the high half of a product. Source: D. Lemire, "Fast Random Integer Generation in an
/// Interval", 2019; the bias that it goes on to remove is below 2⁻⁵⁰ here.
fn below(dice: &mut Xoshiro256PlusPlus, end: usize) -> usize {
    ((u128::from(dice.next_u64()) * end as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(sizes: &[usize]) -> Vec<Axis> {
        let axis = |(at, size): (usize, &usize)| Axis {
            setting: format!("room.s{at}"),
            values: (0..*size).map(|value| value.to_string()).collect(),
        };
        sizes.iter().enumerate().map(axis).collect()
    }

    #[test]
    fn a_grid_has_every_combination_once() {
        let space = Space::new(axes(&[2, 3]), Search::Grid).unwrap();
        let runs: Vec<String> = (0..6).map(|run| [0, 1].map(|axis| space.value(run, axis)).concat()).collect();
        assert_eq!(runs, ["00", "01", "02", "10", "11", "12"]);
        let error = Space::new(axes(&[2_000, 2_000]), Search::Grid).expect_err("too many");
        assert!(error.contains("4000000 runs"), "{error}");
    }

    #[test]
    fn a_sample_is_a_function_of_its_seed_and_repeats_nothing() {
        let draw = |seed| Space::new(axes(&[100, 100]), Search::Random { runs: 500, seed }).unwrap().points;
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(draw(1).into_iter().collect::<BTreeSet<_>>().len(), 500);
        let all = Space::new(axes(&[2, 3]), Search::Random { runs: 6, seed: 1 }).unwrap();
        assert_eq!(all, Space::new(axes(&[2, 3]), Search::Grid).unwrap());
        assert!(Space::new(axes(&[2]), Search::Random { runs: 0, seed: 1 }).is_err());
    }
}
