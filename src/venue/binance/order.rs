//! Orders and trades of an account, as REST and the WebSocket API tell them.

use serde::{Deserialize, Serialize};

use super::words::{OrderStatus, OrderType, PositionWord, PriceMatch, SideWord, Stp, Tif, WorkingType};
use crate::types::{Price, Qty, Usdt};

/// What the answer to placing, changing, cancelling or querying an order says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderReply {
    pub order_id: u64,
    pub symbol: String,
    /// Of queries over all orders, and of changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    pub status: OrderStatus,
    pub client_order_id: String,
    /// Of changes, where the client gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modify_id: Option<u64>,
    pub price: Price,
    /// Of queries alone: Binance took it out of the answers to orders in July 2026.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg_price: Option<Price>,
    pub orig_qty: Qty,
    pub executed_qty: Qty,
    /// Of answers to orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cum_qty: Option<Qty>,
    /// Of queries alone, like the average price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cum_quote: Option<Usdt>,
    /// Of queries over all orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cum_base: Option<Qty>,
    pub time_in_force: Tif,
    #[serde(rename = "type")]
    pub kind: OrderType,
    pub reduce_only: bool,
    pub close_position: bool,
    pub side: SideWord,
    pub position_side: PositionWord,
    pub stop_price: Price,
    pub working_type: WorkingType,
    pub price_protect: bool,
    pub orig_type: OrderType,
    /// Of trailing stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activate_price: Option<Price>,
    /// Of trailing stops, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_rate: Option<Usdt>,
    pub price_match: PriceMatch,
    pub self_trade_prevention_mode: Stp,
    pub good_till_date: i64,
    /// Of queries alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    pub update_time: i64,
}

/// A trade of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserTrade {
    pub symbol: String,
    pub pair: String,
    pub id: u64,
    pub order_id: u64,
    pub side: SideWord,
    pub price: Price,
    pub qty: Qty,
    pub realized_pnl: Usdt,
    pub margin_asset: String,
    pub quote_qty: Usdt,
    pub base_qty: Qty,
    pub commission: Usdt,
    pub commission_asset: String,
    pub time: i64,
    pub position_side: PositionWord,
    pub buyer: bool,
    pub maker: bool,
}

/// A change of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AmendmentReply {
    pub amendment_id: u64,
    pub symbol: String,
    pub pair: String,
    pub order_id: u64,
    pub client_order_id: String,
    pub time: i64,
    pub amendment: Amendment,
    pub price_match: PriceMatch,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Amendment {
    pub price: Changed<Price>,
    pub orig_qty: Changed<Qty>,
    pub count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modify_id: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed<T> {
    pub before: T,
    pub after: T,
}

/// A reply that says that something was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub code: i64,
    pub msg: String,
}

impl Done {
    pub(crate) fn new(msg: &str) -> Done {
        Done { code: 200, msg: msg.to_owned() }
    }
}

/// The answer to a dead man's switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Countdown {
    pub symbol: String,
    pub countdown_time: String,
}
