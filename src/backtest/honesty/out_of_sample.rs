//! The results before and after an instant. Whoever tuned settings on the first part alone sees in the second what they are
//! worth; whoever tuned them on all of it has no second part.

use serde::Serialize;

use super::super::books::Books;
use crate::portfolio::statistics::{Point, Statistics, statistics};
use crate::protocol::TradeRow;
use crate::types::{Rate, Span, Timestamp};

/// The two parts of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutOfSample {
    /// Where it was split, UTC.
    pub split_at: String,
    /// Share of the time before it.
    pub share: Rate,
    /// Before.
    pub sample: Part,
    /// After.
    pub rest: Part,
}

/// One part of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// When it began, UTC.
    pub from: String,
    /// When it ended, UTC.
    pub until: String,
    /// Figures of its curve, and of the trades that closed in it.
    pub statistics: Statistics,
}

/// Splits what was written down; none if either part would have no length.
pub(super) fn split(books: &Books, share: Rate) -> Option<OutOfSample> {
    let (first, last) = (books.equity.first()?.at, books.equity.last()?.at);
    let split = first + Span::secs(((last - first).as_secs() as f64 * share.to_f64()) as i64);
    let place = books.equity.partition_point(|point| point.at <= split);
    // The second part begins with the equity that the first one ended with.
    let (sample, rest) = (&books.equity[..place], &books.equity[place.saturating_sub(1)..]);
    if sample.len() < 2 || rest.len() < 2 {
        return None;
    }
    let closed = books.trades.partition_point(|trade| trade.closed_at <= split);
    let (early, late) = books.trades.split_at(closed);
    Some(OutOfSample { split_at: split.to_string(), share, sample: part(sample, early)?, rest: part(rest, late)? })
}

fn part(curve: &[Point], trades: &[TradeRow]) -> Option<Part> {
    let (from, until): (Timestamp, Timestamp) = (curve.first()?.at, curve.last()?.at);
    Some(Part { from: from.to_string(), until: until.to_string(), statistics: statistics(curve, trades) })
}
