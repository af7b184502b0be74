//! Money, positions and settings of our account.

use serde::Deserialize;

use super::super::words::{IncomeType, MarginWord, PositionWord};
use super::{Said, amount, optional, rate};
use crate::types::{Price, Qty, Rate, Usdt};

/// Money of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Balance {
    pub asset: String,
    /// The venue's name for the account.
    #[serde(default)]
    pub account_alias: String,
    /// The wallet: with realised results, fees and funding, without unrealised results.
    #[serde(deserialize_with = "amount")]
    pub balance: Usdt,
    #[serde(default, deserialize_with = "optional")]
    pub available_balance: Option<Usdt>,
    #[serde(default, deserialize_with = "optional")]
    pub update_time: Option<i64>,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Position {
    pub symbol: String,
    #[serde(default)]
    pub position_side: Said<PositionWord>,
    /// Signed: a short is negative.
    #[serde(deserialize_with = "amount")]
    pub position_amt: Qty,
    #[serde(default, deserialize_with = "optional")]
    pub entry_price: Option<Price>,
    #[serde(default, deserialize_with = "optional")]
    pub mark_price: Option<Price>,
    #[serde(default, deserialize_with = "optional")]
    pub liquidation_price: Option<Price>,
    #[serde(default, deserialize_with = "optional")]
    pub update_time: Option<i64>,
}

/// What the account may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountConfig {
    #[serde(default, deserialize_with = "optional")]
    pub fee_tier: Option<u32>,
    pub can_trade: bool,
    #[serde(default)]
    pub dual_side_position: Option<bool>,
    #[serde(default)]
    pub multi_assets_margin: Option<bool>,
}

/// Leverage and margin type of a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SymbolConfig {
    pub symbol: String,
    pub margin_type: Said<MarginWord>,
    #[serde(deserialize_with = "amount")]
    pub leverage: u32,
}

/// The answer to setting the leverage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Leverage {
    pub symbol: String,
    #[serde(deserialize_with = "amount")]
    pub leverage: u32,
}

/// Is the account in hedge mode?
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DualSide {
    pub dual_side_position: bool,
}

/// Does every asset count as margin?
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MultiAssets {
    pub multi_assets_margin: bool,
}

/// The margin brackets of a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Brackets {
    pub symbol: String,
    pub brackets: Vec<Bracket>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bracket {
    #[serde(deserialize_with = "amount")]
    pub initial_leverage: u32,
    #[serde(deserialize_with = "amount")]
    pub notional_cap: Usdt,
    #[serde(deserialize_with = "amount")]
    pub notional_floor: Usdt,
    #[serde(deserialize_with = "rate")]
    pub maint_margin_ratio: Rate,
    #[serde(default, deserialize_with = "optional")]
    pub cum: Option<Usdt>,
}

/// Fees of a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Commission {
    pub symbol: String,
    #[serde(deserialize_with = "rate")]
    pub maker_commission_rate: Rate,
    #[serde(deserialize_with = "rate")]
    pub taker_commission_rate: Rate,
}

/// A movement of money.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Income {
    /// Empty if it belongs to none.
    #[serde(default)]
    pub symbol: String,
    pub income_type: Said<IncomeType>,
    #[serde(deserialize_with = "amount")]
    pub income: Usdt,
    #[serde(default)]
    pub asset: String,
    #[serde(deserialize_with = "amount")]
    pub time: i64,
    #[serde(deserialize_with = "amount")]
    pub tran_id: u64,
}

/// The key of a user-data stream. It opens the stream to whoever knows it, so it is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListenKey {
    pub listen_key: String,
}

impl std::fmt::Debug for ListenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ListenKey")
    }
}

/// What an API key may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyPermissions {
    /// Can it be used from chosen addresses alone?
    pub ip_restrict: bool,
    pub enable_withdrawals: bool,
    pub enable_futures: bool,
    #[serde(default)]
    pub enable_reading: bool,
    #[serde(default)]
    pub enable_internal_transfer: bool,
    #[serde(default)]
    pub permits_universal_transfer: bool,
}
