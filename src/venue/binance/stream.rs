//! Market streams: events with names of one letter.

use serde::{Deserialize, Serialize};

use super::decimal;
use super::padded::Places;
use super::words::{OrderStatus, OrderType, SideWord, Tif};
use crate::types::{Price, Qty, Rate, Usdt};

/// An event. Field names are Binance's, in the order of its examples.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "e")]
pub(crate) enum MarketMessage {
    #[serde(rename = "aggTrade")]
    AggTrade(AggTrade),
    #[serde(rename = "trade")]
    Trade(Trade),
    #[serde(rename = "bookTicker")]
    BookTicker(BookTicker),
    #[serde(rename = "depthUpdate")]
    Depth(DepthUpdate),
    #[serde(rename = "kline")]
    Kline(KlineEvent),
    #[serde(rename = "continuous_kline")]
    ContinuousKline(ContinuousKline),
    #[serde(rename = "markPriceUpdate")]
    Mark(MarkUpdate),
    #[serde(rename = "24hrMiniTicker")]
    MiniTicker(MiniTicker),
    #[serde(rename = "24hrTicker")]
    Ticker(Ticker),
    #[serde(rename = "forceOrder")]
    ForceOrder(ForceOrder),
    #[serde(rename = "contractInfo")]
    ContractInfo(ContractInfo),
}

/// `E` is when the event was made; `st` is the kind of symbol, 1 for a perpetual in USDT.
#[derive(Debug, Clone, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct AggTrade {
    pub E: i64,
    pub s: String,
    pub a: u64,
    pub p: Price,
    pub q: Qty,
    pub nq: Qty,
    pub f: u64,
    pub l: u64,
    pub T: i64,
    pub m: bool,
    pub st: u8,
    #[serde(skip)]
    pub places: Places,
}

#[derive(Debug, Clone, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct Trade {
    pub E: i64,
    pub T: i64,
    pub s: String,
    pub t: u64,
    pub p: Price,
    pub q: Qty,
    pub X: String,
    pub m: bool,
    #[serde(skip)]
    pub places: Places,
}

#[derive(Debug, Clone, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct BookTicker {
    pub u: u64,
    pub E: i64,
    pub T: i64,
    pub s: String,
    pub ps: String,
    pub b: Price,
    pub B: Qty,
    pub a: Price,
    pub A: Qty,
    pub st: u8,
    #[serde(skip)]
    pub places: Places,
}

#[derive(Debug, Clone, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct DepthUpdate {
    pub E: i64,
    pub T: i64,
    pub s: String,
    pub U: u64,
    pub u: u64,
    pub pu: u64,
    pub b: Vec<(Price, Qty)>,
    pub a: Vec<(Price, Qty)>,
    pub ps: String,
    pub st: u8,
    #[serde(skip)]
    pub places: Places,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct KlineEvent {
    pub E: i64,
    pub s: String,
    pub k: Kline,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct ContinuousKline {
    pub E: i64,
    pub ps: String,
    pub ct: String,
    pub k: Kline,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct Kline {
    pub t: i64,
    pub T: i64,
    /// Not of continuous bars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s: Option<String>,
    pub i: String,
    pub f: i64,
    pub L: i64,
    pub o: Price,
    pub c: Price,
    pub h: Price,
    pub l: Price,
    pub v: Qty,
    pub n: u64,
    pub x: bool,
    pub q: Usdt,
    pub V: Qty,
    pub Q: Usdt,
    pub B: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct MarkUpdate {
    pub E: i64,
    pub s: String,
    pub p: Price,
    pub ap: Price,
    pub P: Price,
    pub i: Price,
    #[serde(with = "decimal")]
    pub r: Rate,
    pub T: i64,
    pub st: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct MiniTicker {
    pub E: i64,
    pub s: String,
    pub c: Price,
    pub o: Price,
    pub h: Price,
    pub l: Price,
    pub v: Qty,
    pub q: Usdt,
    pub ps: String,
    pub st: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct Ticker {
    pub E: i64,
    pub s: String,
    pub p: Price,
    pub P: String,
    pub w: Price,
    pub c: Price,
    pub Q: Qty,
    pub o: Price,
    pub h: Price,
    pub l: Price,
    pub v: Qty,
    pub q: Usdt,
    pub O: i64,
    pub C: i64,
    pub F: u64,
    pub L: u64,
    pub n: u64,
    pub ps: String,
    pub st: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct ForceOrder {
    pub E: i64,
    pub o: ForcedOrder,
    /// Of the stream of all symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ps: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub st: Option<u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct ForcedOrder {
    pub s: String,
    pub S: SideWord,
    pub o: OrderType,
    pub f: Tif,
    pub q: Qty,
    pub p: Price,
    pub ap: Price,
    pub X: OrderStatus,
    pub l: Qty,
    pub z: Qty,
    pub T: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct ContractInfo {
    pub E: i64,
    pub s: String,
    pub ps: String,
    pub ct: String,
    pub dt: i64,
    pub ot: i64,
    pub cs: String,
    pub bks: Vec<ContractBracket>,
    pub st: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ContractBracket {
    pub bs: usize,
    #[serde(serialize_with = "decimal::money::serialize")]
    pub bnf: Usdt,
    #[serde(serialize_with = "decimal::money::serialize")]
    pub bnc: Usdt,
    pub mmr: f64,
    #[serde(serialize_with = "decimal::money::serialize")]
    pub cf: Usdt,
    pub mi: u32,
    pub ma: u32,
}
