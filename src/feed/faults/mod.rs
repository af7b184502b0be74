//! Rehearsed faults: a feed that misbehaves on a schedule or at random, the same way for the same seed.
//!
//! Order book changes and fundings pass unharmed: they are the venue's own doing and not part of what its streams
//! tell us. A record that is out of order comes at the instant of the one that overtook it, since what a feed
//! says never goes back in time; what it says *of* may.

mod plan;
mod settings;

use std::collections::{BTreeMap, VecDeque};

use super::{Feed, FeedError, FeedRecord, rank};
use crate::protocol::{Bar, FeedShape, Mark, MarketData, MarketEvent, Quote, Trade};
use crate::types::{InstrumentId, Instruments, Price, Qty, Span, Timeframe, Timestamp};
use plan::Plan;

pub use settings::{FaultKind, Scheduled, Settings};

/// How long a record out of order waits to be overtaken; one that is not overtaken by then is lost. Twice the
/// cadence of the slowest kind, bars.
const LONGEST_WAIT: Span = Span::mins(2);

/// A feed with faults.
#[derive(Debug)]
pub struct FaultyFeed<F> {
    inner: F,
    plan: Plan,
    /// Records that wait to be overtaken, by instrument and kind.
    held: BTreeMap<(InstrumentId, u8), FeedRecord>,
    ready: VecDeque<Result<FeedRecord, FeedError>>,
    /// The instant of the last record taken.
    at: Timestamp,
}

impl<F: Feed> FaultyFeed<F> {
    /// Wraps a feed.
    ///
    /// # Errors
    /// When a setting is out of its range or names a symbol that the session does not trade.
    pub fn new(inner: F, settings: &Settings, seed: u64) -> Result<FaultyFeed<F>, FeedError> {
        let at = inner.start_at();
        let plan = Plan::new(settings, inner.instruments(), at, seed)?;
        Ok(FaultyFeed { inner, plan, held: BTreeMap::new(), ready: VecDeque::new(), at })
    }

    /// Pulls until something comes through.
    fn fill(&mut self) {
        while self.ready.is_empty() {
            match self.inner.next() {
                None => return,
                Some(Err(error)) => self.ready.push_back(Err(error)),
                Some(Ok(record)) => self.pass(record),
            }
        }
    }

    fn pass(&mut self, record: FeedRecord) {
        let (at, id) = (record.at, record.event.instrument);
        match record.event.data {
            MarketData::Funding(_) | MarketData::Depth(_) | MarketData::Tradable(_) | MarketData::History { .. } => {
                self.ready.push_back(Ok(record));
                return;
            }
            MarketData::Bar(_) | MarketData::Quote(_) | MarketData::Trade(_) | MarketData::Mark(_) => {}
        }
        let is_bar = matches!(record.event.data, MarketData::Bar(_));
        let on = |kind| self.plan.until(kind, id, at).is_some();
        if on(FaultKind::Outage) || on(FaultKind::Stall) || is_bar && on(FaultKind::Gap) {
            return;
        }
        let kind = rank(&record.event.data);
        let strikes = |fault| self.plan.strikes(fault, id, at, u64::from(kind));
        let record = if strikes(FaultKind::Garbage) { self.spoil(record) } else { record };
        let (twice, late) = (strikes(FaultKind::Duplicate), strikes(FaultKind::OutOfOrder));
        let overtaken = self.held.remove(&(id, kind)).filter(|held| at - held.at <= LONGEST_WAIT);
        if late {
            self.held.insert((id, kind), record);
        } else {
            self.ready.extend(twice.then(|| Ok(record.clone())));
            self.ready.push_back(Ok(record));
        }
        self.ready.extend(overtaken.map(|held| Ok(FeedRecord { at, ..held })));
    }

