//! The protection plan: what must be placed, moved, cancelled or closed so that a position has its stop at the venue.

use serde::{Deserialize, Serialize};

use crate::protocol::{Amount, ExitReason, Knowledge, OrderKind, OrderRow, PositionRow, Stage};
use crate::types::{ClientOrderId, Leg, Price, Rounding, Side, Span, Timestamp};

/// A stop must be confirmed within this time, or it is placed again in another way.
const CONFIRM_WITHIN: Span = Span::secs(3);
/// A stop whose trigger the mark has crossed must have closed the position within this time.
const FILL_WITHIN: Span = Span::secs(5);
/// So many attempts with the close-position style before the alternative; then as many with that, and then the market.
const TRIES_A_STYLE: u32 = 2;
/// A take profit is wanted, not needed: after so many refusals the position lives without one.
const TAKE_PROFIT_TRIES: u32 = 3;

/// How the protection of one position stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionState {
    confirmed: bool,
    unprotected_since: Option<Timestamp>,
    unprotected_longest: Span,
    stop_tries: u32,
    take_profit_tries: u32,
    confirm_by: Option<Timestamp>,
    crossed_since: Option<Timestamp>,
}

/// What the plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Session time.
    pub at: Timestamp,
    /// The position, if there is one.
    pub position: Option<&'a PositionRow>,
    /// Its open stops, take profits and exits.
    pub orders: &'a [OrderRow],
    /// Mark price.
    pub mark: Option<Price>,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Place a stop.
    PlaceStop {
        /// Trigger, by the mark.
        trigger: Price,
        /// Close-position style, or the position's size.
        amount: Amount,
    },
    /// Place a take profit.
    PlaceTakeProfit {
        /// Trigger, by the mark.
        trigger: Price,
        /// Close-position style.
        amount: Amount,
    },
    /// End an order that protects nothing any more.
    Cancel {
        /// Which.
        client_id: ClientOrderId,
    },
    /// Close the position at once.
    CloseAtMarket {
        /// Why, in words.
        reason: String,
        /// What the exit is called then.
        exit: Option<ExitReason>,
    },
}

impl ProtectionState {
    /// Has the position a stop that the venue has confirmed?
    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Since when it has not.
    pub fn unprotected_since(&self) -> Option<Timestamp> {
        self.unprotected_since
    }

    /// The longest time without one.
    pub fn unprotected_longest(&self) -> Span {
        self.unprotected_longest
    }

    /// When the plan must be looked at again if nothing happens.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.confirm_by.into_iter().chain(self.crossed_since.map(|since| since + FILL_WITHIN)).min()
    }

    /// A position was opened, found, or changed from outside: it is unprotected from now on.
    pub fn position_opened(&mut self, at: Timestamp) {
        *self = ProtectionState {
            unprotected_since: Some(at),
            unprotected_longest: self.unprotected_longest,
            ..ProtectionState::default()
        };
    }

    /// The position is gone. Gives back the longest time that one was unprotected.
    pub fn position_closed(&mut self, at: Timestamp) -> Span {
        self.note(true, at);
        *self = ProtectionState { unprotected_longest: self.unprotected_longest, ..ProtectionState::default() };
        self.unprotected_longest
    }

    /// An order of the plan was sent.
    pub fn placed(&mut self, leg: Leg, at: Timestamp) {
        match leg {
            Leg::Stop => {
                self.stop_tries = self.stop_tries.saturating_add(1);
                self.confirm_by = Some(at + CONFIRM_WITHIN);
            }
            Leg::TakeProfit => self.take_profit_tries = self.take_profit_tries.saturating_add(1),
            Leg::Entry | Leg::Exit | Leg::Flatten => {}
        }
    }

    fn note(&mut self, confirmed: bool, at: Timestamp) {
        if confirmed {
            if let Some(since) = self.unprotected_since.take() {
                self.unprotected_longest = self.unprotected_longest.max(at.since(since));
            }
            self.stop_tries = 0;
        } else {
            self.unprotected_since.get_or_insert(at);
        }
        self.confirmed = confirmed;
    }
}

/// What must be done now.
pub fn plan(now: &Situation<'_>, state: &mut ProtectionState) -> Vec<Step> {
    let Some(position) = now.position.filter(|row| !row.qty.is_zero()) else {
        return sweep(now.orders);
    };
    let mut steps = Vec::new();
    let closing = if position.qty.is_positive() { Side::Sell } else { Side::Buy };
    let stops: Vec<&OrderRow> = of_leg(now.orders, Leg::Stop, closing).collect();
    let working = stops.iter().any(|row| is_working(row));
    state.note(working, now.at);
    let Some(trigger) = position.stop else { return steps };
    if escalates(now, position, trigger, state) {
        let reason = "the stop was crossed and the position is still open".to_owned();
        steps.push(Step::CloseAtMarket { reason, exit: Some(ExitReason::StopLoss) });
        return steps;
    }
    plan_stop(now, position, trigger, &stops, state, &mut steps);
    plan_take_profit(now, position, closing, state, &mut steps);
    for other in now.orders.iter().filter(|row| row.intent.request.side != closing && is_protective(row)) {
        push_cancel(other, &mut steps);
    }
    steps
}

