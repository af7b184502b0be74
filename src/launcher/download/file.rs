//! A file of history: rows in order of time, each instant once. It is read whole, and written whole beside itself and
//! renamed, so that a reader finds the old one or the new one and nothing between.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::protocol::Bar;
use crate::types::{Span, Symbol, Timeframe, Timestamp};
use crate::venue::binance::download::Settled;

const HEADER: &str = "date,open,high,low,close,volume";
/// Rows between two writings of the file: what a killed download loses at most, some seconds of asking.
const KEEP_EVERY: usize = 50_000;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bars of trades.
    Bars(Timeframe),
    /// Bars of the mark price.
    Mark(Timeframe),
    /// Fundings; the rate stands under `open`.
    Funding,
}

/// A row: an instant, and the fields behind it as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub at: Timestamp,
    fields: String,
}

impl Row {
    pub(super) fn of_bar(bar: &Bar) -> Row {
        let Bar { open_time, open, high, low, close, volume } = bar;
        Row { at: *open_time, fields: format!("{open},{high},{low},{close},{volume}") }
    }

    /// freqtrade's form: the rate under `open`, nothing in the other columns.
    pub(super) fn of_funding(settled: &Settled) -> Row {
        // The venue settles some milliseconds after the hour, and names the instant so.
        let at = (settled.at + Span::secs(30)).floor(Span::MINUTE);
        Row { at, fields: format!("{},0,0,0,0", settled.rate.decimal()) }
    }
}

impl Kind {
    pub(super) fn file_name(self, symbol: &Symbol) -> String {
        let stem = symbol.file_stem();
        match self {
            Kind::Bars(timeframe) => format!("{stem}-{timeframe}-futures.csv"),
            Kind::Mark(timeframe) => format!("{stem}-{timeframe}-mark.csv"),
            Kind::Funding => format!("{stem}-1h-funding_rate.csv"),
        }
    }

    pub(super) fn words(self) -> String {
        match self {
            Kind::Bars(timeframe) => format!("{timeframe} bars"),
            Kind::Mark(timeframe) => format!("{timeframe} mark"),
            Kind::Funding => "funding".to_owned(),
        }
    }

    /// Time between two rows, where there is one.
    const fn step(self) -> Option<Span> {
        match self {
            Kind::Bars(timeframe) | Kind::Mark(timeframe) => Some(timeframe.span()),
            Kind::Funding => None,
        }
    }
}

/// A file in memory.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    kind: Kind,
    rows: BTreeMap<Timestamp, String>,
    unkept: usize,
}

impl Table {
    /// Reads the file, if it is there.
    pub(super) fn open(path: &Path, kind: Kind) -> Result<Table, String> {
        let mut table = Table { path: path.to_owned(), kind, rows: BTreeMap::new(), unkept: 0 };
        if !path.exists() {
            return Ok(table);
        }
        let wrong = |line: usize, what: &str| {
            format!("{}:{line}: {what}; move the file away, and it is downloaded anew", path.display())
        };
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut lines = text.lines().enumerate();
        if lines.next().map(|(_, line)| line.trim()) != Some(HEADER) {
            return Err(wrong(1, &format!("its first line is not `{HEADER}`")));
        }
        for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let (date, fields) = line.split_once(',').ok_or_else(|| wrong(at + 1, "it has no columns"))?;
            let instant = read_date(date).ok_or_else(|| wrong(at + 1, "its date cannot be read"))?;
            table.rows.insert(instant, fields.to_owned());
        }
        Ok(table)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The stretches within these instants that the file does not have.
    pub(super) fn holes(&self, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let Some(step) = self.kind.step() else {
            // Fundings have no fixed step: what is behind the last one is asked for, and what is before the first.
            let (first, last) = (self.rows.keys().next(), self.rows.keys().next_back());
            return match (first, last) {
                (Some(first), Some(last)) => {
                    let before = (from + Span::MINUTE < *first).then_some((from, *first));
                    let behind = (*last + Span::MINUTE < until).then_some((*last + Span::MINUTE, until));
                    before.into_iter().chain(behind).collect()
                }
                (Some(_) | None, _) => vec![(from, until)],
            };
        };
        let mut holes = Vec::new();
        let mut next = (from + step - Span::nanos(1)).floor(step);
        for at in self.rows.range(next..until).map(|(at, _)| *at) {
            if at > next {
                holes.push((next, at));
            }
            next = next.max(at + step);
        }
        if next + step <= until {
            holes.push((next, until));
        }
        holes
    }

