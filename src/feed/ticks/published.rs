//! Trades and best prices as Binance publishes them, read into blocks.

use std::path::Path;

use super::block::{Block, Print, Touch};
use crate::feed::FeedError;
use crate::feed::file::Wrong;
use crate::feed::file::csv::{self, Quotes, Text, TickLines};
use crate::types::{Span, Timestamp};

/// Instants may go back by so much from line to line, since trades are numbered before they are dated; what is said does not.
pub(super) const DISORDER: Span = Span::SECOND;

const ORDER_REMEDY: &str = "sort the file by its first column";

/// A file of lines being read.
#[derive(Debug)]
pub(in crate::feed) struct Published {
    text: Text,
    lines: TickLines,
    /// The latest instant so far.
    latest: Timestamp,
    /// What is only looked at is read into it.
    scratch: Block,
}

impl Published {
    pub(in crate::feed) fn open(path: &Path) -> Result<Published, FeedError> {
        let (text, lines) = csv::open_ticks(path)?;
        Ok(Published { text, lines, latest: Timestamp::EPOCH, scratch: Block::default() })
    }

    /// Reads a line into the block; false at the end.
    pub(super) fn read(&mut self, block: &mut Block) -> Result<bool, FeedError> {
        match self.line(block)? {
            Some((number, Err(wrong))) => Err(wrong.at(self.text.path(), number)),
            Some((_, Ok(_))) => Ok(true),
            None => Ok(false),
        }
    }

    /// Reads a line and gives its number and its instant, or what is wrong with it.
    pub(in crate::feed) fn look(&mut self) -> Result<Option<(u64, Result<Timestamp, Wrong>)>, FeedError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let read = self.line(&mut scratch);
        self.scratch = scratch;
        read
    }

    fn line(&mut self, block: &mut Block) -> Result<Option<(u64, Result<Timestamp, Wrong>)>, FeedError> {
        let Some((number, line)) = self.text.next()? else { return Ok(None) };
        let read = line.and_then(|line| take(&mut self.lines, &mut self.latest, number, line, block));
        Ok(Some((number, read)))
    }
}

/// Reads a line into the block; gives its instant.
fn take(
    lines: &mut TickLines,
    latest: &mut Timestamp,
    number: u64,
    line: &[u8],
    block: &mut Block,
) -> Result<Timestamp, Wrong> {
    let mut dated = |nanos: i64, time_name| {
        let at = Timestamp::from_nanos(nanos);
        if at + DISORDER < *latest {
            let why = format!("is more than a second before the {latest} of a line above");
            return Err(Wrong::new(time_name, at.to_string(), why, ORDER_REMEDY));
        }
        *latest = at.max(*latest);
        Ok(at)
    };
    match lines {
        TickLines::Trades(trades) => {
            let trade = trades.read(line)?;
            let (sold, at) = (trade.sold()?, dated(trade.nanos, trades.time_name)?);
            block.push_trade(number, at, Print { id: trade.id as u64, price: trade.price, qty: trade.qty, sold });
            Ok(at)
        }
        TickLines::Quotes(quotes) => {
            let quote = quotes.read(line)?;
            let at = dated(quote.nanos, Quotes::TIME_NAME)?;
            let (bid, bid_qty, ask, ask_qty) = (quote.bid, quote.bid_qty, quote.ask, quote.ask_qty);
            block.push_quote(number, at, Touch { bid, bid_qty, ask, ask_qty });
            Ok(at)
        }
    }
}