fn plan_stop(
    now: &Situation<'_>,
    position: &PositionRow,
    trigger: Price,
    stops: &[&OrderRow],
    state: &mut ProtectionState,
    steps: &mut Vec<Step>,
) {
    let fits = |row: &&&OrderRow| trigger_of(row) == Some(trigger) && covers(row, position);
    let fitting = stops.iter().filter(fits).find(|row| is_working(row));
    if let Some(kept) = fitting {
        state.confirm_by = None;
        let kept = kept.intent.request.client_id;
        stops.iter().filter(|row| row.intent.request.client_id != kept).for_each(|row| push_cancel(row, steps));
        return;
    }
    let on_its_way = stops.iter().any(|row| row.stage < Stage::Working && row.knowledge == Knowledge::Known);
    let late = state.confirm_by.is_some_and(|by| by <= now.at);
    if on_its_way && !late {
        return;
    }
    state.confirm_by = Some(now.at + CONFIRM_WITHIN);
    let has_old = stops.iter().any(|row| is_working(row));
    if !has_old && state.stop_tries >= 2 * TRIES_A_STYLE {
        let reason = "no stop could be placed".to_owned();
        steps.push(Step::CloseAtMarket { reason, exit: Some(ExitReason::StopLoss) });
        return;
    }
    let by_quantity = has_old || state.stop_tries >= TRIES_A_STYLE || stops.iter().any(|row| is_close_position(row));
    let amount = if by_quantity { Amount::Qty(position.qty.abs()) } else { Amount::ClosePosition };
    if now.mark.is_some_and(|mark| is_crossed(position, trigger, mark)) && !has_old {
        let reason = "price is beyond the stop before it could be placed".to_owned();
        steps.push(Step::CloseAtMarket { reason, exit: Some(ExitReason::StopLoss) });
        return;
    }
    steps.push(Step::PlaceStop { trigger, amount });
}

fn plan_take_profit(
    now: &Situation<'_>,
    position: &PositionRow,
    closing: Side,
    state: &ProtectionState,
    steps: &mut Vec<Step>,
) {
    let Some(trigger) = position.take_profit else { return };
    let placed = of_leg(now.orders, Leg::TakeProfit, closing).next().is_some();
    if placed || state.take_profit_tries >= TAKE_PROFIT_TRIES {
        return;
    }
    let reached = now.mark.is_some_and(|mark| match closing {
        Side::Sell => mark >= trigger,
        Side::Buy => mark <= trigger,
    });
    if reached {
        let reason = "price is beyond the take profit before it could be placed".to_owned();
        steps.push(Step::CloseAtMarket { reason, exit: Some(ExitReason::TakeProfit) });
    } else {
        steps.push(Step::PlaceTakeProfit { trigger, amount: Amount::ClosePosition });
    }
}

/// A stop that was crossed for longer than a fill takes has failed.
fn escalates(now: &Situation<'_>, position: &PositionRow, trigger: Price, state: &mut ProtectionState) -> bool {
    let crossed = now.mark.is_some_and(|mark| is_crossed(position, trigger, mark));
    if !crossed {
        state.crossed_since = None;
        return false;
    }
    let since = *state.crossed_since.get_or_insert(now.at);
    let late = now.at.since(since) >= FILL_WITHIN;
    if late {
        state.crossed_since = Some(now.at);
    }
    late
}

/// Is the mark on the losing side of this stop?
pub fn is_crossed(position: &PositionRow, trigger: Price, mark: Price) -> bool {
    if position.qty.is_positive() { mark <= trigger } else { mark >= trigger }
}

/// Without a position nothing is to be protected: orphans go.
fn sweep(orders: &[OrderRow]) -> Vec<Step> {
    let mut steps = Vec::new();
    orders.iter().filter(|row| is_protective(row)).for_each(|row| push_cancel(row, &mut steps));
    steps
}

fn push_cancel(row: &OrderRow, steps: &mut Vec<Step>) {
    if !row.cancel_pending {
        steps.push(Step::Cancel { client_id: row.intent.request.client_id });
    }
}

fn is_protective(row: &OrderRow) -> bool {
    matches!(row.intent.leg, Leg::Stop | Leg::TakeProfit)
}

fn of_leg(orders: &[OrderRow], leg: Leg, side: Side) -> impl Iterator<Item = &OrderRow> {
    orders.iter().filter(move |row| row.intent.leg == leg && row.intent.request.side == side)
}

fn is_working(row: &OrderRow) -> bool {
    row.stage == Stage::Working && !row.cancel_pending
}

fn is_close_position(row: &OrderRow) -> bool {
    row.intent.request.amount == Amount::ClosePosition
}

fn covers(row: &OrderRow, position: &PositionRow) -> bool {
    match row.intent.request.amount {
        Amount::ClosePosition => true,
        Amount::Qty(qty) => qty == position.qty.abs(),
    }
}

fn trigger_of(row: &OrderRow) -> Option<Price> {
    match row.intent.request.kind {
        OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => Some(trigger),
        OrderKind::Market | OrderKind::Limit { .. } => None,
    }
}

/// Moves a trailing stop after the price. It only ever moves in the position's favour, and by at least the least
/// move. Did it?
pub fn trail(position: &mut PositionRow, price: Price, tick: Price) -> bool {
    let (Some(trailing), Some(stop)) = (position.trailing, position.stop) else { return false };
    let long = position.qty.is_positive();
    position.best_price = if long { position.best_price.max(price) } else { position.best_price.min(price) };
    let (gain, candidate) = if long {
        let stop = (position.best_price - trailing.distance).round_to(tick, Rounding::Down);
        (position.best_price - position.entry_price, stop)
    } else {
        let stop = (position.best_price + trailing.distance).round_to(tick, Rounding::Up);
        (position.entry_price - position.best_price, stop)
    };
    let better = if long { candidate - stop } else { stop - candidate };
    if gain < trailing.activation || !better.is_positive() || better < trailing.min_move {
        return false;
    }
    position.stop = Some(candidate);
    true
}
