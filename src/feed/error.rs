//! What can be wrong with a feed, said so that the reader knows where to look and what to do.

use std::fmt;
use std::path::PathBuf;

use crate::types::{Symbol, Timestamp};

/// Longest piece of an outside text that an error repeats.
const MAX_SHOWN: usize = 80;

/// A stretch of bars without a hole of over an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Of what.
    pub symbol: Symbol,
    /// When its first bar opened.
    pub from: Timestamp,
    /// When its last bar closed.
    pub until: Timestamp,
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} to {}", self.symbol, self.from, self.until)
    }
}

/// Why a feed cannot be opened or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// `--feed` is not understood.
    #[error(
        "--feed `{given}`: {why}; write `synthetic`, `binance`, or `file:PATH` with a file or folder of recorded data \
         (`ticks:PATH` for its trades and best prices in place of bars)"
    )]
    Spec {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `--timerange` is not understood.
    #[error("--timerange `{given}`: {why}; write two UTC days like `20241001-20241105` (the end is not included)")]
    TimeRange {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A setting is out of its range.
    #[error("setting `{setting}` is {value}: {remedy}")]
    Setting {
        /// Its full name.
        setting: String,
        /// The value given.
        value: String,
        /// What would be right.
        remedy: String,
    },
    /// The past of a market that is listened to has to be waited for.
    #[error("the bars are not at hand; they have to be asked for")]
    NotAtHand,
    /// No symbols were asked for.
    #[error("no symbols are given; name at least one, like `--symbols BTC/USDT:USDT`")]
    NoSymbols,
    /// The rules of an instrument are not known.
    #[error(
        "{symbol} is not in {table}; known are {}; add it in a file named by `feed.instruments_file`",
        .known.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ")
    )]
    UnknownInstrument {
        /// The one asked for.
        symbol: Symbol,
        /// Where it was looked for.
        table: String,
        /// What the table has.
        known: Vec<Symbol>,
    },
    /// A table of instruments is wrong.
    #[error("{table}: {what}; {remedy}")]
    Instruments {
        /// Which table.
        table: String,
        /// What is wrong.
        what: String,
        /// What would be right.
        remedy: &'static str,
    },
    /// The system would not read a file.
    #[error("{}: {what}; check that it exists, is readable and is complete", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's words.
        what: String,
    },
    /// A place in a file does not say what it should.
    #[error("{} line {line}, field `{field}`: `{value}` {why}; {remedy}", .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// Which field of it.
        field: &'static str,
        /// What stands there, cut to a line.
        value: String,
        /// What is wrong with it.
        why: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A file is not what its name says, or not whole.
    #[error("{}: {what}", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, and what to do about it.
        what: String,
    },
    /// A file is larger than its bound.
    #[error("{} holds more than {limit}; split it", .path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The bound, in words.
        limit: String,
    },
    /// A file is of a kind that is not read.
    #[error("{} is {what}, which is not read; {remedy}", .path.display())]
    Unsupported {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// There is nothing for a symbol.
    #[error("{}: {what} for {symbol}; {remedy}", .path.display())]
    NoData {
        /// Where it was looked for.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
        /// For which symbol.
        symbol: Symbol,
        /// What there is, and what to do.
        remedy: String,
    },
    /// Bars with a hole of over an hour, and no range that says which stretch is meant.
    #[error(
        "{} has holes of over an hour; choose a stretch with --timerange, like `--timerange {example}`:{}",
        .path.display(), .segments.iter().map(|one| format!("\n  {one}")).collect::<String>()
    )]
    Holes {
        /// The file or folder.
        path: PathBuf,
        /// A range that fits the longest stretch.
        example: String,
        /// The stretches there are.
        segments: Vec<Segment>,
    },
    /// Two files say different things about the same minute.
    #[error("{} and {} differ about the bar of {at}; remove one of them", .path.display(), .other.display())]
    Conflict {
        /// One.
        path: PathBuf,
        /// The other.
        other: PathBuf,
        /// The bar's open.
        at: Timestamp,
    },
    /// Updates of the order book are missing.
    #[error(
        "{} line {line}, field `{field}`: the depth update follows {found}, but the book stands at {expected}; \
         frames were lost here, so end the range before it with --timerange, or record anew",
        .path.display()
    )]
    Sequence {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// Which field of it.
        field: &'static str,
        /// The update that the book needs to follow.
        expected: u64,
        /// The one this follows.
        found: u64,
    },
    /// A rehearsed outage: the source does not answer.
    #[error("the feed is in a rehearsed outage until {until}; it answers again after that")]
    Outage {
        /// When it ends.
        until: Timestamp,
    },
}

impl FeedError {
    pub(super) fn setting(setting: &str, value: impl fmt::Display, remedy: impl Into<String>) -> FeedError {
        FeedError::Setting { setting: setting.to_owned(), value: value.to_string(), remedy: remedy.into() }
    }

    pub(super) fn io(path: &std::path::Path, what: impl fmt::Display) -> FeedError {
        FeedError::Io { path: path.to_owned(), what: what.to_string() }
    }
}

/// An outside text as an error repeats it: cut, and without control characters.
pub(super) fn shown(text: impl AsRef<[u8]>) -> String {
    let bytes = text.as_ref();
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_SHOWN)]);
    let mut clean: String = head.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if bytes.len() > MAX_SHOWN {
        clean.push('…');
    }
    clean
}
