//! An instrument's state: what the market last said of it, and which of our participants' orders it has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::book::Book;
use super::still::Still;
use crate::protocol::{Mark, Quote};
use crate::types::{Price, Qty, Rate, Side, Timestamp};

/// One instrument.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Board {
    /// The feed's last traded price, or what stands in for it.
    pub last: Option<Price>,
    /// Price of the last trade in which one of our participants took, while the feed has told of no later one.
    pub own: Option<Price>,
    /// What the feed last said of the mark.
    pub mark: Option<Mark>,
    /// The feed's best bid and ask.
    pub quote: Option<Quote>,
    /// The feed's book.
    pub book: Book,
    /// Has the venue stopped trading?
    pub halted: bool,
    /// When funding is due, and at which rate.
    pub funding: FundingClock,
    /// Resting buys of all accounts, highest price first, then by age.
    pub bids: Vec<u64>,
    /// Resting sells, lowest price first, then by age.
    pub asks: Vec<u64>,
    /// Conditional orders that wait for their trigger, by age.
    pub waiting: Vec<u64>,
    /// Accounts with a position here, ascending.
    pub holders: Vec<AccountId>,
    /// What our takers took from the market since it last moved: it is not there a second time.
    pub taken: Taken,
    /// What is left of the bar's volume for resting orders, while a bar is walked.
    pub bar_left: Qty,
    /// Prices between which nothing of ours can happen.
    #[serde(skip)]
    pub still: Still,
}

/// Quantities by price that are no longer offered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    from_bids: BTreeMap<Price, Qty>,
    from_asks: BTreeMap<Price, Qty>,
}

/// Funding of an instrument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FundingClock {
    /// The next settlement, while somebody holds a position.
    pub next: Timestamp,
    /// Its rate; the setting's if the feed has said nothing.
    pub rate: Option<Rate>,
    /// Fundings up to here are settled, or were before anybody held a position.
    pub settled_until: Timestamp,
}

impl Board {
    /// Has nobody an order or a position here? Then market data only has to be stored.
    pub(super) fn is_idle(&self) -> bool {
        self.holders.is_empty() && self.bids.is_empty() && self.asks.is_empty() && self.waiting.is_empty()
    }

    /// The feed has a last price.
    pub(super) fn move_to(&mut self, price: Price) {
        (self.last, self.own) = (Some(price), None);
    }

    /// Price of the last trade, whoever's it was: what conditional orders watch, as at Binance. What the market offers
    /// is made from the feed's price alone, so that nobody moves the market by trading in it.
    pub(super) fn last_price(&self) -> Option<Price> {
        self.own.or(self.last)
    }

    /// Resting orders of a side, best first.
    pub(super) fn resting(&self, side: Side) -> &Vec<u64> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    pub(super) fn resting_mut(&mut self, side: Side) -> &mut Vec<u64> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

impl Taken {
    fn side(&self, offered: Side) -> &BTreeMap<Price, Qty> {
        match offered {
            Side::Buy => &self.from_bids,
            Side::Sell => &self.from_asks,
        }
    }

    /// What is left of a level.
    pub(super) fn left(&self, offered: Side, price: Price, qty: Qty) -> Qty {
        (qty - self.side(offered).get(&price).copied().unwrap_or_default()).max(Qty::ZERO)
    }

    pub(super) fn take(&mut self, offered: Side, price: Price, qty: Qty) {
        let levels = match offered {
            Side::Buy => &mut self.from_bids,
            Side::Sell => &mut self.from_asks,
        };
        *levels.entry(price).or_default() += qty;
    }

    pub(super) fn clear(&mut self) {
        for side in [&mut self.from_bids, &mut self.from_asks] {
            if !side.is_empty() {
                side.clear();
            }
        }
    }
}
