//! 1m bars from trades.

use crate::protocol::{Bar, Trade};
use crate::types::{Qty, Span, Timestamp};

/// How long after a minute's end its trades may still come: frames of different streams overtake each other by
/// some tens of milliseconds.
pub(super) const LATENESS: Span = Span::SECOND;

/// Longest run of minutes without a trade that is filled with empty bars; a longer one is a hole.
const MAX_EMPTY: i64 = 60;

/// The bar that is being built.
#[derive(Debug)]
pub(super) struct Minutes {
    /// The minute that is open, or `None` before the first record.
    open: Option<Timestamp>,
    bar: Option<Bar>,
    /// The last bar given.
    last: Option<Bar>,
    /// Was the open minute not seen from its beginning?
    partial: bool,
}

impl Minutes {
    pub(super) fn new() -> Minutes {
        Minutes { open: None, bar: None, last: None, partial: true }
    }

    /// Trades were lost: the open minute will not be given, nor the one in which trades come again.
    pub(super) fn interrupt(&mut self) {
        *self = Minutes::new();
    }

    /// Lets time pass; gives the bars of minutes that ended so long ago that no trade of theirs can come.
    pub(super) fn pass(&mut self, at: Timestamp) -> Vec<Bar> {
        self.close_before((at - LATENESS).floor(Span::MINUTE), at)
    }

    /// Adds a trade, dated by the exchange; gives the bars of the minutes that it shows to be over. A trade of a
    /// minute that is over counts to the one that is open.
    pub(super) fn trade(&mut self, at: Timestamp, trade: &Trade) -> Vec<Bar> {
        let minute = at.floor(Span::MINUTE);
        let closed = self.close_before(minute, at);
        let open_time = self.open.unwrap_or(minute);
        let bar = self.bar.get_or_insert(Bar {
            open_time,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: Qty::ZERO,
        });
        bar.high = bar.high.max(trade.price);
        bar.low = bar.low.min(trade.price);
        bar.close = trade.price;
        bar.volume += trade.qty;
        closed
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
