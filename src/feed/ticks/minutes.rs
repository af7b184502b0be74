//! 1m bars from trades.

use super::block::Print;
use crate::protocol::Bar;
use crate::types::{Qty, Span, Timestamp};

/// How long after a minute's end its trades may still come in a recording: frames of different streams overtake each
/// other by some tens of milliseconds.
pub(super) const LATENESS: Span = Span::SECOND;

/// Longest run of minutes without a trade that is filled with empty bars; a longer one is a hole.
const MAX_EMPTY: i64 = 60;

/// The bar that is being built.
#[derive(Debug)]
pub(super) struct Minutes {
    /// How long after a minute's end its trades may still come.
    lateness: Span,
    /// Is the minute in which trades begin one that was not seen from its beginning?
    begins_within: bool,
    /// The minute that is open, or `None` before the first record.
    open: Option<Timestamp>,
    bar: Option<Bar>,
    /// The last bar given.
    last: Option<Bar>,
    /// Was the open minute not seen from its beginning?
    partial: bool,
}

impl Minutes {
    /// Of a recording, which begins and ends within a minute.
    pub(super) fn recorded() -> Minutes {
        Minutes::new(LATENESS, true)
    }

    /// Of files that are cut between minutes and lie in order.
    pub(super) fn published() -> Minutes {
        Minutes::new(Span::ZERO, false)
    }

    fn new(lateness: Span, begins_within: bool) -> Minutes {
        Minutes { lateness, begins_within, open: None, bar: None, last: None, partial: begins_within }
    }

    /// How long after a minute's end its trades may still come.
    pub(super) fn lateness(&self) -> Span {
        self.lateness
    }

    /// Is the open minute over, and waits for trades that may still come?
    pub(super) fn is_over(&self, at: Timestamp) -> bool {
        self.open.is_none_or(|open| open + Span::MINUTE <= at)
    }

    /// Trades were lost: the open minute will not be given, nor the one in which trades come again if it is not seen whole.
    pub(super) fn interrupt(&mut self) {
        *self = Minutes::new(self.lateness, self.begins_within);
    }

    /// There are no more trades: the bar of the open minute, if it is whole.
    pub(super) fn end(&mut self) -> Option<Bar> {
        self.bar.take().filter(|_| !self.begins_within)
    }

    /// Lets time pass; gives the bars of minutes that ended so long ago that no trade of theirs can come.
    pub(super) fn pass(&mut self, at: Timestamp) -> Vec<Bar> {
        self.close_before((at - self.lateness).floor(Span::MINUTE), at)
    }

    /// Adds a trade, dated by the exchange; gives the bars of the minutes that it shows to be over. A trade of a
    /// minute that is over counts to the one that is open.
    pub(super) fn trade(&mut self, at: Timestamp, trade: &Print) -> Vec<Bar> {
        let closed = self.close_before(at.floor(Span::MINUTE), at);
        self.add(at, trade);
        closed
    }

    /// Adds a trade that shows no minute to be over.
    pub(super) fn add(&mut self, at: Timestamp, trade: &Print) {
        let price = trade.price();
        let bar = self.bar.get_or_insert_with(|| Bar {
            open_time: self.open.unwrap_or_else(|| at.floor(Span::MINUTE)),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::ZERO,
        });
        bar.high = bar.high.max(price);
        bar.low = bar.low.min(price);
        bar.close = price;
        bar.volume += trade.qty();
    }

    /// Closes every minute that opened before `minute`.
    fn close_before(&mut self, minute: Timestamp, at: Timestamp) -> Vec<Bar> {
        let open = *self.open.get_or_insert(at.floor(Span::MINUTE));
        if open >= minute {
            return Vec::new();
        }
        let mut bars = Vec::new();
        let mut next = open;
        let behind = (minute - open).as_secs() / 60;
        for _ in 0..behind.min(MAX_EMPTY) {
            bars.extend(self.close(next));
            next += Span::MINUTE;
        }
        if behind > MAX_EMPTY {
            self.interrupt();
        }
        self.open = Some(minute);
        bars
    }

    fn close(&mut self, open_time: Timestamp) -> Option<Bar> {
        let empty = |last: Bar| Bar {
            open_time,
            open: last.close,
            high: last.close,
            low: last.close,
            close: last.close,
            volume: Qty::ZERO,
        };
        let bar = self.bar.take().or_else(|| self.last.map(empty));
        let partial = std::mem::take(&mut self.partial);
        self.last = bar;
        bar.filter(|_| !partial)
    }
}
