//! An open order as the exchange holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::changes::OrderChange;
use super::terms::Terms;
use crate::protocol::{Amount, OrderKind, OrderRequest, OrderSnapshot, Stage, TriggerBy};
use crate::types::{PositionSide, Price, Qty, Side, Timestamp, Usdt, VenueOrderId};

/// An open order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub id: u64,
    pub account: AccountId,
    pub request: OrderRequest,
    /// What it is for; of a close-position order it is known once it triggers.
    pub qty: Qty,
    pub filled: Qty,
    pub filled_notional: Usdt,
    pub triggered: bool,
    pub terms: Terms,
    /// Did it end because it met an order of its own account?
    pub met_own: bool,
    /// The market's quantity in front of it at its price; none if that cannot be known.
    pub ahead: Option<Qty>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The orders that have not ended, by number. They lie apart from the tree, so that it stays small and they stay in place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct OpenOrders(BTreeMap<u64, Box<Order>>);

impl OpenOrders {
    pub(super) fn get(&self, id: &u64) -> Option<&Order> {
        self.0.get(id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: &u64) -> Option<&mut Order> {
        self.0.get_mut(id).map(Box::as_mut)
    }

    pub(super) fn insert(&mut self, id: u64, order: Box<Order>) {
        self.0.insert(id, order);
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Order> {
        self.0.values().map(Box::as_ref)
    }

    pub(super) fn remove(&mut self, id: &u64) -> Option<Box<Order>> {
        self.0.remove(id)
    }
}

impl Order {
    pub(super) fn new(id: u64, account: AccountId, request: OrderRequest, at: Timestamp) -> Order {
        let qty = match request.amount {
            Amount::Qty(qty) => qty,
            Amount::ClosePosition => Qty::ZERO,
        };
        Order {
            id,
            account,
            request,
            qty,
            filled: Qty::ZERO,
            filled_notional: Usdt::ZERO,
            triggered: false,
            terms: Terms::default(),
            met_own: false,
            ahead: None,
            created_at: at,
            updated_at: at,
        }
    }

    pub(super) fn left(&self) -> Qty {
        self.qty - self.filled
    }

    /// The limit; none for an order that goes at the market.
    pub(super) fn limit(&self) -> Option<Price> {
        match self.request.kind {
            OrderKind::Limit { price, .. } => Some(price),
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } if self.triggered => {
                self.terms.then_limit.map(|limit| limit.price)
            }
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => None,
        }
    }

    /// Does it wait for a trigger?
    pub(super) fn waits(&self) -> bool {
        self.request.kind.is_conditional() && !self.triggered
    }

    /// The price that its trigger watches.
    pub(super) fn watches(&self) -> Option<TriggerBy> {
        Trigger::of(&self.request).map(|trigger| trigger.by)
    }

    /// Its trigger, unless it has none, that was crossed, or it follows a price and has not begun to.
    pub(super) fn trigger(&self) -> Option<Trigger> {
        if self.triggered {
            return None;
        }
        let trigger = Trigger::of(&self.request)?;
        match self.terms.trail {
            None => Some(trigger),
            Some(trail) => Some(Trigger { price: trail.trigger(self.request.side)?, ..trigger }),
        }
    }

    pub(super) fn reduces(&self) -> bool {
        reduces(&self.request)
    }

    pub(super) fn row(&self, stage: Stage) -> OrderChange {
        OrderChange {
            account: self.account,
            venue_order_id: VenueOrderId(self.id),
            request: self.request.clone(),
            stage,
            triggered: self.triggered,
            terms: self.terms,
            met_own: self.met_own,
            filled: self.filled,
            filled_notional: self.filled_notional,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    pub(super) fn snapshot(&self) -> OrderSnapshot {
        OrderSnapshot {
            request: self.request.clone(),
            venue_order_id: VenueOrderId(self.id),
            filled: self.filled,
            created_at: self.created_at,
        }
    }
}

/// May this order only shrink a position? In hedge mode the closing side of a leg always may only.
pub(super) fn reduces(request: &OrderRequest) -> bool {
    let closes_leg = match request.position_side {
        PositionSide::Both => false,
        PositionSide::Long => request.side == Side::Sell,
        PositionSide::Short => request.side == Side::Buy,
    };
    request.reduce_only || request.amount == Amount::ClosePosition || closes_leg
}

/// When a conditional order becomes a market order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trigger {
    pub price: Price,
    pub by: TriggerBy,
    /// Is it crossed by a price at or above it, and not at or below?
    pub rising: bool,
}

impl Trigger {
    /// A stop buy and a take-profit sell wait for a rising price, the other two for a falling one.
    pub(super) fn of(request: &OrderRequest) -> Option<Trigger> {
        match request.kind {
            OrderKind::Stop { trigger: price, by } => Some(Trigger { price, by, rising: request.side == Side::Buy }),
            OrderKind::TakeProfit { trigger: price, by } => {
                Some(Trigger { price, by, rising: request.side == Side::Sell })
            }
            OrderKind::Market | OrderKind::Limit { .. } => None,
        }
    }

    pub(super) fn is_crossed_by(&self, price: Price) -> bool {
        if self.rising { price >= self.price } else { price <= self.price }
    }
}
