mod cached;
mod published;
mod recorded;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::block::{Block, Cursor, Event};
use super::*;
use crate::feed::file::lines::Lines;
use crate::feed::{Settings, Tape};
use crate::protocol::MarketData;
use crate::types::{Price, Qty, Symbol};

#[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
fn recordings() -> Option<String> {
    let beside = format!("{}/../shared", env!("CARGO_MANIFEST_DIR"));
    let root = std::env::var("LTL_SHARED_DIR").unwrap_or(beside);
    let path = format!("{root}/data/binance-usdm-raw-feed");
    if !Path::new(&path).exists() {
        println!("skipped: no shared data");
        return None;
    }
    Some(path)
}

fn open_spec(spec: &str, symbols: &[&str], range: &str, cache: &Cache) -> Result<Box<dyn Feed>, FeedError> {
    let symbols: Vec<Symbol> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
    let range = (!range.is_empty()).then(|| range.parse::<TimeRange>().unwrap());
    Tape::open(&Settings::default(), spec, &symbols, range, 1, cache)?.feed()
}

fn open(path: &str, symbols: &[&str], range: &str) -> Result<Box<dyn Feed>, FeedError> {
    open_spec(&format!("file:{path}"), symbols, range, &Cache::off())
}

/// The records until an instant; an error is none.
fn take(feed: &mut dyn Feed, until: Timestamp) -> Vec<FeedRecord> {
    let mut records = Vec::new();
    while feed.next_at().is_some_and(|at| at <= until) {
        records.push(feed.next().unwrap().unwrap());
    }
    records
}

/// All records, and the error after which none comes.
fn all(feed: &mut dyn Feed) -> (Vec<FeedRecord>, Option<FeedError>) {
    let mut records = Vec::new();
    loop {
        match feed.next() {
            Some(Ok(record)) => records.push(record),
            Some(Err(error)) => {
                assert_eq!((feed.next_at(), feed.next()), (None, None), "nothing comes after an error");
                return (records, Some(error));
            }
            None => return (records, None),
        }
    }
}