    /// Nonsense in place of a record: prices of zero, books that cross, bars whose high is their low.
    fn spoil(&self, record: FeedRecord) -> FeedRecord {
        let FeedRecord { at, event: MarketEvent { instrument, data } } = record;
        let third = (self.plan.draw(FaultKind::Garbage, u64::from(instrument.0), at, u64::MAX) * 3.0) as u8;
        let data = match data {
            MarketData::Bar(bar) => MarketData::Bar(match third {
                0 => Bar { high: bar.low - Price::EPSILON, low: bar.high, ..bar },
                1 => Bar { low: Price::ZERO, close: Price::ZERO, ..bar },
                _ => Bar { volume: -bar.volume - Qty::ONE, ..bar },
            }),
            MarketData::Quote(quote) => MarketData::Quote(match third {
                0 => Quote { bid: quote.ask, ask: quote.bid, ..quote },
                1 => Quote { bid: Price::ZERO, ask: Price::ZERO, ..quote },
                _ => Quote { bid: -quote.bid, ..quote },
            }),
            MarketData::Trade(trade) => MarketData::Trade(match third {
                0 => Trade { price: Price::ZERO, ..trade },
                1 => Trade { price: -trade.price, ..trade },
                _ => Trade { qty: -trade.qty, ..trade },
            }),
            MarketData::Mark(mark) => {
                let price = if third == 0 { Price::ZERO } else { -mark.price };
                MarketData::Mark(Mark { price, ..mark })
            }
            MarketData::Funding(_) | MarketData::Depth(_) | MarketData::Tradable(_) | MarketData::History { .. } => {
                data
            }
        };
        FeedRecord { at, event: MarketEvent { instrument, data } }
    }

    /// The source does not answer while an outage is on.
    fn answering(&self, instrument: InstrumentId, at: Timestamp) -> Result<(), FeedError> {
        match self.plan.until(FaultKind::Outage, instrument, at) {
            Some(until) => Err(FeedError::Outage { until }),
            None => Ok(()),
        }
    }
}

impl<F: Feed> Feed for FaultyFeed<F> {
    fn shape(&self) -> FeedShape {
        self.inner.shape()
    }

    fn instruments(&self) -> &Instruments {
        self.inner.instruments()
    }

    /// Faults do not make it another market: a session may be continued with or without them.
    fn identity(&self) -> String {
        self.inner.identity()
    }

    fn describe(&self) -> String {
        format!("{}, with rehearsed faults", self.inner.describe())
    }

    fn start_at(&self) -> Timestamp {
        self.inner.start_at()
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        self.fill();
        self.ready.front().map(|next| next.as_ref().map_or(self.at, |record| record.at))
    }

    fn has_ended(&mut self) -> bool {
        self.fill();
        self.ready.is_empty() && self.inner.has_ended()
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        self.fill();
        let next = self.ready.pop_front()?;
        if let Ok(record) = &next {
            self.at = record.at;
        }
        Some(next)
    }

    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        self.answering(instrument, before)?;
        self.inner.history(instrument, timeframe, bars, before)
    }

    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        self.answering(instrument, until.max(self.at))?;
        self.inner.backfill(instrument, from, until)
    }

    fn ask_history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.answering(instrument, before)?;
        self.inner.ask_history(instrument, timeframe, bars, before)
    }

    fn ask_backfill(
        &mut self,
        instrument: InstrumentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.answering(instrument, until.max(self.at))?;
        self.inner.ask_backfill(instrument, from, until)
    }

    /// What waits to be overtaken waits for at most `LONGEST_WAIT`, so that going back twice as far finds it.
    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        self.held.clear();
        self.ready.clear();
        self.at = at.max(self.inner.start_at());
        self.inner.seek(at - LONGEST_WAIT * 2)?;
        loop {
            match self.inner.next_at() {
                Some(next) if next <= at => match self.inner.next() {
                    Some(Ok(record)) => self.pass(record),
                    Some(Err(error)) => return Err(error),
                    None => return Ok(()),
                },
                Some(_) | None => break,
            }
        }
        self.ready.clear();
        Ok(())
    }

    fn restart(&mut self, instrument: InstrumentId) {
        self.inner.restart(instrument);
    }
}

#[cfg(test)]
mod tests;
