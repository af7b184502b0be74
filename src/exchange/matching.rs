//! Takers: an order walks what the market and the other accounts offer, best price first.

use super::Core;
use super::account::AccountId;
use super::fills::Trade;
use super::liquidity::{is_better, reaches};
use super::order::Order;
use super::terms::SelfTrade;
use crate::protocol::{DoneReason, OrderRequest};
use crate::types::{InstrumentId, PositionSide, Price, Qty, Side};

impl Core {
    /// Trades as much of an order as is offered within its limit. An order that meets one of its own account
    /// expires there.
    pub(super) fn take(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id) else { return };
        let (instrument, side, account) = (order.request.instrument, order.request.side, order.account);
        if self.boards[instrument.index()].halted {
            return;
        }
        let limit = order.limit().or_else(|| self.price_bound(instrument, side));
        let within = |price| limit.is_none_or(|limit| reaches(side, limit, price));
        let wanted = self.executable(order);
        let mut offers = self.offers(instrument, side, Some(wanted)).into_iter().peekable();
        loop {
            let left = self.orders.get(&id).map_or(Qty::ZERO, |order| self.executable(order));
            if left.is_zero() {
                return;
            }
            let market = offers.peek().copied().filter(|(price, _)| within(*price));
            let resting = self.best_resting(instrument, side.closing()).filter(|(_, price)| within(*price));
            match (market, resting) {
                (None, None) => return,
                (Some((price, qty)), resting)
                    if resting.is_none_or(|(_, other)| !is_better(side.closing(), other, price)) =>
                {
                    let qty = qty.min(left);
                    self.boards[instrument.index()].taken.take(side.closing(), price, qty);
                    let trade = Trade { price, qty, maker: false, id: self.trade_id(), late: None };
                    self.fill(id, trade);
                    offers.next();
                }
                (_, Some((other, price))) => {
                    if !self.meet(id, account, other, price, left) {
                        return;
                    }
                }
                (Some(_), None) => return,
            }
        }
    }

    /// A taker meets a resting order. Says whether the taker goes on.
    fn meet(&mut self, taker: u64, account: AccountId, resting: u64, price: Price, left: Qty) -> bool {
        let Some(other) = self.orders.get(&resting) else { return false };
        if other.account == account {
            return self.meet_own(taker, resting);
        }
        let qty = self.executable(other).min(left);
        if qty.is_zero() {
            self.end(resting, DoneReason::Expired);
            return true;
        }
        let id = self.trade_id();
        self.fill(taker, Trade { price, qty, maker: false, id, late: None });
        self.fill(resting, Trade { price, qty, maker: true, id, late: None });
        true
    }

    /// A taker meets an order of its own account: its terms say which of them expires.
    fn meet_own(&mut self, taker: u64, resting: u64) -> bool {
        let policy = self.orders.get(&taker).map(|order| order.terms.self_trade).unwrap_or_default();
        let (ends_taker, ends_resting) = match policy {
            SelfTrade::Taker => (true, false),
            SelfTrade::Maker => (false, true),
            SelfTrade::Both => (true, true),
        };
        for (id, _) in [(resting, ends_resting), (taker, ends_taker)].into_iter().filter(|(_, ends)| *ends) {
            if let Some(order) = self.orders.get_mut(&id) {
                order.met_own = true;
            }
            self.end(id, DoneReason::Expired);
        }
        !ends_taker
    }

    /// Best resting order of a side, with its price.
    pub(super) fn best_resting(&self, instrument: InstrumentId, side: Side) -> Option<(u64, Price)> {
        let id = *self.boards[instrument.index()].resting(side).first()?;
        Some((id, self.orders.get(&id)?.limit()?))
    }

    /// How much of an order can trade now: what is left of it, and no more than it can reduce.
    pub(super) fn executable(&self, order: &Order) -> Qty {
        let left = order.left().max(Qty::ZERO);
        if order.reduces() { left.min(self.reducible(order.account, &order.request)) } else { left }
    }

    /// How much of a position an order on this side would reduce.
    pub(super) fn reducible(&self, account: AccountId, request: &OrderRequest) -> Qty {
        let position = self.accounts[account.index()].position(request.instrument, request.position_side);
        let closes = match request.position_side {
            PositionSide::Both => position.side() == Some(request.side.closing()),
            PositionSide::Long => request.side == Side::Sell,
            PositionSide::Short => request.side == Side::Buy,
        };
        if closes { position.qty.abs() } else { Qty::ZERO }
    }
}
