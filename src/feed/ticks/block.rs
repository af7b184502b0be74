//! Events of one file in its order, a column for each of their numbers: a block of them is filled, kept and gone through without
//! asking the allocator.

use super::codec;
use crate::protocol::{BookLevel, Quote, Trade};
use crate::types::{Price, Qty, Side, Timestamp, TradeId};

/// Most events of a block: its columns stay in the nearer caches.
pub(super) const MAX_EVENTS: usize = 4_096;
/// A block that has so many levels of the book takes no more events.
const MANY_LEVELS: usize = 1 << 14;
/// Most levels of a block: those of its last event come on top, and a line of a recording has room for a hundred thousand.
const MAX_LEVELS: usize = MANY_LEVELS + (1 << 17);
/// Decimal places of amounts: no exchange quotes in more than eight.
const PLACES: u32 = 8;
const COLUMNS: usize = 17;
/// Most bytes that a block takes.
pub(super) const MAX_BYTES: usize = COLUMNS * codec::most_bytes(MAX_EVENTS) + 2 * codec::most_bytes(MAX_LEVELS);

const QUOTE: i64 = 0;
const BOUGHT: i64 = 1;
const SOLD: i64 = 2;
const UPDATE: i64 = 3;
const SNAPSHOT: i64 = 4;

/// So many events. Amounts are in units of 10⁻⁸, instants in nanoseconds; numbers without a sign keep their bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    kinds: Vec<i64>,
    /// Where in the file each stands.
    lines: Vec<i64>,
    times: Vec<i64>,
    bids: Vec<i64>,
    bid_qtys: Vec<i64>,
    asks: Vec<i64>,
    ask_qtys: Vec<i64>,
    trade_ids: Vec<i64>,
    prices: Vec<i64>,
    qtys: Vec<i64>,
    /// Of updates and snapshots of the book.
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    previous: Vec<i64>,
    /// Levels of each, and how many of them are bids, which come first.
    levels: Vec<i64>,
    bid_levels: Vec<i64>,
    level_prices: Vec<i64>,
    level_qtys: Vec<i64>,
}

/// Best bid and ask, in the units of a block. It becomes a [`Quote`] where it is said: wider numbers would be carried there slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    pub(super) bid: i64,
    pub(super) bid_qty: i64,
    pub(super) ask: i64,
    pub(super) ask_qty: i64,
}

/// A trade, in the units of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) id: u64,
    pub(super) price: i64,
    pub(super) qty: i64,
    /// Did the seller take?
    pub(super) sold: bool,
}

impl Touch {
    pub(super) fn quote(&self) -> Quote {
        let (bid, ask) = (price(self.bid), price(self.ask));
        Quote { bid, bid_qty: qty(self.bid_qty), ask, ask_qty: qty(self.ask_qty) }
    }
}

impl Print {
    pub(super) fn price(&self) -> Price {
        price(self.price)
    }

    pub(super) fn qty(&self) -> Qty {
        qty(self.qty)
    }

    pub(super) fn trade(&self) -> Trade {
        let taker = if self.sold { Side::Sell } else { Side::Buy };
        Trade { id: TradeId(self.id), price: self.price(), qty: self.qty(), taker }
    }
}

/// What an update of the book is numbered, as Binance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// `U`
    pub(super) first: u64,
    /// `u`; of a snapshot `lastUpdateId`.
    pub(super) last: u64,
    /// `pu`: the `u` of the update before.
    pub(super) previous: u64,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// The touch.
    Quote(Touch),
    /// A trade of the market.
    Trade(Print),
    /// Levels that changed.
    Update(Update),
    /// The whole book.
    Snapshot { last_update: u64, levels: Vec<BookLevel> },
}

/// A change of the book.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Update {
    pub(super) numbers: Numbers,
    pub(super) levels: Vec<BookLevel>,
}

