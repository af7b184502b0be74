//! The public book as it was last told, and what has changed since: every change moves its number on, so that a
//! client can join a snapshot to the stream of changes.
//!
//! A snapshot bears the number that the next change will begin with. Then the first change that a client may apply
//! has that number within its bounds, as Binance's rules for keeping a book ask for, whether or not the client was
//! listening before.

use std::collections::BTreeMap;

use crate::exchange::Exchange;
use crate::protocol::BookLevel;
use crate::types::{InstrumentId, Price, Qty, Side, Timestamp};

/// Levels of a side that are told of: Binance's deepest snapshot.
pub(crate) const MAX_LEVELS: usize = 1_000;

/// Changes between two numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BookDiff {
    pub first: u64,
    pub last: u64,
    pub previous: u64,
    pub bids: Vec<(Price, Qty)>,
    pub asks: Vec<(Price, Qty)>,
}

/// How often a stream of changes is told, in ticks of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cadence {
    Fast,
    Usual,
    Slow,
}

impl Cadence {
    pub(crate) const ALL: [Cadence; 3] = [Cadence::Fast, Cadence::Usual, Cadence::Slow];

    /// Is it told at this tick? Ticks are 100 ms; 250 ms is every second or third.
    pub(crate) const fn is_due(self, tick: u64) -> bool {
        match self {
            Cadence::Fast => true,
            Cadence::Usual => matches!(tick % 5, 0 | 2),
            Cadence::Slow => tick.is_multiple_of(5),
        }
    }
}

/// What one cadence has not told yet.
#[derive(Debug, Clone, Default)]
struct Pending {
    told: u64,
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

/// The public book of an instrument.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ladder {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
    last: u64,
    pub changed_at: Timestamp,
    pending: [Pending; 3],
}

impl Ladder {
    /// A book whose numbers go on after `last`.
    pub(crate) fn after(last: u64) -> Ladder {
        let pending = std::array::from_fn(|_| Pending { told: last, ..Pending::default() });
        Ladder { last, pending, ..Ladder::default() }
    }

    /// The number of the last change.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// A change that only the best prices tell of.
    pub(crate) fn step(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Looks at the exchange's book and takes note of what has changed.
    pub(crate) fn refresh(&mut self, exchange: &Exchange, id: InstrumentId, at: Timestamp) {
        for side in [Side::Buy, Side::Sell] {
            let now = exchange.public_book(id, side, MAX_LEVELS);
            let changes = changes(self.side(side), &now);
            if changes.is_empty() {
                continue;
            }
            self.changed_at = at;
            self.last += changes.len() as u64;
            for (price, qty) in changes {
                for pending in &mut self.pending {
                    match side {
                        Side::Buy => pending.bids.insert(price, qty),
                        Side::Sell => pending.asks.insert(price, qty),
                    };
                }
                let levels = match side {
                    Side::Buy => &mut self.bids,
                    Side::Sell => &mut self.asks,
                };
                if qty.is_zero() {
                    levels.remove(&price)
                } else {
                    levels.insert(price, qty)
                };
            }
        }
    }

    /// What a cadence has to tell, if anything; it is then told.
    pub(crate) fn take(&mut self, cadence: Cadence) -> Option<BookDiff> {
        let pending = &mut self.pending[cadence as usize];
        if pending.bids.is_empty() && pending.asks.is_empty() {
            return None;
        }
        let (bids, asks) = (std::mem::take(&mut pending.bids), std::mem::take(&mut pending.asks));
        let previous = std::mem::replace(&mut pending.told, self.last);
        Some(BookDiff {
            first: previous + 1,
            last: self.last,
            previous,
            bids: bids.into_iter().rev().collect(),
            asks: asks.into_iter().collect(),
        })
    }

    /// The best levels of a side, best first.
    pub(crate) fn top(&self, side: Side, levels: usize) -> Vec<(Price, Qty)> {
        let pair = |(price, qty): (&Price, &Qty)| (*price, *qty);
        match side {
            Side::Buy => self.bids.iter().rev().take(levels).map(pair).collect(),
            Side::Sell => self.asks.iter().take(levels).map(pair).collect(),
        }
    }

    fn side(&self, side: Side) -> &BTreeMap<Price, Qty> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }
}

/// Levels that are new, other or gone; these with no quantity.
fn changes(before: &BTreeMap<Price, Qty>, now: &[BookLevel]) -> Vec<(Price, Qty)> {
    let mut changed: Vec<(Price, Qty)> = now
        .iter()
        .filter(|level| before.get(&level.price) != Some(&level.qty))
        .map(|level| (level.price, level.qty))
        .collect();
    let kept: std::collections::BTreeSet<Price> = now.iter().map(|level| level.price).collect();
    changed.extend(before.keys().filter(|price| !kept.contains(price)).map(|price| (*price, Qty::ZERO)));
    changed
}
