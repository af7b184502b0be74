//! The public trades of an instrument.

use std::collections::VecDeque;

use crate::types::{Price, Qty, Timestamp};

/// Trades kept: an hour of a market with some trades a second.
const MAX_PRINTS: usize = 20_000;

/// A public trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Print {
    pub id: u64,
    pub price: Price,
    pub qty: Qty,
    pub at: Timestamp,
    /// Was the buyer the maker?
    pub buyer_made: bool,
}

/// The last trades, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tape(VecDeque<Print>);

impl Tape {
    pub(crate) fn push(&mut self, print: Print) {
        self.0.push_back(print);
        if self.0.len() > MAX_PRINTS {
            self.0.pop_front();
        }
    }

    pub(crate) fn last(&self) -> Option<&Print> {
        self.0.back()
    }

    /// The last `limit` trades.
    pub(crate) fn recent(&self, limit: usize) -> impl Iterator<Item = &Print> {
        self.0.range(self.0.len().saturating_sub(limit)..)
    }

    /// The first `limit` trades from a number on.
    pub(crate) fn since_id(&self, id: u64, limit: usize) -> impl Iterator<Item = &Print> {
        self.0.range(self.0.partition_point(|print| print.id < id)..).take(limit)
    }

    /// The first `limit` trades within these instants, both included.
    pub(crate) fn between(&self, from: Timestamp, until: Timestamp, limit: usize) -> impl Iterator<Item = &Print> {
        let first = self.0.partition_point(|print| print.at < from);
        self.0.range(first..).take_while(move |print| print.at <= until).take(limit)
    }
}