impl Block {
    pub(super) fn clear(&mut self) {
        self.columns_mut().into_iter().for_each(Vec::clear);
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Does it take no more?
    pub(super) fn is_full(&self) -> bool {
        self.kinds.len() >= MAX_EVENTS || self.level_prices.len() >= MANY_LEVELS
    }

    fn push(&mut self, line: u64, at: Timestamp, kind: i64) {
        self.kinds.push(kind);
        self.lines.push(line as i64);
        self.times.push(at.as_nanos());
    }

    pub(super) fn push_quote(&mut self, line: u64, at: Timestamp, touch: Touch) {
        self.push(line, at, QUOTE);
        self.bids.push(touch.bid);
        self.bid_qtys.push(touch.bid_qty);
        self.asks.push(touch.ask);
        self.ask_qtys.push(touch.ask_qty);
    }

    pub(super) fn push_trade(&mut self, line: u64, at: Timestamp, print: Print) {
        self.push(line, at, if print.sold { SOLD } else { BOUGHT });
        self.trade_ids.push(print.id as i64);
        self.prices.push(print.price);
        self.qtys.push(print.qty);
    }

    pub(super) fn push_update(
        &mut self,
        line: u64,
        at: Timestamp,
        numbers: Numbers,
        bids: &[[i64; 2]],
        asks: &[[i64; 2]],
    ) {
        self.push_book(line, at, UPDATE, numbers, bids, asks);
    }

    pub(super) fn push_snapshot(&mut self, line: u64, at: Timestamp, last: u64, bids: &[[i64; 2]], asks: &[[i64; 2]]) {
        self.push_book(line, at, SNAPSHOT, Numbers { first: 0, last, previous: 0 }, bids, asks);
    }

    /// Levels are a price and a quantity.
    fn push_book(
        &mut self,
        line: u64,
        at: Timestamp,
        kind: i64,
        numbers: Numbers,
        bids: &[[i64; 2]],
        asks: &[[i64; 2]],
    ) {
        self.push(line, at, kind);
        self.firsts.push(numbers.first as i64);
        self.lasts.push(numbers.last as i64);
        self.previous.push(numbers.previous as i64);
        self.levels.push((bids.len() + asks.len()) as i64);
        self.bid_levels.push(bids.len() as i64);
        for [price, qty] in bids.iter().chain(asks) {
            self.level_prices.push(*price);
            self.level_qtys.push(*qty);
        }
    }

    /// Appends the block as bytes.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        self.columns().into_iter().for_each(|column| codec::write(column, to));
    }

    /// Becomes what [`Block::write`] wrote; none if it is something else, and then the block may hold anything.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Option<()> {
        for column in self.columns_mut() {
            codec::read(&mut bytes, MAX_LEVELS, column)?;
        }
        (bytes.is_empty() && self.is_whole()).then_some(())
    }

    /// Has every event its numbers?
    fn is_whole(&self) -> bool {
        let count = |kind: i64| self.kinds.iter().filter(|one| **one == kind).count();
        let quotes = count(QUOTE);
        let trades = count(BOUGHT) + count(SOLD);
        let books = count(UPDATE) + count(SNAPSHOT);
        let all = |columns: &[&Vec<i64>], length: usize| columns.iter().all(|column| column.len() == length);
        let levels = self.levels.iter().try_fold(0_usize, |sum, levels| {
            usize::try_from(*levels).ok().filter(|levels| *levels <= MAX_LEVELS).map(|levels| sum + levels)
        });
        let bids_within = || self.bid_levels.iter().zip(&self.levels).all(|(bids, all)| (0..=*all).contains(bids));
        self.kinds.len() == quotes + trades + books
            && all(&[&self.lines, &self.times], self.kinds.len())
            && all(&[&self.bids, &self.bid_qtys, &self.asks, &self.ask_qtys], quotes)
            && all(&[&self.trade_ids, &self.prices, &self.qtys], trades)
            && all(&[&self.firsts, &self.lasts, &self.previous, &self.levels, &self.bid_levels], books)
            && levels.is_some_and(|levels| all(&[&self.level_prices, &self.level_qtys], levels))
            && bids_within()
    }

    fn columns(&self) -> [&Vec<i64>; COLUMNS] {
        [
            &self.kinds,
            &self.lines,
            &self.times,
            &self.bids,
            &self.bid_qtys,
            &self.asks,
            &self.ask_qtys,
            &self.trade_ids,
            &self.prices,
            &self.qtys,
            &self.firsts,
            &self.lasts,
            &self.previous,
            &self.levels,
            &self.bid_levels,
            &self.level_prices,
            &self.level_qtys,
        ]
    }

    fn columns_mut(&mut self) -> [&mut Vec<i64>; COLUMNS] {
        [
            &mut self.kinds,
            &mut self.lines,
            &mut self.times,
            &mut self.bids,
            &mut self.bid_qtys,
            &mut self.asks,
            &mut self.ask_qtys,
            &mut self.trade_ids,
            &mut self.prices,
            &mut self.qtys,
            &mut self.firsts,
            &mut self.lasts,
            &mut self.previous,
            &mut self.levels,
            &mut self.bid_levels,
            &mut self.level_prices,
            &mut self.level_qtys,
        ]
    }
}

