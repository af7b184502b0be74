//! Conditional orders: they wait for the mark or the last price, and become market orders, or the limit orders
//! that their terms name.

use super::Core;
use super::order::Order;
use crate::protocol::{Amount, DoneReason, OrderKind, OrderRequest, ReportBody, Stage, TimeInForce};
use crate::types::{InstrumentId, Price, Rate, Rounding};

/// How far apart last price and mark may be for a protected trigger: the share that Binance lists as
/// `triggerProtect` of its largest instruments.
pub(super) const TRIGGER_PROTECT: Rate = Rate::percent(5);

impl Core {
    /// Fires every conditional order of an instrument that the price has crossed, oldest first.
    pub(super) fn fire_crossed(&mut self, instrument: InstrumentId) {
        let board = &self.boards[instrument.index()];
        if board.waiting.is_empty() || board.halted {
            return;
        }
        self.follow_prices(instrument);
        let calm = self.is_calm(instrument);
        let crossed = |id: &u64| {
            let Some(order) = self.orders.get(id) else { return false };
            let crossed = order.trigger().is_some_and(|trigger| {
                self.trigger_price(instrument, trigger.by).is_some_and(|price| trigger.is_crossed_by(price))
            });
            crossed && (calm || !order.terms.protect)
        };
        let ids: Vec<u64> = self.boards[instrument.index()].waiting.iter().copied().filter(crossed).collect();
        for id in ids {
            self.fire(id);
        }
    }

    /// Moves the triggers that follow a price.
    fn follow_prices(&mut self, instrument: InstrumentId) {
        for at in 0..self.boards[instrument.index()].waiting.len() {
            let id = self.boards[instrument.index()].waiting[at];
            let by = self.orders.get(&id).filter(|order| order.terms.trail.is_some()).and_then(Order::watches);
            let Some(price) = by.and_then(|by| self.trigger_price(instrument, by)) else { continue };
            if let Some(order) = self.orders.get_mut(&id)
                && let Some(trail) = &mut order.terms.trail
            {
                trail.follow(order.request.side, price);
            }
        }
    }

    /// Are last price and mark close enough for protected triggers?
    fn is_calm(&self, instrument: InstrumentId) -> bool {
        let (Some(mark), Some(last)) = (self.mark_price(instrument), self.boards[instrument.index()].last_price())
        else {
            return true;
        };
        (last - mark).abs() <= mark.times(TRIGGER_PROTECT, Rounding::Down)
    }

    /// The trigger was crossed. Without a position to close, or without margin for what it opens, the order
    /// expires; margin is asked for now and not when the order was placed, as at Binance.
    fn fire(&mut self, id: u64) {
        let Some(mut order) = self.orders.remove(&id) else { return };
        self.boards[order.request.instrument.index()].waiting.retain(|other| *other != id);
        order.triggered = true;
        order.updated_at = self.now;
        if order.request.amount == Amount::ClosePosition {
            order.qty = self.reducible(order.account, &order.request);
        }
        self.push_order(&order, ReportBody::Triggered);
        self.journal_order(&order, Stage::Working);
        let limit = order.terms.then_limit;
        let refused = !order.reduces() && self.check_margin(order.account, &order.request).is_err()
            || limit.is_some_and(|limit| self.refuses(&order, limit.price, limit.tif));
        self.orders.insert(id, order);
        if refused {
            return self.end(id, DoneReason::Expired);
        }
        self.take(id);
        match limit.map(|limit| limit.tif) {
            Some(TimeInForce::Gtc | TimeInForce::PostOnly) => self.rest(id),
            Some(TimeInForce::Ioc | TimeInForce::Fok) | None => self.end(id, DoneReason::Expired),
        }
    }

    /// Can the limit order that was triggered not do what it says?
    fn refuses(&self, order: &Order, price: Price, tif: TimeInForce) -> bool {
        let kind = OrderKind::Limit { price, tif };
        let request = OrderRequest { kind, ..order.request.clone() };
        self.check_execution(order.account, &request).is_err()
    }
}
