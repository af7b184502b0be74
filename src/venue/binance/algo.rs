//! Conditional orders, as REST and the WebSocket API tell them.

use serde::{Deserialize, Serialize};

use super::words::{AlgoStatus, OrderType, PositionWord, PriceMatch, SideWord, Stp, Tif, WorkingType};
use crate::types::{Price, Qty};

/// A conditional order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlgoReply {
    pub algo_id: u64,
    pub client_algo_id: String,
    pub algo_type: String,
    pub order_type: OrderType,
    pub symbol: String,
    pub side: SideWord,
    pub position_side: PositionWord,
    pub time_in_force: Tif,
    pub quantity: Qty,
    pub algo_status: AlgoStatus,
    /// Of queries: the order that it became, empty before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_qty: Option<Qty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_type: Option<String>,
    pub trigger_price: Price,
    pub price: Price,
    pub iceberg_quantity: Option<Qty>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub legs: Option<AlgoLegs>,
    pub self_trade_prevention_mode: Stp,
    pub working_type: WorkingType,
    pub price_match: PriceMatch,
    pub close_position: bool,
    pub price_protect: bool,
    pub reduce_only: bool,
    /// Of answers to new orders; empty but of trailing stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activate_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_rate: Option<String>,
    pub create_time: i64,
    pub update_time: i64,
    pub trigger_time: i64,
    pub good_till_date: i64,
}

/// Fields of queries that only other kinds of algorithms use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlgoLegs {
    pub tp_trigger_price: Price,
    pub tp_price: Price,
    pub sl_trigger_price: Price,
    pub sl_price: Price,
    pub tp_order_type: String,
}

impl AlgoLegs {
    pub(crate) const fn none() -> AlgoLegs {
        AlgoLegs {
            tp_trigger_price: Price::ZERO,
            tp_price: Price::ZERO,
            sl_trigger_price: Price::ZERO,
            sl_price: Price::ZERO,
            tp_order_type: String::new(),
        }
    }
}

/// The answer to cancelling a conditional order; its code is a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlgoCanceled {
    pub algo_id: u64,
    pub client_algo_id: String,
    pub code: String,
    pub msg: String,
}
