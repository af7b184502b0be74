//! Margins: what an order or a position binds, and what it must keep.
//!
//! Initial margin is notional ÷ leverage. On one leg the notional is that of the position at the mark, or of the
//! position after all open orders of either side were filled, whichever is larger; orders that can only reduce
//! do not count. Maintenance margin is notional × rate − amount of the tier that the notional falls in. Source of
//! both: Binance's support pages "Leverage and margin of USDⓈ-M futures" and "How to calculate liquidation price".

use std::collections::BTreeMap;

use super::Core;
use super::account::{AccountId, MarginMode};
use super::codes::Refusal;
use super::order::reduces;
use super::position::Position;
use crate::protocol::{Amount, OrderKind, OrderRequest};
use crate::types::{InstrumentId, PositionSide, Price, Qty, Rounding, Side, Usdt};

/// What one leg of an account has and asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leg {
    /// Signed worth of the position.
    pub position: Usdt,
    pub buys: Usdt,
    pub sells: Usdt,
}

impl Leg {
    pub(super) fn exposure(&self) -> Usdt {
        (self.position + self.buys).abs().max((self.position - self.sells).abs())
    }
}

impl Core {
    /// Is there margin for a new order, and does the leverage allow what it may lead to?
    pub(super) fn check_margin(&self, account: AccountId, request: &OrderRequest) -> Result<(), Refusal> {
        let Amount::Qty(qty) = request.amount else { return Ok(()) };
        if reduces(request) {
            return Ok(());
        }
        let Some(price) = self.assumed_price(request) else { return Err(Refusal::NO_COUNTERPARTY) };
        let key = (request.instrument, request.position_side);
        let (before, left) = self.leg_and_rest(account, key);
        let mut after = before;
        match request.side {
            Side::Buy => after.buys += price.notional(qty),
            Side::Sell => after.sells += price.notional(qty),
        }
        let (exposure, exposed) = (after.exposure(), before.exposure());
        if exposure <= exposed {
            return Ok(());
        }
        let leverage = self.accounts[account.index()].leverage(request.instrument);
        if self.instruments.get(request.instrument).tier(exposure).max_leverage < leverage {
            return Err(Refusal::BEYOND_LEVERAGE);
        }
        let bound = |exposure| self.margin_of(account, request.instrument, exposure);
        if left - (bound(exposure) - bound(exposed)) < self.loss_at_once(request, price, qty) {
            return Err(Refusal::MARGIN_TOO_LOW);
        }
        Ok(())
    }

    /// A leg of an account, and what all of its legs leave free.
    fn leg_and_rest(&self, account: AccountId, key: (InstrumentId, PositionSide)) -> (Leg, Usdt) {
        let Some(standing) = self.standing(account).filter(|standing| !standing.rests) else {
            let legs = self.legs(account);
            return (legs.get(&key).copied().unwrap_or_default(), self.left_beside(account, &legs));
        };
        let one = &self.accounts[account.index()];
        let position = one.positions.get(&key).map_or(Usdt::ZERO, |position| self.worth(key.0, position));
        (Leg { position, ..Leg::default() }, one.balance + standing.sums.unrealised - standing.sums.bound)
    }

    /// What is free for new orders.
    pub(super) fn available(&self, account: AccountId) -> Usdt {
        self.left_beside(account, &self.legs(account))
    }

    /// What the legs of an account, all of them, leave free.
    fn left_beside(&self, account: AccountId, legs: &BTreeMap<(InstrumentId, PositionSide), Leg>) -> Usdt {
        let one = &self.accounts[account.index()];
        let bound = legs.iter().map(|((id, _), leg)| {
            let all = self.margin_of(account, *id, leg.exposure());
            match one.margin(*id) {
                MarginMode::Cross => all,
                // What the position binds was set apart already.
                MarginMode::Isolated => all - self.margin_of(account, *id, leg.position.abs()),
            }
        });
        one.cross_wallet() + self.cross_unrealised(account) - bound.sum()
    }

