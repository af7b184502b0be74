//! The feed of recorded 1m bars: all symbols merged, each bar said when it closes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::error::Segment;
use super::super::{Cache, Feed, FeedError, FeedRecord, MAX_BACKFILL_BARS, TimeRange};
use super::cache::{self, Kept};
use super::rows::MAX_ROWS;
use super::series::{Row, Series};
use super::short;
use crate::protocol::{Bar, FeedShape, MarketData, MarketEvent};
use crate::types::{Calendar, InstrumentId, Instruments, Span, Timeframe, Timestamp};

/// Recorded bars of a session's instruments. A clone shares the bars and goes its own way over them.
#[derive(Debug, Clone)]
pub struct BarFeed {
    instruments: Instruments,
    markets: Vec<Replayed>,
    /// When each market's next bar closes.
    closes: Calendar,
    start: Timestamp,
    path: PathBuf,
    range: TimeRange,
    /// Of the files' contents, without the range.
    contents: String,
}

/// One symbol's bars, and how far they were said.
#[derive(Debug, Clone)]
struct Replayed {
    series: Arc<Series>,
    /// The first bar of the range.
    first: usize,
    /// The bar said next.
    next: usize,
    /// One beyond the last bar of the range.
    end: usize,
}

impl Replayed {
    fn peek(&self) -> Option<&Row> {
        self.series.row(self.next).filter(|_| self.next < self.end)
    }
}

impl BarFeed {
    /// Reads the files of each instrument; `path` is what the user named, for errors.
    ///
    /// # Errors
    /// When a file is malformed, two files differ about a minute, nothing lies in the range, or no range is given
    /// and there is a hole of over an hour.
    pub fn open(
        path: &Path,
        files: &[Vec<PathBuf>],
        instruments: Instruments,
        range: TimeRange,
        cache: &Cache,
    ) -> Result<BarFeed, FeedError> {
        let mut contents = String::new();
        let mut markets = Vec::with_capacity(files.len());
        for ((_, instrument), files) in instruments.iter().zip(files) {
            contents.push_str(&format!("; {}", instrument.symbol));
            let series = Arc::new(read_all(files, &mut contents, cache)?);
            markets.push(Replayed { series, first: 0, next: 0, end: 0 });
        }
        let (start, closes) = (Timestamp::EPOCH, Calendar::new(markets.len()));
        let feed = BarFeed { instruments, markets, closes, start, path: path.to_owned(), range, contents };
        if range.is_all() {
            feed.refuse_holes()?;
        }
        feed.within(range)
    }

    /// The same bars over another range; those before it are its history.
    ///
    /// # Errors
    /// When nothing lies in the range.
    pub fn within(&self, range: TimeRange) -> Result<BarFeed, FeedError> {
        let mut feed = BarFeed { range, ..self.clone() };
        for market in &mut feed.markets {
            market.first = range.from.map_or(0, |from| market.series.opening_from(from));
            market.end = range.until.map_or(market.series.len(), |until| market.series.opening_from(until));
            market.next = market.first;
        }
        feed.refuse_empty()?;
        feed.start = feed.markets.iter().filter_map(Replayed::peek).map(Row::opened).min().unwrap_or_default();
        (0..feed.markets.len()).for_each(|index| feed.schedule(index));
        Ok(feed)
    }

    /// When the last bar of the range closes.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let last = |market: &Replayed| market.series.row(market.end.checked_sub(1)?).map(Row::closes);
        self.markets.iter().filter_map(last).max()
    }

    fn schedule(&mut self, index: usize) {
        self.closes.set(index, self.markets[index].peek().map(Row::closes));
    }

    fn segments(&self) -> Vec<Segment> {
        let each = self.instruments.iter().zip(&self.markets);
        each.flat_map(|((_, one), market)| market.series.segments(&one.symbol)).collect()
    }

    fn refuse_holes(&self) -> Result<(), FeedError> {
        let segments = self.segments();
        if segments.len() <= self.markets.len() {
            return Ok(());
        }
        let longest = segments.iter().max_by_key(|one| one.until - one.from);
        let example =
            longest.map_or_else(String::new, |one| format!("{}-{}", date(one.from), date(one.until + Span::DAY)));
        Err(FeedError::Holes { path: self.path.clone(), example, segments })
    }

    fn refuse_empty(&self) -> Result<(), FeedError> {
        let empty = self.instruments.iter().zip(&self.markets).find(|(_, market)| market.peek().is_none());
        let Some(((_, instrument), market)) = empty else { return Ok(()) };
        let there: Vec<String> = market.series.segments(&instrument.symbol).iter().map(Segment::to_string).collect();
        let remedy = match there.as_slice() {
            [] => "its files have no lines after the header".to_owned(),
            there => format!("choose --timerange within what there is: {}", there.join(", ")),
        };
        let (path, symbol) = (self.path.clone(), instrument.symbol.clone());
        Err(FeedError::NoData { path, what: "there are no bars in the range", symbol, remedy })
    }
}

pub(super) fn read_all(files: &[PathBuf], contents: &mut String, cache: &Cache) -> Result<Series, FeedError> {
    let mut series = Series::default();
    for (number, file) in files.iter().enumerate() {
        let Kept { rows, fingerprint } = cache::read(cache, file, number as u16)?;
        if series.len() + rows.len() > MAX_ROWS {
            let limit = format!("{MAX_ROWS} bars with the files before it");
            return Err(FeedError::TooLarge { path: file.clone(), limit });
        }
        contents.push_str(&format!(" {}:{fingerprint:016x}", short(file)));
        series.merge(rows).map_err(|(one, other)| FeedError::Conflict {
            path: files[usize::from(one.file)].clone(),
            other: files[usize::from(other.file)].clone(),
            at: one.opened(),
        })?;
    }
    Ok(series)
}

/// A day as `--timerange` takes it.
fn date(at: Timestamp) -> String {
    at.to_string().chars().take(10).filter(char::is_ascii_digit).collect()
}

impl Feed for BarFeed {
    fn shape(&self) -> FeedShape {
        FeedShape::BARS
    }

    fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    fn identity(&self) -> String {
        format!("bars 1; range {}{}", self.range, self.contents)
    }

    fn describe(&self) -> String {
        format!("recorded 1m bars of {} from {}", self.path.display(), self.start)
    }

    fn start_at(&self) -> Timestamp {
        self.start
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        self.closes.next()
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        // The earliest close, and of bars that close together the first instrument's.
        let (at, index) = self.closes.first()?;
        let market = &mut self.markets[index];
        let bar = market.peek()?.bar();
        market.next += 1;
        self.schedule(index);
        let event = MarketEvent { instrument: InstrumentId(index as u16), data: MarketData::Bar(bar) };
        Some(Ok(FeedRecord { at, event }))
    }

    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        Ok(self.markets[instrument.index()].series.history(timeframe, bars, before))
    }

    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        let rows = self.markets[instrument.index()].series.between(from, until);
        let newest = &rows[rows.len().saturating_sub(MAX_BACKFILL_BARS)..];
        Ok(newest.iter().map(Row::bar).collect())
    }

    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        for market in &mut self.markets {
            market.next = market.series.closing_after(at).max(market.first);
        }
        (0..self.markets.len()).for_each(|index| self.schedule(index));
        Ok(())
    }
}
