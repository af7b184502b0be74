//! The bars of one instrument: 1m bars put in order, holes in them noticed and waited for, and every longer
//! timeframe built from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lane::Lane;
use super::{Absorbed, ClosedBar, Gap, Need};
use crate::protocol::Bar;
use crate::types::{Span, Timeframe, Timestamp};

/// How far a venue's clock may be ahead of ours before its newest bars are taken for unfinished ones. Entries
/// stop at an uncertainty of one second; recorded hosts were up to 1.3 s behind.
const CLOCK_TOLERANCE: Span = Span::secs(5);

/// 1m bars that wait behind a hole, or for the warm-up: four hours. A filling that has not come by then is
/// not coming, and trading on with a hole beats not trading at all.
const MAX_HELD: usize = 240;

/// A bar sent later than this is no news: a feed that starts sends bars that closed minutes ago at most, and
/// the hole between an older one and today is not one to fill.
const MAX_LATE: Span = Span::DAY;

/// Why a bar was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Duplicate,
    Older,
    Inconsistent,
    Unfinished,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bars {
    /// Longest first, and 1m, which is always there, last: a decision at a close knows of every longer bar
    /// that closed with it.
    lanes: Vec<Lane>,
    /// 1m bars that cannot go out yet, by open time.
    held: BTreeMap<Timestamp, Bar>,
    gap: Option<Gap>,
    /// Holes before this are accepted: their filling came, and was shorter.
    accepted_until: Option<Timestamp>,
}

impl Bars {
    pub(super) fn new(needs: &[Need]) -> Bars {
        let mut lanes: Vec<Lane> = Timeframe::ALL
            .into_iter()
            .rev()
            .filter_map(|timeframe| {
                let bars = needs.iter().filter(|need| need.timeframe == timeframe).map(|need| need.bars).max();
                bars.map(|bars| Lane::new(timeframe, bars, false))
            })
            .collect();
        if lanes.last().is_none_or(|lane| lane.timeframe != Timeframe::M1) {
            // Where nobody needs any history there is none to wait for.
            lanes.push(Lane::new(Timeframe::M1, 0, lanes.is_empty()));
        }
        Bars { lanes, held: BTreeMap::new(), gap: None, accepted_until: None }
    }

    /// Takes a closed 1m bar that the feed sent.
    pub(super) fn bar(&mut self, at: Timestamp, bar: &Bar, out: &mut Absorbed) -> Result<(), Refused> {
        check(at, bar, Timeframe::M1)?;
        if at.since(bar.open_time + Span::MINUTE) > MAX_LATE {
            return Err(Refused::Older);
        }
        match self.last_minute() {
            Some(last) if bar.open_time == last => return Err(Refused::Duplicate),
            Some(last) if bar.open_time < last => return Err(Refused::Older),
            Some(_) | None => {}
        }
        let follows = self.last_minute().is_some_and(|last| bar.open_time == last + Span::MINUTE);
        if follows && self.held.is_empty() && self.minutes().released {
            self.minute(at, bar, true, &mut out.closed);
            return Ok(());
        }
        let before = self.held.insert(bar.open_time, *bar);
        self.drain(at, out);
        if before.is_some() { Err(Refused::Duplicate) } else { Ok(()) }
    }

