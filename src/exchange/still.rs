//! Prices between which nothing of ours can happen, so that market data there only has to be stored: no trigger lies there,
//! nothing rests, and nobody who holds a position could be liquidated.
//!
//! What stands behind an account's positions is divided among them: as long as each price stays within its share, all of
//! them together cannot use it up. Both are found once, and again when something has changed or a price has left its
//! interval; a price at or beyond a border is looked at closely.

use super::Core;
use super::account::{AccountId, MarginMode};
use super::market::MAX_PRICE;
use crate::types::{InstrumentId, Price, Rounding, Usdt};

/// What stands behind an account must be more than this for its positions to be left alone, so that rounding, which takes
/// billionths of it, plays no part.
const LEAST_SPARE: Usdt = Usdt::new(1, 3);

/// An open interval of prices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Interval {
    above: Price,
    below: Price,
}

/// Where a board's price may be without anything happening.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Still {
    interval: Interval,
    /// What it was found for.
    of: Option<Basis>,
}

/// The last price, the number of rows that the journal had had, and how often shares had been given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Basis {
    last: Option<Price>,
    rows: u64,
    shares: u64,
}

/// Where the prices of an account's positions may be without it being liquidated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ease {
    /// By instrument.
    shares: Vec<(InstrumentId, Interval)>,
    /// The number of rows about money or positions that the journal had had when they were given out; none if they are not
    /// to be relied on.
    of: Option<u64>,
}

impl Interval {
    const NONE: Interval = Interval { above: Price::ZERO, below: Price::ZERO };
    const ALL: Interval = Interval { above: Price::ZERO, below: MAX_PRICE };

    fn holds(&self, low: Price, high: Price) -> bool {
        self.above < low && high < self.below
    }

    fn and(&self, other: &Interval) -> Interval {
        Interval { above: self.above.max(other.above), below: self.below.min(other.below) }
    }
}

impl Core {
    /// Can nothing of ours happen while the last price is anywhere from `low` to `high`?
    pub(super) fn is_still(&mut self, id: InstrumentId, low: Price, high: Price) -> bool {
        let still = self.boards[id.index()].still;
        let basis = self.basis(id);
        let fits = still.of.is_some_and(|of| (of.rows, of.shares) == (basis.rows, basis.shares));
        if fits && still.interval.holds(low, high) {
            debug_assert!(
                !self.anybody_fails_at(id, low) && !self.anybody_fails_at(id, high),
                "nobody is liquidated here"
            );
            return true;
        }
        if fits && still.of == Some(basis) {
            return false;
        }
        let interval = self.find_still(id).unwrap_or(Interval::NONE);
        let of = Some(self.basis(id));
        self.boards[id.index()].still = Still { interval, of };
        interval.holds(low, high)
    }

    /// The price of a board is about to move, or has moved, outside of what was found for it: shares that rested on its
    /// staying there rest on nothing.
    pub(super) fn disturb(&mut self, id: InstrumentId) {
        for account in &self.boards[id.index()].holders {
            let ease = &mut self.accounts[account.index()].ease;
            self.shares += u64::from(ease.of.take().is_some());
        }
    }

    fn basis(&self, id: InstrumentId) -> Basis {
        Basis { last: self.boards[id.index()].last, rows: self.changes.count(), shares: self.shares }
    }

    /// None where the last price is not all that matters, or is not known.
    fn find_still(&mut self, id: InstrumentId) -> Option<Interval> {
        let board = &self.boards[id.index()];
        let last = board.last?;
        if board.mark.is_some() || !board.bids.is_empty() || !board.asks.is_empty() {
            return None;
        }
        let mut interval = Interval::ALL;
        for order in board.waiting.iter().map(|order| self.orders.get(order)) {
            let order = order.filter(|order| order.terms.trail.is_none())?;
            // By its direction and not by where the price is: a trigger that was crossed unseen, in a halt or while a trade
            // of ours was the last, lies between the price and the interval, and is looked at.
            let trigger = order.trigger()?;
            if trigger.rising {
                interval.below = interval.below.min(trigger.price);
            } else {
                interval.above = interval.above.max(trigger.price);
            }
        }
        for place in 0..self.boards[id.index()].holders.len() {
            let account = self.boards[id.index()].holders[place];
            interval = interval.and(&self.share(account, id, last)?);
        }
        Some(interval)
    }

    /// An account's share for one of its instruments.
    fn share(&mut self, account: AccountId, id: InstrumentId, last: Price) -> Option<Interval> {
        let find = |ease: &Ease| {
            let first = ease.shares.partition_point(|(instrument, _)| *instrument < id);
            let ours = ease.shares[first..].iter().take_while(|(instrument, _)| *instrument == id);
            ours.map(|(_, interval)| *interval).reduce(|one, other| one.and(&other))
        };
        let ease = &self.accounts[account.index()].ease;
        if ease.of == Some(self.changes.moves())
            && let Some(share) = find(ease).filter(|share| share.holds(last, last))
        {
            return Some(share);
        }
        let shares = self.give_shares(account).unwrap_or_default();
        self.shares += 1;
        let ease = &mut self.accounts[account.index()].ease;
        *ease = Ease { shares, of: Some(self.changes.moves()) };
        find(ease)
    }

    /// Half of what stands behind the account is divided evenly. A move costs a position its own size, and at most as much
    /// again in maintenance margin, whose rate is below one. None if something else matters too.
    fn give_shares(&self, account: AccountId) -> Option<Vec<(InstrumentId, Interval)>> {
        let one = &self.accounts[account.index()];
        if one.config.margin != MarginMode::Cross || !one.margins.is_empty() {
            return None;
        }
        let mut spare = one.balance;
        for ((instrument, _), position) in &one.positions {
            let mark = self.mark_of(*instrument, position);
            spare += position.unrealised(mark) - self.maintenance(*instrument, position);
        }
        if spare < LEAST_SPARE {
            return None;
        }
        let parts = 4 * i64::try_from(one.positions.len()).ok()?;
        let share = |((instrument, _), position): (&(InstrumentId, _), &super::position::Position)| {
            let (mark, room) =
                (self.mark_of(*instrument, position), spare.per_qty(position.qty.abs() * parts, Rounding::Down));
            (*instrument, Interval { above: mark - room, below: mark + room })
        };
        Some(one.positions.iter().map(share).collect())
    }
}
