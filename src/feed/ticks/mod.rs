//! Ticks: the market's trades, its best prices and its order book, event by event as they came. They come from raw recordings or
//! from files as Binance publishes them, and from the cache where they were read before.
//!
//! ```text
//! file ─► recording or published ─┬─────────────────► blocks ─► lane ─► stream ─► TickFeed
//!                                 └─► kept ─► cache ─►           (files)  (symbol)  (all)
//! ```
//!
//! **Recordings** are lines of `<local_ns> <json>`, where the JSON is a frame of Binance's combined streams (`@depth`,
//! `@bookTicker`, `@trade`), or once the REST snapshot of the book. Records carry the exchange's instants. Bars are recounted
//! from trades; a minute that was not seen whole, the first and the last, is not said. A bar is said with the first trade of
//! a later minute, or a second after its end. The recording has no mark price: once a second the middle of the last quote
//! stands for it (the last trade where there are no quotes), with the funding rate of the settings.
//!
//! **Published files** are tables of trades (`trades`, `aggTrades`) and, beside them, of best prices (`bookTicker`). Of one
//! instant the best prices come first. A bar is said when its minute is over, before what that instant brings; mark prices
//! and fundings are none, as with bars.

mod block;
mod codec;
mod kept;
mod lane;
mod minutes;
mod published;
mod recording;
mod source;
mod stream;
mod sync;

use std::path::Path;

use super::aggregate::{aggregate, window};
use super::file::TickFiles;
use super::{Cache, Feed, FeedError, FeedRecord, MAX_BACKFILL_BARS, MAX_HISTORY_BARS, TimeRange};
use crate::protocol::{Bar, FeedShape, MarketEvent};
use crate::types::{Calendar, InstrumentId, Instruments, Rate, Span, Timeframe, Timestamp};
use lane::Lane;
pub(super) use published::Published;
use source::{Form, Source};
use stream::{Manner, Stream};

/// Longest line: a snapshot of a thousand levels a side takes 50 KB, an update after a pause as much.
pub(super) const LONGEST_LINE: usize = 1 << 20;

/// 1m bars kept for history, the most that can be asked for at once.
const MAX_BARS_KEPT: usize = if MAX_HISTORY_BARS > MAX_BACKFILL_BARS { MAX_HISTORY_BARS } else { MAX_BACKFILL_BARS };

/// The files of a session's instruments, looked at and kept in the cache.
#[derive(Debug, Clone)]
pub struct Ticks {
    instruments: Instruments,
    /// Of each instrument, the files of each lane.
    sources: Vec<Vec<Vec<Source>>>,
    /// Raw recordings, in place of published files?
    recorded: bool,
    shape: FeedShape,
}

impl Ticks {
    /// Looks at the files of each instrument, and reads those into the cache that are not there yet.
    ///
    /// # Errors
    /// When a file cannot be read or is of no form that is known. What is wrong with its lines is told where a feed comes to
    /// them.
    pub fn open(files: &TickFiles, instruments: Instruments, cache: &Cache) -> Result<Ticks, FeedError> {
        let (lanes, recorded, quotes) = match files {
            TickFiles::Recorded(recordings) => (vec![recordings], true, true),
            TickFiles::Published { trades, quotes } => {
                let quoted = quotes.iter().any(|files| !files.is_empty());
                (if quoted { vec![quotes, trades] } else { vec![trades] }, false, quoted)
            }
        };
        let source = |path: &Path, venue_symbol: &str| {
            let form = if recorded { Form::Recording(venue_symbol.to_owned()) } else { Form::Published };
            Source::open(path, form, cache)
        };
        let of = |id: InstrumentId| {
            let symbol = instruments.get(id).venue_symbol.as_str();
            let lane =
                |files: &&super::file::Files| files[id.index()].iter().map(|path| source(path, symbol)).collect();
            lanes.iter().map(lane).collect::<Result<Vec<_>, FeedError>>()
        };
        let sources = instruments.ids().map(of).collect::<Result<Vec<_>, FeedError>>()?;
        let shape = FeedShape { quotes, trades: true, mark: recorded, depth: recorded };
        Ok(Ticks { instruments, sources, recorded, shape })
    }

    /// Names and contents of the files.
    fn contents(&self) -> String {
        let mut contents = String::new();
        for ((_, instrument), lanes) in self.instruments.iter().zip(&self.sources) {
            contents.push_str(&format!("; {}", instrument.symbol));
            for source in lanes.iter().flatten() {
                let name = source.path.file_name().unwrap_or_default().to_string_lossy();
                contents.push_str(&format!(" {name}:{:016x}", source.fingerprint));
            }
        }
        contents
    }