    /// Unrealised result of the positions that all of the account stands behind.
    pub(super) fn cross_unrealised(&self, account: AccountId) -> Usdt {
        let positions = self.accounts[account.index()].crossed();
        positions.map(|((id, _), position)| position.unrealised(self.mark_of(*id, position))).sum()
    }

    /// Unrealised result of all positions at the mark.
    pub(super) fn unrealised(&self, account: AccountId) -> Usdt {
        let positions = self.accounts[account.index()].positions.iter();
        positions.map(|((id, _), position)| position.unrealised(self.mark_of(*id, position))).sum()
    }

    /// Maintenance margin of a position at the mark.
    pub(super) fn maintenance(&self, id: InstrumentId, position: &Position) -> Usdt {
        let notional = self.mark_of(id, position).notional(position.qty.abs());
        let tier = self.instruments.get(id).tier(notional);
        (notional.times(tier.maintenance_rate, Rounding::Up) - tier.maintenance_amount).max(Usdt::ZERO)
    }

    /// The mark, or the entry price before the market has said anything.
    pub(super) fn mark_of(&self, id: InstrumentId, position: &Position) -> Price {
        self.mark_price(id).unwrap_or_else(|| position.entry_price())
    }

    /// Initial margin of all legs together.
    pub(super) fn initial_margin_of(&self, account: AccountId) -> Usdt {
        self.initial_margin(account, &self.legs(account))
    }

    fn initial_margin(&self, account: AccountId, legs: &BTreeMap<(InstrumentId, PositionSide), Leg>) -> Usdt {
        legs.iter().map(|((id, _), leg)| self.margin_of(account, *id, leg.exposure())).sum()
    }

    pub(super) fn margin_of(&self, account: AccountId, id: InstrumentId, notional: Usdt) -> Usdt {
        let leverage = self.accounts[account.index()].leverage(id);
        notional.divided_by(i64::from(leverage), Rounding::Up)
    }

    pub(super) fn legs(&self, account: AccountId) -> BTreeMap<(InstrumentId, PositionSide), Leg> {
        let one = &self.accounts[account.index()];
        let mut legs: BTreeMap<_, Leg> = BTreeMap::new();
        for ((id, side), position) in &one.positions {
            legs.entry((*id, *side)).or_default().position = self.worth(*id, position);
        }
        for order in one.open.values().filter_map(|id| self.orders.get(id)) {
            let Some(limit) = order.limit().filter(|_| !order.reduces()) else { continue };
            let leg = legs.entry((order.request.instrument, order.request.position_side)).or_default();
            match order.request.side {
                Side::Buy => leg.buys += limit.notional(order.left()),
                Side::Sell => leg.sells += limit.notional(order.left()),
            }
        }
        legs
    }

    /// Signed worth of a position at the mark.
    fn worth(&self, id: InstrumentId, position: &Position) -> Usdt {
        let sign = if position.qty.is_negative() { -1 } else { 1 };
        self.mark_of(id, position).notional(position.qty.abs()) * sign
    }

    /// The price that margin is taken at: the limit of a buy; for a sell the better of limit and bid; for a
    /// market order what the other side of the market asks.
    fn assumed_price(&self, request: &OrderRequest) -> Option<Price> {
        let touch = self.touch(request.instrument, request.side);
        match (request.kind, request.side) {
            (OrderKind::Limit { price, .. }, Side::Buy) => Some(price),
            (OrderKind::Limit { price, .. }, Side::Sell) => Some(touch.map_or(price, |bid| bid.max(price))),
            (OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. }, Side::Buy | Side::Sell) => {
                touch.or_else(|| self.mark_price(request.instrument))
            }
        }
    }

    /// What filling the order at `price` would lose at the mark.
    fn loss_at_once(&self, request: &OrderRequest, price: Price, qty: Qty) -> Usdt {
        let mark = self.mark_price(request.instrument).unwrap_or(price);
        let worse = match request.side {
            Side::Buy => price - mark,
            Side::Sell => mark - price,
        };
        worse.max(Price::ZERO).notional(qty)
    }
}
