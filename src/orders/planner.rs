//! The difference between what is wanted and what is there or on its way, and nothing else: whoever asks twice
//! gets the same answer, and once the order is out, none.

use super::exposure::Exposure;
use crate::types::{Qty, Side};

/// A change of a position.
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

/// What is still to be traded to make a position (signed) flat: what the exits on their way do not close already.
/// `closing` is what each of them can still trade. Stops and take profits that wait for a trigger are not among
/// them: only one of those and the exit can have what is there.
pub fn plan_exit(position: Qty, closing: impl IntoIterator<Item = Change>) -> Option<Change> {
    let side = side_of(position)?.closing();
    let covered = closing.into_iter().filter(|exit| exit.side == side).map(|exit| exit.qty).sum();
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
