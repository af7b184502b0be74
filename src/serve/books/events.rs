//! From rows of the journal to events of the user-data stream.
//!
//! The exchange writes a trade as its fill, the money that moved, the position and then the order. These rows belong
//! together: the account is told of money and position first, then of the order, all with the same instant.

use super::replies::quantity;
use super::{AmendmentRow, Books, OrderRow, ended_empty, is_limit};
use crate::exchange::{AccountId, CashKind, Change, Exchange, FillChange, MarginMode, OrderChange, PositionChange};
use crate::protocol::{OrderKind, Stage, Trade};
use crate::types::{InstrumentId, PositionSide, Price, Qty, Timestamp, Usdt};
use crate::venue::binance::stream::ForcedOrder;
use crate::venue::binance::user::{
    AccountUpdate, AlgoUpdate, BalanceUpdate, OrderUpdate, PositionUpdate, TradeLite, UserMessage,
};
use crate::venue::binance::words::{AlgoStatus, Execution, OrderStatus, OrderType, Tif};

/// What follows from rows of the journal.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Events for accounts that are listened to.
    pub private: Vec<(AccountId, UserMessage)>,
    /// Trades for the public tape, with their numbers.
    pub trades: Vec<(InstrumentId, u64, Trade, Timestamp)>,
    /// Liquidations for the public streams.
    pub forced: Vec<(InstrumentId, ForcedOrder)>,
    /// Instruments whose resting orders may have changed.
    pub touched: Vec<InstrumentId>,
}

/// Rows of one trade, until its order's row comes.
#[derive(Debug, Default)]
struct Pending {
    fill: Option<FillChange>,
    position: Option<PositionChange>,
}

impl Books {
    /// Takes in rows, and says what is to be told.
    pub(crate) fn take_in(&mut self, rows: &[Change], exchange: &Exchange, hears: impl Fn(AccountId) -> bool) -> Told {
        let mut told = Told::default();
        let mut pending = Pending::default();
        for (at, row) in rows.iter().enumerate() {
            match row {
                Change::Fill(fill) => {
                    self.of(fill.account).learn_fill(fill);
                    if !fill.fill.maker {
                        let taken = Trade {
                            id: fill.fill.trade_id,
                            price: fill.fill.price,
                            qty: fill.fill.qty,
                            taker: fill.fill.side,
                        };
                        told.trades.push((fill.fill.instrument, fill.fill.trade_id.0, taken, fill.fill.at));
                    }
                    pending.fill = Some(fill.clone());
                }
                Change::Cash(cash) => {
                    self.of(cash.account).learn_cash(cash);
                    let reason = match cash.kind {
                        CashKind::Funding => "FUNDING_FEE",
                        CashKind::Transfer if cash.amount.is_negative() => "WITHDRAW",
                        CashKind::Transfer => "DEPOSIT",
                        CashKind::Liquidation => "INSURANCE_CLEAR",
                        CashKind::Opening | CashKind::Fee | CashKind::Realised => continue,
                    };
                    if hears(cash.account) {
                        let isolated = cash
                            .instrument
                            .filter(|id| exchange.margin_mode(cash.account, *id) == MarginMode::Isolated);
                        let legs = isolated.map(|id| self.legs_of(cash.account, id)).unwrap_or_default();
                        let message = self.account_update(cash.account, reason, cash.amount, &legs, cash.at, exchange);
                        told.private.push((cash.account, message));
                    }
                }
                Change::Position(position) => {
                    self.learn(std::slice::from_ref(row));
                    if pending.fill.is_some() {
                        pending.position = Some(*position);
                    } else if hears(position.account) {
                        let leg = [(position.instrument, position.position_side)];
                        let zero = Usdt::ZERO;
                        let at = position.updated_at;
                        let message =
                            self.account_update(position.account, "MARGIN_TRANSFER", zero, &leg, at, exchange);
                        told.private.push((position.account, message));
                    }
                }
                Change::Order(order) => {
                    let trade = std::mem::take(&mut pending);
                    let next = rows[at + 1..].iter().find_map(|row| match row {
                        Change::Order(next) if next.venue_order_id == order.venue_order_id => Some(next),
                        Change::Order(_) | Change::Fill(_) | Change::Cash(_) | Change::Position(_) => None,
                    });
                    let vain = order.triggered && next.is_some_and(ended_empty);
                    self.take_order(order, trade, vain, exchange, hears(order.account), &mut told);
                }
            }
        }
        told
    }

