//! One line of a raw recording: when it came, and the exchange's frame. Nothing is copied before it is known to
//! be wanted.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::error::shown;
use crate::protocol::{BookLevel, Quote, Trade};
use crate::types::{Price, Qty, Side, Timestamp, TradeId};

/// An instant above this, the year 2100, is not one.
const LATEST_MS: u64 = 4_102_444_800_000;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Frame {
    /// The whole book, as the REST endpoint tells it.
    Snapshot { at: Timestamp, last_update: u64, levels: Vec<BookLevel> },
    /// Levels that changed.
    Depth(Update),
    /// The touch.
    Quote { at: Timestamp, update: u64, quote: Quote },
    /// A trade of the market.
    Trade { at: Timestamp, trade: Trade },
    /// A stream or a trade (of the insurance fund, say) that is not the market's.
    Other,
}

/// A change of the book, in Binance's numbering.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Update {
    pub(super) at: Timestamp,
    /// `U`
    pub(super) first: u64,
    /// `u`
    pub(super) last: u64,
    /// `pu`: the `u` of the update before.
    pub(super) previous: u64,
    pub(super) levels: Vec<BookLevel>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) value: String,
    pub(super) why: String,
}

impl Wrong {
    fn new(field: &'static str, value: impl AsRef<[u8]>, why: impl Into<String>) -> Wrong {
        Wrong { field, value: shown(value), why: why.into() }
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    stream: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(rename = "lastUpdateId")]
    last_update: Option<u64>,
    #[serde(rename = "T")]
    at: Option<u64>,
    #[serde(borrow)]
    bids: Option<Vec<Level<'a>>>,
    #[serde(borrow)]
    asks: Option<Vec<Level<'a>>>,
}

#[derive(Deserialize)]
struct Level<'a>(#[serde(borrow)] &'a str, #[serde(borrow)] &'a str);

#[derive(Deserialize)]
struct DepthData<'a> {
    #[serde(rename = "T")]
    at: u64,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
    pu: u64,
    #[serde(borrow)]
    b: Vec<Level<'a>>,
    #[serde(borrow)]
    a: Vec<Level<'a>>,
}

#[derive(Deserialize)]
struct TickerData<'a> {
    #[serde(rename = "T")]
    at: u64,
    s: &'a str,
    u: u64,
    b: &'a str,
    #[serde(rename = "B")]
    bid_qty: &'a str,
    a: &'a str,
    #[serde(rename = "A")]
    ask_qty: &'a str,
}

#[derive(Deserialize)]
struct TradeData<'a> {
    #[serde(rename = "T")]
    at: u64,
    s: &'a str,
    t: u64,
    p: &'a str,
    q: &'a str,
    #[serde(rename = "X")]
    kind: Option<&'a str>,
    m: bool,
}

/// Reads a line of the recording of `venue_symbol`.
pub(super) fn parse(line: &[u8], venue_symbol: &str) -> Result<Frame, Wrong> {
    let text = std::str::from_utf8(line).map_err(|_| Wrong::new("line", line, "is not UTF-8"))?;
    let (received, json) = text.split_once(' ').ok_or_else(|| Wrong::new("line", line, "has no space"))?;
    if received.parse::<u64>().is_err() {
        return Err(Wrong::new("local_ns", received, "is not an instant in nanoseconds"));
    }
    let line: Line<'_> = read("json", json)?;
    match (line.stream, line.data, line.last_update) {
        (Some(stream), Some(data), _) => match stream.split_once('@').map(|(_, kind)| kind) {
            Some(kind) if kind.starts_with("depth") => depth(data.get(), venue_symbol),
            Some("bookTicker") => ticker(data.get(), venue_symbol),
            Some("trade") => trade(data.get(), venue_symbol),
            Some(_) => Ok(Frame::Other),
            None => Err(Wrong::new("stream", stream, "has no `@`")),
        },
        (None, _, Some(last_update)) => {
            let (Some(at), Some(bids), Some(asks)) = (line.at, line.bids, line.asks) else {
                return Err(Wrong::new("json", json, "is a snapshot without `T`, `bids` or `asks`"));
            };
            Ok(Frame::Snapshot { at: instant(at)?, last_update, levels: levels("bids", &bids, "asks", &asks)? })
        }
        _ => Err(Wrong::new("json", json, "is neither a frame with `stream` and `data` nor a depth snapshot")),
    }
}

