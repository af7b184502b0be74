//! Recorded time made present: every record is said so much later that the feed's start is the server's.
//!
//! The shift is of whole minutes, so that bars stay on minutes. Fundings belong to hours of the day, which a shift of
//! minutes would move; so what the feed says of their instants is replaced by the next whole interval of server time,
//! and the exchange settles them there, at the rate that the feed last told.

use crate::feed::{Feed, FeedError};
use crate::protocol::{Bar, MarketData, MarketEvent};
use crate::types::{InstrumentId, Span, Timeframe, Timestamp};

/// Most bars asked of a feed at once.
const HISTORY: usize = crate::feed::MAX_HISTORY_BARS;

/// A feed in server time.
pub(crate) struct ShiftedFeed {
    feed: Box<dyn Feed>,
    shift: Span,
}

impl ShiftedFeed {
    /// The feed's start becomes the minute of `now`.
    pub(crate) fn starting_at(feed: Box<dyn Feed>, now: Timestamp) -> ShiftedFeed {
        let shift = now.floor(Span::MINUTE) - feed.start_at().floor(Span::MINUTE);
        ShiftedFeed { feed, shift }
    }

    /// The shift of an earlier run goes on: the market went on meanwhile.
    pub(crate) fn with_shift(feed: Box<dyn Feed>, shift: Span) -> ShiftedFeed {
        ShiftedFeed { feed, shift }
    }

    pub(crate) fn shift(&self) -> Span {
        self.shift
    }

    pub(crate) fn feed(&self) -> &dyn Feed {
        self.feed.as_ref()
    }

    /// When the session begins, in server time.
    pub(crate) fn start_at(&self) -> Timestamp {
        self.feed.start_at() + self.shift
    }

    /// Server time of the next record; none at the end.
    pub(crate) fn next_at(&mut self) -> Option<Timestamp> {
        self.feed.next_at().map(|at| at + self.shift)
    }

    /// The next record in server time; none at the end, and for a record that has no place in shifted time.
    pub(crate) fn next(&mut self) -> Option<Result<(Timestamp, Option<MarketEvent>), FeedError>> {
        let record = match self.feed.next()? {
            Ok(record) => record,
            Err(error) => return Some(Err(error)),
        };
        let at = record.at + self.shift;
        let instrument = record.event.instrument;
        let data = match record.event.data {
            MarketData::Bar(bar) => Some(MarketData::Bar(self.shifted(bar))),
            MarketData::Mark(mut mark) => {
                mark.next_funding = self.next_funding(instrument, at);
                Some(MarketData::Mark(mark))
            }
            MarketData::Funding(_) if self.keeps_hours(instrument) => Some(record.event.data),
            MarketData::Funding(_) => None,
            MarketData::History { timeframe, bars } => {
                let bars = bars.into_iter().map(|bar| self.shifted(bar)).collect();
                Some(MarketData::History { timeframe, bars })
            }
            other @ (MarketData::Quote(_) | MarketData::Trade(_) | MarketData::Depth(_) | MarketData::Tradable(_)) => {
                Some(other)
            }
        };
        Some(Ok((at, data.map(|data| MarketEvent { instrument, data }))))
    }

    /// When the next funding of an instrument falls due.
    pub(crate) fn next_funding(&self, id: InstrumentId, at: Timestamp) -> Timestamp {
        let interval = self.feed.instruments().get(id).funding_interval;
        at.floor(interval) + interval
    }

    /// 1m bars that closed by `before`, as far back as the feed has them without a hole and one asking gives.
    pub(crate) fn minutes(&mut self, id: InstrumentId, before: Timestamp) -> Result<Vec<Bar>, FeedError> {
        let bars = self.feed.history(id, Timeframe::M1, HISTORY, before - self.shift)?;
        Ok(bars.into_iter().map(|bar| self.shifted(bar)).collect())
    }

    /// Hourly bars that ended by `before`. They are shifted by whole hours, the nearest to the true shift, so that
    /// they stay on hours; they only serve bars that lie days back.
    pub(crate) fn hours(&mut self, id: InstrumentId, before: Timestamp) -> Result<Vec<Bar>, FeedError> {
        let shift = Span::nanos(
            (self.shift + Span::mins(30)).as_nanos().div_euclid(Span::HOUR.as_nanos()) * Span::HOUR.as_nanos(),
        );
        let bars = self.feed.history(id, Timeframe::H1, HISTORY, before - shift)?;
        Ok(bars.into_iter().map(|bar| Bar { open_time: bar.open_time + shift, ..bar }).collect())
    }

    /// Goes on with the first record after `at`.
    pub(crate) fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        self.feed.seek(at - self.shift)
    }

    fn keeps_hours(&self, id: InstrumentId) -> bool {
        let interval = self.feed.instruments().get(id).funding_interval;
        (Timestamp::EPOCH + self.shift).floor(interval) == Timestamp::EPOCH + self.shift
    }

    fn shifted(&self, bar: Bar) -> Bar {
        Bar { open_time: bar.open_time + self.shift, ..bar }
    }
}
