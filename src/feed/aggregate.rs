//! Higher bars from lower ones, by the rule the engine follows as well: aligned to UTC, and never emitted with
//! minutes missing.

use crate::protocol::Bar;
use crate::types::{Timeframe, Timestamp};

/// Collects bars of any lower length into bars of one timeframe. Takes them oldest first or newest first.
#[derive(Debug)]
pub(super) struct Fold {
    timeframe: Timeframe,
    bar: Option<Bar>,
    minutes: i64,
}

impl Fold {
    pub(super) fn new(timeframe: Timeframe) -> Fold {
        Fold { timeframe, bar: None, minutes: 0 }
    }

    /// Adds the neighbour of the last bar added, `minutes` long; gives the higher bar that it completes.
    pub(super) fn push(&mut self, bar: Bar, minutes: i64) -> Option<Bar> {
        let bucket = self.timeframe.open_of(bar.open_time);
        let same = self.bar.take().filter(|so_far| self.timeframe.open_of(so_far.open_time) == bucket);
        let (joined, so_far) = match same {
            Some(so_far) if bar.open_time < so_far.open_time => (join(bar, so_far), self.minutes),
            Some(so_far) => (join(so_far, bar), self.minutes),
            None => (bar, 0),
        };
        self.minutes = so_far + minutes;
        if self.minutes == self.timeframe.minutes() {
            return Some(Bar { open_time: bucket, ..joined });
        }
        self.bar = Some(joined);
        None
    }
}

/// Higher bars from 1m bars, oldest first.
pub(super) fn aggregate(timeframe: Timeframe, minutes: impl IntoIterator<Item = Bar>) -> Vec<Bar> {
    let mut fold = Fold::new(timeframe);
    minutes.into_iter().filter_map(|bar| fold.push(bar, 1)).collect()
}

/// The earliest minute that `bars` bars of a timeframe closed by `before` can need, and the end of the last one.
pub(super) fn window(timeframe: Timeframe, bars: usize, before: Timestamp) -> (Timestamp, Timestamp) {
    let until = timeframe.open_of(before);
    let bars = i64::try_from(bars.min(super::MAX_HISTORY_BARS)).unwrap_or(i64::MAX);
    (until - timeframe.span() * bars, until)
}

fn join(earlier: Bar, later: Bar) -> Bar {
    Bar {
        open_time: earlier.open_time,
        open: earlier.open,
        high: earlier.high.max(later.high),
        low: earlier.low.min(later.low),
        close: later.close,
        volume: earlier.volume + later.volume,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Price, Qty};

    fn minute(at: i64, open: i64, close: i64) -> Bar {
        Bar {
            open_time: Timestamp::from_secs(at * 60),
            open: Price::whole(open),
            high: Price::whole(open.max(close) + 1),
            low: Price::whole(open.min(close) - 1),
            close: Price::whole(close),
            volume: Qty::ONE,
        }
    }

    #[test]
    fn five_minutes_make_a_bar_in_either_direction_and_four_do_not() {
        let bars: Vec<Bar> = (3..16).map(|at| minute(at, 100 + at, 101 + at)).collect();
        let forward = aggregate(Timeframe::M5, bars.iter().copied());
        let mut fold = Fold::new(Timeframe::M5);
        let mut backward: Vec<Bar> = bars.iter().rev().filter_map(|bar| fold.push(*bar, 1)).collect();
        backward.reverse();
        assert_eq!(forward, backward);
        let expect = [(300, 105, 111, 104, 110), (600, 110, 116, 109, 115)];
        let found: Vec<_> =
            forward.iter().map(|bar| (bar.open_time.as_secs(), bar.open, bar.high, bar.low, bar.close)).collect();
        let whole = |(at, o, h, l, c): (i64, i64, i64, i64, i64)| {
            (at, Price::whole(o), Price::whole(h), Price::whole(l), Price::whole(c))
        };
        assert_eq!(found, expect.map(whole));
        assert!(forward.iter().all(|bar| bar.volume == Qty::whole(5)));

        let holed = bars.iter().filter(|bar| bar.open_time != Timestamp::from_secs(420)).copied();
        assert_eq!(aggregate(Timeframe::M5, holed), forward[1..]);
    }
}
