//! The market's book, as the feed's depth events tell it. Our own orders are not in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::{BookLevel, Depth};
use crate::types::{Price, Qty, Side};

/// Levels kept on a side. Binance's snapshot has 1,000; what lies farther out than five times that cannot be
/// reached by an order that the percent-price filter lets pass.
const MAX_LEVELS: usize = 5_000;

/// Price levels of both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Book {
    /// Takes in a change. Levels without a positive price or with a negative quantity are garbage and dropped.
    pub(super) fn apply(&mut self, depth: &Depth) {
        if depth.snapshot {
            self.bids.clear();
            self.asks.clear();
        }
        for level in &depth.levels {
            if !level.price.is_positive() || level.qty.is_negative() {
                continue;
            }
            let levels = match level.side {
                Side::Buy => &mut self.bids,
                Side::Sell => &mut self.asks,
            };
            if level.qty.is_zero() {
                levels.remove(&level.price);
            } else {
                levels.insert(level.price, level.qty);
            }
            if levels.len() > MAX_LEVELS {
                match level.side {
                    Side::Buy => levels.pop_first(),
                    Side::Sell => levels.pop_last(),
                };
            }
        }
    }

    /// Has it both sides, and do they not cross? Until then nothing can be said of the market.
    pub(super) fn is_whole(&self) -> bool {
        match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some(bid), Some(ask)) => bid.0 < ask.0,
            _ => false,
        }
    }

    /// Best price of a side with its quantity: of `Buy` the highest, of `Sell` the lowest.
    pub(super) fn best(&self, side: Side) -> Option<(Price, Qty)> {
        match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        }
        .map(|(price, qty)| (*price, *qty))
    }

    /// Quantity displayed at a price.
    pub(super) fn at(&self, side: Side, price: Price) -> Qty {
        match side {
            Side::Buy => self.bids.get(&price),
            Side::Sell => self.asks.get(&price),
        }
        .copied()
        .unwrap_or_default()
    }

    /// Levels of a side, best first.
    pub(super) fn levels(&self, side: Side) -> Vec<(Price, Qty)> {
        match side {
            Side::Buy => self.bids.iter().rev().map(|(price, qty)| (*price, *qty)).collect(),
            Side::Sell => self.asks.iter().map(|(price, qty)| (*price, *qty)).collect(),
        }
    }

    /// The best `count` levels of a side, for display.
    pub(super) fn top(&self, side: Side, count: usize) -> Vec<BookLevel> {
        let levels = self.levels(side).into_iter().take(count);
        levels.map(|(price, qty)| BookLevel { side, price, qty }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(side: Side, price: i64, qty: i64) -> BookLevel {
        BookLevel { side, price: Price::whole(price), qty: Qty::whole(qty) }
    }

    #[test]
    fn levels_are_set_removed_and_replaced() {
        let mut book = Book::default();
        assert!(!book.is_whole());
        let levels = vec![level(Side::Buy, 99, 1), level(Side::Buy, 98, 2), level(Side::Sell, 101, 3)];
        book.apply(&Depth { snapshot: true, levels });
        assert!(book.is_whole());
        assert_eq!(book.best(Side::Buy), Some((Price::whole(99), Qty::whole(1))));
        book.apply(&Depth { snapshot: false, levels: vec![level(Side::Buy, 99, 0), level(Side::Sell, -1, 4)] });
        assert_eq!(book.best(Side::Buy), Some((Price::whole(98), Qty::whole(2))));
        assert_eq!(book.levels(Side::Sell), vec![(Price::whole(101), Qty::whole(3))]);
        book.apply(&Depth { snapshot: true, levels: vec![level(Side::Sell, 90, 1)] });
        assert_eq!(book.best(Side::Buy), None);
    }

    #[test]
    fn the_farthest_level_gives_way() {
        let mut book = Book::default();
        let levels = (1..=MAX_LEVELS as i64 + 10).map(|price| level(Side::Buy, price, 1)).collect();
        book.apply(&Depth { snapshot: true, levels });
        assert_eq!(book.levels(Side::Buy).len(), MAX_LEVELS);
        assert_eq!(book.at(Side::Buy, Price::whole(10)), Qty::ZERO);
        assert_eq!(book.at(Side::Buy, Price::whole(11)), Qty::ONE);
    }
}