/// How far a block was gone through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    event: usize,
    quote: usize,
    trade: usize,
    book: usize,
    level: usize,
}

impl Cursor {
    /// The instant of the next event.
    pub(super) fn at(&self, block: &Block) -> Option<Timestamp> {
        block.times.get(self.event).copied().map(Timestamp::from_nanos)
    }

    /// Where in the file the last event taken stands.
    pub(super) fn line(&self, block: &Block) -> u64 {
        self.event.checked_sub(1).and_then(|last| block.lines.get(last)).map_or(0, |line| *line as u64)
    }

    /// The next event, taken.
    #[inline]
    pub(super) fn take(&mut self, block: &Block) -> Option<Event> {
        let kind = *block.kinds.get(self.event)?;
        self.event += 1;
        Some(match kind {
            QUOTE => {
                let at = self.quote;
                self.quote += 1;
                Event::Quote(Touch {
                    bid: block.bids[at],
                    bid_qty: block.bid_qtys[at],
                    ask: block.asks[at],
                    ask_qty: block.ask_qtys[at],
                })
            }
            BOUGHT | SOLD => {
                let at = self.trade;
                self.trade += 1;
                Event::Trade(Print {
                    id: block.trade_ids[at] as u64,
                    price: block.prices[at],
                    qty: block.qtys[at],
                    sold: kind == SOLD,
                })
            }
            _ => self.take_book(block, kind),
        })
    }

    fn take_book(&mut self, block: &Block, kind: i64) -> Event {
        let (at, begin) = (self.book, self.level);
        self.book += 1;
        self.level += block.levels[at] as usize;
        let bids = begin + block.bid_levels[at] as usize;
        let level = |place: usize| BookLevel {
            side: if place < bids { Side::Buy } else { Side::Sell },
            price: price(block.level_prices[place]),
            qty: qty(block.level_qtys[place]),
        };
        let levels = (begin..self.level).map(level).collect();
        let [first, last, previous] = [&block.firsts, &block.lasts, &block.previous].map(|column| column[at] as u64);
        if kind == SNAPSHOT {
            return Event::Snapshot { last_update: last, levels };
        }
        Event::Update(Update { numbers: Numbers { first, last, previous }, levels })
    }

    /// Is the next event a quote or a trade?
    pub(super) fn is_plain(&self, block: &Block) -> bool {
        block.kinds.get(self.event).is_some_and(|kind| *kind < UPDATE)
    }
}

fn price(units: i64) -> Price {
    Price::new(units, PLACES)
}

fn qty(units: i64) -> Qty {
    Qty::new(units, PLACES)
}
