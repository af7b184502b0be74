//! What is still to be asked for, given what is held and what is already on its way.

use crate::protocol::{Amount, Knowledge, OrderRow};
use crate::types::Qty;

/// How much of a position an exit at the market must still ask for: the position less what open exits cover. An
/// exit whose fate is unknown covers nothing, since a reduce-only order sent twice cannot add exposure, while waiting for
/// it would leave the position open.
pub fn plan_exit<'a>(position: Qty, open_exits: impl Iterator<Item = &'a OrderRow>) -> Option<Qty> {
    let covered: Qty = open_exits
        .filter(|row| row.knowledge == Knowledge::Known)
        .map(|row| match row.intent.request.amount {
            Amount::Qty(qty) => qty - row.filled,
            Amount::ClosePosition => position.abs(),
        })
        .sum();
    let open = position.abs() - covered;
    open.is_positive().then_some(open)
}
