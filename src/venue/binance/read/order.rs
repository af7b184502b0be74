//! Orders, conditional orders and trades of our account.

use serde::Deserialize;

use super::super::words::{AlgoStatus, OrderStatus, OrderType, PositionWord, SideWord, Tif, WorkingType};
use super::{Said, amount, optional};
use crate::types::{Price, Qty, Usdt};

/// An order, in the answer to placing, cancelling or querying it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    #[serde(deserialize_with = "amount")]
    pub order_id: u64,
    pub symbol: String,
    pub client_order_id: String,
    pub status: Said<OrderStatus>,
    #[serde(deserialize_with = "amount")]
    pub executed_qty: Qty,
    #[serde(default, deserialize_with = "optional")]
    pub orig_qty: Option<Qty>,
    #[serde(default, deserialize_with = "optional")]
    pub price: Option<Price>,
    /// Of queries alone.
    #[serde(default, deserialize_with = "optional")]
    pub avg_price: Option<Price>,
    #[serde(default)]
    pub side: Said<SideWord>,
    #[serde(default)]
    pub position_side: Said<PositionWord>,
    #[serde(default, rename = "type")]
    pub kind: Said<OrderType>,
    #[serde(default)]
    pub time_in_force: Said<Tif>,
    #[serde(default)]
    pub reduce_only: bool,
    /// When it was accepted, in milliseconds; of queries alone.
    #[serde(default, deserialize_with = "optional")]
    pub time: Option<i64>,
    /// When it last changed, in milliseconds.
    #[serde(default, deserialize_with = "optional")]
    pub update_time: Option<i64>,
}

/// A conditional order, in the answer to placing or querying it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Algo {
    #[serde(deserialize_with = "amount")]
    pub algo_id: u64,
    pub client_algo_id: String,
    pub symbol: String,
    pub algo_status: Said<AlgoStatus>,
    #[serde(default)]
    pub order_type: Said<OrderType>,
    #[serde(default)]
    pub side: Said<SideWord>,
    #[serde(default)]
    pub position_side: Said<PositionWord>,
    #[serde(default, deserialize_with = "optional")]
    pub quantity: Option<Qty>,
    #[serde(default, deserialize_with = "optional")]
    pub trigger_price: Option<Price>,
    #[serde(default)]
    pub working_type: Said<WorkingType>,
    #[serde(default)]
    pub close_position: bool,
    #[serde(default)]
    pub reduce_only: bool,
    /// The order that it became, once it has triggered.
    #[serde(default, deserialize_with = "optional")]
    pub actual_order_id: Option<u64>,
    /// How much of that order has been filled.
    #[serde(default, deserialize_with = "optional")]
    pub actual_qty: Option<Qty>,
    /// When it was accepted, in milliseconds.
    #[serde(default, deserialize_with = "optional")]
    pub create_time: Option<i64>,
    /// When it last changed, in milliseconds.
    #[serde(default, deserialize_with = "optional")]
    pub update_time: Option<i64>,
}

/// The answer to cancelling a conditional order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlgoCanceled {
    #[serde(deserialize_with = "amount")]
    pub algo_id: u64,
    pub client_algo_id: String,
}

/// A trade of ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserTrade {
    #[serde(deserialize_with = "amount")]
    pub id: u64,
    #[serde(deserialize_with = "amount")]
    pub order_id: u64,
    pub symbol: String,
    pub side: Said<SideWord>,
    #[serde(default)]
    pub position_side: Said<PositionWord>,
    #[serde(deserialize_with = "amount")]
    pub price: Price,
    #[serde(deserialize_with = "amount")]
    pub qty: Qty,
    #[serde(default, deserialize_with = "optional")]
    pub commission: Option<Usdt>,
    #[serde(default)]
    pub commission_asset: String,
    #[serde(default)]
    pub maker: bool,
    #[serde(deserialize_with = "amount")]
    pub time: i64,
}

/// The answer to a request that does something to more than one order, or to a setting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Done {
    #[serde(default, deserialize_with = "optional")]
    pub code: Option<i64>,
    #[serde(default)]
    pub msg: String,
}

/// The answer to a dead man's switch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Countdown {
    pub symbol: String,
    #[serde(deserialize_with = "amount")]
    pub countdown_time: u64,
}
