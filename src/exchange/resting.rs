//! Makers: orders that rest, and how the market comes to them.
//!
//! An order that joins a price stands behind what the market displays there. That quantity shrinks by trades at
//! the price, and to what is displayed when the feed shows less; it never grows, since who comes later stands
//! behind us. Where the feed shows neither book nor quote at the price, the order's place is not known and it
//! waits until the market trades through it.
//!
//! - A trade through an order's price fills it, up to the trade's quantity.
//! - A trade at its price first uses up what stands in front, then fills it.
//! - A quote or book of the other side at or through its price fills it, up to the quantity shown.
//! - On a bar's path a price strictly beyond its own fills it, up to the share of the bar's volume.
//!
//! The fill is always at the order's own price.

use super::Core;
use super::fills;
use super::liquidity::{is_better, reaches};
use crate::protocol::{DoneReason, Trade};
use crate::types::{InstrumentId, Price, Qty, Side};

impl Core {
    /// What is left of an order after it took what it could goes into the book.
    pub(super) fn rest(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id) else { return };
        let (account, instrument, side) = (order.account, order.request.instrument, order.request.side);
        if self.executable(order).is_zero() {
            return self.end(id, DoneReason::Expired);
        }
        let Some(limit) = order.limit() else { return self.end(id, DoneReason::Expired) };
        let ahead = self.displayed(instrument, side, limit);
        if let Some(order) = self.orders.get_mut(&id) {
            order.ahead = ahead;
        }
        let before = |other: &u64| {
            let price = self.orders.get(other).and_then(|order| order.limit());
            price.is_some_and(|price| !is_better(side, limit, price))
        };
        let at = self.boards[instrument.index()].resting(side).partition_point(before);
        self.forget_standing(account);
        self.boards[instrument.index()].resting_mut(side).insert(at, id);
    }

    /// A trade of others comes to the orders of the side that it took from.
    pub(super) fn print(&mut self, instrument: InstrumentId, trade: &Trade) {
        let side = trade.taker.closing();
        if !self.best_resting(instrument, side).is_some_and(|(_, limit)| reaches(side, limit, trade.price)) {
            return;
        }
        let mut budget = trade.qty;
        let mut passed = Qty::ZERO;
        for id in self.boards[instrument.index()].resting(side).clone() {
            let Some((limit, ahead, ready)) = self.place(id) else { continue };
            if !reaches(side, limit, trade.price) || budget.is_zero() {
                break;
            }
            if limit == trade.price {
                let Some(ahead) = ahead else { continue };
                let front = (ahead - passed).max(Qty::ZERO).min(budget);
                budget -= front;
                passed += front;
            }
            let qty = ready.min(budget);
            budget -= qty;
            self.fill_resting(id, limit, qty);
        }
        self.shorten_queue(instrument, side, trade.price, passed);
    }

    /// What the feed shows now may be less than what stood in front of an order.
    pub(super) fn shrink_queues(&mut self, instrument: InstrumentId) {
        for side in [Side::Buy, Side::Sell] {
            for at in 0..self.boards[instrument.index()].resting(side).len() {
                let id = self.boards[instrument.index()].resting(side)[at];
                let Some(limit) = self.orders.get(&id).and_then(|order| order.limit()) else { continue };
                let shown = self.displayed(instrument, side, limit);
                if let (Some(shown), Some(order)) = (shown, self.orders.get_mut(&id)) {
                    order.ahead = Some(order.ahead.map_or(shown, |ahead| ahead.min(shown)));
                }
            }
        }
    }

    /// The other side of the market stands at or through the price of resting orders.
    pub(super) fn cross(&mut self, instrument: InstrumentId) {
        for side in [Side::Buy, Side::Sell] {
            let touch = self.touch(instrument, side);
            let best = self.best_resting(instrument, side);
            if !best.zip(touch).is_some_and(|((_, limit), price)| reaches(side, limit, price)) {
                continue;
            }
            let mut offers = self.shown_offers(instrument, side).into_iter();
            let mut offer = offers.next();
            for id in self.boards[instrument.index()].resting(side).clone() {
                let Some((limit, _, mut ready)) = self.place(id) else { continue };
                while let Some((price, left)) = offer.filter(|(price, _)| reaches(side, limit, *price)) {
                    let qty = ready.min(left);
                    self.boards[instrument.index()].taken.take(side.closing(), price, qty);
                    self.fill_resting(id, limit, qty);
                    ready -= qty;
                    offer = if left == qty { offers.next() } else { Some((price, left - qty)) };
                    if ready.is_zero() {
                        break;
                    }
                }
            }
        }
    }

    /// A bar's path has come to `price`: orders strictly before it are filled while the bar has volume left.
    pub(super) fn pass_through(&mut self, instrument: InstrumentId, price: Price) {
        for side in [Side::Buy, Side::Sell] {
            if self.boards[instrument.index()].resting(side).is_empty() {
                continue;
            }
            for id in self.boards[instrument.index()].resting(side).clone() {
                let Some((limit, _, ready)) = self.place(id) else { continue };
                let budget = self.boards[instrument.index()].bar_left;
                if !is_better(side, limit, price) || budget.is_zero() {
                    break;
                }
                let qty = ready.min(budget);
                self.boards[instrument.index()].bar_left -= qty;
                self.fill_resting(id, limit, qty);
            }
        }
    }

    /// Price of a resting order, what stands in front of it, and how much of it can trade.
    fn place(&self, id: u64) -> Option<(Price, Option<Qty>, Qty)> {
        let order = self.orders.get(&id)?;
        Some((order.limit()?, order.ahead, self.executable(order)))
    }

    fn fill_resting(&mut self, id: u64, price: Price, qty: Qty) {
        if qty.is_positive() {
            let trade = fills::Trade { price, qty, maker: true, id: self.trade_id(), late: None };
            self.fill(id, trade);
        }
    }

    /// What the feed really shows, without assumed depth.
    fn shown_offers(&self, instrument: InstrumentId, taker: Side) -> Vec<(Price, Qty)> {
        let mut offers = self.offers(instrument, taker, None);
        if !self.book_leads(instrument) {
            let best = self.touch(instrument, taker);
            offers.retain(|(price, _)| Some(*price) == best);
        }
        offers
    }

    fn shorten_queue(&mut self, instrument: InstrumentId, side: Side, price: Price, passed: Qty) {
        if passed.is_zero() {
            return;
        }
        for at in 0..self.boards[instrument.index()].resting(side).len() {
            let id = self.boards[instrument.index()].resting(side)[at];
            if let Some(order) = self.orders.get_mut(&id)
                && order.limit() == Some(price)
            {
                order.ahead = order.ahead.map(|ahead| (ahead - passed).max(Qty::ZERO));
            }
        }
    }
}
