//! Quote, mark and last price of one instrument, and what stands in for those that its feed lacks.

use serde::{Deserialize, Serialize};

use crate::protocol::{FeedShape, Funding, Mark, Quote};
use crate::types::{Price, Qty, Rate, Rounding, Timestamp};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prices {
    pub(super) quote: Option<Quote>,
    pub(super) mark: Option<Mark>,
    pub(super) funding: Option<Funding>,
    /// The last price that was traded at, and when.
    last: Option<(Timestamp, Price)>,
}

impl Prices {
    /// A trade or a bar's close happened at `at`. Newer wins: a bar comes after the trades in it.
    pub(super) fn traded(&mut self, at: Timestamp, price: Price) {
        if self.last.is_none_or(|(last, _)| at >= last) {
            self.last = Some((at, price));
        }
    }

    pub(super) fn last(&self) -> Option<Price> {
        self.last.map(|(_, price)| price)
    }

    /// The venue's mark; where the feed has none, the last price, or the middle of the quote before any.
    pub(super) fn mark(&self, shape: FeedShape) -> Option<Price> {
        if shape.mark {
            return self.mark.map(|mark| mark.price);
        }
        let middle = |quote: Quote| (quote.bid + quote.ask).divided_by(2, Rounding::Down);
        self.last().or(self.quote.map(middle))
    }

    /// The feed's quote; where it has none, half a `spread` to either side of the last price, in quantities
    /// that nobody knows and that are given as zero.
    pub(super) fn quote(&self, shape: FeedShape, spread: Rate) -> Option<Quote> {
        if shape.quotes {
            return self.quote;
        }
        let last = self.last()?;
        let half = last.times(spread.divided_by(2, Rounding::Down), Rounding::Down);
        Some(Quote { bid: last - half, bid_qty: Qty::ZERO, ask: last + half, ask_qty: Qty::ZERO })
    }
}

/// Is the bid below the ask, and both a price?
pub(super) fn is_consistent(quote: &Quote) -> bool {
    quote.bid.is_positive() && quote.bid < quote.ask && !quote.bid_qty.is_negative() && !quote.ask_qty.is_negative()
}