    /// Takes history: the warm-up of a timeframe, or the filling of a hole. Gives the number of bars refused.
    pub(super) fn history(&mut self, at: Timestamp, timeframe: Timeframe, bars: &[Bar], out: &mut Absorbed) -> u64 {
        let good = |bar: &&Bar| check(at, bar, timeframe).is_ok();
        let refused = bars.iter().filter(|bar| !good(bar)).count() as u64;
        let bars = bars.iter().filter(good);
        if timeframe == Timeframe::M1 {
            match self.gap {
                Some(gap) => self.fill(at, gap, bars, out),
                None => self.warm_up(at, bars, out),
            }
        } else if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.timeframe == timeframe) {
            for bar in bars {
                lane.history(at, bar, &mut out.closed);
            }
            lane.release(at, &mut out.closed);
        }
        refused
    }

    /// There is no more history than what came.
    pub(super) fn complete(&mut self, at: Timestamp, out: &mut Absorbed) {
        for lane in &mut self.lanes {
            lane.complete(at, &mut out.closed);
        }
        self.drain(at, out);
    }

    pub(super) fn is_warm(&self) -> bool {
        self.lanes.iter().all(Lane::is_warm)
    }

    /// Has the history of every timeframe come, however long it was?
    pub(super) fn has_history(&self) -> bool {
        self.lanes.iter().all(|lane| lane.released)
    }

    /// The hole that is being waited for.
    pub(super) fn gap(&self) -> Option<Gap> {
        self.gap
    }

    /// Open time of the last 1m bar that went out.
    pub(super) fn last_minute(&self) -> Option<Timestamp> {
        self.minutes().last
    }

    /// What to load before trading: for 1m as much as the longest bar in the making has minutes.
    pub(super) fn plan(&self, at: Timestamp) -> Vec<Need> {
        let begun = self.lanes.iter().map(|lane| {
            let minutes = at.since(lane.timeframe.open_of(at)).as_secs() / Span::MINUTE.as_secs();
            u32::try_from(minutes).unwrap_or(u32::MAX)
        });
        let begun = begun.max().unwrap_or(0);
        let need = |lane: &Lane| if lane.timeframe == Timeframe::M1 { lane.need().max(begun) } else { lane.need() };
        self.lanes.iter().map(|lane| Need { timeframe: lane.timeframe, bars: need(lane) }).collect()
    }

    fn minutes(&self) -> &Lane {
        self.lanes.last().expect("the 1m lane is always there")
    }

    fn warm_up<'a>(&mut self, at: Timestamp, bars: impl Iterator<Item = &'a Bar>, out: &mut Absorbed) {
        self.release_minutes(at, out);
        for bar in bars {
            if self.last_minute().is_none_or(|last| bar.open_time > last) {
                self.minute(at, bar, false, &mut out.closed);
            }
        }
        self.drain(at, out);
    }

    fn fill<'a>(&mut self, at: Timestamp, gap: Gap, bars: impl Iterator<Item = &'a Bar>, out: &mut Absorbed) {
        let (mut any, mut fits) = (false, false);
        for bar in bars {
            any = true;
            fits |= gap.from <= bar.open_time && bar.open_time < gap.until;
            if bar.open_time >= gap.from {
                self.held.entry(bar.open_time).or_insert(*bar);
            }
        }
        // An answer without a bar of the hole that has others is the late answer to an earlier question.
        if fits || !any {
            self.accepted_until = Some(gap.until);
        }
        self.drain(at, out);
    }

    /// Sends out what is held, up to the next hole.
    fn drain(&mut self, at: Timestamp, out: &mut Absorbed) {
        if !self.minutes().released {
            if self.held.len() < MAX_HELD.max(self.minutes().need() as usize) {
                return;
            }
            self.release_minutes(at, out);
        }
        self.gap = None;
        while let Some((open_time, bar)) = self.held.first_key_value().map(|(at, bar)| (*at, *bar)) {
            let expected = self.last_minute().map_or(open_time, |last| last + Span::MINUTE);
            let accepted = self.accepted_until.is_some_and(|until| open_time <= until);
            if open_time > expected && !accepted && self.held.len() <= MAX_HELD {
                let gap = Gap { from: expected, until: open_time };
                self.gap = Some(gap);
                out.gap = Some(gap);
                return;
            }
            self.held.remove(&open_time);
            if open_time >= expected {
                self.minute(at, &bar, true, &mut out.closed);
            }
        }
    }

    fn minute(&mut self, at: Timestamp, bar: &Bar, live: bool, out: &mut Vec<ClosedBar>) {
        for lane in &mut self.lanes {
            lane.minute(at, bar, live, out);
        }
    }

    fn release_minutes(&mut self, at: Timestamp, out: &mut Absorbed) {
        if let Some(lane) = self.lanes.last_mut() {
            lane.release(at, &mut out.closed);
        }
    }
}

/// Is it a bar of this timeframe that has closed?
fn check(at: Timestamp, bar: &Bar, timeframe: Timeframe) -> Result<(), Refused> {
    if !bar.is_consistent() || timeframe.open_of(bar.open_time) != bar.open_time {
        return Err(Refused::Inconsistent);
    }
    if bar.open_time + timeframe.span() > at + CLOCK_TOLERANCE {
        return Err(Refused::Unfinished);
    }
    Ok(())
}
