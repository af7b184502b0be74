//! A bar alone does not say in which order its prices came. The path assumed is open, the extreme nearer to the
//! open, the farther extreme, close; of two equally near extremes the low comes first. Prices jump from the last
//! close to the open and then go through everything on the way, so that a trigger between two points fires at
//! its own price and one that the jump went past fires at the open.
//!
//! Where an account had orders, or its liquidation, within reach on both sides of the open, which came first is
//! our assumption, and its fills in that bar are marked.
//!
//! All of it happened before the bar's end, if nobody knows when; so who is told of the bar has been told of it.

use super::Core;
use super::account::AccountId;
use crate::protocol::{Bar, TriggerBy};
use crate::types::{InstrumentId, Price, Rounding};

impl Core {
    pub(super) fn walk_bar(&mut self, id: InstrumentId, bar: &Bar) {
        let step = self.instruments.get(id).step;
        let board = &mut self.boards[id.index()];
        board.taken.clear();
        board.bar_left = bar.volume.times(self.settings.bar_share, Rounding::Down).round_to(step, Rounding::Down);
        self.path_dependent = self.depend_on_path(id, bar);
        self.inside_bar = true;
        self.come_to(id, bar.open);
        let low_first = bar.open - bar.low <= bar.high - bar.open;
        let (near, far) = if low_first { (bar.low, bar.high) } else { (bar.high, bar.low) };
        for point in [near, far, bar.close] {
            self.go_to(id, point);
        }
        self.path_dependent.clear();
        self.inside_bar = false;
    }

    /// Moves to a point, with a halt at every price where something of ours could happen.
    fn go_to(&mut self, id: InstrumentId, end: Price) {
        while let Some(from) = self.boards[id.index()].last.filter(|from| *from != end) {
            let next = self.next_halt(id, from, end);
            let next = self.first_liquidation(id, from, next).unwrap_or(next);
            self.come_to(id, next);
        }
    }

    fn come_to(&mut self, id: InstrumentId, price: Price) {
        self.prices_move();
        self.boards[id.index()].move_to(price);
        self.pass_through(id, price);
        self.react(id);
    }

    /// The nearest price after `from` at which an order rests or triggers, at most `end`.
    fn next_halt(&self, id: InstrumentId, from: Price, end: Price) -> Price {
        let board = &self.boards[id.index()];
        let resting = board.bids.iter().chain(&board.asks).filter_map(|id| self.orders.get(id)?.limit());
        let triggers = board.waiting.iter().filter_map(|order| {
            let trigger = self.orders.get(order)?.trigger()?;
            self.follows_path(id, trigger.by).then_some(trigger.price)
        });
        let prices = resting.chain(triggers);
        if end > from {
            prices.filter(|price| *price > from && *price < end).min().unwrap_or(end)
        } else {
            prices.filter(|price| *price < from && *price > end).max().unwrap_or(end)
        }
    }

    /// Does a price of this kind move with the bar?
    fn follows_path(&self, id: InstrumentId, by: TriggerBy) -> bool {
        match by {
            TriggerBy::Last => true,
            TriggerBy::Mark => self.boards[id.index()].mark.is_none(),
        }
    }

    /// The first tick on the way at which somebody is liquidated, found by halving; none if nobody is at its end.
    fn first_liquidation(&mut self, id: InstrumentId, from: Price, to: Price) -> Option<Price> {
        if self.boards[id.index()].mark.is_some() || !self.anybody_fails_at(id, to) {
            return None;
        }
        /// Halvings that bring any span of prices below any tick.
        const HALVINGS: u32 = 96;
        let (tick, towards) = (self.instruments.get(id).tick, if to > from { Rounding::Up } else { Rounding::Down });
        let (mut safe, mut fails) = (from, to);
        for _ in 0..HALVINGS {
            let middle = (safe + fails).divided_by(2, towards).round_to(tick, towards);
            if middle <= safe.min(fails) || middle >= safe.max(fails) {
                break;
            }
            if self.anybody_fails_at(id, middle) {
                fails = middle;
            } else {
                safe = middle;
            }
        }
        Some(fails)
    }

    pub(super) fn anybody_fails_at(&mut self, id: InstrumentId, price: Price) -> bool {
        self.prices_move();
        let before = self.boards[id.index()].last.replace(price);
        let holders = &self.boards[id.index()].holders;
        let fails = holders.iter().any(|account| self.fails(*account));
        self.prices_move();
        self.boards[id.index()].last = before;
        fails
    }

    /// Accounts with something within the bar's reach on both sides of its open.
    fn depend_on_path(&mut self, id: InstrumentId, bar: &Bar) -> Vec<AccountId> {
        let board = &self.boards[id.index()];
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for order in board.bids.iter().chain(&board.asks).chain(&board.waiting) {
            let Some(order) = self.orders.get(order) else { continue };
            let trigger = order.trigger().filter(|trigger| self.follows_path(id, trigger.by));
            let Some(price) = order.limit().or(trigger.map(|trigger| trigger.price)) else { continue };
            if price > bar.open && price <= bar.high {
                above.push(order.account);
            } else if price < bar.open && price >= bar.low {
                below.push(order.account);
            }
        }
        if board.mark.is_none() {
            let before = self.boards[id.index()].last;
            for (extreme, reached) in [(bar.high, &mut above), (bar.low, &mut below)] {
                self.prices_move();
                self.boards[id.index()].last = Some(extreme);
                let holders = self.boards[id.index()].holders.iter().copied();
                reached.extend(holders.filter(|account| self.fails(*account)));
            }
            self.prices_move();
            self.boards[id.index()].last = before;
        }
        above.sort_unstable();
        above.dedup();
        above.retain(|account| below.contains(account));
        above
    }
}
