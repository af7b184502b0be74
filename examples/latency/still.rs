//! A market for the venue's own books in which nothing moves: orders fill at one price, whatever the streams say.

use live_trading_launcher::feed::{Feed, FeedError, FeedRecord, instruments};
use live_trading_launcher::protocol::{Bar, FeedShape};
use live_trading_launcher::types::{Instrument, InstrumentId, Instruments, Price, Qty, Symbol, Timeframe, Timestamp};

use crate::market::PRICE;

/// Bars of history that it has: enough to have a price.
const HISTORY: usize = 60;

pub struct Still {
    instruments: Instruments,
    start: Timestamp,
}

/// The symbols of the benchmark.
pub fn symbols(count: usize) -> Vec<Symbol> {
    (0..count).map(|at| format!("A{at}/USDT:USDT").parse().expect("a symbol")).collect()
}

impl Still {
    pub fn new(count: usize, start: Timestamp) -> Still {
        let like = "SOL/USDT".parse().expect("a symbol");
        let table = instruments::load(None, &[like]).expect("the table");
        let like = table.iter().next().expect("one").1.clone();
        let list = symbols(count).into_iter().map(|symbol| Instrument {
            venue_symbol: format!("{}USDT", symbol.base()),
            symbol,
            tick: "0.01".parse().expect("a price"),
            step: "0.001".parse().expect("a quantity"),
            min_qty: "0.001".parse().expect("a quantity"),
            ..like.clone()
        });
        Still { instruments: Instruments::new(list.collect()).expect("a table"), start }
    }
}

impl Feed for Still {
    fn shape(&self) -> FeedShape {
        FeedShape::BARS
    }

    fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    fn identity(&self) -> String {
        "still".to_owned()
    }

    fn describe(&self) -> String {
        "a market that stands still".to_owned()
    }

    fn start_at(&self) -> Timestamp {
        self.start
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        None
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        None
    }

    fn history(
        &mut self,
        _: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        let price = Price::from_f64(PRICE).expect("a price");
        let last = timeframe.open_of(before);
        let bar = |back: usize| Bar {
            open_time: last - timeframe.span() * back as i64,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::ONE,
        };
        Ok((1..=bars.min(HISTORY)).rev().map(bar).collect())
    }

    fn backfill(&mut self, _: InstrumentId, _: Timestamp, _: Timestamp) -> Result<Vec<Bar>, FeedError> {
        Ok(Vec::new())
    }

    fn seek(&mut self, _: Timestamp) -> Result<(), FeedError> {
        Ok(())
    }
}
