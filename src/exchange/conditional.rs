//! Conditional orders: they wait for the mark or the last price, and become market orders.

use super::Core;
use crate::protocol::{Amount, DoneReason, ReportBody, Stage};
use crate::types::InstrumentId;

impl Core {
    /// Fires every conditional order of an instrument that the price has crossed, oldest first.
    pub(super) fn fire_crossed(&mut self, instrument: InstrumentId) {
        let board = &self.boards[instrument.index()];
        if board.waiting.is_empty() || board.halted {
            return;
        }
        let crossed = |id: &u64| {
            let trigger = self.orders.get(id).and_then(|order| order.trigger());
            trigger.is_some_and(|trigger| {
                self.trigger_price(instrument, trigger.by).is_some_and(|price| trigger.is_crossed_by(price))
            })
        };
        let ids: Vec<u64> = board.waiting.iter().copied().filter(crossed).collect();
        for id in ids {
            self.fire(id);
        }
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
        let refused = !order.reduces() && self.check_margin(order.account, &order.request).is_err();
        self.orders.insert(id, order);
        if !refused {
            self.take(id);
        }
        self.end(id, DoneReason::Expired);
    }
}