    fn take_order(
        &mut self,
        order: &OrderChange,
        trade: Pending,
        vain: bool,
        exchange: &Exchange,
        heard: bool,
        told: &mut Told,
    ) {
        let account = order.account;
        let before = self.of(account).learn_order(order);
        told.touched.push(order.request.instrument);
        self.note_changed(order, before.as_ref());
        let Some(row) = self.of(account).orders.get_mut(&order.venue_order_id.0) else { return };
        if let Some(fill) = &trade.fill {
            row.last_price = fill.fill.price;
        }
        let row = row.clone();
        if let Some(fill) = trade.fill.as_ref().filter(|fill| is_liquidation(fill)) {
            told.forced.push((order.request.instrument, forced(&row, fill, exchange)));
        }
        if !heard {
            return;
        }
        let triggers = order.triggered && before.as_ref().is_some_and(|before| !before.triggered);
        let ends = matches!(order.stage, Stage::Done(_));
        let mut tell = |message| told.private.push((account, message));
        if row.is_algo() && !order.triggered {
            return tell(algo_update(&row, row.algo_status(), exchange));
        }
        if triggers {
            tell(algo_update(&row, AlgoStatus::Triggering, exchange));
            if !vain {
                tell(algo_update(&row, AlgoStatus::Triggered, exchange));
            }
        }
        if row.is_algo() && ended_empty(order) {
            return tell(algo_update(&row, row.algo_status(), exchange));
        }
        if let Some(fill) = &trade.fill {
            let leg = [(fill.fill.instrument, fill.fill.position_side)];
            let at = fill.fill.at;
            tell(self.account_update(account, "ORDER", Usdt::ZERO, &leg, at, exchange));
            tell(trade_lite(&row, fill, exchange));
            tell(order_update(&row, Execution::Trade, Some(fill), exchange));
        } else if !vain {
            let execution = match (row.status(), &before) {
                (OrderStatus::Canceled, _) => Execution::Canceled,
                (OrderStatus::Expired | OrderStatus::ExpiredInMatch, _) => Execution::Expired,
                (_, Some(before)) if !triggers && is_limit(before) => Execution::Amendment,
                (_, _) => Execution::New,
            };
            tell(order_update(&row, execution, None, exchange));
        }
        if row.is_algo() && ends {
            tell(algo_update(&row, AlgoStatus::Finished, exchange));
        }
    }

    /// Writes down that an order's price or quantity was changed.
    fn note_changed(&mut self, order: &OrderChange, before: Option<&OrderChange>) {
        let Some(before) = before else { return };
        let (OrderKind::Limit { price: old, .. }, OrderKind::Limit { price: new, .. }) =
            (before.request.kind, order.request.kind)
        else {
            return;
        };
        if (old, before.request.amount) == (new, order.request.amount) {
            return;
        }
        let book = self.of(order.account);
        let Some(row) = book.orders.get_mut(&order.venue_order_id.0) else { return };
        row.amended += 1;
        let after = quantity(row);
        let was = match before.request.amount {
            crate::protocol::Amount::Qty(qty) => qty,
            crate::protocol::Amount::ClosePosition => Qty::ZERO,
        };
        let count = row.amended;
        book.note_amendment(AmendmentRow {
            order: order.venue_order_id.0,
            client_id: order.request.client_id,
            instrument: order.request.instrument,
            price: (old, new),
            qty: (was, after),
            count,
            modify_id: None,
            at: order.updated_at,
        });
    }

