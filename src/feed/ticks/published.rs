//! Trades and best prices as Binance publishes them, read into blocks.

use std::path::Path;

use super::block::{Block, Print, Touch};
use crate::feed::FeedError;
use crate::feed::file::csv::{self, Quotes, Text, TickLines};
use crate::feed::file::{Numbered, Wrong};
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
}

/// What a line says.
enum Tick {
    Quote(Touch),
    Trade(Print),
}

impl Published {
    pub(in crate::feed) fn open(path: &Path) -> Result<Published, FeedError> {
        let (text, lines) = csv::open_ticks(path)?;
        Ok(Published { text, lines, latest: Timestamp::EPOCH })
    }

    /// Reads a line into the block; false at the end.
    pub(super) fn read(&mut self, block: &mut Block) -> Result<bool, FeedError> {
        let Some((number, read)) = self.line()? else { return Ok(false) };
        match read.map_err(|wrong| wrong.at(self.text.path(), number))? {
            (at, Tick::Quote(touch)) => block.push_quote(number, at, touch),
            (at, Tick::Trade(print)) => block.push_trade(number, at, print),
        }
        Ok(true)
    }

    /// Reads a line and gives its instant, or what is wrong with it.
    pub(in crate::feed) fn look(&mut self) -> Result<Option<Numbered<Timestamp>>, FeedError> {
        Ok(self.line()?.map(|(number, read)| (number, read.map(|(at, _)| at))))
    }

    fn line(&mut self) -> Result<Option<Numbered<(Timestamp, Tick)>>, FeedError> {
        let Some((number, line)) = self.text.next()? else { return Ok(None) };
        Ok(Some((number, line.and_then(|line| understood(&mut self.lines, &mut self.latest, line)))))
    }
}

fn understood(lines: &mut TickLines, latest: &mut Timestamp, line: &[u8]) -> Result<(Timestamp, Tick), Wrong> {
    let (tick, nanos, time_name) = match lines {
        TickLines::Trades(trades) => {
            let trade = trades.read(line)?;
            let print = Print { id: trade.id as u64, price: trade.price, qty: trade.qty, sold: trade.sold()? };
            (Tick::Trade(print), trade.nanos, trades.time_name)
        }
        TickLines::Quotes(quotes) => {
            let quote = quotes.read(line)?;
            let (bid, bid_qty, ask, ask_qty) = (quote.bid, quote.bid_qty, quote.ask, quote.ask_qty);
            (Tick::Quote(Touch { bid, bid_qty, ask, ask_qty }), quote.nanos, Quotes::TIME_NAME)
        }
    };
    let at = Timestamp::from_nanos(nanos);
    if at + DISORDER < *latest {
        let why = format!("is more than a second before the {latest} of a line above");
        return Err(Wrong::new(time_name, at.to_string(), why, ORDER_REMEDY));
    }
    *latest = at.max(*latest);
    Ok((at, tick))
}
