//! Candles for a chart: bars of every instrument, joined to longer ones as they grow too many, so that a chart of minutes and
//! one of years are equally large and every high and low is kept.

use serde::Serialize;

use crate::protocol::{Bar, MarketData, MarketEvent};
use crate::types::{Instruments, Span, Symbol};

/// Candles over all instruments together: some megabytes of a page.
const MOST_IN_ALL: usize = 60_000;
/// Candles of one instrument: what a chart can still be moved about in with ease.
const MOST_EACH: usize = 12_000;
/// Below this a chart shows nothing; many instruments make a larger page.
const LEAST_EACH: usize = 500;
/// Lengths that people read charts in, in minutes, each a multiple of the one before.
const LENGTHS: [i64; 10] = [1, 5, 15, 30, 60, 240, 1_440, 10_080, 40_320, 403_200];

/// The candles of one instrument.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// Length of a candle in seconds.
    pub seconds: i64,
    /// Oldest first.
    pub candles: Vec<Candle>,
}

/// A candle as a chart takes it: when it opened in seconds, open, high, low and close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Candle(pub i64, pub f64, pub f64, pub f64, pub f64);

/// The candles of all instruments.
#[derive(Debug, Clone)]
pub struct Candles {
    series: Vec<Series>,
    most: usize,
}

impl Candles {
    /// None yet.
    pub fn new(instruments: &Instruments) -> Candles {
        let series = instruments.iter().map(|(_, one)| Series {
            symbol: one.symbol.clone(),
            seconds: Span::MINUTE.as_secs(),
            candles: Vec::new(),
        });
        let most = (MOST_IN_ALL / instruments.len().max(1)).clamp(LEAST_EACH, MOST_EACH);
        Candles { series: series.collect(), most }
    }

    /// Takes in a 1m bar; all else is no candle. A minute that comes again, or too late, is left out.
    pub fn hear(&mut self, event: &MarketEvent) {
        let Some(series) = self.series.get_mut(event.instrument.index()) else { return };
        match &event.data {
            MarketData::Bar(bar) => series.add(bar, self.most),
            MarketData::Quote(_)
            | MarketData::Trade(_)
            | MarketData::Mark(_)
            | MarketData::Funding(_)
            | MarketData::Depth(_)
            | MarketData::History { .. }
            | MarketData::Tradable(_) => {}
        }
    }

    /// What a chart shows.
    pub fn into_series(self) -> Vec<Series> {
        self.series
    }
}

impl Series {
    fn add(&mut self, bar: &Bar, most: usize) {
        let opened = bar.open_time.as_secs();
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_f64());
        self.join(Candle(opened, open, high, low, close));
        if self.candles.len() > most {
            self.lengthen();
        }
    }

    /// Adds to the last candle what belongs to it, or begins the next one.
    fn join(&mut self, part: Candle) {
        let opened = part.0 - part.0.rem_euclid(self.seconds);
        match self.candles.last_mut() {
            Some(last) if last.0 == opened => {
                *last = Candle(opened, last.1, last.2.max(part.2), last.3.min(part.3), part.4);
            }
            Some(last) if last.0 > opened => {}
            Some(_) | None => self.candles.push(Candle(opened, part.1, part.2, part.3, part.4)),
        }
    }

    /// Joins the candles to those of the next length.
    fn lengthen(&mut self) {
        let minutes = self.seconds / Span::MINUTE.as_secs();
        let Some(longer) = LENGTHS.into_iter().find(|length| *length > minutes) else { return };
        self.seconds = longer * Span::MINUTE.as_secs();
        for candle in std::mem::take(&mut self.candles) {
            self.join(candle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::tests::instruments;
    use crate::types::{InstrumentId, Price, Qty, Timestamp};

    fn minute(n: i64, low: i64, high: i64) -> MarketEvent {
        let bar = Bar {
            open_time: Timestamp::from_secs(n * 60),
            open: Price::whole(100),
            high: Price::whole(high),
            low: Price::whole(low),
            close: Price::whole(101),
            volume: Qty::ONE,
        };
        MarketEvent { instrument: InstrumentId(0), data: MarketData::Bar(bar) }
    }

    #[test]
    fn a_long_run_has_few_candles_that_keep_every_extreme() {
        let mut candles = Candles::new(&instruments(1));
        let minutes = 5 * 365 * 1_440;
        for n in 0..minutes {
            let (low, high) = if n == 777_777 { (1, 999) } else { (99, 102) };
            candles.hear(&minute(n, low, high));
        }
        candles.hear(&minute(5, 0, 5_000));
        let series = candles.into_series().remove(0);
        assert!(series.candles.len() <= MOST_EACH && series.candles.len() > MOST_EACH / 12, "{}", series.candles.len());
        assert_eq!(series.seconds, 14_400);
        let outside: Vec<_> = series.candles.iter().filter(|candle| candle.2 > 102.0 || candle.3 < 99.0).collect();
        assert_eq!(outside, [&Candle(777_777 * 60 / 14_400 * 14_400, 100.0, 999.0, 1.0, 101.0)]);
        assert!(series.candles.windows(2).all(|pair| pair[1].0 - pair[0].0 == 14_400));
    }
}