    fn legs_of(&self, account: AccountId, id: InstrumentId) -> Vec<(InstrumentId, PositionSide)> {
        let legs = self.get(account).into_iter().flat_map(|book| &book.legs);
        legs.filter(|((one, _), leg)| *one == id && !leg.qty.is_zero()).map(|(key, _)| *key).collect()
    }

    /// Money and positions as they are now.
    pub(crate) fn account_update(
        &self,
        account: AccountId,
        reason: &str,
        moved: Usdt,
        legs: &[(InstrumentId, PositionSide)],
        at: Timestamp,
        exchange: &Exchange,
    ) -> UserMessage {
        let wallet = self.get(account).map(|book| book.balance).unwrap_or_default();
        let apart = exchange.balance(account) - exchange.cross_wallet(account);
        let balance = BalanceUpdate { a: "USDT".to_owned(), wb: wallet, cw: wallet - apart, bc: moved };
        let views = exchange.legs(account);
        let position = |(id, side): &(InstrumentId, PositionSide)| {
            let book = self.get(account).map(|book| book.leg(*id, *side)).unwrap_or_default();
            let view = views.iter().find(|view| (view.instrument, view.side) == (*id, *side));
            let isolated = view.map(|view| view.isolated).unwrap_or_default();
            let flat = book.qty.is_zero();
            PositionUpdate {
                s: exchange.instruments().get(*id).venue_symbol.clone(),
                pa: book.qty,
                ep: if flat { Price::ZERO } else { book.entry_price },
                bep: if flat { Price::ZERO } else { book.break_even() },
                cr: book.realised,
                up: view.map(|view| view.unrealised).unwrap_or_default(),
                mt: margin_word(exchange.margin_mode(account, *id)).to_owned(),
                iw: isolated,
                ps: (*side).into(),
            }
        };
        let a = AccountUpdate { m: reason.to_owned(), B: vec![balance], P: legs.iter().map(position).collect() };
        UserMessage::Account { E: exchange.now().as_millis(), T: at.as_millis(), a }
    }
}

/// What stands behind a position, in the small letters of positions.
pub(crate) const fn margin_word(mode: MarginMode) -> &'static str {
    match mode {
        MarginMode::Cross => "cross",
        MarginMode::Isolated => "isolated",
    }
}

fn is_liquidation(fill: &FillChange) -> bool {
    fill.fill.client_id.as_str().starts_with("autoclose-") || fill.fill.client_id.as_str().starts_with("adl_autoclose")
}

fn forced(row: &OrderRow, fill: &FillChange, exchange: &Exchange) -> ForcedOrder {
    ForcedOrder {
        s: exchange.instruments().get(fill.fill.instrument).venue_symbol.clone(),
        S: fill.fill.side.into(),
        o: OrderType::Limit,
        f: Tif::Ioc,
        q: fill.fill.qty,
        p: fill.fill.price,
        ap: row.average(),
        X: OrderStatus::Filled,
        l: fill.fill.qty,
        z: row.change.filled,
        T: fill.fill.at.as_millis(),
    }
}

fn trade_lite(row: &OrderRow, fill: &FillChange, exchange: &Exchange) -> UserMessage {
    UserMessage::TradeLite(TradeLite {
        E: exchange.now().as_millis(),
        T: fill.fill.at.as_millis(),
        s: exchange.instruments().get(fill.fill.instrument).venue_symbol.clone(),
        q: quantity(row),
        p: row.limit().unwrap_or_default(),
        m: fill.fill.maker,
        c: fill.fill.client_id.to_string(),
        S: fill.fill.side.into(),
        L: fill.fill.price,
        l: fill.fill.qty,
        t: fill.fill.trade_id.0,
        i: row.id(),
    })
}

