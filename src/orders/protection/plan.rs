//! What a planning sees of a position and its protective orders, and the steps it has come to.

use super::protective::{Phase, Protective};
use super::{Situation, Step};
use crate::orders::settings::Settings;
use crate::types::{ClientOrderId, Price, Qty, Rounding, Side};

/// One planning for a position that is there.
pub(super) struct Plan<'a> {
    pub settings: &'a Settings,
    pub now: &'a Situation<'a>,
    pub closing: Side,
    pub size: Qty,
    pub steps: Vec<Step>,
}

impl<'a> Plan<'a> {
    pub fn stops(&self) -> impl Iterator<Item = &'a Protective> + use<'a> {
        let closing = self.closing;
        self.now.orders.iter().filter(move |order| order.is_stop() && order.side == closing)
    }

    pub fn take_profits(&self) -> impl Iterator<Item = &'a Protective> + use<'a> {
        let closing = self.closing;
        self.now.orders.iter().filter(move |order| !order.is_stop() && order.side == closing)
    }

    /// The confirmed stop for all of the position that is nearest to price.
    pub fn covering_stop(&self) -> Option<&'a Protective> {
        let covering = self.stops().filter(|stop| stop.phase == Phase::Confirmed && stop.covers(self.size));
        match self.closing {
            Side::Sell => covering.max_by_key(|stop| stop.trigger),
            Side::Buy => covering.min_by_key(|stop| stop.trigger),
        }
    }

    /// The confirmed stop that is just what is wanted; rather one that follows the position's size by itself.
    pub fn exact_stop(&self, wanted: Price) -> Option<ClientOrderId> {
        self.stops()
            .filter(|stop| stop.is_exactly(wanted, self.size))
            .min_by_key(|stop| stop.qty.is_some())
            .map(|stop| stop.client_id)
    }

    pub fn exact_take_profit(&self, wanted: Price) -> Option<ClientOrderId> {
        self.take_profits().find(|order| order.is_exactly(wanted, self.size)).map(|order| order.client_id)
    }

    /// To the tick, on the side that is reached earlier.
    pub fn wanted_stop(&self) -> Option<Price> {
        let rounding = match self.closing {
            Side::Sell => Rounding::Up,
            Side::Buy => Rounding::Down,
        };
        self.now.position.stop.map(|stop| stop.round_to(self.now.instrument.tick, rounding))
    }

    /// Likewise.
    pub fn wanted_take_profit(&self) -> Option<Price> {
        let rounding = match self.closing {
            Side::Sell => Rounding::Down,
            Side::Buy => Rounding::Up,
        };
        self.now.position.take_profit.map(|price| price.round_to(self.now.instrument.tick, rounding))
    }

    /// Has price crossed a stop at `trigger`? None if price is not known.
    pub fn is_beyond_stop(&self, trigger: Price) -> Option<bool> {
        self.now.mark.map(|mark| match self.closing {
            Side::Sell => mark <= trigger,
            Side::Buy => mark >= trigger,
        })
    }

    pub fn is_beyond_take_profit(&self, trigger: Price) -> bool {
        self.now.mark.is_some_and(|mark| match self.closing {
            Side::Sell => mark >= trigger,
            Side::Buy => mark <= trigger,
        })
    }

    /// Is a close at the market among the steps?
    pub fn closes(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::CloseAtMarket { .. } => true,
            Step::PlaceStop { .. } | Step::PlaceTakeProfit { .. } | Step::Cancel { .. } => false,
        })
    }

    /// Orders that would open or grow a position if they triggered: left behind by one of the other side.
    pub fn cancel_wrong_side(&mut self) {
        let (closing, orders) = (self.closing, self.now.orders);
        self.cancel(orders.iter().filter(|order| order.side != closing && order.phase != Phase::Leaving));
    }

    /// One that has not been answered yet is left until it is, and one that has just triggered until it has filled.
    pub fn cancel_stops_but(&mut self, keep: ClientOrderId) {
        let (settings, at) = (self.settings, self.now.at);
        let idle = |stop: &&Protective| stop.is_settled() && stop.executing_until(settings, at).is_none();
        self.cancel(self.stops().filter(idle).filter(|stop| stop.client_id != keep));
    }

    pub fn cancel_take_profits_but(&mut self, keep: Option<ClientOrderId>) {
        let (settings, at) = (self.settings, self.now.at);
        let idle = |order: &&Protective| order.is_settled() && order.executing_until(settings, at).is_none();
        let exact = self.wanted_take_profit();
        let unwanted = self.take_profits().filter(idle).filter(|order| Some(order.client_id) != keep);
        // One in doubt that is as wanted may yet turn out to be there.
        let settled = unwanted.filter(|order| !(order.is_doubtful() && Some(order.trigger) == exact && keep.is_none()));
        self.cancel(settled);
    }

    fn cancel(&mut self, orders: impl Iterator<Item = &'a Protective>) {
        self.steps.extend(orders.map(|order| Step::Cancel { client_id: order.client_id }));
    }
}
