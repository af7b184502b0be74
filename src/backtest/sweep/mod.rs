//! Many backtests over ranges of settings: laid out as a grid or a sample, run on all cores over data that lies in memory
//! once, written to a journal as they finish, ranked, deflated for their number, and walked forward.
//!
//! The result is a function of what is asked: the runs are independent of each other and of the number of threads, and what
//! is said of all of them is computed in the order of their numbers.

mod axis_map;
mod deflated;
mod figures;
mod journal;
mod report;
mod space;
mod values;
mod walk;
mod workers;

use std::collections::BTreeMap;

pub use axis_map::{AxisMap, sides, svg};
pub use deflated::Deflated;
pub use figures::{Figures, Metric, Moments};
pub use journal::{Definition, Ended, Journal, JournalError, Key, Results, Stretch};
pub use report::{Forward, ForwardWindow, Ranked, SweepReport};
pub use space::{Axis, MAX_RUNS, Point, Search, Space, short};
pub use values::Values;
pub use walk::{WalkForward, Window};

use super::run::{Plan, run};
use crate::feed::TimeRange;

/// What is run.
#[derive(Debug)]
pub struct Sweep {
    /// The points.
    pub space: Space,
    /// All of the data.
    pub range: TimeRange,
    /// Windows of the walk-forward, if there is one.
    pub windows: Vec<Window>,
    /// What the best is chosen by, at the end and in each window.
    pub metric: Metric,
    /// How many runs are under way at once.
    pub threads: usize,
}

/// How far a sweep is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Runs that have finished, those of an earlier process among them.
    pub done: usize,
    /// Runs that there are.
    pub all: usize,
}

impl Sweep {
    /// Runs what the journal does not have yet. `plan` makes a run of a point over a stretch, or says why it cannot be one.
    ///
    /// # Errors
    /// If the journal cannot be written. What was finished is in it.
    pub fn run(
        &self,
        journal: &mut Journal,
        mut results: Results,
        plan: impl Fn(usize, TimeRange) -> Result<Plan, String> + Sync,
        mut progress: impl FnMut(Progress),
    ) -> Result<Results, JournalError> {
        let runs = self.space.points.len();
        let all = runs * (1 + self.windows.len()) + self.windows.len();
        let keys = |stretch| (0..runs).map(move |run| Key { stretch, run });
        let mut first: Vec<Key> = keys(Stretch::Whole).collect();
        first.extend((0..self.windows.len()).flat_map(|window| keys(Stretch::Train(window))));
        self.finish(&first, all, journal, &mut results, &plan, &mut progress)?;
        let second: Vec<Key> = (0..self.windows.len())
            .filter_map(|window| {
                let run = self.best(&results, Stretch::Train(window))?;
                Some(Key { stretch: Stretch::Test(window), run })
            })
            .collect();
        self.finish(&second, all, journal, &mut results, &plan, &mut progress)?;
        Ok(results)
    }

    /// The best run of a stretch; of equals the first. None if none has the figure.
    pub fn best(&self, results: &Results, stretch: Stretch) -> Option<usize> {
        self.ranking(results, stretch).first().copied()
    }

    /// The runs of a stretch that have the figure, the best first; equals by their numbers.
    pub fn ranking(&self, results: &Results, stretch: Stretch) -> Vec<usize> {
        let scored = |run| match results.get(&Key { stretch, run })? {
            Ended::Figures(figures) => Some((self.metric.score(figures)?, run)),
            Ended::Refused(_) => None,
        };
        let mut scores: Vec<(f64, usize)> = (0..self.space.points.len()).filter_map(scored).collect();
        scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scores.into_iter().map(|(_, run)| run).collect()
    }

    /// The data of a stretch.
    pub fn range(&self, stretch: Stretch) -> TimeRange {
        match stretch {
            Stretch::Whole => self.range,
            Stretch::Train(window) => self.windows[window].train,
            Stretch::Test(window) => self.windows[window].test,
        }
    }

    fn finish(
        &self,
        keys: &[Key],
        all: usize,
        journal: &mut Journal,
        results: &mut Results,
        plan: &(impl Fn(usize, TimeRange) -> Result<Plan, String> + Sync),
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), JournalError> {
        let left: Vec<Key> = keys.iter().copied().filter(|key| !results.contains_key(key)).collect();
        progress(Progress { done: results.len().min(all), all });
        let work = |key: &Key| self.one(*key, plan);
        workers::each(&left, self.threads, work, |key, ended| {
            journal.write(*key, &ended)?;
            results.insert(*key, ended);
            progress(Progress { done: results.len().min(all), all });
            Ok(())
        })
    }

    fn one(&self, key: Key, plan: &impl Fn(usize, TimeRange) -> Result<Plan, String>) -> Ended {
        let daily = matches!(key.stretch, Stretch::Test(_));
        let outcome = plan(key.run, self.range(key.stretch))
            .and_then(|plan| run(plan, |_| {}).map_err(|error| error.to_string()));
        match outcome {
            Ok(outcome) => Ended::Figures(Box::new(Figures::new(&outcome, daily))),
            Err(why) => Ended::Refused(why),
        }
    }
}

/// Why runs of a stretch could not be run, and how often.
pub(super) fn refusals(results: &Results) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for ended in results.iter().filter(|(key, _)| key.stretch == Stretch::Whole).map(|(_, ended)| ended) {
        if let Ended::Refused(why) = ended {
            *reasons.entry(why.clone()).or_default() += 1;
        }
    }
    reasons
}
