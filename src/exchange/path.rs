//! A bar as a path: open, the nearer extreme, the farther extreme, close. Prices in between are passed in order, so
//! that an order is met at its own price unless the market jumped over it.

use super::Exchange;
use super::screen::is_triggered;
use crate::protocol::{Bar, OrderKind};
use crate::types::{InstrumentId, Price, Side};

impl Exchange {
    /// Walks a bar of a market that is known from bars alone.
    pub(super) fn walk_bar(&mut self, instrument: InstrumentId, bar: &Bar) {
        if self.is_idle(instrument) {
            self.step_to(instrument, bar.close);
            return;
        }
        let upper_first = bar.high - bar.open <= bar.open - bar.low;
        let (near, far) = if upper_first { (bar.high, bar.low) } else { (bar.low, bar.high) };
        self.path_dependent = self.depends_on_path(instrument, bar);
        self.visit(instrument, bar.open);
        self.travel(instrument, bar.open, near);
        self.travel(instrument, near, far);
        self.travel(instrument, far, bar.close);
        self.path_dependent = false;
    }

    fn is_idle(&self, instrument: InstrumentId) -> bool {
        self.accounts.iter().all(|account| {
            account.orders.values().all(|order| order.request.instrument != instrument)
                && account.positions.keys().all(|(one, _)| *one != instrument)
        })
    }

    /// Could the bar have met more than one order of an account, in an order that only the path tells?
    fn depends_on_path(&self, instrument: InstrumentId, bar: &Bar) -> bool {
        self.accounts.iter().any(|account| {
            let here = account.orders.values().filter(|order| order.request.instrument == instrument);
            let met = here.filter(|order| match order.request.kind {
                OrderKind::Market => false,
                OrderKind::Limit { price, .. } => bar.low <= price && price <= bar.high,
                OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => {
                    bar.low <= trigger && trigger <= bar.high
                }
            });
            met.count() > 1
        })
    }

    fn step_to(&mut self, instrument: InstrumentId, price: Price) {
        let tick = self.instruments.get(instrument).tick;
        self.books[instrument.index()].set_price(price, self.settings.spread, tick);
    }

    /// The market stands at a price: what it triggers or crosses happens at it.
    fn visit(&mut self, instrument: InstrumentId, price: Price) {
        self.step_to(instrument, price);
        self.after_mark(instrument);
        self.fill_passed(instrument, price);
    }

    /// A resting limit is filled once the price has gone through it.
    fn fill_passed(&mut self, instrument: InstrumentId, price: Price) {
        for (account, order) in self.resting(instrument) {
            let OrderKind::Limit { price: limit, .. } = order.request.kind else { continue };
            let passed = match order.request.side {
                Side::Buy => price < limit,
                Side::Sell => price > limit,
            };
            if let (true, crate::protocol::Amount::Qty(qty)) = (passed, order.request.amount) {
                self.fill(account, order.id, limit, qty - order.filled, true);
            }
        }
    }

    /// Moves from one price to another, stopping at every trigger in between.
    fn travel(&mut self, instrument: InstrumentId, from: Price, to: Price) {
        let mut stops: Vec<Price> = self
            .resting(instrument)
            .iter()
            .filter_map(|(_, order)| match order.request.kind {
                OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => {
                    let met = is_triggered(&order.request.kind, order.request.side, trigger, to);
                    let already = is_triggered(&order.request.kind, order.request.side, trigger, from);
                    (met && !already).then_some(trigger)
                }
                OrderKind::Market | OrderKind::Limit { .. } => None,
            })
            .collect();
        stops.sort();
        if to < from {
            stops.reverse();
        }
        for stop in stops {
            self.visit(instrument, stop);
        }
        self.visit(instrument, to);
    }
}