    pub(super) fn add(&mut self, rows: Vec<Row>) -> Result<(), String> {
        self.unkept += rows.len();
        self.rows.extend(rows.into_iter().map(|row| (row.at, row.fields)));
        if self.unkept >= KEEP_EVERY { self.keep() } else { Ok(()) }
    }

    /// Writes the file.
    pub(super) fn keep(&mut self) -> Result<(), String> {
        if self.unkept == 0 && self.path.exists() {
            return Ok(());
        }
        let draft = self.path.with_extension("csv.new");
        let written = self.write(&draft).and_then(|()| fs::rename(&draft, &self.path));
        self.unkept = 0;
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::new(fs::File::create(path)?);
        writeln!(file, "{HEADER}")?;
        for (at, fields) in &self.rows {
            writeln!(file, "{},{fields}", date(*at))?;
        }
        file.into_inner()?.sync_all()
    }
}

/// As freqtrade writes it: `2024-10-01 00:00:00+00:00`.
fn date(at: Timestamp) -> String {
    let text = jiff::Timestamp::from_second(at.as_secs()).map(|at| at.to_string()).unwrap_or_default();
    text.replace('T', " ").replace('Z', "+00:00")
}

fn read_date(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.replace(' ', "T").parse().ok()?;
    Some(Timestamp::from_secs(at.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(minute: i64) -> Row {
        let open_time = Timestamp::from_secs(1_727_740_800) + Span::mins(minute);
        Row { at: open_time, fields: "1,2,0.5,1.5,10".to_owned() }
    }

    #[test]
    fn a_file_is_gone_on_with_where_it_has_holes() {
        let dir = tempfile::tempdir().expect("a folder");
        let symbol: Symbol = "BTC/USDT".parse().expect("a symbol");
        let kind = Kind::Bars(Timeframe::M1);
        let path = dir.path().join(kind.file_name(&symbol));
        assert!(path.ends_with("BTC_USDT_USDT-1m-futures.csv"));
        let at = |minute| bar(minute).at;
        let mut table = Table::open(&path, kind).expect("none yet");
        assert_eq!(table.holes(at(0), at(10)), [(at(0), at(10))]);
        table.add(vec![bar(2), bar(3), bar(3), bar(6)]).expect("room");
        table.keep().expect("kept");
        let text = fs::read_to_string(&path).expect("the file");
        assert!(
            text.starts_with("date,open,high,low,close,volume\n2024-10-01 00:02:00+00:00,1,2,0.5,1.5,10\n"),
            "{text}"
        );
        let table = Table::open(&path, kind).expect("the file");
        assert_eq!(table.len(), 3);
        assert_eq!(table.holes(at(0), at(10)), [(at(0), at(2)), (at(4), at(6)), (at(7), at(10))]);
        assert_eq!(table.holes(at(2), at(4)), []);
    }

    #[test]
    fn a_file_that_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        for (text, what) in [
            ("a,b\n", ":1: its first line"),
            ("date,open,high,low,close,volume\nyesterday,1\n", ":2: its date"),
            ("date,open,high,low,close,volume\n1\n", ":2: it has no columns"),
        ] {
            let path = dir.path().join("x.csv");
            fs::write(&path, text).expect("a file");
            let error = Table::open(&path, Kind::Funding).expect_err(what);
            assert!(error.contains(what) && error.contains("move the file away"), "{error}");
        }
    }

    #[test]
    fn fundings_are_under_open() {
        let at = Timestamp::from_millis(1_727_740_800_004);
        let row = Row::of_funding(&Settled { at, rate: crate::types::Rate::bps(1), mark: None });
        assert_eq!((date(row.at).as_str(), row.fields.as_str()), ("2024-10-01 00:00:00+00:00", "0.0001,0,0,0,0"));
    }
}
