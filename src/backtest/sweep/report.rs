//! What a sweep came to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::deflated::deflate;
use super::{Axis, Deflated, Ended, Figures, Key, Metric, Results, Stretch, Sweep, refusals};
use crate::portfolio::statistics::{sharpe, sortino};

/// Days in a year of a market that never closes.
const DAYS_A_YEAR: f64 = 365.0;

/// Everything that is shown of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepReport {
    /// Where the data came from.
    pub feed: String,
    /// What runs are ranked by.
    pub metric: Metric,
    /// What varied.
    pub axes: Vec<Axis>,
    /// Runs that were laid out.
    pub runs: usize,
    /// Settings that could not be run, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Runs that have the figure, the best first; those without it after them, by number.
    pub ranked: Vec<Ranked>,
    /// The best run's Sharpe ratio in the light of the number of runs.
    pub deflated: Option<Deflated>,
    /// What parameters chosen on the past earned on what came after.
    pub walk_forward: Option<Forward>,
}

/// A run in the ranking.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// Its number in the order in which the space was laid out, from 0.
    pub run: usize,
    /// Its value on each axis.
    pub values: Vec<String>,
    /// Its figures.
    pub figures: Figures,
}

/// A walk-forward.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forward {
    /// Its windows, in order.
    pub windows: Vec<ForwardWindow>,
    /// All that was earned on stretches that were not seen when choosing, one after the other.
    pub total_return: f64,
    /// The same as a compound rate of a year.
    pub annual_return: Option<f64>,
    /// Sharpe ratio of a year, of the days of those stretches.
    pub sharpe: Option<f64>,
    /// Sortino ratio of a year, of those days.
    pub sortino: Option<f64>,
    /// Largest fall from a peak by the days' ends.
    pub drawdown: f64,
    /// Annual return of the stretches judged on by the mean one of those chosen on: R. Pardo's walk-forward efficiency.
    pub efficiency: Option<f64>,
}

/// A window of a walk-forward.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForwardWindow {
    /// The stretch chosen on.
    pub train: String,
    /// The stretch judged on.
    pub test: String,
    /// The run chosen; none if no run had the figure.
    pub chosen: Option<Ranked>,
    /// What the chosen one came to on the stretch judged on; none if it could not be run.
    pub judged: Option<Figures>,
}

impl SweepReport {
    /// A report of a finished sweep over a feed.
    pub fn new(feed: String, sweep: &Sweep, results: &Results) -> SweepReport {
        let order = sweep.ranking(results, Stretch::Whole);
        let scored: BTreeSet<usize> = order.iter().copied().collect();
        let without = (0..sweep.space.points.len()).filter(|run| !scored.contains(run));
        let ranked: Vec<Ranked> = order
            .iter()
            .copied()
            .chain(without)
            .filter_map(|run| ranked(sweep, results, Stretch::Whole, run))
            .collect();
        let mut by_number: Vec<&Ranked> = ranked.iter().collect();
        by_number.sort_by_key(|one| one.run);
        let sharpes: Vec<f64> = by_number.iter().filter_map(|one| one.figures.moments.sharpe).collect();
        SweepReport {
            feed,
            metric: sweep.metric,
            axes: sweep.space.axes.clone(),
            runs: sweep.space.points.len(),
            refused: refusals(results),
            deflated: ranked.first().and_then(|best| deflate(&best.figures.moments, &sharpes)),
            walk_forward: (!sweep.windows.is_empty()).then(|| forward(sweep, results)),
            ranked,
        }
    }

    /// The first rows of the ranking.
    pub fn top(&self, rows: usize) -> &[Ranked] {
        &self.ranked[..rows.min(self.ranked.len())]
    }
}

fn figures(results: &Results, stretch: Stretch, run: usize) -> Option<&Figures> {
    match results.get(&Key { stretch, run })? {
        Ended::Figures(figures) => Some(figures),
        Ended::Refused(_) => None,
    }
}

fn ranked(sweep: &Sweep, results: &Results, stretch: Stretch, run: usize) -> Option<Ranked> {
    let figures = figures(results, stretch, run)?.clone();
    let values = (0..sweep.space.axes.len()).map(|axis| sweep.space.value(run, axis).to_owned()).collect();
    Some(Ranked { run, values, figures })
}

fn forward(sweep: &Sweep, results: &Results) -> Forward {
    let windows: Vec<ForwardWindow> = (0..sweep.windows.len())
        .map(|at| {
            let chosen = sweep.best(results, Stretch::Train(at));
            ForwardWindow {
                train: sweep.windows[at].train.to_string(),
                test: sweep.windows[at].test.to_string(),
                chosen: chosen.and_then(|run| ranked(sweep, results, Stretch::Train(at), run)),
                judged: chosen.and_then(|run| figures(results, Stretch::Test(at), run)).cloned(),
            }
        })
        .collect();
    let days: Vec<f64> =
        windows.iter().filter_map(|window| window.judged.as_ref()).flat_map(|judged| judged.daily.clone()).collect();
    let growth = windows
        .iter()
        .filter_map(|window| window.judged.as_ref()?.total_return)
        .fold(1.0, |all, one| all * (1.0 + one));
    let annual = (growth > 0.0 && !days.is_empty()).then(|| growth.powf(DAYS_A_YEAR / days.len() as f64) - 1.0);
    let chosen_on: Vec<f64> =
        windows.iter().filter_map(|window| window.chosen.as_ref()?.figures.annual_return).collect();
    let mean = chosen_on.iter().sum::<f64>() / chosen_on.len() as f64;
    Forward {
        total_return: growth - 1.0,
        annual_return: annual,
        sharpe: sharpe(&days),
        sortino: sortino(&days),
        drawdown: drawdown(&days),
        efficiency: annual.filter(|_| mean > 0.0).map(|annual| annual / mean),
        windows,
    }
}

fn drawdown(days: &[f64]) -> f64 {
    let (mut equity, mut peak, mut worst) = (1.0_f64, 1.0_f64, 0.0_f64);
    for one in days {
        equity *= 1.0 + one;
        peak = peak.max(equity);
        worst = worst.max(1.0 - equity / peak);
    }
    worst
}
