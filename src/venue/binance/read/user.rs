//! The user-data stream: events about our account, with names of one letter.

use serde::Deserialize;

use super::super::words::{AlgoStatus, Execution, OrderStatus, OrderType, PositionWord, SideWord, WorkingType};
use super::stream::Head;
use super::{Said, Unreadable, amount, json, optional};
use crate::types::{Price, Qty, Usdt};

const WHAT: &str = "a user event";

/// An event. Field names are Binance's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserEvent {
    Order(Box<OrderUpdate>),
    Account(AccountUpdate),
    Algo(Box<AlgoUpdate>),
    /// A trade, before its order's update and with less of it.
    TradeLite(TradeLite),
    /// The stream's key is over.
    KeyExpired,
    /// Of a kind that is not used here, or not known.
    Other(String),
}

/// An event with the instant at which the venue made it, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserMessage {
    pub made_at: Option<i64>,
    pub event: UserEvent,
}

/// Reads an event, in the plain form or the combined one.
///
/// # Errors
/// If it is no event, or one that lacks what it is for.
pub(crate) fn parse(bytes: &[u8]) -> Result<UserMessage, Unreadable> {
    let head: Head<'_> = json(WHAT, bytes)?;
    let Some(kind) = head.kind else {
        return match head.data {
            Some(data) if head.stream.is_some() => plain(data.get().as_bytes()),
            Some(_) | None => Err(Unreadable::new(WHAT, "it has no `e`", bytes)),
        };
    };
    event(&kind, head.made_at, bytes)
}

fn plain(bytes: &[u8]) -> Result<UserMessage, Unreadable> {
    let head: Head<'_> = json(WHAT, bytes)?;
    let kind = head.kind.ok_or_else(|| Unreadable::new(WHAT, "it has no `e`", bytes))?;
    event(&kind, head.made_at, bytes)
}

fn event(kind: &str, made_at: Option<i64>, bytes: &[u8]) -> Result<UserMessage, Unreadable> {
    let event = match kind {
        "ORDER_TRADE_UPDATE" => UserEvent::Order(json::<Object<_>>(WHAT, bytes)?.o),
        "ACCOUNT_UPDATE" => UserEvent::Account(json::<AccountEvent>(WHAT, bytes)?.a),
        "ALGO_UPDATE" => UserEvent::Algo(json::<Object<_>>(WHAT, bytes)?.o),
        "TRADE_LITE" => UserEvent::TradeLite(json(WHAT, bytes)?),
        "listenKeyExpired" => UserEvent::KeyExpired,
        other => UserEvent::Other(other.chars().take(64).collect()),
    };
    Ok(UserMessage { made_at, event })
}

#[derive(Deserialize)]
struct Object<T> {
    o: Box<T>,
}

#[derive(Deserialize)]
struct AccountEvent {
    a: AccountUpdate,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct OrderUpdate {
    /// Symbol.
    pub s: String,
    /// Client order id. `autoclose-…`, `adl_autoclose` and `settlement_autoclose-…` are the venue's own.
    pub c: String,
    pub S: Said<SideWord>,
    #[serde(default)]
    pub o: Said<OrderType>,
    /// What happened.
    pub x: Said<Execution>,
    /// Where the order stands after it.
    pub X: Said<OrderStatus>,
    /// The venue's number.
    #[serde(deserialize_with = "amount")]
    pub i: u64,
    /// Quantity asked for.
    #[serde(default, deserialize_with = "optional")]
    pub q: Option<Qty>,
    /// Filled by this event.
    #[serde(default, deserialize_with = "optional")]
    pub l: Option<Qty>,
    /// Filled so far.
    #[serde(deserialize_with = "amount")]
    pub z: Qty,
    /// Price of this fill.
    #[serde(default, deserialize_with = "optional")]
    pub L: Option<Price>,
    /// Fee of this fill, and its asset.
    #[serde(default, deserialize_with = "optional")]
    pub n: Option<Usdt>,
    #[serde(default)]
    pub N: Option<String>,
    /// Number of the trade; 0 if there is none.
    #[serde(default, deserialize_with = "optional")]
    pub t: Option<u64>,
    /// When it happened, in milliseconds.
    #[serde(default, deserialize_with = "optional")]
    pub T: Option<i64>,
    /// Did we provide the liquidity?
    #[serde(default)]
    pub m: bool,
    #[serde(default)]
    pub R: bool,
    #[serde(default)]
    pub ps: Said<PositionWord>,
    /// Why it expired.
    #[serde(default, deserialize_with = "optional")]
    pub er: Option<String>,
}

/// What happened to the account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct AccountUpdate {
    /// Why: `ORDER`, `FUNDING_FEE`, `DEPOSIT`, …
    #[serde(default)]
    pub m: String,
    #[serde(default)]
    pub B: Vec<BalanceUpdate>,
    #[serde(default)]
    pub P: Vec<PositionUpdate>,
}

/// Money of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct BalanceUpdate {
    /// Asset.
    pub a: String,
    /// Wallet balance.
    #[serde(deserialize_with = "amount")]
    pub wb: Usdt,
    /// Change that is not of a trade.
    #[serde(default, deserialize_with = "optional")]
    pub bc: Option<Usdt>,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct PositionUpdate {
    /// Symbol.
    pub s: String,
    /// Signed quantity.
    #[serde(deserialize_with = "amount")]
    pub pa: Qty,
    /// Entry price.
    #[serde(default, deserialize_with = "optional")]
    pub ep: Option<Price>,
    #[serde(default)]
    pub ps: Said<PositionWord>,
}

/// What happened to a conditional order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct AlgoUpdate {
    /// Client's id.
    pub caid: String,
    /// The venue's number.
    #[serde(deserialize_with = "amount")]
    pub aid: u64,
    /// Symbol.
    pub s: String,
    pub S: Said<SideWord>,
    #[serde(default)]
    pub o: Said<OrderType>,
    pub X: Said<AlgoStatus>,
    #[serde(default, deserialize_with = "optional")]
    pub q: Option<Qty>,
    /// Number of the order that it became.
    #[serde(default, deserialize_with = "optional")]
    pub ai: Option<u64>,
    /// How much of that order has been filled, and at which price on average.
    #[serde(default, deserialize_with = "optional")]
    pub aq: Option<Qty>,
    #[serde(default, deserialize_with = "optional")]
    pub ap: Option<Price>,
    /// Trigger price, and which price triggers.
    #[serde(default, deserialize_with = "optional")]
    pub tp: Option<Price>,
    #[serde(default)]
    pub wt: Said<WorkingType>,
    #[serde(default)]
    pub ps: Said<PositionWord>,
    #[serde(default)]
    pub cp: bool,
    #[serde(default)]
    pub R: bool,
    /// Why it was rejected.
    #[serde(default)]
    pub rm: Option<String>,
}

/// A trade of ours, in short.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct TradeLite {
    pub s: String,
    pub c: String,
    pub S: Said<SideWord>,
    /// Price and quantity of the trade.
    #[serde(deserialize_with = "amount")]
    pub L: Price,
    #[serde(deserialize_with = "amount")]
    pub l: Qty,
    /// Numbers of the trade and of the order.
    #[serde(deserialize_with = "amount")]
    pub t: u64,
    #[serde(deserialize_with = "amount")]
    pub i: u64,
    #[serde(default)]
    pub m: bool,
    #[serde(default, deserialize_with = "optional")]
    pub T: Option<i64>,
}
