//! The embedded market: endless, made from a seed, the same on every machine.
//!
//! Each symbol is a random walk with a weak pull towards its reference price. Half of each return (a setting) is
//! common to all symbols. Stretches of time are regimes: trending, ranging, volatile or gapping. Every second has
//! a mark and a quote, every one to three seconds a trade at the touch, every minute a bar that is exactly the
//! recount of its trades, and every funding interval a settlement.
//!
//! A minute is a function of the seed, the symbol, the minute and the walk's place when it begins. A symbol's
//! market therefore does not depend on which others are traded, and any minute can be made again: that is how
//! history within the session and going on after a restart work. What lies before the session's start is walked
//! backwards from it (`past`), as fine as it is near.

mod market;
mod minute;
mod past;
mod walk;

use std::collections::VecDeque;

use super::aggregate::{Fold, window};
use super::{Feed, FeedError, FeedRecord, MAX_BACKFILL_BARS, SyntheticSettings, TimeRange, rank};
use crate::protocol::{Bar, FeedShape, MarketEvent};
use crate::types::{InstrumentId, Instruments, Span, Timeframe, Timestamp};
use market::Market;
use walk::Walk;

/// When a session of the market ends at the latest. Far beyond any run, and near enough that going on after a
/// restart, which walks there minute by minute, takes seconds at most.
const LONGEST: Span = Span::secs(3_653 * 86_400);

/// The synthetic market of a session.
#[derive(Debug)]
pub struct SyntheticFeed {
    instruments: Instruments,
    markets: Vec<Market>,
    walks: Vec<Walk>,
    start: Timestamp,
    /// Nothing is said after this.
    end: Timestamp,
    /// The minute that is made next.
    minute: Timestamp,
    /// Records of the last minute made that were not taken yet.
    ready: VecDeque<FeedRecord>,
    identity: String,
    seed: u64,
}

impl SyntheticFeed {
    /// The market of these instruments from the day that the settings or the range say, until the range's end.
    ///
    /// # Errors
    /// When a setting is out of its range, or the range is empty.
    pub fn new(
        settings: &SyntheticSettings,
        instruments: Instruments,
        range: TimeRange,
        seed: u64,
    ) -> Result<SyntheticFeed, FeedError> {
        settings.check()?;
        let start = match range.from {
            Some(from) => from.floor(Span::DAY),
            None => settings.start_at()?,
        };
        if range.until.is_some_and(|until| until <= start) {
            let why = "it ends before the synthetic market begins";
            return Err(FeedError::TimeRange { given: range.to_string(), why });
        }
        let markets: Vec<Market> = instruments.iter().map(|(_, one)| Market::new(settings, one, seed)).collect();
        let mut feed = SyntheticFeed {
            walks: Vec::new(),
            start,
            end: range.until.unwrap_or(Timestamp::MAX).min(start + LONGEST),
            minute: start,
            ready: VecDeque::new(),
            identity: identity(settings, &instruments, start, range.until, seed),
            instruments,
            markets,
            seed,
        };
        feed.rewind();
        Ok(feed)
    }

    fn rewind(&mut self) {
        self.walks = self.markets.iter().map(|market| Walk::begin(market, self.start)).collect();
        self.minute = self.start;
        self.ready.clear();
    }

    /// Makes the next minute of every symbol; nothing if the range is over.
    fn make_minute(&mut self) {
        if self.minute >= self.end {
            return;
        }
        let mut records = Vec::new();
        for ((id, market), walk) in self.instruments.ids().zip(&self.markets).zip(&mut self.walks) {
            let step = walk.step(market);
            minute::records(market, &step, |at, data| {
                records.push(FeedRecord { at, event: MarketEvent { instrument: id, data } });
            });
        }
        records.retain(|record| record.at <= self.end);
        records.sort_by_key(|record| (record.at, record.event.instrument, rank(&record.event.data)));
        self.ready.extend(records);
        self.minute += Span::MINUTE;
    }

    fn fill(&mut self) {
        if self.ready.is_empty() {
            self.make_minute();
        }
    }

    /// The session's own 1m bars that opened in a window.
    fn minutes(&self, id: InstrumentId, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Bar> {
        let market = &self.markets[id.index()];
        let mut walk = Walk::begin(market, self.start);
        let until = until.min(self.end);
        let count = if until > self.start { (until - self.start).as_secs() / 60 } else { 0 };
        (0..count).filter_map(move |_| {
            let step = walk.step(market);
            (step.opened >= from).then(|| minute::bar(market, &step))
        })
    }
}

fn identity(
    settings: &SyntheticSettings,
    instruments: &Instruments,
    start: Timestamp,
    end: Option<Timestamp>,
    seed: u64,
) -> String {
    let symbols: Vec<&str> = instruments.iter().map(|(_, one)| one.symbol.as_str()).collect();
    let range = TimeRange { from: Some(start), until: end };
    format!(
        "synthetic 1; seed {seed}; range {range}; symbols {}; volatility {}; correlation {}; spread {}; regimes {}",
        symbols.join(","),
        settings.volatility,
        settings.correlation,
        settings.spread,
        settings.regime_span
    )
}

impl Feed for SyntheticFeed {
    fn shape(&self) -> FeedShape {
        FeedShape { quotes: true, trades: true, mark: true, depth: false }
    }

    fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn describe(&self) -> String {
        format!("synthetic market, seed {}, from {}", self.seed, self.start)
    }

    fn start_at(&self) -> Timestamp {
        self.start
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        self.fill();
        self.ready.front().map(|record| record.at)
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        self.fill();
        self.ready.pop_front().map(Ok)
    }

    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        let (from, until) = window(timeframe, bars, before);
        let mut fold = Fold::new(timeframe);
        let recent: Vec<Bar> =
            self.minutes(instrument, from, until).filter_map(|minute| fold.push(minute, 1)).collect();
        if from >= self.start {
            return Ok(recent);
        }
        let mut all = past::bars(&self.markets[instrument.index()], self.start, timeframe, from, until);
        all.extend(recent);
        Ok(all)
    }

    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        let week = Span::MINUTE * MAX_BACKFILL_BARS as i64;
        let until = until.floor(Span::MINUTE).max(Timestamp::EPOCH + week);
        let from = from.max(until - week);
        let mut all = past::bars(&self.markets[instrument.index()], self.start, Timeframe::M1, from, until);
        all.extend(self.minutes(instrument, from, until));
        Ok(all)
    }

    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        self.rewind();
        let last = at.min(self.end);
        while self.minute + Span::MINUTE <= last {
            for (walk, market) in self.walks.iter_mut().zip(&self.markets) {
                walk.step(market);
            }
            self.minute += Span::MINUTE;
        }
        self.fill();
        while self.ready.front().is_some_and(|record| record.at <= at) {
            self.ready.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
