//! The difference between what is wanted and what is there or on its way, and nothing else: whoever asks twice
//! gets the same answer, and once the order is out, none.

use super::exposure::Exposure;
use crate::protocol::OrderRow;
use crate::types::{Qty, Side};

/// A change of the position that nothing on its way brings about yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which way.
    pub side: Side,
    /// How much, positive.
    pub qty: Qty,
}

/// What is still to be traded to grow the position to `target` (signed), given that all that is open on that
/// side may fill. None if it is there already, or if the target lies on the other side: a position is closed
/// before it is turned.
pub fn plan_growth(target: Qty, position: Qty, exposure: &Exposure) -> Option<Change> {
    let side = side_of(target)?;
    if side_of(position).is_some_and(|held| held != side) {
        return None;
    }
    positive(side, target.abs() - position.abs() - exposure.on(side))
}

/// What is still to be traded to make a position (signed) flat: what the reduce-only exits among `open` do not
/// close already. Stops and take profits that wait for a trigger take nothing away, since only one of them and
/// the exit can have what is there.
pub fn plan_exit<'a>(position: Qty, open: impl IntoIterator<Item = &'a OrderRow>) -> Option<Change> {
    let side = side_of(position)?.closing();
    let covered = open
        .into_iter()
        .filter(|row| row.intent.request.side == side && row.only_reduces())
        .filter(|row| !row.intent.request.kind.is_conditional())
        .filter_map(OrderRow::remaining)
        .sum();
    positive(side, position.abs() - covered)
}

/// The side that a position of this quantity was opened on; none if it is flat.
pub fn side_of(position: Qty) -> Option<Side> {
    match (position.is_positive(), position.is_negative()) {
        (true, _) => Some(Side::Buy),
        (_, true) => Some(Side::Sell),
        (false, false) => None,
    }
}

fn positive(side: Side, qty: Qty) -> Option<Change> {
    qty.is_positive().then_some(Change { side, qty })
}
