//! Rows of an account's books, and what they are called in Binance's words.

use super::{FORGET_ALL, FORGET_UNFILLED, ended_empty};
use crate::exchange::{CashChange, FillChange, OrderChange, SelfTrade};
use crate::protocol::{Amount, DoneReason, Fill, OrderKind, Stage, TimeInForce, TriggerBy};
use crate::types::{Price, Rounding, Timestamp, Usdt};
use crate::venue::binance::words::{AlgoStatus, OrderStatus, OrderType, PriceMatch, Stp, Tif, WorkingType};

/// Numbers of conditional orders begin here, far from those of orders, so that no client takes one for the other.
/// Both stay below 2⁵³.
pub(crate) const FIRST_ALGO: u64 = 3_000_000_000_000_000;

/// An order.
#[derive(Debug, Clone)]
pub(crate) struct OrderRow {
    pub change: OrderChange,
    pub price_match: PriceMatch,
    /// When its trigger was crossed.
    pub triggered_at: Option<Timestamp>,
    /// The price of its last trade.
    pub last_price: Price,
    /// How often it was changed.
    pub amended: u64,
}

impl OrderRow {
    pub(crate) fn new(change: &OrderChange) -> OrderRow {
        let triggered_at = change.triggered.then_some(change.updated_at);
        let change = change.clone();
        OrderRow { change, price_match: PriceMatch::None, triggered_at, last_price: Price::ZERO, amended: 0 }
    }

