//! The closed bars of one timeframe, in order and each once: warm-up first, then what 1m bars build.

use serde::{Deserialize, Serialize};

use super::ClosedBar;
use crate::protocol::Bar;
use crate::types::{Span, Timeframe, Timestamp};

/// One timeframe of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) timeframe: Timeframe,
    /// Bars that somebody needs before deciding.
    need: u32,
    /// Bars that have gone out.
    seen: u32,
    /// Has a person or the feed said that there is no more history?
    complete: bool,
    /// Do bars go out as they close? Not before the history that precedes them.
    pub(super) released: bool,
    /// Open time of the last bar that went out.
    pub(super) last: Option<Timestamp>,
    building: Option<Building>,
    /// Bars built before the history came, and whether a live one completed them. Bounded by `need`: then
    /// they are history enough.
    waiting: Vec<(Bar, bool)>,
}

/// A bar in the making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Building {
    bar: Bar,
    /// Open time of the minute that belongs next.
    next: Timestamp,
    /// Is no minute missing so far?
    whole: bool,
}

impl Lane {
    pub(super) fn new(timeframe: Timeframe, need: u32, released: bool) -> Lane {
        Lane { timeframe, need, seen: 0, complete: false, released, last: None, building: None, waiting: Vec::new() }
    }

    pub(super) fn need(&self) -> u32 {
        self.need
    }

    pub(super) fn is_warm(&self) -> bool {
        self.released && (self.complete || self.seen >= self.need)
    }

    /// Takes the next 1m bar and sends out the bar of this lane that it completes, if it does.
    pub(super) fn minute(&mut self, at: Timestamp, minute: &Bar, live: bool, out: &mut Vec<ClosedBar>) {
        if self.timeframe == Timeframe::M1 {
            self.close(at, minute, live, out);
        } else if let Some(bar) = self.build(minute) {
            self.close(at, &bar, live, out);
        }
    }

    fn close(&mut self, at: Timestamp, bar: &Bar, live: bool, out: &mut Vec<ClosedBar>) {
        if self.last.is_some_and(|last| bar.open_time <= last) {
            return;
        }
        if self.released {
            self.send(at, bar, live, out);
            return;
        }
        self.waiting.push((*bar, live));
        if u32::try_from(self.waiting.len()).is_ok_and(|built| built >= self.need) {
            self.release(at, out);
        }
    }

    /// Takes a bar of this lane's history.
    pub(super) fn history(&mut self, at: Timestamp, bar: &Bar, out: &mut Vec<ClosedBar>) {
        if self.last.is_none_or(|last| bar.open_time > last) {
            self.send(at, bar, false, out);
        }
    }

    /// The history is there: what was built meanwhile follows it.
    pub(super) fn release(&mut self, at: Timestamp, out: &mut Vec<ClosedBar>) {
        self.released = true;
        for (bar, live) in std::mem::take(&mut self.waiting) {
            if self.last.is_none_or(|last| bar.open_time > last) {
                self.send(at, &bar, live, out);
            }
        }
    }

    /// There is no more history than what came.
    pub(super) fn complete(&mut self, at: Timestamp, out: &mut Vec<ClosedBar>) {
        self.complete = true;
        self.release(at, out);
    }

    fn send(&mut self, at: Timestamp, bar: &Bar, live: bool, out: &mut Vec<ClosedBar>) {
        self.last = Some(bar.open_time);
        self.seen = self.seen.saturating_add(1);
        let length = self.timeframe.span();
        let fresh = at.since(bar.open_time + length) < length;
        out.push(ClosedBar { timeframe: self.timeframe, bar: *bar, live: live && fresh });
    }

    fn build(&mut self, minute: &Bar) -> Option<Bar> {
        let length = self.timeframe.span();
        let made = match self.building.as_mut().filter(|made| made.spans(minute.open_time, length)) {
            Some(made) => {
                made.add(minute);
                made
            }
            None => self.building.insert(Building::begin(self.timeframe.open_of(minute.open_time), minute)),
        };
        if made.next < made.bar.open_time + length {
            return None;
        }
        self.building.take().filter(|made| made.whole).map(|made| made.bar)
    }
}

impl Building {
    fn begin(open_time: Timestamp, minute: &Bar) -> Building {
        let bar = Bar { open_time, ..*minute };
        Building { bar, next: minute.open_time + Span::MINUTE, whole: minute.open_time == open_time }
    }

    /// Does this instant lie within the bar?
    fn spans(&self, at: Timestamp, length: Span) -> bool {
        at >= self.bar.open_time && at < self.bar.open_time + length
    }

    fn add(&mut self, minute: &Bar) {
        self.whole &= self.next == minute.open_time;
        self.next = minute.open_time + Span::MINUTE;
        self.bar.high = self.bar.high.max(minute.high);
        self.bar.low = self.bar.low.min(minute.low);
        self.bar.close = minute.close;
        self.bar.volume += minute.volume;
    }
}
