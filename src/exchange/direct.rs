//! A driver without latency: a server that speaks for this exchange hands a request over and has its answer at
//! once, since the network between it and its clients is a real one. What follows is read from the journal, and
//! reports are not kept for anybody.

use super::account::{AccountId, MarginMode};
use super::codes::Refusal;
use super::order::Order;
use super::terms::Terms;
use super::{Core, Exchange};
use crate::protocol::{Amount, DoneReason, MarketEvent, OrderKind, OrderRequest, Stage};
use crate::types::{InstrumentId, PositionSide, Price, Qty, Timestamp, Usdt, VenueOrderId};

impl Exchange {
    /// Works through everything due until `at`, and forgets the reports about it.
    pub fn advance(&mut self, at: Timestamp) {
        self.work_until(at);
        self.core.outbox.clear();
    }

    /// The market moves, as in [`Exchange::on_market`], and no reports are kept.
    pub fn advance_market(&mut self, at: Timestamp, event: &MarketEvent) {
        self.on_market(at, event);
        self.core.outbox.clear();
    }

    /// Places an order.
    ///
    /// # Errors
    /// Why it is refused; then nothing of it stays.
    pub fn place(
        &mut self,
        at: Timestamp,
        account: AccountId,
        request: &OrderRequest,
        terms: Terms,
    ) -> Result<VenueOrderId, Refusal> {
        self.advance(at);
        let placed = self.core.submit(&self.memory, account, request, terms);
        self.settle_direct();
        placed.map(VenueOrderId)
    }

    /// Would this order be accepted now?
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn would_place(&self, account: AccountId, request: &OrderRequest, terms: &Terms) -> Result<(), Refusal> {
        self.core.check(account, request, terms)
    }

    /// Ends an open order of an account, as cancelled by it or as expired. Says whether there was one.
    pub fn withdraw(&mut self, at: Timestamp, account: AccountId, id: VenueOrderId, reason: DoneReason) -> bool {
        self.advance(at);
        let open = self.core.orders.get(&id.0).is_some_and(|order| order.account == account);
        if open {
            self.core.end(id.0, reason);
        }
        self.settle_direct();
        open
    }

    /// Gives a resting limit order another price and quantity. It loses its place; a quantity of no more than what
    /// is filled ends it. Without a change nothing happens.
    ///
    /// # Errors
    /// −2013 if there is no such open limit order, or why the changed order is refused; it then stays as it was.
    pub fn amend(
        &mut self,
        at: Timestamp,
        account: AccountId,
        id: VenueOrderId,
        price: Price,
        qty: Qty,
    ) -> Result<(), Refusal> {
        self.advance(at);
        let amended = self.core.amend(account, id.0, price, qty);
        self.settle_direct();
        amended
    }

    /// One leg each way or one net position?
    ///
    /// # Errors
    /// −4059 if it is so already, −4067 with open orders, −4068 with a position.
    pub fn set_hedge(&mut self, at: Timestamp, account: AccountId, hedge: bool) -> Result<(), Refusal> {
        self.advance(at);
        let one = &mut self.core.accounts[account.index()];
        if one.config.hedge == hedge {
            return Err(Refusal::SAME_POSITION_MODE);
        }
        if !one.open.is_empty() {
            return Err(Refusal::MODE_HAS_ORDERS);
        }
        if !one.positions.is_empty() {
            return Err(Refusal::MODE_HAS_POSITIONS);
        }
        one.config.hedge = hedge;
        Ok(())
    }

    /// What stands behind positions on an instrument.
    ///
    /// # Errors
    /// −1121 without such an instrument, −4046 if it is so already, −4047 with open orders, −4048 with a position.
    pub fn set_margin_mode(
        &mut self,
        at: Timestamp,
        account: AccountId,
        id: InstrumentId,
        mode: MarginMode,
    ) -> Result<(), Refusal> {
        self.advance(at);
        if !self.core.is_known(id) {
            return Err(Refusal::UNKNOWN_INSTRUMENT);
        }
        let one = &self.core.accounts[account.index()];
        let mut open = one.open.values().filter_map(|order| self.core.orders.get(order));
        if one.margin(id) == mode {
            return Err(Refusal::SAME_MARGIN_MODE);
        }
        if open.any(|order| order.request.instrument == id) {
            return Err(Refusal::MARGIN_HAS_ORDERS);
        }
        if one.holds(id) {
            return Err(Refusal::MARGIN_HAS_POSITIONS);
        }
        self.core.forget_standing(account);
        self.core.accounts[account.index()].margins.insert(id, mode);
        Ok(())
    }