    /// Puts a newer row in the place of this one.
    pub(super) fn replace(&mut self, change: &OrderChange) -> OrderChange {
        if change.triggered && self.triggered_at.is_none() {
            self.triggered_at = Some(change.updated_at);
        }
        std::mem::replace(&mut self.change, change.clone())
    }

    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        let Stage::Done(_) = self.change.stage else { return false };
        let age = now.since(self.change.updated_at);
        age > FORGET_ALL || age > FORGET_UNFILLED && self.change.filled.is_zero()
    }

    pub(crate) fn id(&self) -> u64 {
        self.change.venue_order_id.0
    }

    pub(crate) fn algo_id(&self) -> u64 {
        FIRST_ALGO + self.id()
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.change.stage, Stage::Done(_))
    }

    /// Was it placed as a conditional order?
    pub(crate) fn is_algo(&self) -> bool {
        self.change.request.kind.is_conditional()
    }

    /// Is it an order by itself: not conditional, or triggered and taken in?
    pub(crate) fn is_actual(&self) -> bool {
        !self.is_algo() || self.change.triggered && !ended_empty(&self.change)
    }

    pub(crate) fn status(&self) -> OrderStatus {
        match self.change.stage {
            Stage::Done(DoneReason::Filled) => OrderStatus::Filled,
            Stage::Done(DoneReason::Canceled) => OrderStatus::Canceled,
            Stage::Done(_) if self.change.met_own => OrderStatus::ExpiredInMatch,
            Stage::Done(_) => OrderStatus::Expired,
            Stage::Intended | Stage::Sent | Stage::Working if self.change.filled.is_positive() => {
                OrderStatus::PartiallyFilled
            }
            Stage::Intended | Stage::Sent | Stage::Working => OrderStatus::New,
        }
    }

    pub(crate) fn algo_status(&self) -> AlgoStatus {
        match (self.change.triggered, self.change.stage) {
            (false, Stage::Done(DoneReason::Canceled)) => AlgoStatus::Canceled,
            (false, Stage::Done(_)) => AlgoStatus::Expired,
            (false, _) => AlgoStatus::New,
            (true, Stage::Done(_)) if ended_empty(&self.change) => match self.reduces() {
                true => AlgoStatus::Expired,
                false => AlgoStatus::Rejected,
            },
            (true, Stage::Done(_)) => AlgoStatus::Finished,
            (true, _) => AlgoStatus::Triggered,
        }
    }

    /// Why a triggered order was not taken in.
    pub(crate) fn reject_reason(&self) -> &'static str {
        match self.algo_status() {
            AlgoStatus::Expired if self.change.triggered => "Reduce Only reject",
            AlgoStatus::Rejected => "Margin is insufficient.",
            AlgoStatus::Expired
            | AlgoStatus::New
            | AlgoStatus::Triggering
            | AlgoStatus::Triggered
            | AlgoStatus::Finished
            | AlgoStatus::Canceled => "",
        }
    }

    fn reduces(&self) -> bool {
        self.change.request.reduce_only || self.closes()
    }

    pub(crate) fn closes(&self) -> bool {
        self.change.request.amount == Amount::ClosePosition
    }

    /// The kind that it was placed as.
    pub(crate) fn placed_as(&self) -> OrderType {
        let limit = self.change.terms.then_limit.is_some();
        match self.change.request.kind {
            OrderKind::Market => OrderType::Market,
            OrderKind::Limit { .. } => OrderType::Limit,
            OrderKind::Stop { .. } if self.change.terms.trail.is_some() => OrderType::TrailingStopMarket,
            OrderKind::Stop { .. } if limit => OrderType::Stop,
            OrderKind::Stop { .. } => OrderType::StopMarket,
            OrderKind::TakeProfit { .. } if limit => OrderType::TakeProfit,
            OrderKind::TakeProfit { .. } => OrderType::TakeProfitMarket,
        }
    }

    /// The kind that it trades as.
    pub(crate) fn kind(&self) -> OrderType {
        match self.limit() {
            Some(_) => OrderType::Limit,
            None => OrderType::Market,
        }
    }

    /// Its limit: its own, or that of the order it becomes.
    pub(crate) fn limit(&self) -> Option<Price> {
        match self.change.request.kind {
            OrderKind::Limit { price, .. } => Some(price),
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => {
                self.change.terms.then_limit.map(|limit| limit.price)
            }
        }
    }

    pub(crate) fn tif(&self) -> Tif {
        let tif = match self.change.request.kind {
            OrderKind::Limit { tif, .. } => Some(tif),
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => {
                self.change.terms.then_limit.map(|limit| limit.tif)
            }
        };
        match tif {
            Some(TimeInForce::Ioc) => Tif::Ioc,
            Some(TimeInForce::Fok) => Tif::Fok,
            Some(TimeInForce::PostOnly) => Tif::Gtx,
            Some(TimeInForce::Gtc) if self.change.terms.good_till.is_some() => Tif::Gtd,
            Some(TimeInForce::Gtc) | None => Tif::Gtc,
        }
    }

    /// The trigger as it stands: of a trailing stop the price that it has come to.
    pub(crate) fn trigger(&self) -> Price {
        match self.change.request.kind {
            OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => trigger,
            OrderKind::Market | OrderKind::Limit { .. } => Price::ZERO,
        }
    }

    pub(crate) fn working_type(&self) -> WorkingType {
        match self.change.request.kind {
            OrderKind::Stop { by: TriggerBy::Mark, .. } | OrderKind::TakeProfit { by: TriggerBy::Mark, .. } => {
                WorkingType::Mark
            }
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } | OrderKind::Market | OrderKind::Limit { .. } => {
                WorkingType::Contract
            }
        }
    }

    pub(crate) fn stp(&self) -> Stp {
        match self.change.terms.self_trade {
            SelfTrade::Taker => Stp::Taker,
            SelfTrade::Maker => Stp::Maker,
            SelfTrade::Both => Stp::Both,
        }
    }

    pub(crate) fn good_till(&self) -> i64 {
        self.change.terms.good_till.map_or(0, Timestamp::as_millis)
    }

    /// Activation price and callback in percent of a trailing stop.
    pub(crate) fn trail(&self) -> Option<(Price, Usdt)> {
        let trail = self.change.terms.trail?;
        let percent = Usdt::whole(100).times(trail.callback, Rounding::Down);
        Some((trail.activation.unwrap_or_else(|| self.trigger()), percent))
    }

    pub(crate) fn average(&self) -> Price {
        self.change.filled_notional.per_qty(self.change.filled, Rounding::Down)
    }

    /// Why it expired, in Binance's numbers.
    pub(crate) fn expiry(&self) -> &'static str {
        let Stage::Done(DoneReason::Expired) = self.change.stage else { return "0" };
        let liquidated = self.change.request.client_id.as_str().starts_with("autoclose-");
        match (self.tif(), self.kind()) {
            _ if self.change.met_own => "1",
            _ if liquidated => "5",
            (_, OrderType::Market) if !self.reduces() => "9",
            _ if self.reduces() => "4",
            (Tif::Ioc | Tif::Fok, _) => "2",
            (Tif::Gtc | Tif::Gtx | Tif::Gtd, _) => "0",
        }
    }
}

/// A trade.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TradeRow {
    pub order: u64,
    pub fill: Fill,
    pub realised: Usdt,
}

impl TradeRow {
    pub(super) fn of(row: &FillChange) -> TradeRow {
        TradeRow { order: row.venue_order_id.0, fill: row.fill, realised: row.realised }
    }
}

/// A movement of money.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IncomeRow {
    pub number: u64,
    pub change: CashChange,
}
