//! Rehearsed faults of the process itself: whoever trusts a watchdog, a restart or an alert has seen it work.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunError;
use crate::types::{Span, Timestamp};

/// Most entries of a schedule: each ends the process, or keeps it from working, so that few are ever reached.
const MOST: usize = 100;
/// Sleeps of a loop that stands still for good.
const STANDS_STILL: Duration = Duration::from_secs(3_600);

/// `[faults.process]`: rehearsed faults of the daemon's own process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What happens when: entries with `after`, `kind` (`stall`, `error`, `panic` or `disk_full`) and, if wanted, `for`
    /// and `runs`.
    pub schedule: Vec<Scheduled>,
}

/// `[[faults.process.schedule]]`: one fault at a set time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// When, in session time from the moment that the loop begins to trade.
    pub after: Span,
    /// What happens.
    pub kind: FaultKind,
    /// How long the loop stands still, in wall time; for good if not given. Other faults do not last.
    #[serde(rename = "for", default)]
    pub lasts: Option<Span>,
    /// In how many runs of the loop within one process, those after a restart included; in all if not given.
    #[serde(default)]
    pub runs: Option<u32>,
}

/// What can happen to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The production loop's thread is blocked: the watchdog must see it.
    Stall,
    /// The loop ends with an error, as it does for a damaged feed: exit code 1, unless it may be started again.
    Error,
    /// A contradiction of our own: exit code 70.
    Panic,
    /// The disk has no room for the ledger: nothing more is sent, exit code 74.
    DiskFull,
}

impl Settings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), String> {
        let setting = "faults.process.schedule";
        if self.schedule.len() > MOST {
            return Err(format!("{setting} has {} entries: give at most {MOST}", self.schedule.len()));
        }
        for one in &self.schedule {
            if one.after < Span::ZERO {
                return Err(format!("{setting}.after = {}: use 0s or more", one.after));
            }
            match one.lasts {
                Some(lasts) if one.kind != FaultKind::Stall => {
                    return Err(format!("{setting}.for = {lasts}: leave it out, only a stall lasts"));
                }
                Some(lasts) if lasts <= Span::ZERO => {
                    return Err(format!("{setting}.for = {lasts}: use more than 0s, or leave it out"));
                }
                Some(_) | None => {}
            }
            if one.runs == Some(0) {
                return Err(format!("{setting}.runs = 0: use 1 or more, or leave the entry out"));
            }
        }
        Ok(())
    }
}

/// What is left of the schedule in this run of the loop, the next at the end.
#[derive(Debug, Default)]
pub(super) struct Rehearsal {
    left: Vec<(Timestamp, Scheduled)>,
}

impl Rehearsal {
    /// The faults of the run with this number, from 1, that begins to trade at `begin`.
    pub(super) fn new(settings: &Settings, run: u32, begin: Timestamp) -> Rehearsal {
        let hits = settings.schedule.iter().filter(|one| one.runs.is_none_or(|runs| run <= runs));
        let mut left: Vec<_> = hits.map(|one| (begin + one.after, one.clone())).collect();
        left.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Rehearsal { left }
    }

    /// The fault that is due at this instant of the session, taken off the schedule.
    pub(super) fn due(&mut self, at: Timestamp) -> Option<Scheduled> {
        self.left.pop_if(|(due, _)| *due <= at).map(|(_, one)| one)
    }
}

/// Lets a fault happen to the thread of the loop. A full disk is the ledger's own affair.
pub(super) fn happen(fault: &Scheduled) -> Result<(), RunError> {
    tracing::warn!(kind = ?fault.kind, "a rehearsed fault of the process");
    match fault.kind {
        FaultKind::Stall => stand_still(fault.lasts),
        FaultKind::Error => return Err(RunError::Rehearsed),
        FaultKind::Panic => panic!("a rehearsed contradiction"),
        FaultKind::DiskFull => {}
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a blocked thread is what is rehearsed")]
fn stand_still(lasts: Option<Span>) {
    match lasts {
        Some(lasts) => std::thread::sleep(lasts.to_std()),
        None => loop {
            std::thread::sleep(STANDS_STILL);
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(after: i64, kind: FaultKind, runs: Option<u32>) -> Scheduled {
        Scheduled { after: Span::secs(after), kind, lasts: None, runs }
    }

    #[test]
    fn faults_come_in_order_each_once_and_in_the_runs_they_are_for() {
        let settings =
            Settings { schedule: vec![entry(9, FaultKind::Panic, None), entry(5, FaultKind::Error, Some(1))] };
        let begin = Timestamp::from_secs(1_000);
        let mut first = Rehearsal::new(&settings, 1, begin);
        assert_eq!(first.due(begin + Span::secs(4)), None);
        assert_eq!(first.due(begin + Span::secs(20)).map(|one| one.kind), Some(FaultKind::Error));
        assert_eq!(first.due(begin + Span::secs(20)).map(|one| one.kind), Some(FaultKind::Panic));
        assert_eq!(first.due(begin + Span::secs(20)), None);
        let mut second = Rehearsal::new(&settings, 2, begin);
        assert_eq!(second.due(begin + Span::secs(20)).map(|one| one.kind), Some(FaultKind::Panic));
        assert_eq!(second.due(begin + Span::secs(20)), None);
    }

    #[test]
    fn each_setting_has_a_range() {
        assert_eq!(Settings::default().check(), Ok(()));
        let stall = entry(0, FaultKind::Stall, None);
        let wrong = [
            ("after", entry(-1, FaultKind::Stall, None)),
            ("runs", entry(0, FaultKind::Error, Some(0))),
            ("for", Scheduled { lasts: Some(Span::ZERO), ..stall.clone() }),
            ("for", Scheduled { lasts: Some(Span::SECOND), ..entry(0, FaultKind::Panic, None) }),
        ];
        for (name, one) in wrong {
            let text = Settings { schedule: vec![one] }.check().expect_err(name);
            assert!(text.contains(&format!("faults.process.schedule.{name}")), "{text}");
        }
        assert!(Settings { schedule: vec![stall; MOST + 1] }.check().is_err());
    }
}
