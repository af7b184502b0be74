//! The feed of recorded 1m bars: all symbols merged, each bar said when it closes.

use std::path::{Path, PathBuf};

use super::super::error::Segment;
use super::super::{Feed, FeedError, FeedRecord, MAX_BACKFILL_BARS, TimeRange};
use super::series::{Row, Series};
use super::{csv, lines, short};
use crate::protocol::{Bar, FeedShape, MarketData, MarketEvent};
use crate::types::{Calendar, InstrumentId, Instruments, Span, Timeframe, Timestamp};

/// Recorded bars of a session's instruments.
#[derive(Debug)]
pub struct BarFeed {
    instruments: Instruments,
    markets: Vec<Replayed>,
    /// When each market's next bar closes.
    closes: Calendar,
    start: Timestamp,
    path: PathBuf,
    identity: String,
}

/// One symbol's bars, and how far they were said.
#[derive(Debug)]
struct Replayed {
    series: Series,
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
    ) -> Result<BarFeed, FeedError> {
        let mut identity = format!("bars 1; range {range}");
        let mut markets = Vec::with_capacity(files.len());
        for ((_, instrument), files) in instruments.iter().zip(files) {
            identity.push_str(&format!("; {}", instrument.symbol));
            let series = read_all(files, &mut identity)?;
            let first = range.from.map_or(0, |from| series.opening_from(from));
            let end = range.until.map_or(series.len(), |until| series.opening_from(until));
            markets.push(Replayed { series, first, next: first, end });
        }
        let (start, closes) = (Timestamp::EPOCH, Calendar::new(markets.len()));
        let mut feed = BarFeed { instruments, markets, closes, start, path: path.to_owned(), identity };
        if range.is_all() {
            feed.refuse_holes()?;
        }
        feed.refuse_empty()?;
        feed.start = feed.markets.iter().filter_map(Replayed::peek).map(Row::opened).min().unwrap_or_default();
        (0..feed.markets.len()).for_each(|index| feed.schedule(index));
        Ok(feed)
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

fn read_all(files: &[PathBuf], identity: &mut String) -> Result<Series, FeedError> {
    let mut series = Series::default();
    for (number, file) in files.iter().enumerate() {
        let rows = csv::read(file, number as u16)?;
        if series.len() + rows.len() > csv::MAX_ROWS {
            let limit = format!("{} bars with the files before it", csv::MAX_ROWS);
            return Err(FeedError::TooLarge { path: file.clone(), limit });
        }
        identity.push_str(&format!(" {}:{:016x}", short(file), lines::fingerprint(file)?));
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
        self.identity.clone()
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
