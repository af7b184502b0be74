//! Raw recordings of an exchange's streams: lines of `<local_ns> <json>`, where the JSON is a frame of Binance's
//! combined streams (`@depth`, `@bookTicker`, `@trade`), or once the REST snapshot of the book.
//!
//! Records carry the exchange's instants. Bars are recounted from trades; a minute that was not seen whole, the
//! first and the last, is not said. A bar is said with the first trade of a later minute, or a second after its
//! end. The recording has no mark price: once a second the middle of the last quote stands for it (the last
//! trade where there are no quotes), with the funding rate of the settings.

mod frame;
mod minutes;
mod stream;
mod sync;

use super::aggregate::{aggregate, window};
use super::file::{Files, lines};
use super::{Feed, FeedError, FeedRecord, MAX_BACKFILL_BARS, MAX_HISTORY_BARS, TimeRange};
use crate::protocol::{Bar, FeedShape, MarketEvent};
use crate::types::{InstrumentId, Instruments, Rate, Span, Timeframe, Timestamp};
use stream::{Source, Stream};

/// Longest line: a snapshot of a thousand levels a side takes 50 KB, an update after a pause as much.
pub(super) const LONGEST_LINE: usize = 1 << 20;

/// 1m bars kept for history, the most that can be asked for at once.
const MAX_BARS_KEPT: usize = if MAX_HISTORY_BARS > MAX_BACKFILL_BARS { MAX_HISTORY_BARS } else { MAX_BACKFILL_BARS };

/// Recordings of a session's instruments, merged by time.
#[derive(Debug)]
pub struct RecordingFeed {
    instruments: Instruments,
    streams: Vec<Stream>,
    range: TimeRange,
    start: Timestamp,
    /// The instant of the last record given.
    at: Timestamp,
    /// An error that was found and not told yet.
    failed: Option<FeedError>,
    over: bool,
    identity: String,
}

impl RecordingFeed {
    /// Opens the recordings of each instrument.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged before the range begins, or holds nothing in it.
    pub fn open(
        files: Files,
        instruments: Instruments,
        range: TimeRange,
        funding_rate: Rate,
    ) -> Result<RecordingFeed, FeedError> {
        let mut identity = format!("recording 1; range {range}; funding {funding_rate}");
        let mut streams = Vec::with_capacity(files.len());
        for ((_, instrument), files) in instruments.iter().zip(files) {
            identity.push_str(&format!("; {}", instrument.symbol));
            for file in &files {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                identity.push_str(&format!(" {name}:{:016x}", lines::fingerprint(file)?));
            }
            streams.push(Stream::new(Source {
                files,
                venue_symbol: instrument.venue_symbol.clone(),
                funding_rate,
                funding_interval: instrument.funding_interval,
            }));
        }
        let (start, at) = (Timestamp::EPOCH, Timestamp::EPOCH);
        let mut feed = RecordingFeed { instruments, streams, range, start, at, failed: None, over: false, identity };
        feed.begin()?;
        feed.start = feed.first()?;
        feed.at = feed.start;
        Ok(feed)
    }

    /// Reads every stream up to the range's beginning.
    fn begin(&mut self) -> Result<(), FeedError> {
        (self.failed, self.over, self.at) = (None, false, self.start);
        for stream in &mut self.streams {
            stream.rewind();
            if let Some(from) = self.range.from {
                stream.skip(from)?;
            }
        }
        Ok(())
    }

    /// An instant just before the first record.
    fn first(&mut self) -> Result<Timestamp, FeedError> {
        let mut first: Option<Timestamp> = None;
        for ((_, instrument), stream) in self.instruments.iter().zip(&mut self.streams) {
            let at = stream.peek()?.map(|(at, _)| *at);
            let Some(at) = at.filter(|at| self.range.until.is_none_or(|until| *at <= until)) else {
                return Err(FeedError::NoData {
                    path: stream.path(),
                    what: "there are no frames in the range",
                    symbol: instrument.symbol.clone(),
                    remedy: "choose another --timerange, or record anew".into(),
                });
            };
            first = Some(first.map_or(at, |first| first.min(at)));
        }
        Ok(first.unwrap_or_default() - Span::millis(1))
    }

    /// The stream whose record is said next; finds errors on the way.
    fn turn(&mut self) -> Option<(Timestamp, usize)> {
        if self.over || self.failed.is_some() {
            return None;
        }
        let mut turn = None;
        for (index, stream) in self.streams.iter_mut().enumerate() {
            match stream.peek() {
                Ok(Some((at, _))) if turn.is_none_or(|(first, _)| *at < first) => turn = Some((*at, index)),
                Ok(_) => {}
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            }
        }
        turn.filter(|(at, _)| self.range.until.is_none_or(|until| *at <= until))
    }
}

impl Feed for RecordingFeed {
    fn shape(&self) -> FeedShape {
        FeedShape { quotes: true, trades: true, mark: true, depth: true }
    }

    fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn describe(&self) -> String {
        format!("raw recordings of {} symbols from {}", self.instruments.len(), self.start)
    }

    fn start_at(&self) -> Timestamp {
        self.start
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        match self.turn() {
            Some((at, _)) => Some(at),
            None => self.failed.is_some().then_some(self.at),
        }
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        let Some((at, index)) = self.turn() else {
            let error = self.failed.take()?;
            self.over = true;
            return Some(Err(error));
        };
        let (_, data) = self.streams[index].take()?;
        self.at = at;
        Some(Ok(FeedRecord { at, event: MarketEvent { instrument: InstrumentId(index as u16), data } }))
    }

    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        let (from, until) = window(timeframe, bars, before);
        let kept = self.streams[instrument.index()].bars();
        let wanted = kept.filter(|bar| bar.open_time >= from && bar.open_time < until);
        Ok(aggregate(timeframe, wanted.copied()))
    }

    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        let kept = self.streams[instrument.index()].bars();
        Ok(kept.filter(|bar| bar.open_time >= from && bar.open_time < until).copied().collect())
    }

    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        self.begin()?;
        while self.turn().is_some_and(|(next, _)| next <= at) {
            self.next();
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
