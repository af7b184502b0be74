//! Where a trailing stop stands.

use super::planner::side_of;
use crate::protocol::PositionRow;
use crate::types::{Price, Rounding, Side};

/// The stop that a position's trailing plan asks for now that price is at `price`; none if it should stay where
/// it is. A stop moves in the position's favour only, by at least the plan's smallest move (0.2 ATR by default),
/// and only once the best price is far enough beyond the entry. It is a multiple of `tick`.
pub fn trail(position: &PositionRow, price: Price, tick: Price) -> Option<Price> {
    let trailing = position.trailing?;
    let side = side_of(position.qty)?;
    let (best, rounding) = match side {
        Side::Buy => (position.best_price.max(price), Rounding::Down),
        Side::Sell => (position.best_price.min(price), Rounding::Up),
    };
    if favour(side, position.entry_price, best) < trailing.activation {
        return None;
    }
    let stop = match side {
        Side::Buy => best - trailing.distance,
        Side::Sell => best + trailing.distance,
    }
    .round_to(tick, rounding);
    let better = position.stop.is_none_or(|now| {
        let moved = favour(side, now, stop);
        moved.is_positive() && moved >= trailing.min_move
    });
    (better && stop.is_positive()).then_some(stop)
}

/// Must a new best price of a position be written down, if `kept` is what was written last? A restart goes on from
/// there. Writing each tick would be a commit a tick, and what lies between two moves of the stop moves nothing; but a
/// position that has reached its activation and fallen back must not forget that it has.
pub fn is_worth_keeping(position: &PositionRow, kept: Price, best: Price, tick: Price) -> bool {
    let Some((trailing, side)) = position.trailing.zip(side_of(position.qty)) else { return false };
    let gained = |price| favour(side, position.entry_price, price);
    let activated = gained(kept) < trailing.activation && gained(best) >= trailing.activation;
    activated || favour(side, kept, best) >= trailing.min_move.max(tick)
}

/// How far `to` lies from `from` in the favour of a position opened on `side`.
fn favour(side: Side, from: Price, to: Price) -> Price {
    match side {
        Side::Buy => to - from,
        Side::Sell => from - to,
    }
}