    fn streams(&self, funding_rate: Rate) -> Vec<Stream> {
        let stream = |(lanes, funding_interval): (&Vec<Vec<Source>>, Span)| {
            let recorded = Manner::Recorded { funding_rate, funding_interval };
            let lanes = lanes.iter().map(|sources| Lane::new(sources.clone()));
            Stream::new(lanes.collect(), if self.recorded { recorded } else { Manner::Published })
        };
        let intervals = self.instruments.iter().map(|(_, instrument)| instrument.funding_interval);
        self.sources.iter().zip(intervals).map(stream).collect()
    }
}

/// Ticks of a session's instruments, merged by time.
#[derive(Debug)]
pub struct TickFeed {
    ticks: Ticks,
    streams: Vec<Stream>,
    /// When each stream says its next record.
    turns: Calendar,
    range: TimeRange,
    start: Timestamp,
    /// The instant of the last record given.
    at: Timestamp,
    /// An error that was found and not told yet.
    failed: Option<FeedError>,
    over: bool,
    identity: String,
}

impl TickFeed {
    /// A feed of a stretch of the ticks; a raw recording is given fundings of this rate.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged before the range begins, or holds nothing in it.
    pub fn open(ticks: &Ticks, range: TimeRange, funding_rate: Rate) -> Result<TickFeed, FeedError> {
        let kind = if ticks.recorded { format!("; funding {funding_rate}") } else { String::new() };
        let name = if ticks.recorded { "recording" } else { "ticks" };
        let mut feed = TickFeed {
            ticks: ticks.clone(),
            streams: ticks.streams(funding_rate),
            turns: Calendar::new(ticks.sources.len()),
            range,
            start: Timestamp::EPOCH,
            at: Timestamp::EPOCH,
            failed: None,
            over: false,
            identity: format!("{name} 1; range {range}{kind}{}", ticks.contents()),
        };
        feed.begin()?;
        feed.start = feed.first()?;
        feed.at = feed.start;
        Ok(feed)
    }

    /// Reads every stream up to the range's beginning.
    fn begin(&mut self) -> Result<(), FeedError> {
        (self.failed, self.over, self.at) = (None, false, self.start);
        for index in 0..self.streams.len() {
            let stream = &mut self.streams[index];
            stream.rewind();
            if let Some(from) = self.range.from {
                stream.skip(from)?;
            }
            self.look(index);
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// An instant just before the first record.
    fn first(&mut self) -> Result<Timestamp, FeedError> {
        for ((_, instrument), stream) in self.ticks.instruments.iter().zip(&mut self.streams) {
            if stream.peek()?.is_none_or(|at| self.range.until.is_some_and(|until| at > until)) {
                return Err(FeedError::NoData {
                    path: stream.path(),
                    what: "there are no ticks in the range",
                    symbol: instrument.symbol.clone(),
                    remedy: "choose another --timerange, or get other files".into(),
                });
            }
        }
        Ok(self.turns.next().unwrap_or_default() - Span::millis(1))
    }

    /// Looks when a stream says its next record; finds errors on the way.
    fn look(&mut self, index: usize) {
        match self.streams[index].peek() {
            Ok(at) => {
                let within = |at: &Timestamp| self.range.until.is_none_or(|until| *at <= until);
                self.turns.set(index, at.filter(within));
            }
            Err(error) => self.failed = Some(error),
        }
    }
}

impl Feed for TickFeed {
    fn shape(&self) -> FeedShape {
        self.ticks.shape
    }

    fn instruments(&self) -> &Instruments {
        &self.ticks.instruments
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn describe(&self) -> String {
        let kind = if self.ticks.recorded { "raw recordings" } else { "published ticks" };
        format!("{kind} of {} symbols from {}", self.ticks.instruments.len(), self.start)
    }

    fn start_at(&self) -> Timestamp {
        self.start
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        match (&self.failed, self.over) {
            (_, true) => None,
            (Some(_), false) => Some(self.at),
            (None, false) => self.turns.next(),
        }
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        if self.over {
            return None;
        }
        if let Some(error) = self.failed.take() {
            self.over = true;
            return Some(Err(error));
        }
        let (_, index) = self.turns.first()?;
        let (at, data) = self.streams[index].take()?;
        self.at = at;
        self.look(index);
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
        while self.failed.is_none() && self.turns.next().is_some_and(|next| next <= at) {
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
