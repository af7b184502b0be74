//! The account: money, positions, modes, the key of its stream.

use reqwest::Method;

use super::super::Priority;
use super::super::call::{Call, Host, Security::Key, Security::Signed};
use super::market::{Page, paged};
use crate::venue::binance::read::account::{
    AccountConfig, Balance, Brackets, Commission, DualSide, Income, KeyPermissions, Leverage, ListenKey, MultiAssets,
    Position, SymbolConfig,
};
use crate::venue::binance::read::order::Done;
use crate::venue::binance::words::{IncomeType, MarginWord};

/// Most movements of money of one request.
pub(crate) const MAX_INCOMES: usize = 1_000;

pub(crate) fn balance() -> Call<Vec<Balance>> {
    Call::get("/fapi/v3/balance", Signed, 5)
}

/// Positions of all symbols that have one, or an open order.
pub(crate) fn positions() -> Call<Vec<Position>> {
    Call::get("/fapi/v3/positionRisk", Signed, 5)
}

pub(crate) fn config() -> Call<AccountConfig> {
    Call::get("/fapi/v1/accountConfig", Signed, 5)
}

/// Leverage and margin type of every symbol, or of one.
pub(crate) fn symbol_config(symbol: Option<&str>) -> Call<Vec<SymbolConfig>> {
    Call::get("/fapi/v1/symbolConfig", Signed, 5).with_some("symbol", symbol)
}

pub(crate) fn set_leverage(symbol: &str, leverage: u32) -> Call<Leverage> {
    Call::new(Method::POST, "/fapi/v1/leverage", Signed, 1).with("symbol", symbol).with("leverage", leverage)
}

pub(crate) fn set_margin_type(symbol: &str, margin: MarginWord) -> Call<Done> {
    let call = Call::new(Method::POST, "/fapi/v1/marginType", Signed, 1);
    call.with("symbol", symbol).with("marginType", margin.as_str())
}

pub(crate) fn position_mode() -> Call<DualSide> {
    Call::get("/fapi/v1/positionSide/dual", Signed, 30)
}

pub(crate) fn multi_assets() -> Call<MultiAssets> {
    Call::get("/fapi/v1/multiAssetsMargin", Signed, 30)
}

/// Margin brackets of every symbol.
pub(crate) fn brackets() -> Call<Vec<Brackets>> {
    Call::get("/fapi/v1/leverageBracket", Signed, 1)
}

pub(crate) fn commission(symbol: &str) -> Call<Commission> {
    Call::get("/fapi/v1/commissionRate", Signed, 20).with("symbol", symbol)
}

/// Movements of money, oldest first, of one kind or of all.
pub(crate) fn income(kind: Option<IncomeType>, page: Page) -> Call<Vec<Income>> {
    let call = Call::get("/fapi/v1/income", Signed, 30).with_some("incomeType", kind.map(IncomeType::as_str));
    paged(call, page).with("limit", page.limit.clamp(1, MAX_INCOMES))
}

/// Opens the user-data stream, or gives its key again and makes it last an hour from now.
pub(crate) fn open_listen_key() -> Call<ListenKey> {
    Call::new(Method::POST, "/fapi/v1/listenKey", Key, 1).with_priority(Priority::Reserved)
}

/// Makes the key last an hour from now.
pub(crate) fn keep_listen_key() -> Call<Done> {
    Call::new(Method::PUT, "/fapi/v1/listenKey", Key, 1).with_priority(Priority::Reserved)
}

/// What the key may do: trade, withdraw, and from where it may be used.
pub(crate) fn key_permissions() -> Call<KeyPermissions> {
    Call::get("/sapi/v1/account/apiRestrictions", Signed, 1).at(Host::Account)
}
