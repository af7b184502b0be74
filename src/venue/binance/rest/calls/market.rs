//! Market data and the venue's rules.

use serde::de::IgnoredAny;

use super::super::call::{Call, Security::Public};
use crate::types::Timestamp;
use crate::venue::binance::read::info::ExchangeInfo;
use crate::venue::binance::read::market::{FundingInfo, FundingRate, Kline, PremiumIndex, ServerTime};

/// Most bars of one request.
pub(crate) const MAX_KLINES: usize = 1_500;
/// Most fundings of one request.
pub(crate) const MAX_FUNDINGS: usize = 1_000;

/// Which price bars are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BarsOf {
    /// Trades.
    Trades,
    /// The mark price; their volume is 0.
    Mark,
}

/// A part of a series: what opened or happened within these instants, both included, at most so many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Page {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub limit: usize,
}

pub(crate) fn time() -> Call<ServerTime> {
    Call::get("/fapi/v1/time", Public, 1)
}

/// Nothing but a sign that the way is open.
pub(crate) fn ping() -> Call<IgnoredAny> {
    Call::get("/fapi/v1/ping", Public, 1)
}

pub(crate) fn exchange_info() -> Call<ExchangeInfo> {
    Call::get("/fapi/v1/exchangeInfo", Public, 1)
}

/// Bars, oldest first; the last may still be forming. `interval` is a timeframe as the venue writes it, which is how we do.
pub(crate) fn klines(of: BarsOf, symbol: &str, interval: &str, page: Page) -> Call<Vec<Kline>> {
    let path = match of {
        BarsOf::Trades => "/fapi/v1/klines",
        BarsOf::Mark => "/fapi/v1/markPriceKlines",
    };
    let limit = page.limit.clamp(1, MAX_KLINES);
    let weight = match limit {
        ..100 => 1,
        100..500 => 2,
        500..=1_000 => 5,
        _ => 10,
    };
    let call = Call::get(path, Public, weight).with("symbol", symbol).with("interval", interval);
    paged(call, page).with("limit", limit)
}

pub(crate) fn premium_index(symbol: &str) -> Call<PremiumIndex> {
    Call::get("/fapi/v1/premiumIndex", Public, 1).with("symbol", symbol)
}

/// Settled fundings, oldest first.
pub(crate) fn funding_rates(symbol: &str, page: Page) -> Call<Vec<FundingRate>> {
    let call = Call::get("/fapi/v1/fundingRate", Public, 1).with("symbol", symbol);
    paged(call, page).with("limit", page.limit.clamp(1, MAX_FUNDINGS))
}

pub(crate) fn funding_info() -> Call<Vec<FundingInfo>> {
    Call::get("/fapi/v1/fundingInfo", Public, 1)
}

pub(super) fn paged<T>(call: Call<T>, page: Page) -> Call<T> {
    call.with_some("startTime", page.from.map(Timestamp::as_millis))
        .with_some("endTime", page.until.map(Timestamp::as_millis))
}
