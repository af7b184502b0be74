//! The rules of the venue: `exchangeInfo`.

use serde::{Deserialize, Serialize};

use super::words::{OrderType, Tif};
use crate::types::{Price, Qty, Usdt};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeInfo {
    pub exchange_filters: Vec<String>,
    pub rate_limits: Vec<RateLimit>,
    pub server_time: i64,
    pub assets: Vec<Asset>,
    pub symbols: Vec<SymbolInfo>,
    pub timezone: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateLimit {
    pub rate_limit_type: String,
    pub interval: String,
    pub interval_num: u32,
    pub limit: u32,
    /// Of the WebSocket API's answers: how much of it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asset {
    pub asset: String,
    pub margin_available: bool,
    pub auto_asset_exchange: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SymbolInfo {
    pub symbol: String,
    pub pair: String,
    pub contract_type: String,
    pub delivery_date: i64,
    pub onboard_date: i64,
    pub status: String,
    pub maint_margin_percent: String,
    pub required_margin_percent: String,
    pub base_asset: String,
    pub quote_asset: String,
    pub margin_asset: String,
    pub price_precision: u32,
    pub quantity_precision: u32,
    pub base_asset_precision: u32,
    pub quote_precision: u32,
    pub underlying_type: String,
    pub underlying_sub_type: Vec<String>,
    pub settle_plan: u32,
    pub trigger_protect: String,
    pub liquidation_fee: String,
    pub market_take_bound: String,
    pub filters: Vec<Filter>,
    pub order_types: Vec<OrderType>,
    pub time_in_force: Vec<Tif>,
}

/// A rule that orders are held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "filterType", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "the protocol has names with and without the word")]
pub(crate) enum Filter {
    PriceFilter {
        min_price: Price,
        max_price: Price,
        tick_size: Price,
    },
    LotSize {
        min_qty: Qty,
        max_qty: Qty,
        step_size: Qty,
    },
    MarketLotSize {
        min_qty: Qty,
        max_qty: Qty,
        step_size: Qty,
    },
    MaxNumOrders {
        limit: u32,
    },
    MaxNumAlgoOrders {
        limit: u32,
    },
    MinNotional {
        notional: Usdt,
    },
    PercentPrice {
        multiplier_up: String,
        multiplier_down: String,
        multiplier_decimal: String,
    },
    #[serde(other)]
    Unknown,
}
