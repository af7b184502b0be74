//! Orders meet the market: takers walk what is offered, makers wait in the queue at their price.

use super::book::Slice;
use super::screen::is_triggered;
use super::{AccountId, Change, Exchange, OpenOrder};
use crate::protocol::{Amount, Depth, DoneReason, Fill, OrderKind, OrderRequest, ReportBody, TimeInForce, Trade};
use crate::types::{InstrumentId, Price, Qty, Rounding, Side, Span, TradeId, VenueOrderId};

impl Exchange {
    /// An order has arrived.
    pub(super) fn submit(&mut self, account: AccountId, request: OrderRequest, answer_lost: bool) {
        if request.instrument.index() >= self.books.len() {
            return;
        }
        if let Err((code, words)) = self.look_over(account, &request) {
            let body = ReportBody::Rejected { code, reason: words.to_owned() };
            let report = self.order_report(request.client_id, request.instrument, None, body);
            self.report(account, report, Span::ZERO);
            return;
        }
        let id = VenueOrderId(self.next_order);
        self.next_order += 1;
        let body = if answer_lost {
            ReportBody::Unanswered { reason: "the answer was lost".to_owned() }
        } else {
            ReportBody::Accepted
        };
        let report = self.order_report(request.client_id, request.instrument, (!answer_lost).then_some(id), body);
        let delay = if answer_lost { super::faults::ANSWER_TIMEOUT } else { Span::ZERO };
        self.report(account, report, delay);
        let order = OpenOrder { id, request, filled: Qty::ZERO, created_at: self.at, queue_ahead: Qty::ZERO };
        self.note_order(account, &order, None);
        self.accounts[usize::from(account.0)].orders.insert(id, order);
        self.execute(account, id);
    }

    /// Executes a new or triggered order as far as the market goes.
    pub(super) fn execute(&mut self, account: AccountId, id: VenueOrderId) {
        let Some(order) = self.accounts[usize::from(account.0)].orders.get(&id).cloned() else { return };
        match order.request.kind {
            OrderKind::Market => self.take(account, &order, None, DoneReason::Expired),
            OrderKind::Limit { price, tif } => self.execute_limit(account, &order, price, tif),
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => {}
        }
    }

    fn execute_limit(&mut self, account: AccountId, order: &OpenOrder, price: Price, tif: TimeInForce) {
        match tif {
            TimeInForce::Ioc => self.take(account, order, Some(price), DoneReason::Expired),
            TimeInForce::Fok => {
                let whole: Qty = self.offers(order, Some(price)).iter().map(|slice| slice.qty).sum();
                if whole >= self.open_qty(account, order) {
                    self.take(account, order, Some(price), DoneReason::Expired);
                } else {
                    self.end(account, order.id, DoneReason::Expired);
                }
            }
            TimeInForce::Gtc | TimeInForce::PostOnly => {
                self.fill_slices(account, order, Some(price));
                let ahead = self.books[order.request.instrument.index()].shown(order.request.side, price);
                if let Some(rest) = self.accounts[usize::from(account.0)].orders.get_mut(&order.id) {
                    rest.queue_ahead = ahead;
                }
            }
        }
    }

    /// Takes what the market gives, and ends what is left.
    fn take(&mut self, account: AccountId, order: &OpenOrder, limit: Option<Price>, rest: DoneReason) {
        self.fill_slices(account, order, limit);
        if self.accounts[usize::from(account.0)].orders.contains_key(&order.id) {
            self.end(account, order.id, rest);
        }
    }

    fn fill_slices(&mut self, account: AccountId, order: &OpenOrder, limit: Option<Price>) {
        let qty = self.open_qty(account, order);
        let mut left = qty;
        for slice in self.offers_for(order, qty, limit) {
            let part = slice.qty.min(left);
            left -= part;
            self.books[order.request.instrument.index()].consume(order.request.side, Slice { qty: part, ..slice });
            self.fill(account, order.id, slice.price, part, false);
        }
    }

    fn offers(&self, order: &OpenOrder, limit: Option<Price>) -> Vec<Slice> {
        let Amount::Qty(qty) = order.request.amount else { return Vec::new() };
        self.offers_for(order, qty - order.filled, limit)
    }

