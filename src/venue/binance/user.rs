//! The user-data stream: events about an account, with names of one letter.

use serde::{Deserialize, Serialize};

use super::words::{
    AlgoStatus, Execution, OrderStatus, OrderType, PositionWord, PriceMatch, SideWord, Stp, Tif, WorkingType,
};
use crate::types::{Price, Qty, Usdt};

/// An event. Field names are Binance's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "e")]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) enum UserMessage {
    #[serde(rename = "ORDER_TRADE_UPDATE")]
    Order { E: i64, T: i64, o: Box<OrderUpdate> },
    #[serde(rename = "ACCOUNT_UPDATE")]
    Account { E: i64, T: i64, a: AccountUpdate },
    #[serde(rename = "ALGO_UPDATE")]
    Algo { T: i64, E: i64, o: Box<AlgoUpdate> },
    #[serde(rename = "TRADE_LITE")]
    TradeLite(TradeLite),
    #[serde(rename = "MARGIN_CALL")]
    MarginCall { E: i64, cw: Usdt, p: Vec<EndangeredPosition> },
    #[serde(rename = "ACCOUNT_CONFIG_UPDATE")]
    Config {
        E: i64,
        T: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ac: Option<LeverageUpdate>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ai: Option<MultiAssetsUpdate>,
    },
    #[serde(rename = "listenKeyExpired")]
    Expired { E: i64, listenKey: String },
}

impl UserMessage {
    /// The name by which clients choose events.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            UserMessage::Order { .. } => "ORDER_TRADE_UPDATE",
            UserMessage::Account { .. } => "ACCOUNT_UPDATE",
            UserMessage::Algo { .. } => "ALGO_UPDATE",
            UserMessage::TradeLite(_) => "TRADE_LITE",
            UserMessage::MarginCall { .. } => "MARGIN_CALL",
            UserMessage::Config { .. } => "ACCOUNT_CONFIG_UPDATE",
            UserMessage::Expired { .. } => "listenKeyExpired",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct OrderUpdate {
    pub s: String,
    pub c: String,
    pub S: SideWord,
    pub o: OrderType,
    pub f: Tif,
    pub q: Qty,
    pub p: Price,
    pub ap: Price,
    pub sp: Price,
    pub x: Execution,
    pub X: OrderStatus,
    pub i: u64,
    pub l: Qty,
    pub z: Qty,
    pub L: Price,
    /// Asset of the fee, and the fee; of trades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub N: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<Usdt>,
    pub T: i64,
    pub t: u64,
    pub b: Usdt,
    pub a: Usdt,
    pub m: bool,
    pub R: bool,
    pub wt: WorkingType,
    pub ot: OrderType,
    pub ps: PositionWord,
    pub cp: bool,
    /// Activation and callback of trailing stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub AP: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cr: Option<Usdt>,
    pub pP: bool,
    pub si: u64,
    pub ss: u64,
    pub rp: Usdt,
    pub V: Stp,
    pub pm: PriceMatch,
    pub gtd: i64,
    pub er: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct AccountUpdate {
    pub m: String,
    pub B: Vec<BalanceUpdate>,
    pub P: Vec<PositionUpdate>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BalanceUpdate {
    pub a: String,
    pub wb: Usdt,
    pub cw: Usdt,
    pub bc: Usdt,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PositionUpdate {
    pub s: String,
    pub pa: Qty,
    pub ep: Price,
    pub bep: Price,
    pub cr: Usdt,
    pub up: Usdt,
    pub mt: String,
    pub iw: Usdt,
    pub ps: PositionWord,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct AlgoUpdate {
    pub caid: String,
    pub aid: u64,
    pub at: String,
    pub o: OrderType,
    pub s: String,
    pub S: SideWord,
    pub ps: PositionWord,
    pub f: Tif,
    pub q: Qty,
    pub X: AlgoStatus,
    pub ai: String,
    pub ap: Price,
    pub aq: Qty,
    pub act: String,
    pub tp: Price,
    pub p: Price,
    pub V: Stp,
    pub wt: WorkingType,
    pub pm: PriceMatch,
    pub cp: bool,
    pub pP: bool,
    pub R: bool,
    pub tt: i64,
    pub gtd: i64,
    pub rm: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct TradeLite {
    pub E: i64,
    pub T: i64,
    pub s: String,
    pub q: Qty,
    pub p: Price,
    pub m: bool,
    pub c: String,
    pub S: SideWord,
    pub L: Price,
    pub l: Qty,
    pub t: u64,
    pub i: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EndangeredPosition {
    pub s: String,
    pub ps: PositionWord,
    pub pa: Qty,
    pub mt: String,
    pub iw: Usdt,
    pub mp: Price,
    pub up: Usdt,
    pub mm: Usdt,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LeverageUpdate {
    pub s: String,
    pub l: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MultiAssetsUpdate {
    pub j: bool,
}
