//! A feed that says what the test writes: minutes of several symbols, one after the other, as the test decides them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use live_trading_launcher::feed::{Feed, FeedError, FeedRecord, instruments};
use live_trading_launcher::protocol::{Bar, FeedShape, MarketData, MarketEvent};
use live_trading_launcher::types::{InstrumentId, Instruments, Price, Qty, Span, Symbol, Timeframe, Timestamp};

/// What is traded here, in the order of the instruments' numbers.
pub const SYMBOLS: [&str; 2] = ["BTC/USDT:USDT", "ETH/USDT:USDT"];
/// 2024-10-01 07:50 UTC: ten minutes before a funding.
pub const START: Timestamp = Timestamp::from_secs(1_727_769_000);
/// Every symbol rests at this price until the test moves it.
pub const BASE: Price = Price::whole(1_000);
/// More than any order here could take.
const DEEP: Qty = Qty::whole(1_000_000);

#[derive(Debug, Default)]
struct Pages {
    records: Vec<FeedRecord>,
    next: usize,
    restarted: Vec<InstrumentId>,
    forgetful: Vec<InstrumentId>,
}

/// The feed, and the test's pen. Copies write into the same pages.
#[derive(Debug, Clone)]
pub struct Script {
    instruments: Instruments,
    pages: Arc<Mutex<Pages>>,
}

impl Script {
    pub fn new() -> Script {
        let symbols = SYMBOLS.map(|text| text.parse::<Symbol>().expect("a symbol"));
        let instruments = instruments::load(None, &symbols).expect("the embedded table has them");
        Script { instruments, pages: Arc::default() }
    }

    /// Writes a bar, which comes when it closes.
    pub fn bar(&self, instrument: InstrumentId, bar: Bar) {
        self.bar_at(bar.open_time + Span::MINUTE, instrument, bar);
    }

    /// Writes a bar that comes at this instant, be it early or late.
    pub fn bar_at(&self, at: Timestamp, instrument: InstrumentId, bar: Bar) {
        let event = MarketEvent { instrument, data: MarketData::Bar(bar) };
        self.pages().records.push(FeedRecord { at, event });
    }

    /// The last close of an instrument.
    pub fn last(&self, instrument: InstrumentId) -> Price {
        self.bars_of(instrument).last().map_or(BASE, |bar| bar.close)
    }

    /// Feeds that were asked to start again.
    pub fn restarted(&self) -> Vec<InstrumentId> {
        self.pages().restarted.clone()
    }

    /// From now on the feed has no history of this instrument.
    pub fn forget_history(&self, instrument: InstrumentId) {
        self.pages().forgetful.push(instrument);
    }

    fn bars_of(&self, instrument: InstrumentId) -> Vec<Bar> {
        let bar = |record: &FeedRecord| match &record.event.data {
            MarketData::Bar(bar) if record.event.instrument == instrument => Some(*bar),
            _ => None,
        };
        self.pages().records.iter().filter_map(bar).collect()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bar with these prices, and more volume than anything here could take.
pub fn bar(open_time: Timestamp, [open, high, low, close]: [Price; 4]) -> Bar {
    Bar { open_time, open, high, low, close, volume: DEEP }
}

impl Feed for Script {
    fn shape(&self) -> FeedShape {
        FeedShape::BARS
    }
    fn instruments(&self) -> &Instruments {
        &self.instruments
    }
    fn identity(&self) -> String {
        "script".to_owned()
    }
    fn describe(&self) -> String {
        "a script".to_owned()
    }
    fn start_at(&self) -> Timestamp {
        START
    }
    fn next_at(&mut self) -> Option<Timestamp> {
        let pages = self.pages();
        pages.records.get(pages.next).map(|record| record.at)
    }
    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        let mut pages = self.pages();
        let record = pages.records.get(pages.next)?.clone();
        pages.next += 1;
        Some(Ok(record))
    }
    /// What was written, and before that a price that rested.
    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        if self.pages().forgetful.contains(&instrument) {
            return Ok(Vec::new());
        }
        let written = self.bars_of(instrument);
        let span = timeframe.span();
        let end = timeframe.open_of(before);
        let resting = (1..=i64::try_from(bars).expect("few bars")).rev().map(|n| {
            let open_time = end - span * n;
            let known = written.iter().find(|one| timeframe == Timeframe::M1 && one.open_time == open_time);
            known.copied().unwrap_or(bar(open_time, [BASE; 4]))
        });
        Ok(resting.collect())
    }
    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        let written = self.bars_of(instrument);
        Ok(written.into_iter().filter(|one| one.open_time >= from && one.open_time < until).collect())
    }
    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        let mut pages = self.pages();
        pages.next = pages.records.iter().filter(|record| record.at <= at).count();
        Ok(())
    }
    fn restart(&mut self, instrument: InstrumentId) {
        self.pages().restarted.push(instrument);
    }
}