fn read<'a, T: Deserialize<'a>>(field: &'static str, json: &'a str) -> Result<T, Wrong> {
    serde_json::from_str(json).map_err(|error| Wrong::new(field, json, format!("cannot be read: {error}")))
}

fn instant(millis: u64) -> Result<Timestamp, Wrong> {
    match i64::try_from(millis) {
        Ok(ms) if millis <= LATEST_MS => Ok(Timestamp::from_millis(ms)),
        _ => Err(Wrong::new("T", millis.to_string(), "is not an instant in milliseconds")),
    }
}

fn same_symbol(found: &str, venue_symbol: &str) -> Result<(), Wrong> {
    if found == venue_symbol {
        return Ok(());
    }
    Err(Wrong::new("s", found, format!("is not {venue_symbol}, which the recording is read as")))
}

fn depth(json: &str, venue_symbol: &str) -> Result<Frame, Wrong> {
    let data: DepthData<'_> = read("data", json)?;
    same_symbol(data.s, venue_symbol)?;
    let (at, levels) = (instant(data.at)?, levels("b", &data.b, "a", &data.a)?);
    Ok(Frame::Depth(Update { at, first: data.first, last: data.last, previous: data.pu, levels }))
}

fn ticker(json: &str, venue_symbol: &str) -> Result<Frame, Wrong> {
    let data: TickerData<'_> = read("data", json)?;
    same_symbol(data.s, venue_symbol)?;
    let quote = Quote {
        bid: price("b", data.b)?,
        bid_qty: qty("B", data.bid_qty)?,
        ask: price("a", data.a)?,
        ask_qty: qty("A", data.ask_qty)?,
    };
    Ok(Frame::Quote { at: instant(data.at)?, update: data.u, quote })
}

fn trade(json: &str, venue_symbol: &str) -> Result<Frame, Wrong> {
    let data: TradeData<'_> = read("data", json)?;
    same_symbol(data.s, venue_symbol)?;
    if data.kind.is_some_and(|kind| kind != "MARKET") {
        return Ok(Frame::Other);
    }
    let qty = qty("q", data.q)?;
    if qty.is_zero() {
        return Err(Wrong::new("q", data.q, "is a trade of nothing"));
    }
    // `m` says that the buyer was the maker, so that the seller took.
    let taker = if data.m { Side::Sell } else { Side::Buy };
    let trade = Trade { id: TradeId(data.t), price: price("p", data.p)?, qty, taker };
    Ok(Frame::Trade { at: instant(data.at)?, trade })
}

fn levels(
    bid_field: &'static str,
    bids: &[Level<'_>],
    ask_field: &'static str,
    asks: &[Level<'_>],
) -> Result<Vec<BookLevel>, Wrong> {
    let level = |side, field, level: &Level<'_>| {
        Ok(BookLevel { side, price: price(field, level.0)?, qty: qty(field, level.1)? })
    };
    let bids = bids.iter().map(|one| level(Side::Buy, bid_field, one));
    bids.chain(asks.iter().map(|one| level(Side::Sell, ask_field, one))).collect()
}

fn price(field: &'static str, text: &str) -> Result<Price, Wrong> {
    match text.parse::<Price>() {
        Ok(price) if price.is_positive() => Ok(price),
        Ok(_) => Err(Wrong::new(field, text, "is not a price above zero")),
        Err(error) => Err(Wrong::new(field, text, error.why)),
    }
}

fn qty(field: &'static str, text: &str) -> Result<Qty, Wrong> {
    match text.parse::<Qty>() {
        Ok(qty) if !qty.is_negative() => Ok(qty),
        Ok(_) => Err(Wrong::new(field, text, "is a negative quantity")),
        Err(error) => Err(Wrong::new(field, text, error.why)),
    }
}
