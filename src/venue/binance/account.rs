//! Money, positions and settings of an account, as REST and the WebSocket API tell them.

use serde::{Deserialize, Serialize};

use super::decimal;
use super::words::{IncomeType, MarginWord, PositionWord};
use crate::types::{Price, Qty, Rate, Usdt};

/// Money of one asset in `balance`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BalanceReply {
    pub account_alias: String,
    pub asset: String,
    pub balance: Usdt,
    pub cross_wallet_balance: Usdt,
    pub cross_un_pnl: Usdt,
    pub available_balance: Usdt,
    pub max_withdraw_amount: Usdt,
    pub margin_available: bool,
    pub update_time: i64,
}

/// The account as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountReply {
    /// Version 2 alone.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub config: Option<AccountConfigReply>,
    pub total_initial_margin: Usdt,
    pub total_maint_margin: Usdt,
    pub total_wallet_balance: Usdt,
    pub total_unrealized_profit: Usdt,
    pub total_margin_balance: Usdt,
    pub total_position_initial_margin: Usdt,
    pub total_open_order_initial_margin: Usdt,
    pub total_cross_wallet_balance: Usdt,
    pub total_cross_un_pnl: Usdt,
    pub available_balance: Usdt,
    pub max_withdraw_amount: Usdt,
    pub assets: Vec<AssetReply>,
    pub positions: Vec<AccountPosition>,
}

/// What the account may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountConfigReply {
    pub fee_tier: u32,
    /// Of the account in version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_burn: Option<bool>,
    pub can_trade: bool,
    pub can_deposit: bool,
    pub can_withdraw: bool,
    /// Of `accountConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dual_side_position: Option<bool>,
    pub update_time: i64,
    pub multi_assets_margin: bool,
    pub trade_group_id: i64,
}

/// Money of one asset in `account`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssetReply {
    pub asset: String,
    pub wallet_balance: Usdt,
    pub unrealized_profit: Usdt,
    pub margin_balance: Usdt,
    pub maint_margin: Usdt,
    pub initial_margin: Usdt,
    pub position_initial_margin: Usdt,
    pub open_order_initial_margin: Usdt,
    pub cross_wallet_balance: Usdt,
    pub cross_un_pnl: Usdt,
    pub available_balance: Usdt,
    pub max_withdraw_amount: Usdt,
    /// Version 2 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_available: Option<bool>,
    pub update_time: i64,
}

/// A position in `account`, of either version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum AccountPosition {
    V3(AccountPositionV3),
    V2(AccountPositionV2),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountPositionV3 {
    pub symbol: String,
    pub position_side: PositionWord,
    pub position_amt: Qty,
    pub unrealized_profit: Usdt,
    pub isolated_margin: Usdt,
    pub notional: Usdt,
    pub isolated_wallet: Usdt,
    pub initial_margin: Usdt,
    pub maint_margin: Usdt,
    pub update_time: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountPositionV2 {
    pub symbol: String,
    pub initial_margin: Usdt,
    pub maint_margin: Usdt,
    pub unrealized_profit: Usdt,
    pub position_initial_margin: Usdt,
    pub open_order_initial_margin: Usdt,
    pub leverage: String,
    pub isolated: bool,
    pub entry_price: Price,
    pub break_even_price: Price,
    pub max_notional: Usdt,
    pub bid_notional: Usdt,
    pub ask_notional: Usdt,
    pub position_side: PositionWord,
    pub position_amt: Qty,
    pub update_time: i64,
}

/// A position with its risk, version 3.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PositionV3 {
    pub symbol: String,
    pub position_side: PositionWord,
    pub position_amt: Qty,
    pub entry_price: Price,
    pub break_even_price: Price,
    pub mark_price: Price,
    pub un_realized_profit: Usdt,
    pub liquidation_price: Price,
    pub isolated_margin: Usdt,
    pub notional: Usdt,
    pub margin_asset: String,
    pub isolated_wallet: Usdt,
    pub initial_margin: Usdt,
    pub maint_margin: Usdt,
    pub position_initial_margin: Usdt,
    pub open_order_initial_margin: Usdt,
    pub adl: u8,
    pub bid_notional: Usdt,
    pub ask_notional: Usdt,
    pub update_time: i64,
}

/// A position with its risk, version 2.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PositionV2 {
    pub entry_price: Price,
    pub break_even_price: Price,
    /// In small letters here: `isolated` or `cross`.
    pub margin_type: String,
    /// A text here.
    pub is_auto_add_margin: String,
    pub isolated_margin: Usdt,
    pub leverage: String,
    pub liquidation_price: Price,
    pub mark_price: Price,
    pub max_notional_value: Usdt,
    pub position_amt: Qty,
    pub notional: Usdt,
    pub isolated_wallet: Usdt,
    pub symbol: String,
    pub un_realized_profit: Usdt,
    pub position_side: PositionWord,
    pub update_time: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SymbolConfig {
    pub symbol: String,
    pub margin_type: MarginWord,
    pub is_auto_add_margin: bool,
    pub leverage: u32,
    pub max_notional_value: Usdt,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeverageBrackets {
    pub symbol: String,
    pub notional_coef: f64,
    pub brackets: Vec<Bracket>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bracket {
    pub bracket: usize,
    pub initial_leverage: u32,
    #[serde(serialize_with = "decimal::money::serialize")]
    pub notional_cap: Usdt,
    #[serde(serialize_with = "decimal::money::serialize")]
    pub notional_floor: Usdt,
    #[serde(serialize_with = "decimal::number::serialize")]
    pub maint_margin_ratio: Rate,
    #[serde(serialize_with = "decimal::money::serialize")]
    pub cum: Usdt,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommissionRate {
    pub symbol: String,
    #[serde(with = "decimal")]
    pub maker_commission_rate: Rate,
    #[serde(with = "decimal")]
    pub taker_commission_rate: Rate,
    #[serde(with = "decimal")]
    pub rpi_commission_rate: Rate,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeverageReply {
    pub leverage: u32,
    pub max_notional_value: Usdt,
    pub symbol: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct PositionMarginReply {
    #[serde(serialize_with = "decimal::money::serialize")]
    pub amount: Usdt,
    pub code: i64,
    pub msg: String,
    #[serde(rename = "type")]
    pub kind: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PositionMarginChange {
    pub symbol: String,
    #[serde(rename = "type")]
    pub kind: u8,
    pub delta_type: String,
    pub amount: Usdt,
    pub asset: String,
    pub time: i64,
    pub position_side: PositionWord,
}

/// A movement of money.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Income {
    pub symbol: String,
    pub income_type: IncomeType,
    pub income: Usdt,
    pub asset: String,
    pub info: String,
    pub time: i64,
    pub tran_id: u64,
    pub trade_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DualSide {
    pub dual_side_position: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MultiAssets {
    pub multi_assets_margin: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FeeBurn {
    pub fee_burn: bool,
}

/// What an API key may do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyRights {
    pub ip_restrict: bool,
    pub create_time: i64,
    pub enable_reading: bool,
    pub enable_withdrawals: bool,
    pub enable_internal_transfer: bool,
    pub enable_margin: bool,
    pub enable_futures: bool,
    pub permits_universal_transfer: bool,
    pub enable_vanilla_options: bool,
    pub enable_fix_api_trade: bool,
    pub enable_fix_read_only: bool,
    pub enable_spot_and_margin_trading: bool,
    pub enable_portfolio_margin_trading: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListenKeyReply {
    pub listen_key: String,
}
