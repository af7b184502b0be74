//! Market data, as REST tells it.

use serde::{Deserialize, Serialize};

use super::decimal;
use crate::types::{Price, Qty, Rate, Usdt};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerTime {
    pub server_time: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DepthReply {
    pub last_update_id: u64,
    #[serde(rename = "E")]
    pub event_time: i64,
    #[serde(rename = "T")]
    pub time: i64,
    pub bids: Vec<(Price, Qty)>,
    pub asks: Vec<(Price, Qty)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TradeReply {
    pub id: u64,
    pub price: Price,
    pub qty: Qty,
    pub quote_qty: Usdt,
    pub time: i64,
    pub is_buyer_maker: bool,
    #[serde(rename = "isRPITrade")]
    pub is_rpi_trade: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AggTradeReply {
    #[serde(rename = "a")]
    pub id: u64,
    #[serde(rename = "p")]
    pub price: Price,
    #[serde(rename = "q")]
    pub qty: Qty,
    #[serde(rename = "nq")]
    pub normal_qty: Qty,
    #[serde(rename = "f")]
    pub first: u64,
    #[serde(rename = "l")]
    pub last: u64,
    #[serde(rename = "T")]
    pub time: i64,
    #[serde(rename = "m")]
    pub buyer_is_maker: bool,
}

/// A bar: opening time, open, high, low, close, volume, closing time, volume in quote, number of trades, volume and
/// quote volume of takers who bought, and a field that is not used.
pub(crate) type KlineReply = (i64, Price, Price, Price, Price, Qty, i64, Usdt, u64, Qty, Usdt, &'static str);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BookTickerReply {
    /// Of the WebSocket API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_update_id: Option<u64>,
    pub symbol: String,
    pub bid_price: Price,
    pub bid_qty: Qty,
    pub ask_price: Price,
    pub ask_qty: Qty,
    pub time: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PriceReply {
    pub symbol: String,
    pub price: Price,
    pub time: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ticker24 {
    pub symbol: String,
    pub price_change: Price,
    pub price_change_percent: String,
    pub weighted_avg_price: Price,
    pub last_price: Price,
    pub last_qty: Qty,
    pub open_price: Price,
    pub high_price: Price,
    pub low_price: Price,
    pub volume: Qty,
    pub quote_volume: Usdt,
    pub open_time: i64,
    pub close_time: i64,
    pub first_id: u64,
    pub last_id: u64,
    pub count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PremiumIndex {
    pub symbol: String,
    pub mark_price: Price,
    pub index_price: Price,
    pub estimated_settle_price: Price,
    #[serde(with = "decimal")]
    pub last_funding_rate: Rate,
    #[serde(with = "decimal")]
    pub interest_rate: Rate,
    pub next_funding_time: i64,
    pub time: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FundingRateReply {
    pub symbol: String,
    #[serde(with = "decimal")]
    pub funding_rate: Rate,
    pub funding_time: i64,
    pub mark_price: Price,
    pub rate_type: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FundingInfo {
    pub symbol: String,
    #[serde(with = "decimal")]
    pub adjusted_funding_rate_cap: Rate,
    #[serde(with = "decimal")]
    pub adjusted_funding_rate_floor: Rate,
    pub funding_interval_hours: i64,
    pub disclaimer: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenInterest {
    pub open_interest: Qty,
    pub symbol: String,
    pub time: i64,
}
