//! A new order: accepted and worked, or refused. Nothing of a refused order stays.

use super::Core;
use super::account::AccountId;
use super::codes::Refusal;
use super::memory::Memory;
use super::order::{Order, Trigger, reduces};
use super::terms::{Terms, Trail};
use crate::protocol::{Amount, DoneReason, OrderKind, OrderRequest, ReportBody, Stage, TimeInForce};
use crate::types::{InstrumentId, PositionSide, Side};

impl Core {
    /// Takes an order in.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn submit(
        &mut self,
        memory: &Memory,
        account: AccountId,
        request: &OrderRequest,
        terms: Terms,
    ) -> Result<u64, Refusal> {
        self.find_standing(account);
        self.check(account, request, &terms)?;
        Ok(self.accept(memory, account, request, terms))
    }

    /// Would this order be taken in?
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn check(&self, account: AccountId, request: &OrderRequest, terms: &Terms) -> Result<(), Refusal> {
        self.check_form(account, request)?;
        self.check_filters(request, terms)?;
        self.check_place(account, request)?;
        self.check_position(account, request)?;
        match terms.trail {
            Some(trail) => self.check_trail(request, &trail)?,
            None => self.check_execution(account, request)?,
        }
        if request.kind.is_conditional() { Ok(()) } else { self.check_margin(account, request) }
    }

    fn accept(&mut self, memory: &Memory, account: AccountId, request: &OrderRequest, terms: Terms) -> u64 {
        self.numbers.order += 1;
        let id = self.numbers.order;
        let order = Box::new(Order { terms, ..Order::new(id, account, request.clone(), self.now) });
        let seen = memory.ended(account, &request.client_id, self.now).is_some();
        let one = &mut self.accounts[account.index()];
        one.accepted += 1;
        one.accepted_twice += u64::from(seen);
        one.open.insert(request.client_id, id);
        self.push_order(&order, ReportBody::Accepted);
        self.journal_order(&order, Stage::Working);
        self.orders.insert(id, order);
        match request.kind {
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => {
                self.boards[request.instrument.index()].waiting.push(id);
                if terms.trail.is_some() {
                    self.fire_crossed(request.instrument);
                }
            }
            OrderKind::Market | OrderKind::Limit { tif: TimeInForce::Ioc | TimeInForce::Fok, .. } => {
                self.take(id);
                self.end(id, DoneReason::Expired);
            }
            OrderKind::Limit { tif: TimeInForce::Gtc | TimeInForce::PostOnly, .. } => {
                self.take(id);
                self.rest(id);
            }
        }
        id
    }

    /// Is it about this exchange and this account at all?
    fn check_form(&self, account: AccountId, request: &OrderRequest) -> Result<(), Refusal> {
        if request.instrument.index() >= self.boards.len() {
            return Err(Refusal::UNKNOWN_INSTRUMENT);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
        if !request.client_id.as_str().bytes().all(allowed) {
            return Err(Refusal::BAD_CLIENT_ID);
        }
        let hedge = self.accounts[account.index()].config.hedge;
        if hedge == (request.position_side == PositionSide::Both) {
            return Err(Refusal::WRONG_POSITION_SIDE);
        }
        if hedge && request.reduce_only && request.amount != Amount::ClosePosition {
            return Err(Refusal::FLAG_NOT_WANTED);
        }
        if request.amount == Amount::ClosePosition && !request.kind.is_conditional() {
            return Err(Refusal::NOT_CONDITIONAL);
        }
        Ok(())
    }

    /// Is there room for it among the account's open orders?
    fn check_place(&self, account: AccountId, request: &OrderRequest) -> Result<(), Refusal> {
        let one = &self.accounts[account.index()];
        if one.open.contains_key(&request.client_id) {
            return Err(Refusal::DUPLICATE_CLIENT_ID);
        }
        let open = || one.open.values().filter_map(|id| self.orders.get(id));
        if request.kind.is_conditional() {
            let most = self.settings.max_conditional_orders as usize;
            let count = || open().filter(|order| order.request.kind.is_conditional()).count();
            if one.open.len() >= most && count() >= most {
                return Err(Refusal::TOO_MANY_STOPS);
            }
            let board = &self.boards[request.instrument.index()];
            let here = board.waiting.iter().chain(&board.bids).chain(&board.asks).filter_map(|id| self.orders.get(id));
            let mut ours = here.filter(|order| order.account == account);
            if request.amount == Amount::ClosePosition && ours.any(|other| closes_the_same(&other.request, request)) {
                return Err(Refusal::CLOSE_POSITION_EXISTS);
            }
        } else {
            let here =
                |order: &&Order| order.request.instrument == request.instrument && !order.request.kind.is_conditional();
            let most = self.settings.max_open_orders as usize;
            if one.open.len() >= most && open().filter(here).count() >= most {
                return Err(Refusal::TOO_MANY_ORDERS);
            }
        }
        Ok(())
    }

    /// A reduce-only order needs something to reduce; a close-position order may be there before its position.
    fn check_position(&self, account: AccountId, request: &OrderRequest) -> Result<(), Refusal> {
        if reduces(request) && request.amount != Amount::ClosePosition && self.reducible(account, request).is_zero() {
            return Err(Refusal::REDUCE_ONLY);
        }
        Ok(())
    }

    /// Can it do what it says on arrival?
    pub(super) fn check_execution(&self, account: AccountId, request: &OrderRequest) -> Result<(), Refusal> {
        match request.kind {
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => {
                let crossed = Trigger::of(request).is_some_and(|trigger| {
                    self.trigger_price(request.instrument, trigger.by).is_some_and(|p| trigger.is_crossed_by(p))
                });
                if crossed { Err(Refusal::WOULD_TRIGGER) } else { Ok(()) }
            }
            OrderKind::Market => {
                if self.is_offered(request, self.price_bound(request.instrument, request.side)) {
                    Ok(())
                } else {
                    Err(Refusal::NO_COUNTERPARTY)
                }
            }
            OrderKind::Limit { price, tif } => match tif {
                TimeInForce::Gtc | TimeInForce::Ioc => Ok(()),
                TimeInForce::PostOnly if self.is_offered(request, Some(price)) => Err(Refusal::WOULD_TAKE),
                TimeInForce::PostOnly => Ok(()),
                TimeInForce::Fok if self.offered_within(account, request, price) => Ok(()),
                TimeInForce::Fok => Err(Refusal::FOK_UNFILLABLE),
            },
        }
    }

    /// A trail that is to begin later must not have begun already.
    fn check_trail(&self, request: &OrderRequest, trail: &Trail) -> Result<(), Refusal> {
        let watched = Trigger::of(request).and_then(|trigger| self.trigger_price(request.instrument, trigger.by));
        let (Some(activation), Some(price)) = (trail.activation, watched) else { return Ok(()) };
        match request.side {
            Side::Buy if activation >= price => Err(Refusal::WOULD_TRIGGER),
            Side::Sell if activation <= price => Err(Refusal::WOULD_TRIGGER),
            Side::Buy | Side::Sell => Ok(()),
        }
    }

    pub(super) fn is_known(&self, instrument: InstrumentId) -> bool {
        instrument.index() < self.boards.len()
    }
}

/// Would these two close-position orders stand side by side? Binance lets there be one stop and one take profit
/// for each side and leg.
fn closes_the_same(open: &OrderRequest, new: &OrderRequest) -> bool {
    let same_kind = match (open.kind, new.kind) {
        (OrderKind::Stop { .. }, OrderKind::Stop { .. })
        | (OrderKind::TakeProfit { .. }, OrderKind::TakeProfit { .. }) => true,
        (
            OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. },
            OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. },
        ) => false,
    };
    same_kind
        && open.amount == Amount::ClosePosition
        && (open.instrument, open.side, open.position_side) == (new.instrument, new.side, new.position_side)
}
