//! Walk-forward: parameters are chosen on one stretch and judged on the one after it, again and again. What the chosen ones
//! earn on the stretches that they had not seen is the figure that trading can be expected to repeat.
//!
//! Source: R. Pardo, "The Evaluation and Optimization of Trading Strategies", 2008.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::feed::TimeRange;
use crate::types::{Span, Timestamp};

/// Most windows of a walk: each is a sweep of its own.
const MAX_WINDOWS: usize = 1_000;

/// How long the stretches are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WalkForward {
    /// Parameters are chosen on so much.
    pub train: Span,
    /// And judged on so much after it; the next window begins so much later.
    pub test: Span,
    /// Does every window begin where the first one does, so that what is learned from grows?
    pub anchored: bool,
}

/// A stretch to choose on, and the one to judge on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Parameters are chosen here.
    pub train: TimeRange,
    /// And judged here.
    pub test: TimeRange,
}

impl FromStr for WalkForward {
    type Err = String;

    /// Reads `30d:7d`: 30 days to choose on, 7 to judge on.
    fn from_str(text: &str) -> Result<WalkForward, String> {
        let wrong = || "write the length to choose on and the one to judge on, like `30d:7d`".to_owned();
        let (train, test) = text.split_once(':').ok_or_else(wrong)?;
        let span = |text: &str| text.trim().parse::<Span>().map_err(|_| wrong());
        let walk = WalkForward { train: span(train)?, test: span(test)?, anchored: false };
        if walk.train < Span::HOUR || walk.test < Span::HOUR {
            return Err("each stretch has to be an hour or more".to_owned());
        }
        Ok(walk)
    }
}

impl fmt::Display for WalkForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let anchored = if self.anchored { ", anchored" } else { "" };
        write!(f, "{}:{}{anchored}", self.train, self.test)
    }
}

impl WalkForward {
    /// The windows of a period; the last one judges on what is left, if that is half of its length or more.
    ///
    /// # Errors
    /// If the period has no room for a window, or for too many.
    pub fn windows(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Window>, String> {
        let mut windows = Vec::new();
        let mut judged_from = from + self.train;
        while until.since(judged_from) * 2 >= self.test {
            if windows.len() == MAX_WINDOWS {
                return Err(format!(
                    "--walk-forward {self}: more than {MAX_WINDOWS} windows; judge on longer stretches"
                ));
            }
            let learned_from = if self.anchored { from } else { judged_from - self.train };
            let judged_until = until.min(judged_from + self.test);
            windows.push(Window {
                train: TimeRange { from: Some(learned_from), until: Some(judged_from) },
                test: TimeRange { from: Some(judged_from), until: Some(judged_until) },
            });
            judged_from = judged_until;
        }
        if windows.is_empty() {
            let there = until.since(from);
            return Err(format!("--walk-forward {self}: the data is {there} long; choose shorter stretches"));
        }
        Ok(windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(at: i64) -> Timestamp {
        Timestamp::EPOCH + Span::DAY * at
    }

    fn days(walk: &WalkForward, until: i64) -> Vec<[i64; 4]> {
        let day = |at: Option<Timestamp>| at.expect("both ends are set").day();
        let windows = walk.windows(day_zero(), Timestamp::EPOCH + Span::DAY * until).expect("windows");
        windows.iter().map(|w| [day(w.train.from), day(w.train.until), day(w.test.from), day(w.test.until)]).collect()
    }

    fn day_zero() -> Timestamp {
        day(0)
    }

    #[test]
    fn windows_follow_each_other_and_judge_every_day_once() {
        let walk: WalkForward = "10d:4d".parse().unwrap();
        assert_eq!(days(&walk, 20), [[0, 10, 10, 14], [4, 14, 14, 18], [8, 18, 18, 20]]);
        assert_eq!(days(&walk, 19), [[0, 10, 10, 14], [4, 14, 14, 18]], "a day is less than half of four");
        let anchored = WalkForward { anchored: true, ..walk };
        assert_eq!(days(&anchored, 18), [[0, 10, 10, 14], [0, 14, 14, 18]]);
    }

    #[test]
    fn what_does_not_fit_is_explained() {
        let walk: WalkForward = "10d:4d".parse().unwrap();
        assert!(walk.windows(day(0), day(11)).unwrap_err().contains("11d"));
        assert!("1h:1h".parse::<WalkForward>().unwrap().windows(day(0), day(400)).unwrap_err().contains("1000"));
        for bad in ["", "10d", "10d:", "a:b", "10d:1m", "0s:1d"] {
            assert!(bad.parse::<WalkForward>().is_err(), "{bad}");
        }
    }
}
