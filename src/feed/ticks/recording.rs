//! Lines of a raw recording, read into blocks: each says when it came, and what the exchange's frame was. Nothing is copied
//! before it is known to be wanted.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::LONGEST_LINE;
use super::block::{Block, Numbers, Print, Touch};
use crate::feed::FeedError;
use crate::feed::error::shown;
use crate::feed::file::lines::Lines;
use crate::feed::file::number::decimal;
use crate::types::Timestamp;

/// An instant above this, the year 2100, is not one.
const LATEST_MS: u64 = 4_102_444_800_000;

const REMEDY: &str = "remove the line, or record anew";

/// A file of lines being read.
#[derive(Debug)]
pub(super) struct Recording {
    lines: Lines,
    venue_symbol: String,
}

impl Recording {
    pub(super) fn open(path: &Path, venue_symbol: &str) -> Result<Recording, FeedError> {
        Ok(Recording { lines: Lines::open(path, LONGEST_LINE)?, venue_symbol: venue_symbol.to_owned() })
    }

    /// Reads a line into the block; false at the end.
    pub(super) fn read(&mut self, block: &mut Block) -> Result<bool, FeedError> {
        let Some((number, line)) = self.lines.next()? else { return Ok(false) };
        match parse(number, line, &self.venue_symbol, block) {
            Ok(()) => Ok(true),
            Err(Wrong { field, value, why }) => {
                let path = self.lines.path().to_owned();
                Err(FeedError::Malformed { path, line: number, field, value, why, remedy: REMEDY })
            }
        }
    }
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

/// Reads a line of the recording of `venue_symbol` into the block. What is not the market's leaves it as it is: another stream,
/// or a trade of the insurance fund, say.
pub(super) fn parse(number: u64, line: &[u8], venue_symbol: &str, block: &mut Block) -> Result<(), Wrong> {
    let text = std::str::from_utf8(line).map_err(|_| Wrong::new("line", line, "is not UTF-8"))?;
    let (received, json) = text.split_once(' ').ok_or_else(|| Wrong::new("line", line, "has no space"))?;
    if received.parse::<u64>().is_err() {
        return Err(Wrong::new("local_ns", received, "is not an instant in nanoseconds"));
    }
    let line: Line<'_> = read("json", json)?;
    match (line.stream, line.data, line.last_update) {
        (Some(stream), Some(data), _) => match stream.split_once('@').map(|(_, kind)| kind) {
            Some(kind) if kind.starts_with("depth") => depth(number, data.get(), venue_symbol, block),
            Some("bookTicker") => ticker(number, data.get(), venue_symbol, block),
            Some("trade") => trade(number, data.get(), venue_symbol, block),
            Some(_) => Ok(()),
            None => Err(Wrong::new("stream", stream, "has no `@`")),
        },
        (None, _, Some(last_update)) => {
            let (Some(at), Some(bids), Some(asks)) = (line.at, line.bids, line.asks) else {
                return Err(Wrong::new("json", json, "is a snapshot without `T`, `bids` or `asks`"));
            };
            block.push_snapshot(number, instant(at)?, last_update, &levels("bids", &bids)?, &levels("asks", &asks)?);
            Ok(())
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

fn depth(number: u64, json: &str, venue_symbol: &str, block: &mut Block) -> Result<(), Wrong> {
    let data: DepthData<'_> = read("data", json)?;
    same_symbol(data.s, venue_symbol)?;
    let numbers = Numbers { first: data.first, last: data.last, previous: data.pu };
    block.push_update(number, instant(data.at)?, numbers, &levels("b", &data.b)?, &levels("a", &data.a)?);
    Ok(())
}

fn ticker(number: u64, json: &str, venue_symbol: &str, block: &mut Block) -> Result<(), Wrong> {
    let data: TickerData<'_> = read("data", json)?;
    same_symbol(data.s, venue_symbol)?;
    let touch = Touch {
        bid: price("b", data.b)?,
        bid_qty: qty("B", data.bid_qty)?,
        ask: price("a", data.a)?,
        ask_qty: qty("A", data.ask_qty)?,
    };
    block.push_quote(number, instant(data.at)?, touch);
    Ok(())
}

fn trade(number: u64, json: &str, venue_symbol: &str, block: &mut Block) -> Result<(), Wrong> {
    let data: TradeData<'_> = read("data", json)?;
    same_symbol(data.s, venue_symbol)?;
    if data.kind.is_some_and(|kind| kind != "MARKET") {
        return Ok(());
    }
    let qty = qty("q", data.q)?;
    if qty == 0 {
        return Err(Wrong::new("q", data.q, "is a trade of nothing"));
    }
    // `m` says that the buyer was the maker, so that the seller took.
    let print = Print { id: data.t, price: price("p", data.p)?, qty, sold: data.m };
    block.push_trade(number, instant(data.at)?, print);
    Ok(())
}

fn levels(field: &'static str, levels: &[Level<'_>]) -> Result<Vec<[i64; 2]>, Wrong> {
    levels.iter().map(|level| Ok([price(field, level.0)?, qty(field, level.1)?])).collect()
}

fn price(field: &'static str, text: &str) -> Result<i64, Wrong> {
    match decimal(text.as_bytes(), true) {
        Ok(price) if price > 0 => Ok(price),
        Ok(_) => Err(Wrong::new(field, text, "is not a price above zero")),
        Err(why) => Err(Wrong::new(field, text, why)),
    }
}

fn qty(field: &'static str, text: &str) -> Result<i64, Wrong> {
    match decimal(text.as_bytes(), true) {
        Ok(qty) if qty >= 0 => Ok(qty),
        Ok(_) => Err(Wrong::new(field, text, "is a negative quantity")),
        Err(why) => Err(Wrong::new(field, text, why)),
    }
}
