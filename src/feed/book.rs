//! An order book kept from a venue's depth updates.

use std::collections::BTreeMap;

use crate::protocol::{BookLevel, Quote};
use crate::types::{Price, Qty, Rounding, Side};

/// Most levels kept on a side. A day of Binance's updates leaves some ten thousand; a file that names more is
/// not a market, and its levels farthest from the touch are dropped.
pub const MAX_LEVELS: usize = 100_000;

/// Resting quantity by price, on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Book {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Sets a level to its new quantity; zero removes it.
    pub fn set(&mut self, level: BookLevel) {
        let side = match level.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        if !level.qty.is_positive() {
            side.remove(&level.price);
            return;
        }
        side.insert(level.price, level.qty);
        if side.len() > MAX_LEVELS {
            match level.side {
                Side::Buy => side.pop_first(),
                Side::Sell => side.pop_last(),
            };
        }
    }

    /// Highest bid with its quantity.
    pub fn best_bid(&self) -> Option<(Price, Qty)> {
        self.bids.last_key_value().map(|(price, qty)| (*price, *qty))
    }

    /// Lowest ask with its quantity.
    pub fn best_ask(&self) -> Option<(Price, Qty)> {
        self.asks.first_key_value().map(|(price, qty)| (*price, *qty))
    }

    /// The touch, if both sides have one.
    pub fn quote(&self) -> Option<Quote> {
        let ((bid, bid_qty), (ask, ask_qty)) = (self.best_bid()?, self.best_ask()?);
        Some(Quote { bid, bid_qty, ask, ask_qty })
    }

    /// Every level: bids from the best down, then asks from the best up.
    pub fn levels(&self) -> impl Iterator<Item = BookLevel> {
        let bids = self.bids.iter().rev().map(|(price, qty)| BookLevel { side: Side::Buy, price: *price, qty: *qty });
        bids.chain(self.asks.iter().map(|(price, qty)| BookLevel { side: Side::Sell, price: *price, qty: *qty }))
    }
}

/// The middle of bid and ask, rounded down at the last decimal place.
pub(super) fn middle(quote: &Quote) -> Price {
    (quote.bid + quote.ask).divided_by(2, Rounding::Down)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(side: Side, price: i64, qty: i64) -> BookLevel {
        BookLevel { side, price: Price::whole(price), qty: Qty::whole(qty) }
    }

    #[test]
    fn the_touch_follows_the_levels() {
        let mut book = Book::default();
        let touch = |book: &Book| book.quote().map(|q| (q.bid, q.bid_qty, q.ask, q.ask_qty));
        let whole = |b, bq, a, aq| Some((Price::whole(b), Qty::whole(bq), Price::whole(a), Qty::whole(aq)));
        for (given, expect) in [
            (level(Side::Buy, 99, 1), None),
            (level(Side::Sell, 101, 2), whole(99, 1, 101, 2)),
            (level(Side::Buy, 100, 3), whole(100, 3, 101, 2)),
            (level(Side::Buy, 100, 5), whole(100, 5, 101, 2)),
            (level(Side::Sell, 102, 7), whole(100, 5, 101, 2)),
            (level(Side::Sell, 101, 0), whole(100, 5, 102, 7)),
            (level(Side::Buy, 100, 0), whole(99, 1, 102, 7)),
            (level(Side::Buy, 42, 0), whole(99, 1, 102, 7)),
        ] {
            book.set(given);
            assert_eq!(touch(&book), expect, "{given:?}");
        }
        assert_eq!(book.quote().map(|quote| middle(&quote).to_string()).as_deref(), Some("100.5"));
        assert_eq!(book.levels().collect::<Vec<_>>(), [level(Side::Buy, 99, 1), level(Side::Sell, 102, 7)]);
    }

    #[test]
    fn a_side_is_bounded_and_keeps_the_touch() {
        let mut book = Book::default();
        for price in 1..=MAX_LEVELS as i64 + 5 {
            book.set(level(Side::Buy, price, 1));
            book.set(level(Side::Sell, 1_000_000 - price, 1));
        }
        assert_eq!(book.levels().count(), 2 * MAX_LEVELS);
        assert_eq!(book.best_bid().map(|(price, _)| price), Some(Price::whole(MAX_LEVELS as i64 + 5)));
    }
}
