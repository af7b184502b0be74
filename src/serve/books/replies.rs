//! Rows of the books as Binance's replies.

use super::rows::{IncomeRow, OrderRow, TradeRow};
use crate::exchange::CashKind;
use crate::protocol::Amount;
use crate::types::{Instruments, Price, Qty};
use crate::venue::binance::account::Income;
use crate::venue::binance::algo::{AlgoLegs, AlgoReply};
use crate::venue::binance::order::{OrderReply, UserTrade};
use crate::venue::binance::words::{AlgoStatus, IncomeType, OrderType};

/// What an order's reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answering {
    /// An order that was placed or cancelled.
    Act,
    /// A change of an order, with the client's number for it.
    Change(Option<u64>),
    /// A query for one order.
    Query,
    /// A query for all orders.
    List,
}

pub(crate) fn order(row: &OrderRow, instruments: &Instruments, answering: Answering) -> OrderReply {
    let request = &row.change.request;
    let symbol = instruments.get(request.instrument).venue_symbol.clone();
    let queried = matches!(answering, Answering::Query | Answering::List);
    let trail = row.trail();
    OrderReply {
        order_id: row.id(),
        pair: matches!(answering, Answering::Change(_) | Answering::List).then(|| symbol.clone()),
        symbol,
        status: row.status(),
        client_order_id: request.client_id.to_string(),
        modify_id: if let Answering::Change(id) = answering { id } else { None },
        price: row.limit().unwrap_or_default(),
        avg_price: queried.then(|| row.average()),
        orig_qty: quantity(row),
        executed_qty: row.change.filled,
        cum_qty: (!queried).then_some(row.change.filled),
        cum_quote: queried.then_some(row.change.filled_notional),
        cum_base: (answering == Answering::List).then_some(Qty::ZERO),
        time_in_force: row.tif(),
        kind: row.kind(),
        reduce_only: request.reduce_only,
        close_position: row.closes(),
        side: request.side.into(),
        position_side: request.position_side.into(),
        stop_price: row.trigger(),
        working_type: row.working_type(),
        price_protect: row.change.terms.protect,
        orig_type: row.placed_as(),
        activate_price: trail.map(|(price, _)| price),
        price_rate: trail.map(|(_, rate)| rate),
        price_match: row.price_match,
        self_trade_prevention_mode: row.stp(),
        good_till_date: row.good_till(),
        time: queried.then(|| row.change.created_at.as_millis()),
        update_time: row.change.updated_at.as_millis(),
    }
}

/// What an order is for; of a close-position order it is known by what was filled.
pub(super) fn quantity(row: &OrderRow) -> Qty {
    match row.change.request.amount {
        Amount::Qty(qty) => qty,
        Amount::ClosePosition => row.change.filled,
    }
}

pub(crate) fn algo(row: &OrderRow, instruments: &Instruments, queried: bool) -> AlgoReply {
    let request = &row.change.request;
    let status = row.algo_status();
    let actual = matches!(status, AlgoStatus::Triggered | AlgoStatus::Finished);
    let trail = row.trail();
    let text = |amount: Option<String>| amount.unwrap_or_default();
    AlgoReply {
        algo_id: row.algo_id(),
        client_algo_id: request.client_id.to_string(),
        algo_type: "CONDITIONAL".to_owned(),
        order_type: row.placed_as(),
        symbol: instruments.get(request.instrument).venue_symbol.clone(),
        side: request.side.into(),
        position_side: request.position_side.into(),
        time_in_force: row.tif(),
        quantity: if let Amount::Qty(qty) = request.amount { qty } else { Qty::ZERO },
        algo_status: status,
        actual_order_id: queried.then(|| if actual { row.id().to_string() } else { String::new() }),
        actual_price: queried.then(|| row.average()),
        actual_qty: queried.then_some(row.change.filled),
        actual_type: queried.then(|| match (actual, row.kind()) {
            (true, OrderType::Limit) => "LIMIT".to_owned(),
            (true, _) => "MARKET".to_owned(),
            (false, _) => String::new(),
        }),
        trigger_price: row.trigger(),
        price: row.limit().unwrap_or(Price::ZERO),
        iceberg_quantity: None,
        legs: queried.then(AlgoLegs::none),
        self_trade_prevention_mode: row.stp(),
        working_type: row.working_type(),
        price_match: row.price_match,
        close_position: row.closes(),
        price_protect: row.change.terms.protect,
        reduce_only: request.reduce_only,
        activate_price: (!queried || trail.is_some()).then(|| text(trail.map(|(price, _)| price.to_string()))),
        callback_rate: (!queried || trail.is_some()).then(|| text(trail.map(|(_, rate)| rate.to_string()))),
        create_time: row.change.created_at.as_millis(),
        update_time: row.change.updated_at.as_millis(),
        trigger_time: row.triggered_at.map_or(0, |at| at.as_millis()),
        good_till_date: row.good_till(),
    }
}

pub(crate) fn trade(row: &TradeRow, instruments: &Instruments) -> UserTrade {
    let fill = &row.fill;
    let symbol = instruments.get(fill.instrument).venue_symbol.clone();
    UserTrade {
        pair: symbol.clone(),
        symbol,
        id: fill.trade_id.0,
        order_id: row.order,
        side: fill.side.into(),
        price: fill.price,
        qty: fill.qty,
        realized_pnl: row.realised,
        margin_asset: "USDT".to_owned(),
        quote_qty: fill.price.notional(fill.qty),
        base_qty: Qty::ZERO,
        commission: fill.fee,
        commission_asset: "USDT".to_owned(),
        time: fill.at.as_millis(),
        position_side: fill.position_side.into(),
        buyer: fill.side == crate::types::Side::Buy,
        maker: fill.maker,
    }
}

pub(crate) fn income(row: &IncomeRow, instruments: &Instruments) -> Income {
    let change = &row.change;
    let kind = income_type(change.kind);
    let of_trade = matches!(change.kind, CashKind::Fee | CashKind::Realised);
    let number = change.reference.to_string();
    Income {
        symbol: change.instrument.map(|id| instruments.get(id).venue_symbol.clone()).unwrap_or_default(),
        income_type: kind,
        income: change.amount,
        asset: "USDT".to_owned(),
        info: if of_trade { number.clone() } else { kind.as_str().to_owned() },
        time: change.at.as_millis(),
        tran_id: row.number,
        trade_id: if of_trade { number } else { String::new() },
    }
}

const fn income_type(kind: CashKind) -> IncomeType {
    match kind {
        CashKind::Opening | CashKind::Transfer => IncomeType::Transfer,
        CashKind::Fee => IncomeType::Commission,
        CashKind::Realised => IncomeType::RealizedPnl,
        CashKind::Funding => IncomeType::FundingFee,
        CashKind::Liquidation => IncomeType::InsuranceClear,
    }
}