    /// Sets more (positive) or less (negative) apart for an isolated position.
    ///
    /// # Errors
    /// −4054 without a position, −4049 if it is not isolated, −4050 if the account, −4051 if the position cannot
    /// spare as much.
    pub fn set_apart(
        &mut self,
        at: Timestamp,
        account: AccountId,
        id: InstrumentId,
        side: PositionSide,
        amount: Usdt,
    ) -> Result<(), Refusal> {
        self.advance(at);
        let available = self.core.available(account);
        let one = &self.core.accounts[account.index()];
        let Some(position) = one.positions.get(&(id, side)) else { return Err(Refusal::NO_POSITION) };
        if one.margin(id) != MarginMode::Isolated {
            return Err(Refusal::NOT_ISOLATED);
        }
        let worth = self.core.mark_of(id, position).notional(position.qty.abs());
        let needed = self.core.margin_of(account, id, worth) - position.unrealised(self.core.mark_of(id, position));
        let spare = position.isolated - needed.max(Usdt::ZERO);
        if amount > available {
            return Err(Refusal::CROSS_BALANCE_TOO_LOW);
        }
        if amount.is_negative() && -amount > spare {
            return Err(Refusal::ISOLATED_BALANCE_TOO_LOW);
        }
        if let Some(position) = self.core.accounts[account.index()].positions.get_mut(&(id, side)) {
            position.isolated += amount;
            position.updated_at = self.core.now;
        }
        self.core.journal_position(account, id, side);
        self.learn();
        Ok(())
    }

    /// Does an account hold one long and one short position on an instrument?
    pub fn is_hedged(&self, account: AccountId) -> bool {
        self.core.accounts[account.index()].config.hedge
    }

    /// What stands behind an account's positions on an instrument.
    pub fn margin_mode(&self, account: AccountId, id: InstrumentId) -> MarginMode {
        self.core.accounts[account.index()].margin(id)
    }

    /// Closes all positions of an account by force, as if it could no longer keep them: a fault.
    pub fn liquidate(&mut self, at: Timestamp, account: AccountId) {
        self.advance(at);
        self.core.liquidate_all(account);
        self.settle_direct();
    }

    /// Closes an account's positions on an instrument at the mark, as if they stood against somebody's liquidation: a
    /// fault. Such a trade costs no liquidation fee.
    pub fn deleverage(&mut self, at: Timestamp, account: AccountId, id: InstrumentId) {
        self.advance(at);
        self.core.deleverage(account, id);
        self.settle_direct();
    }

    /// Gives an instrument another tick size, as Binance does now and then. Open orders stay where they are.
    pub fn set_tick(&mut self, id: InstrumentId, tick: Price) {
        if self.core.is_known(id) && tick.is_positive() {
            self.core.instruments = self.core.instruments.with_tick(id, tick);
        }
    }

    fn settle_direct(&mut self) {
        self.core.after_trading();
        self.learn();
        self.core.outbox.clear();
    }
}

impl Core {
    fn amend(&mut self, account: AccountId, id: u64, price: Price, qty: Qty) -> Result<(), Refusal> {
        let open = self.orders.get(&id).filter(|order| order.account == account && order.limit().is_some());
        let Some(old) = open.cloned() else { return Err(Refusal::NO_SUCH_ORDER) };
        let OrderKind::Limit { price: before, tif } = old.request.kind else { return Err(Refusal::NO_SUCH_ORDER) };
        if (price, qty) == (before, old.qty) {
            return Err(Refusal::NO_CHANGE);
        }
        if qty <= old.filled {
            self.end(id, DoneReason::Canceled);
            return Ok(());
        }
        let kind = OrderKind::Limit { price, tif };
        let request = OrderRequest { kind, amount: Amount::Qty(qty), ..old.request.clone() };
        self.lift(&old);
        if let Err(refusal) = self.check(account, &request, &old.terms) {
            self.put_back(Box::new(old));
            return Err(refusal);
        }
        let order = Order { request, qty, ahead: None, updated_at: self.now, ..old };
        let order = Box::new(order);
        self.accounts[account.index()].open.insert(order.request.client_id, id);
        self.journal_order(&order, Stage::Working);
        self.orders.insert(id, order);
        self.take(id);
        self.rest(id);
        Ok(())
    }

    /// Takes an order off the books without ending it, so that the changed one is not held against it.
    fn lift(&mut self, order: &Order) {
        self.orders.remove(&order.id);
        self.unlist(order);
    }

    /// Undoes [`Core::lift`]; the order has its old place by price, behind those of its price.
    fn put_back(&mut self, order: Box<Order>) {
        let id = order.id;
        self.accounts[order.account.index()].open.insert(order.request.client_id, id);
        let ahead = order.ahead;
        self.orders.insert(id, order);
        self.rest(id);
        if let Some(order) = self.orders.get_mut(&id) {
            order.ahead = ahead;
        }
    }
}