    fn offers_for(&self, order: &OpenOrder, qty: Qty, limit: Option<Price>) -> Vec<Slice> {
        let rules = self.instruments.get(order.request.instrument);
        let book = &self.books[order.request.instrument.index()];
        book.walk(order.request.side, qty, limit, &self.settings.depth, (rules.tick, rules.step))
    }

    /// What is left of an order; of a reducing one, no more than the position.
    fn open_qty(&self, account: AccountId, order: &OpenOrder) -> Qty {
        let one = &self.accounts[usize::from(account.0)];
        let position = one.position(order.request.instrument, order.request.position_side);
        let reducible = match order.request.side {
            Side::Buy => (-position).max(Qty::ZERO),
            Side::Sell => position.max(Qty::ZERO),
        };
        match order.request.amount {
            Amount::ClosePosition => reducible,
            Amount::Qty(qty) if order.request.reduce_only => (qty - order.filled).min(reducible),
            Amount::Qty(qty) => qty - order.filled,
        }
    }

    /// Fills a part of an open order, and ends it when nothing is left.
    pub(super) fn fill(&mut self, account: AccountId, id: VenueOrderId, price: Price, qty: Qty, maker: bool) {
        let Some(order) = self.accounts[usize::from(account.0)].orders.get(&id).cloned() else { return };
        let qty = qty.min(self.open_qty(account, &order));
        if !qty.is_positive() {
            return;
        }
        let fill = self.book_fill(account, &order, price, qty, maker);
        let report =
            self.order_report(order.request.client_id, order.request.instrument, Some(id), ReportBody::Filled(fill));
        self.report(account, report, Span::ZERO);
        let done = {
            let Some(open) = self.accounts[usize::from(account.0)].orders.get_mut(&id) else { return };
            open.filled += qty;
            match open.request.amount {
                Amount::Qty(whole) => open.filled >= whole,
                Amount::ClosePosition => false,
            }
        };
        let Some(open) = self.accounts[usize::from(account.0)].orders.get(&id).cloned() else { return };
        if done {
            self.accounts[usize::from(account.0)].orders.remove(&id);
            self.note_end(account, &open, DoneReason::Filled);
        } else {
            self.note_order(account, &open, None);
        }
        self.expire_pointless(account, order.request.instrument);
    }

    /// Enters a trade into the account's books.
    pub(super) fn book_fill(
        &mut self,
        account: AccountId,
        order: &OpenOrder,
        price: Price,
        qty: Qty,
        maker: bool,
    ) -> Fill {
        let request = &order.request;
        let rules = self.instruments.get(request.instrument);
        let rate = if maker { rules.maker_fee } else { rules.taker_fee };
        let fee = price.notional(qty).times(rate, Rounding::Up);
        let fill = Fill {
            trade_id: TradeId(self.next_trade),
            client_id: request.client_id,
            instrument: request.instrument,
            position_side: request.position_side,
            side: request.side,
            price,
            qty,
            fee,
            maker,
            at: self.at,
            path_dependent: self.path_dependent,
        };
        self.next_trade += 1;
        let at = self.at;
        let one = &mut self.accounts[usize::from(account.0)];
        let leverage = one.config.leverage;
        let holding = one.positions.entry((request.instrument, request.position_side)).or_default();
        let realised = holding.trade(request.side, price, qty, leverage);
        holding.updated_at = at;
        let left = holding.qty;
        if left.is_zero() {
            one.positions.remove(&(request.instrument, request.position_side));
        }
        one.cash += realised - fee;
        one.remember_fill(fill);
        self.changes.push(Change::Fill { account, fill });
        for (kind, amount) in [("realised", realised), ("fee", -fee)] {
            if !amount.is_zero() {
                self.changes.push(Change::Cash { account, kind, amount, at });
            }
        }
        let (instrument, side) = (request.instrument, request.position_side);
        self.changes.push(Change::Position { account, instrument, side, qty: left, at });
        fill
    }

    /// Resting reduce-only orders of a position that is gone expire; conditional ones wait until they trigger.
    fn expire_pointless(&mut self, account: AccountId, instrument: InstrumentId) {
        let one = &self.accounts[usize::from(account.0)];
        let gone: Vec<VenueOrderId> = one
            .orders
            .values()
            .filter(|order| order.request.instrument == instrument && order.request.reduce_only)
            .filter(|order| matches!(order.request.kind, OrderKind::Limit { .. }))
            .filter(|order| one.position(instrument, order.request.position_side).is_zero())
            .map(|order| order.id)
            .collect();
        for id in gone {
            self.end(account, id, DoneReason::Expired);
        }
    }

