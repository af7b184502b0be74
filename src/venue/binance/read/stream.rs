//! Market streams. Read in place: nothing is copied but numbers.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Unreadable, amount, json, optional, rate};
use crate::types::{Price, Qty, Rate};

const WHAT: &str = "a message of a market stream";

/// A text in place; one with escapes is copied.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// What tells messages apart.
#[derive(Debug, Deserialize)]
pub(crate) struct Head<'a> {
    /// Name of the stream, of the combined form.
    #[serde(borrow)]
    pub stream: Option<Text<'a>>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// Kind of event.
    #[serde(borrow, rename = "e")]
    pub kind: Option<Text<'a>>,
    /// When it was made, in milliseconds.
    #[serde(default, rename = "E", deserialize_with = "optional")]
    pub made_at: Option<i64>,
    #[serde(default, deserialize_with = "optional")]
    id: Option<u64>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "optional")]
    code: Option<i64>,
}

/// A message of a market stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// The venue took the request of this number.
    Acknowledged(u64),
    /// It did not, and says why.
    Refused {
        id: Option<u64>,
        why: String,
    },
    Event(MarketEvent<'a>),
}

/// An event. Field names are Binance's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MarketEvent<'a> {
    BookTicker(BookTicker<'a>),
    AggTrade(AggTrade<'a>),
    Kline(KlineEvent<'a>),
    Mark(MarkUpdate<'a>),
    /// Of a kind that is not used here, or not known.
    Other,
}

/// Reads a message, in the plain form or the combined one.
///
/// # Errors
/// If it is none, or an event that lacks what it is for.
pub(crate) fn parse(bytes: &[u8]) -> Result<Message<'_>, Unreadable> {
    if is_list(bytes) {
        return Ok(Message::Event(MarketEvent::Other));
    }
    let head: Head<'_> = json(WHAT, bytes)?;
    if let (Some(_), Some(data)) = (&head.stream, head.data) {
        return event(data.get().as_bytes());
    }
    match (head.kind, head.error, head.code, head.id) {
        (Some(kind), ..) => of_kind(&kind, bytes),
        (None, Some(error), _, id) => Ok(Message::Refused { id, why: shown(error.get()) }),
        (None, None, Some(_), id) => Ok(Message::Refused { id, why: shown(&String::from_utf8_lossy(bytes)) }),
        (None, None, None, Some(id)) => Ok(Message::Acknowledged(id)),
        (None, None, None, None) => Ok(Message::Event(MarketEvent::Other)),
    }
}

/// Streams of all symbols at once send lists; none of them is ours.
fn is_list(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'[')
}

fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

fn event(bytes: &[u8]) -> Result<Message<'_>, Unreadable> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, rename = "e")]
        kind: Option<Text<'a>>,
    }
    if is_list(bytes) {
        return Ok(Message::Event(MarketEvent::Other));
    }
    match json::<Kind<'_>>(WHAT, bytes)?.kind {
        Some(kind) => of_kind(&kind, bytes),
        None => Ok(Message::Event(MarketEvent::Other)),
    }
}

fn of_kind<'a>(kind: &str, bytes: &'a [u8]) -> Result<Message<'a>, Unreadable> {
    Ok(Message::Event(match kind {
        "bookTicker" => MarketEvent::BookTicker(json(WHAT, bytes)?),
        "aggTrade" => MarketEvent::AggTrade(json(WHAT, bytes)?),
        "kline" => MarketEvent::Kline(json(WHAT, bytes)?),
        "markPriceUpdate" => MarketEvent::Mark(json(WHAT, bytes)?),
        _ => MarketEvent::Other,
    }))
}

/// Best bid and ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct BookTicker<'a> {
    #[serde(borrow)]
    pub s: Text<'a>,
    /// Number of the book's state.
    #[serde(default, deserialize_with = "optional")]
    pub u: Option<u64>,
    /// When it happened, in milliseconds.
    #[serde(default, deserialize_with = "optional")]
    pub T: Option<i64>,
    #[serde(deserialize_with = "amount")]
    pub b: Price,
    #[serde(deserialize_with = "amount")]
    pub B: Qty,
    #[serde(deserialize_with = "amount")]
    pub a: Price,
    #[serde(deserialize_with = "amount")]
    pub A: Qty,
}

/// Trades of one order at one price.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct AggTrade<'a> {
    #[serde(borrow)]
    pub s: Text<'a>,
    #[serde(deserialize_with = "amount")]
    pub a: u64,
    #[serde(deserialize_with = "amount")]
    pub p: Price,
    #[serde(deserialize_with = "amount")]
    pub q: Qty,
    #[serde(deserialize_with = "amount")]
    pub T: i64,
    /// Was the buyer's order the resting one? Then the seller took.
    pub m: bool,
}

/// A bar that is forming, or has closed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct KlineEvent<'a> {
    #[serde(borrow)]
    pub s: Text<'a>,
    #[serde(borrow)]
    pub k: Candle<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Candle<'a> {
    /// When it opened, in milliseconds.
    #[serde(deserialize_with = "amount")]
    pub t: i64,
    /// Its length.
    #[serde(borrow)]
    pub i: Text<'a>,
    #[serde(deserialize_with = "amount")]
    pub o: Price,
    #[serde(deserialize_with = "amount")]
    pub c: Price,
    #[serde(deserialize_with = "amount")]
    pub h: Price,
    #[serde(deserialize_with = "amount")]
    pub l: Price,
    #[serde(deserialize_with = "amount")]
    pub v: Qty,
    /// Has it closed?
    pub x: bool,
}

/// Mark price, and the funding to come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(non_snake_case, reason = "the protocol tells fields apart by their case")]
pub(crate) struct MarkUpdate<'a> {
    #[serde(borrow)]
    pub s: Text<'a>,
    #[serde(deserialize_with = "amount")]
    pub p: Price,
    #[serde(default, deserialize_with = "rate")]
    pub r: Rate,
    /// When the next funding is settled, in milliseconds.
    #[serde(default, deserialize_with = "optional")]
    pub T: Option<i64>,
    #[serde(default, deserialize_with = "optional")]
    pub E: Option<i64>,
}
