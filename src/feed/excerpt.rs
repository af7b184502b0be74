//! A stretch of a feed, held in memory: it can be run again and again, and cut off anywhere.

use std::sync::Arc;

use super::{Feed, FeedError, FeedRecord};
use crate::market::Need;
use crate::protocol::{Bar, FeedShape, MarketData};
use crate::types::{InstrumentId, Instruments, Timeframe, Timestamp};

/// Records of a feed after an instant, with the history before it. Copies share what they hold.
#[derive(Debug, Clone)]
pub struct Excerpt {
    shape: FeedShape,
    instruments: Instruments,
    start: Timestamp,
    /// Nothing after this is said.
    until: Timestamp,
    records: Arc<Vec<FeedRecord>>,
    history: Arc<Vec<Past>>,
    next: usize,
}

/// Bars of one length before the start.
#[derive(Debug)]
struct Past {
    instrument: InstrumentId,
    timeframe: Timeframe,
    bars: Vec<Bar>,
}

impl Excerpt {
    /// Nothing of a feed but what it is about.
    pub fn nothing(feed: &dyn Feed) -> Excerpt {
        Excerpt {
            shape: feed.shape(),
            instruments: feed.instruments().clone(),
            start: feed.start_at(),
            until: feed.start_at(),
            records: Arc::default(),
            history: Arc::default(),
            next: 0,
        }
    }

    /// Up to `most` records after `start`, with the history before it that `needs` ask for. A feed of bars is wound to the
    /// start; any other is read on to it, so that a row of excerpts in the order of time is one reading.
    ///
    /// # Errors
    /// When the source is damaged there.
    pub fn take(feed: &mut dyn Feed, start: Timestamp, most: usize, needs: &[Need]) -> Result<Excerpt, FeedError> {
        if feed.shape() == FeedShape::BARS || feed.next_at().is_none_or(|at| at > start) {
            feed.seek(start)?;
        }
        while feed.next_at().is_some_and(|at| at <= start) {
            feed.next().transpose()?;
        }
        let mut history = Vec::new();
        for instrument in feed.instruments().clone().ids() {
            for need in needs {
                let bars = feed.history(instrument, need.timeframe, need.bars as usize, start)?;
                history.push(Past { instrument, timeframe: need.timeframe, bars });
            }
        }
        let mut records = Vec::new();
        while records.len() < most {
            let Some(record) = feed.next().transpose()? else { break };
            records.push(record);
        }
        let until = records.last().map_or(start, |record| record.at);
        let (records, history) = (Arc::new(records), Arc::new(history));
        Ok(Excerpt { start, until, records, history, ..Excerpt::nothing(feed) })
    }

    /// The same from its start, with nothing after `at`: it ends with the last record until then.
    pub fn cut(&self, at: Timestamp) -> Excerpt {
        let kept = self.records.partition_point(|record| record.at <= at.min(self.until));
        let until = kept.checked_sub(1).map_or(self.start, |last| self.records[last].at);
        Excerpt { until, next: 0, ..self.clone() }
    }

    /// The instant of the last record.
    pub fn ends_at(&self) -> Timestamp {
        self.until
    }

    fn peek(&self) -> Option<&FeedRecord> {
        self.records.get(self.next).filter(|record| record.at <= self.until)
    }
}

impl Feed for Excerpt {
    fn shape(&self) -> FeedShape {
        self.shape
    }

    fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    fn identity(&self) -> String {
        format!("excerpt of {} records from {} until {}", self.records.len(), self.start, self.until)
    }

    fn describe(&self) -> String {
        self.identity()
    }

    fn start_at(&self) -> Timestamp {
        self.start
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        self.peek().map(|record| record.at)
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        let record = self.peek()?.clone();
        self.next += 1;
        Some(Ok(record))
    }

    /// Of the bars before the start, those that were taken with it. Bars of the excerpt itself are no history.
    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        let past = self.history.iter().find(|past| past.instrument == instrument && past.timeframe == timeframe);
        let past = past.map(|past| past.bars.as_slice()).unwrap_or_default();
        let closed = &past[..past.partition_point(|bar| bar.open_time + timeframe.span() <= before)];
        Ok(closed[closed.len().saturating_sub(bars)..].to_vec())
    }

    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        let said = self.records.iter().take_while(|record| record.at <= self.until);
        let bars = said.filter_map(|record| match &record.event.data {
            MarketData::Bar(bar) if record.event.instrument == instrument => Some(*bar),
            MarketData::Bar(_)
            | MarketData::Quote(_)
            | MarketData::Trade(_)
            | MarketData::Mark(_)
            | MarketData::Funding(_)
            | MarketData::Depth(_)
            | MarketData::History { .. }
            | MarketData::Tradable(_) => None,
        });
        Ok(bars.filter(|bar| bar.open_time >= from && bar.open_time < until).collect())
    }

    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        self.next = self.records.partition_point(|record| record.at <= at);
        Ok(())
    }
}