    /// Open orders of an instrument, over all accounts, oldest first.
    pub(super) fn resting(&self, instrument: InstrumentId) -> Vec<(AccountId, OpenOrder)> {
        let all = (0_u16..).map(AccountId).zip(&self.accounts);
        let mut found: Vec<(AccountId, OpenOrder)> = all
            .flat_map(|(id, account)| account.orders.values().map(move |order| (id, order)))
            .filter(|(_, order)| order.request.instrument == instrument)
            .map(|(id, order)| (id, order.clone()))
            .collect();
        found.sort_by_key(|(_, order)| order.id);
        found
    }

    pub(super) fn after_quote(&mut self, instrument: InstrumentId) {
        if !self.shape.mark {
            self.after_mark(instrument);
        }
        for (account, order) in self.resting_limits(instrument) {
            let OrderKind::Limit { price, .. } = order.request.kind else { continue };
            if self.crosses(&order.request, price) {
                let offered = self.offers(&order, Some(price)).iter().map(|slice| slice.qty).sum();
                self.fill(account, order.id, price, offered, true);
            }
        }
    }

    fn resting_limits(&self, instrument: InstrumentId) -> Vec<(AccountId, OpenOrder)> {
        let mut limits = self.resting(instrument);
        limits.retain(|(_, order)| matches!(order.request.kind, OrderKind::Limit { .. }));
        limits
    }

    /// A trade of others: through a resting order's price it fills it; at its price it first works off the queue.
    pub(super) fn after_trade(&mut self, instrument: InstrumentId, trade: &Trade) {
        let mut left = trade.qty;
        for (account, order) in self.resting_limits(instrument) {
            let OrderKind::Limit { price, .. } = order.request.kind else { continue };
            if order.request.side == trade.taker || !left.is_positive() {
                continue;
            }
            let through = match order.request.side {
                Side::Buy => trade.price < price,
                Side::Sell => trade.price > price,
            };
            if through {
                self.fill(account, order.id, price, left, true);
            } else if trade.price == price {
                let reaches = (left - order.queue_ahead).max(Qty::ZERO);
                if let Some(open) = self.accounts[usize::from(account.0)].orders.get_mut(&order.id) {
                    open.queue_ahead = (open.queue_ahead - left).max(Qty::ZERO);
                }
                self.fill(account, order.id, price, reaches, true);
                left = reaches;
            }
        }
        if !self.shape.mark {
            self.after_mark(instrument);
        } else {
            self.trigger(instrument);
        }
    }

    /// The book changed: what left before us in the queue moves us up.
    pub(super) fn after_depth(&mut self, instrument: InstrumentId, depth: &Depth) {
        for (account, order) in self.resting_limits(instrument) {
            let OrderKind::Limit { price, .. } = order.request.kind else { continue };
            let touched = depth.levels.iter().find(|level| level.side == order.request.side && level.price == price);
            if let (Some(level), Some(open)) =
                (touched, self.accounts[usize::from(account.0)].orders.get_mut(&order.id))
            {
                open.queue_ahead = open.queue_ahead.min(level.qty);
            }
        }
    }

    /// The mark moved: triggers, then liquidations.
    pub(super) fn after_mark(&mut self, instrument: InstrumentId) {
        self.trigger(instrument);
        self.liquidate(instrument);
    }

    /// Turns every conditional order whose price is reached into a market order.
    pub(super) fn trigger(&mut self, instrument: InstrumentId) {
        for (account, order) in self.resting(instrument) {
            let (OrderKind::Stop { trigger, by } | OrderKind::TakeProfit { trigger, by }) = order.request.kind else {
                continue;
            };
            let Some(price) = self.watched(&order.request, by) else { continue };
            if !is_triggered(&order.request.kind, order.request.side, trigger, price) {
                continue;
            }
            let report = self.order_report(
                order.request.client_id,
                instrument,
                Some(order.id),
                ReportBody::Triggered,
            );
            self.report(account, report, Span::ZERO);
            self.take(account, &order, None, DoneReason::Expired);
        }
    }
}