fn order_update(row: &OrderRow, execution: Execution, fill: Option<&FillChange>, exchange: &Exchange) -> UserMessage {
    let request = &row.change.request;
    let views = exchange.legs(row.change.account);
    let leg = views.iter().find(|view| (view.instrument, view.side) == (request.instrument, request.position_side));
    let traded = fill.map(|fill| fill.fill);
    let at = traded.map_or(row.change.updated_at, |fill| fill.at);
    let trail = row.trail();
    let status = match execution {
        Execution::New => OrderStatus::New,
        Execution::Canceled | Execution::Calculated | Execution::Expired | Execution::Trade | Execution::Amendment => {
            row.status()
        }
    };
    let o = OrderUpdate {
        s: exchange.instruments().get(request.instrument).venue_symbol.clone(),
        c: request.client_id.to_string(),
        S: request.side.into(),
        o: row.kind(),
        f: row.tif(),
        q: quantity(row),
        p: row.limit().unwrap_or_default(),
        ap: row.average(),
        sp: row.trigger(),
        x: execution,
        X: status,
        i: row.id(),
        l: traded.map(|fill| fill.qty).unwrap_or_default(),
        z: row.change.filled,
        L: traded.map(|fill| fill.price).unwrap_or_default(),
        N: traded.map(|_| "USDT".to_owned()),
        n: traded.map(|fill| fill.fee),
        T: at.as_millis(),
        t: traded.map_or(0, |fill| fill.trade_id.0),
        b: leg.map(|leg| leg.buys).unwrap_or_default(),
        a: leg.map(|leg| leg.sells).unwrap_or_default(),
        m: traded.is_some_and(|fill| fill.maker),
        R: request.reduce_only,
        wt: row.working_type(),
        ot: row.placed_as(),
        ps: request.position_side.into(),
        cp: row.closes(),
        AP: trail.map(|(price, _)| price),
        cr: trail.map(|(_, rate)| rate),
        pP: row.change.terms.protect,
        si: 0,
        ss: 0,
        rp: fill.map(|fill| fill.realised).unwrap_or_default(),
        V: row.stp(),
        pm: row.price_match,
        gtd: row.good_till(),
        er: row.expiry().to_owned(),
    };
    UserMessage::Order { E: exchange.now().as_millis(), T: at.as_millis(), o: Box::new(o) }
}

fn algo_update(row: &OrderRow, status: AlgoStatus, exchange: &Exchange) -> UserMessage {
    let request = &row.change.request;
    let actual = matches!(status, AlgoStatus::Triggered | AlgoStatus::Finished);
    let o = AlgoUpdate {
        caid: request.client_id.to_string(),
        aid: row.algo_id(),
        at: "CONDITIONAL".to_owned(),
        o: row.placed_as(),
        s: exchange.instruments().get(request.instrument).venue_symbol.clone(),
        S: request.side.into(),
        ps: request.position_side.into(),
        f: row.tif(),
        q: if let crate::protocol::Amount::Qty(qty) = request.amount { qty } else { Qty::ZERO },
        X: status,
        ai: if actual { row.id().to_string() } else { String::new() },
        ap: row.average(),
        aq: row.change.filled,
        act: match (actual, row.kind()) {
            (true, kind) => kind.as_str().to_owned(),
            (false, _) => "0".to_owned(),
        },
        tp: row.trigger(),
        p: row.limit().unwrap_or_default(),
        V: row.stp(),
        wt: row.working_type(),
        pm: row.price_match,
        cp: row.closes(),
        pP: row.change.terms.protect,
        R: request.reduce_only,
        tt: row.triggered_at.map_or(0, |at| at.as_millis()),
        gtd: row.good_till(),
        rm: match status {
            AlgoStatus::Expired | AlgoStatus::Rejected => row.reject_reason().to_owned(),
            AlgoStatus::New
            | AlgoStatus::Triggering
            | AlgoStatus::Triggered
            | AlgoStatus::Finished
            | AlgoStatus::Canceled => String::new(),
        },
    };
    UserMessage::Algo { T: row.change.updated_at.as_millis(), E: exchange.now().as_millis(), o: Box::new(o) }
}
