//! Market data, as feeds give it to the engine and to the simulated exchange.

use serde::{Deserialize, Serialize};

use crate::types::{InstrumentId, Price, Qty, Rate, Side, Timeframe, Timestamp, TradeId};

/// One piece of market data about one instrument. The instant is that of the stamped event around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarketEvent {
    /// Which instrument it is about.
    pub instrument: InstrumentId,
    /// What is said.
    pub data: MarketData,
}

/// What a feed can say about an instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MarketData {
    /// A closed 1m bar. It comes when it closes.
    Bar(Bar),
    /// The best bid and ask.
    Quote(Quote),
    /// A trade of others.
    Trade(Trade),
    /// Mark price and the funding rate to come.
    Mark(Mark),
    /// A funding that has just been settled at the venue.
    Funding(Funding),
    /// Changes of the book, or all of it. Only the simulated exchange reads it.
    Depth(Depth),
    /// Closed bars of one timeframe, oldest first: warm-up, or the filling of a gap.
    History {
        /// The bars' length.
        timeframe: Timeframe,
        /// Oldest first, without holes that the source does not have itself.
        bars: Vec<Bar>,
    },
    /// The venue stopped or resumed trading of the instrument.
    Tradable(bool),
}

/// Open, high, low, close and volume over one timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// When it opened: a multiple of its length since the epoch.
    pub open_time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded quantity of the base currency.
    pub volume: Qty,
}

impl Bar {
    /// Is the low the lowest, the high the highest, every price positive, and the volume not negative?
    pub fn is_consistent(&self) -> bool {
        let (bottom, top) = (self.open.min(self.close), self.open.max(self.close));
        self.low.is_positive() && self.low <= bottom && top <= self.high && !self.volume.is_negative()
    }
}

/// Best bid and ask with their quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Highest price that somebody pays.
    pub bid: Price,
    /// How much at that price.
    pub bid_qty: Qty,
    /// Lowest price that somebody takes.
    pub ask: Price,
    /// How much at that price.
    pub ask_qty: Qty,
}

/// A trade between others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The venue's number.
    pub id: TradeId,
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// The side of the order that took liquidity.
    pub taker: Side,
}

/// The venue's mark price, which liquidations, margins and our stops go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Mark price.
    pub price: Price,
    /// Rate of the next funding: positive when longs pay shorts.
    pub funding_rate: Rate,
    /// When it is settled.
    pub next_funding: Timestamp,
}

/// A settled funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// Positive when longs pay shorts.
    pub rate: Rate,
    /// Mark price it was settled at.
    pub mark: Price,
}

/// A change of the order book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// Does it replace the whole book?
    pub snapshot: bool,
    /// The levels that changed; a quantity of zero removes one.
    pub levels: Vec<BookLevel>,
}

/// One price level of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookLevel {
    /// `Buy` for bids, `Sell` for asks.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Total resting quantity; zero if the level is gone.
    pub qty: Qty,
}

/// What a feed carries, so that what it lacks can be made from what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedShape {
    /// Best bid and ask.
    pub quotes: bool,
    /// Trades of others.
    pub trades: bool,
    /// Mark price, with the funding rate to come.
    pub mark: bool,
    /// The book below the best prices.
    pub depth: bool,
}

impl FeedShape {
    /// A feed of 1m bars and nothing else.
    pub const BARS: FeedShape = FeedShape { quotes: false, trades: false, mark: false, depth: false };
}
