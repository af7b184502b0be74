//! What a trade does: to the order, to the account, to the journal. And how an order ends.

use super::Core;
use super::account::{AccountId, MarginMode};
use super::changes::{CashKind, Change, FillChange};
use super::order::Order;
use crate::protocol::{Amount, DoneReason, Fill, ReportBody, Stage};
use crate::types::{InstrumentId, Price, Qty, Rounding, Side, Span, TradeId, Usdt, VenueOrderId};

/// A trade of an open order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    pub price: Price,
    pub qty: Qty,
    pub maker: bool,
    pub id: TradeId,
    /// Reported this much later than it should be; a fault.
    pub late: Option<Span>,
}

impl Core {
    pub(super) fn trade_id(&mut self) -> TradeId {
        self.numbers.trade += 1;
        TradeId(self.numbers.trade)
    }

    /// Fills an open order, which ends if nothing of it is left.
    pub(super) fn fill(&mut self, id: u64, trade: Trade) {
        let Some(mut order) = self.orders.remove(&id) else { return };
        order.filled += trade.qty;
        order.filled_notional += trade.price.notional(trade.qty);
        order.updated_at = self.now;
        let request = &order.request;
        let instrument = self.instruments.get(request.instrument);
        let rate = if trade.maker { instrument.maker_fee } else { instrument.taker_fee };
        let fill = Fill {
            trade_id: trade.id,
            client_id: request.client_id,
            instrument: request.instrument,
            position_side: request.position_side,
            side: request.side,
            price: trade.price,
            qty: trade.qty,
            fee: trade.price.notional(trade.qty).times(rate, Rounding::Up),
            maker: trade.maker,
            at: self.now,
            path_dependent: self.path_dependent.contains(&order.account),
        };
        self.settle(order.account, VenueOrderId(id), fill);
        match trade.late {
            None => self.push_order(&order, ReportBody::Filled(fill)),
            Some(after) => {
                let body = ReportBody::Filled(fill);
                let report = self.order_report(fill.client_id, fill.instrument, Some(id), body);
                self.push_late(order.account, report, after);
            }
        }
        if order.left().is_zero() {
            self.unlist(&order);
            if order.request.amount == Amount::ClosePosition {
                // Its size is the venue's to know: without this word, a stop that closed its position would look alive,
                // and stand for the next position's.
                self.push_order(&order, ReportBody::Ended { reason: DoneReason::Filled, filled: order.filled });
            }
            self.journal_order(&order, Stage::Done(DoneReason::Filled));
        } else {
            self.journal_order(&order, Stage::Working);
            self.orders.insert(id, order);
        }
    }

    /// Ends an open order before all of it is filled; nothing happens if it has ended.
    pub(super) fn end(&mut self, id: u64, reason: DoneReason) {
        let Some(mut order) = self.orders.remove(&id) else { return };
        order.updated_at = self.now;
        self.unlist(&order);
        let body = ReportBody::Ended { reason, filled: order.filled };
        self.push_order(&order, body);
        self.journal_order(&order, Stage::Done(reason));
    }

    /// Applies a trade to the account's position and money. Gives the result that it realised.
    pub(super) fn settle(&mut self, account: AccountId, order: VenueOrderId, fill: Fill) -> Usdt {
        let key = (fill.instrument, fill.position_side);
        let realised = self.carry_standing(account, key, |core| core.book(account, order, fill));
        self.touched.push((account, fill.instrument));
        realised
    }

    fn book(&mut self, account: AccountId, order: VenueOrderId, fill: Fill) -> Usdt {
        let now = self.now;
        let one = &mut self.accounts[account.index()];
        let leverage = i64::from(one.leverage(fill.instrument));
        let key = (fill.instrument, fill.position_side);
        let isolated = one.margin(fill.instrument) == MarginMode::Isolated;
        let position = one.positions.entry(key).or_default();
        let traded = position.trade(fill.side, fill.price, fill.qty);
        if isolated {
            position.isolated += traded.opened.divided_by(leverage, Rounding::Up);
        }
        position.updated_at = now;
        if position.qty.is_zero() {
            one.positions.remove(&key);
        }
        self.update_holder(account, fill.instrument);
        if !fill.maker {
            self.boards[fill.instrument.index()].own = Some(fill.price);
        }
        let realised = traded.realised;
        self.changes.push(Change::Fill(FillChange { account, venue_order_id: order, fill, realised }));
        let (trade, instrument) = (fill.trade_id.0, Some(fill.instrument));
        self.move_cash(account, CashKind::Realised, realised, trade, instrument);
        self.move_cash(account, CashKind::Fee, -fill.fee, trade, instrument);
        self.journal_position(account, fill.instrument, fill.position_side);
        realised
    }

    /// Looks after what trades leave behind: reduce-only orders without a position, accounts that can no longer pay,
    /// and triggers that the trades have crossed. Ends because each liquidation leaves fewer positions, and each
    /// trigger fewer that wait.
    pub(super) fn after_trading(&mut self) {
        while let Some((account, instrument)) = self.touched.pop() {
            self.expire_reduce_only(account, instrument);
            self.liquidate_if_due(account);
            self.make_good(account);
            self.fire_crossed(instrument);
        }
    }

    pub(super) fn update_holder(&mut self, account: AccountId, instrument: InstrumentId) {
        let holds = self.accounts[account.index()].holds(instrument);
        let holders = &mut self.boards[instrument.index()].holders;
        match (holders.binary_search(&account), holds) {
            (Ok(at), false) => {
                holders.remove(at);
                if holders.is_empty() {
                    self.end_funding();
                }
            }
            (Err(at), true) => {
                holders.insert(at, account);
                if holders.len() == 1 {
                    self.start_funding(instrument);
                }
            }
            (Ok(_), true) | (Err(_), false) => {}
        }
    }

    pub(super) fn unlist(&mut self, order: &Order) {
        self.accounts[order.account.index()].open.remove(&order.request.client_id);
        let board = &mut self.boards[order.request.instrument.index()];
        if order.waits() {
            board.waiting.retain(|id| *id != order.id);
        } else if order.limit().is_some() {
            board.resting_mut(order.request.side).retain(|id| *id != order.id);
            self.forget_standing(order.account);
        }
    }

    /// Resting reduce-only orders end with the position that they would reduce, as at Binance. Conditional ones
    /// stay until they trigger.
    fn expire_reduce_only(&mut self, account: AccountId, instrument: InstrumentId) {
        for side in [Side::Buy, Side::Sell] {
            let resting = self.boards[instrument.index()].resting(side);
            let orders = resting.iter().filter_map(|id| self.orders.get(id));
            let idle = orders
                .filter(|order| order.account == account && order.reduces() && self.executable(order).is_zero())
                .map(|order| order.id);
            for id in idle.collect::<Vec<_>>() {
                self.end(id, DoneReason::Expired);
            }
        }
    }
}
