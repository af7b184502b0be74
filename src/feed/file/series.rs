//! Bars in memory, at half the size of the ones that are handed out.

use super::super::aggregate::{aggregate, window};
use super::super::error::Segment;
use crate::protocol::Bar;
use crate::types::{Price, Qty, Span, Symbol, Timeframe, Timestamp};

/// Decimal places kept: no exchange quotes in more than eight.
pub(super) const PLACES: u32 = 8;

/// A hole up to this long is an exchange's outage; a longer one is the border of two stretches.
const LONGEST_HOLE_MINUTES: u32 = 60;

/// One 1m bar; amounts in units of 10⁻⁸.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Its open, in minutes since 1970.
    pub(super) minute: u32,
    /// Which of the symbol's files says so.
    pub(super) file: u16,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    pub(super) volume: i64,
}

impl Row {
    pub(super) fn bar(&self) -> Bar {
        let price = |units| Price::new(units, PLACES);
        Bar {
            open_time: self.opened(),
            open: price(self.open),
            high: price(self.high),
            low: price(self.low),
            close: price(self.close),
            volume: Qty::new(self.volume, PLACES),
        }
    }

    pub(super) fn opened(&self) -> Timestamp {
        Timestamp::from_secs(i64::from(self.minute) * 60)
    }

    pub(super) fn closes(&self) -> Timestamp {
        self.opened() + Span::MINUTE
    }

    fn says_the_same(&self, other: &Row) -> bool {
        Row { file: 0, ..*self } == Row { file: 0, ..*other }
    }

    fn continues(&self, earlier: &Row) -> bool {
        self.minute - earlier.minute <= LONGEST_HOLE_MINUTES + 1
    }
}

/// The 1m bars of one symbol in order of time.
#[derive(Debug, Default)]
pub(super) struct Series(Vec<Row>);

impl Series {
    /// Joins what another file holds; gives the two bars if they differ about a minute.
    pub(super) fn merge(&mut self, more: Vec<Row>) -> Result<(), (Row, Row)> {
        if self.0.last().zip(more.first()).is_none_or(|(last, first)| last.minute < first.minute) {
            self.0.extend(more);
            return Ok(());
        }
        self.0.extend(more);
        self.0.sort_by_key(|row| row.minute);
        let differ = |pair: &&[Row]| pair[0].minute == pair[1].minute && !pair[0].says_the_same(&pair[1]);
        if let Some(pair) = self.0.windows(2).find(differ) {
            return Err((pair[0], pair[1]));
        }
        self.0.dedup_by_key(|row| row.minute);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.0
    }

    pub(super) fn row(&self, index: usize) -> Option<&Row> {
        self.0.get(index)
    }

    /// The index of the first bar that opens at or after an instant.
    pub(super) fn opening_from(&self, at: Timestamp) -> usize {
        self.0.partition_point(|row| row.opened() < at)
    }

    /// The index of the first bar that closes after an instant.
    pub(super) fn closing_after(&self, at: Timestamp) -> usize {
        self.0.partition_point(|row| row.closes() <= at)
    }

    /// The 1m bars that opened in a window.
    pub(super) fn between(&self, from: Timestamp, until: Timestamp) -> &[Row] {
        let (first, end) = (self.opening_from(from), self.opening_from(until));
        self.0.get(first..end).unwrap_or_default()
    }

    /// Closed bars of a timeframe, back to the last hole of over an hour. None if such a hole lies before the end: what
    /// came before it is of another season.
    pub(super) fn history(&self, timeframe: Timeframe, bars: usize, before: Timestamp) -> Vec<Bar> {
        let (from, until) = window(timeframe, bars, before);
        let rows = self.between(from, until);
        let longest = Span::MINUTE * i64::from(LONGEST_HOLE_MINUTES);
        if rows.last().is_none_or(|last| until.since(last.closes()) > longest) {
            return Vec::new();
        }
        let joined = |pair: &[Row]| !pair[1].continues(&pair[0]);
        let first = rows.windows(2).rposition(joined).map_or(0, |border| border + 1);
        aggregate(timeframe, rows[first..].iter().map(Row::bar))
    }

    /// The stretches without a hole of over an hour.
    pub(super) fn segments(&self, symbol: &Symbol) -> Vec<Segment> {
        let stretch = |rows: &[Row]| {
            let (first, last) = (rows.first()?, rows.last()?);
            Some(Segment { symbol: symbol.clone(), from: first.opened(), until: last.closes() })
        };
        self.0.chunk_by(|earlier, later| later.continues(earlier)).filter_map(stretch).collect()
    }
}
