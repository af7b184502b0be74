//! A made market of trades and best prices, held in memory as plain numbers and said through the same door as every feed.

use live_trading_launcher::feed::{Feed, FeedError, FeedRecord};
use live_trading_launcher::protocol::{Bar, FeedShape, MarketData, MarketEvent, Quote, Trade};
use live_trading_launcher::types::{InstrumentId, Instruments, Price, Qty, Side, Span, Timeframe, Timestamp, TradeId};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::data;

/// Decimal places of prices and of quantities.
const PRICE_PLACES: u32 = 2;
const QTY_PLACES: u32 = 4;
/// A busy day of one large market.
const DAY_NANOS: i64 = 86_400_000_000_000;

/// A quote of `low` and `high` with their quantities; or a trade at `low` of `first`, by a buyer if `second` is 1.
#[derive(Clone, Copy)]
pub struct Tick {
    pub at: i64,
    pub low: i64,
    pub high: i64,
    pub first: u32,
    pub second: u32,
}

/// All of the market's ticks.
pub struct Ticks(pub Vec<Tick>);

impl Ticks {
    /// So many, spread over a day: a little more than half of them are quotes.
    pub fn made(count: usize) -> Ticks {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(data::SEED);
        let start = data::START_SECS as i64 * 1_000_000_000;
        let gap = DAY_NANOS / count as i64;
        let (mut bid, mut at) = (data::FIRST_TICKS, start);
        let tick = |_| {
            let draw = rng.next_u64();
            at += 1 + (draw >> 40) as i64 % (2 * gap);
            let qty = 1 + (draw as u32 >> 8) % 20_000;
            if draw % 100 < 49 {
                let buyer = draw >> 32 & 1;
                return Tick { at, low: bid + buyer as i64, high: 0, first: qty, second: buyer as u32 };
            }
            bid += (draw >> 16) as i64 % 21 - 10 + (data::FIRST_TICKS - bid) / 50_000;
            Tick { at, low: bid, high: bid + 1, first: qty, second: 1 + qty / 2 }
        };
        Ticks((0..count).map(tick).collect())
    }
}

/// The ticks from the first to the last, with the 1m bars that the trades make.
pub struct TickFeed {
    instruments: Instruments,
    ticks: std::sync::Arc<Ticks>,
    next: usize,
    bar: Option<Bar>,
}

impl TickFeed {
    pub fn new(instruments: Instruments, ticks: std::sync::Arc<Ticks>) -> TickFeed {
        TickFeed { instruments, ticks, next: 0, bar: None }
    }

    /// The bar that closes before the next tick.
    fn closing(&self) -> Option<(Timestamp, Bar)> {
        let bar = self.bar?;
        let close = bar.open_time + Span::MINUTE;
        let later = self.ticks.0.get(self.next).is_none_or(|tick| Timestamp::from_nanos(tick.at) > close);
        later.then_some((close, bar))
    }

    fn data(&mut self, tick: Tick) -> MarketData {
        let price = |ticks| Price::new(ticks, PRICE_PLACES);
        let qty = |steps: u32| Qty::new(i64::from(steps), QTY_PLACES);
        if tick.high != 0 {
            let (bid_qty, ask_qty) = (qty(tick.first), qty(tick.second));
            return MarketData::Quote(Quote { bid: price(tick.low), bid_qty, ask: price(tick.high), ask_qty });
        }
        let (price, qty) = (price(tick.low), qty(tick.first));
        let fresh = || {
            let open_time = Timestamp::from_nanos(tick.at).floor(Span::MINUTE);
            Bar { open_time, open: price, high: price, low: price, close: price, volume: Qty::ZERO }
        };
        let bar = self.bar.get_or_insert_with(fresh);
        (bar.high, bar.low, bar.close) = (bar.high.max(price), bar.low.min(price), price);
        bar.volume += qty;
        let taker = if tick.second == 1 { Side::Buy } else { Side::Sell };
        MarketData::Trade(Trade { id: TradeId(self.next as u64), price, qty, taker })
    }
}

impl Feed for TickFeed {
    fn shape(&self) -> FeedShape {
        FeedShape { quotes: true, trades: true, mark: false, depth: false }
    }

    fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    fn identity(&self) -> String {
        "made ticks".to_owned()
    }

    fn describe(&self) -> String {
        self.identity()
    }

    fn start_at(&self) -> Timestamp {
        Timestamp::from_secs(data::START_SECS as i64)
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        let tick = self.ticks.0.get(self.next).map(|tick| Timestamp::from_nanos(tick.at));
        self.closing().map(|(close, _)| close).or(tick)
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        let instrument = InstrumentId(0);
        if let Some((at, bar)) = self.closing() {
            self.bar = None;
            return Some(Ok(FeedRecord { at, event: MarketEvent { instrument, data: MarketData::Bar(bar) } }));
        }
        let tick = *self.ticks.0.get(self.next)?;
        self.next += 1;
        let data = self.data(tick);
        Some(Ok(FeedRecord { at: Timestamp::from_nanos(tick.at), event: MarketEvent { instrument, data } }))
    }

    fn history(
        &mut self,
        _instrument: InstrumentId,
        _timeframe: Timeframe,
        _bars: usize,
        _before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        Ok(Vec::new())
    }

    fn backfill(
        &mut self,
        _instrument: InstrumentId,
        _from: Timestamp,
        _until: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        Ok(Vec::new())
    }

    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        self.next = self.ticks.0.partition_point(|tick| Timestamp::from_nanos(tick.at) <= at);
        self.bar = None;
        Ok(())
    }
}
