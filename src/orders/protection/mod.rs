//! The plan that keeps a position protected at the venue (I10). Given the position and the protective orders as
//! they stand, it says what to do next; it sends nothing and remembers little, so that a restart, a lost answer
//! or an order placed by hand is simply another situation to plan from.
//!
//! The first stop closes the whole position, whatever its size. Venues refuse a second one of that kind on the
//! same side, so a move goes through a reduce-only stop of the position's size: placed, confirmed, and only then
//! is the old one cancelled.
//!
//! A position without a stop climbs a ladder: the usual stop, another kind, and then a close at the market. From there
//! on both are tried in each round, since nobody knows which of them the venue will take first. Both only ever shrink
//! the position, so that both may come true.

mod plan;
mod protective;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use plan::Plan;
pub use protective::{Phase, Protective, is_protected};

use super::planner::side_of;
use super::settings::Settings;
use crate::protocol::{Amount, ExitReason, PositionRow};
use crate::types::{ClientOrderId, Instrument, Price, Span, Timestamp};

/// Stops that close the position are tried this often before another kind of order is.
const CLOSE_POSITION_ATTEMPTS: u32 = 2;
/// Stops of any kind are tried this often before the position is to be closed at the market as well.
const STOP_ATTEMPTS: u32 = 3;
/// While the venue does not answer at all, no more stops are tried with this many in doubt: each may be resting there.
const DOUBTFUL_IN_SILENCE: usize = 3;
/// Nor with this many in doubt whatever it answers.
const DOUBTFUL_STOPS: usize = 6;
/// No more moves are begun while this many stops of the position are in doubt: each may be resting at the venue,
/// which holds a limited number of them.
const DOUBTFUL_AT_MOST: usize = 3;
/// The longest pause between two attempts at what can wait: a take profit, or the move of a stop that protects.
const PAUSE_AT_MOST: Span = Span::MINUTE;
/// Doubling of that pause stops here.
const PAUSE_DOUBLINGS: u32 = 8;

/// What is known at the moment of planning.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Session time.
    pub at: Timestamp,
    /// The mark price, if it is known.
    pub mark: Option<Price>,
    /// The position and what it asks for.
    pub position: &'a PositionRow,
    /// Its instrument.
    pub instrument: &'a Instrument,
    /// The stops and take profits at work on it: [`super::Orders::protective`].
    pub orders: &'a [Protective],
    /// Does the venue not answer at all? [`super::Orders::is_silent`].
    pub silent: bool,
}

/// Something to be done for the protection of a position. Each is to be carried out before the next planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Place a stop, triggered by the mark, on the closing side; reduce-only if it has a quantity.
    PlaceStop {
        /// Trigger price, a multiple of the tick.
        trigger: Price,
        /// How much.
        amount: Amount,
    },
    /// Place a take profit likewise.
    PlaceTakeProfit {
        /// Trigger price, a multiple of the tick.
        trigger: Price,
        /// How much.
        amount: Amount,
    },
    /// Cancel a stop or a take profit that is not needed any more.
    Cancel {
        /// Which.
        client_id: ClientOrderId,
    },
    /// Close the position at the market, with what [`super::Orders::plan_exit`] leaves to be closed.
    CloseAtMarket {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a position is closed at the market for want of protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CloseReason {
    /// The venue does not take or does not confirm a stop.
    Unprotectable,
    /// Price is beyond the stop already, so that the venue would refuse it.
    StopCrossed,
    /// A stop was triggered or crossed, and the position is still there.
    StopUnfilled,
    /// A take profit was triggered, and the position is still there.
    TakeProfitUnfilled,
    /// Price is beyond the take profit already, so that the venue would refuse it.
    TakeProfitCrossed,
}

impl CloseReason {
    /// The reason in words, for the order and for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            CloseReason::Unprotectable => "no stop could be placed",
            CloseReason::StopCrossed => "price is beyond the stop",
            CloseReason::StopUnfilled => "the stop triggered and did not fill",
            CloseReason::TakeProfitUnfilled => "the take profit triggered and did not fill",
            CloseReason::TakeProfitCrossed => "price is beyond the take profit",
        }
    }

    /// How the closed position counts.
    pub const fn exit(self) -> ExitReason {
        match self {
            CloseReason::Unprotectable | CloseReason::StopCrossed | CloseReason::StopUnfilled => ExitReason::StopLoss,
            CloseReason::TakeProfitUnfilled | CloseReason::TakeProfitCrossed => ExitReason::TakeProfit,
        }
    }
}

/// What the plan remembers of a position from one planning to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionState {
    attempts: u32,
    confirmed_stop: Option<Price>,
    confirmed_take_profit: Option<Price>,
    unprotected_since: Option<Timestamp>,
    unprotected_longest: Span,
    crossed_since: Option<Timestamp>,
    next_close_at: Option<Timestamp>,
    next_stop_at: Option<Timestamp>,
    move_attempts: u32,
    next_move_at: Option<Timestamp>,
    take_profit_attempts: u32,
    next_take_profit_at: Option<Timestamp>,
    wake_at: Option<Timestamp>,
}

impl ProtectionState {
    /// What to do now. Nothing means that all is well or that an answer is waited for; either way
    /// [`ProtectionState::next_deadline`] says when to plan again if nothing happens before.
    pub fn plan(&mut self, settings: &Settings, now: &Situation<'_>) -> Vec<Step> {
        self.wake_at = None;
        let Some(side) = side_of(now.position.qty) else { return self.plan_flat(settings, now.at, now.orders) };
        let mut plan = Plan { settings, now, closing: side.closing(), size: now.position.qty.abs(), steps: Vec::new() };
        plan.cancel_wrong_side();
        self.judge(&plan);
        self.escalate(&mut plan);
        self.plan_stop(&mut plan);
        self.plan_take_profit(&mut plan);
        plan.steps
    }

    /// What to do now that there is no position: what protected the last one is swept away.
    pub fn plan_flat(&mut self, settings: &Settings, at: Timestamp, orders: &[Protective]) -> Vec<Step> {
        self.end(at);
        for executing in orders.iter().filter_map(|order| order.executing_until(settings, at)) {
            self.wake(executing);
        }
        sweep(settings, at, orders)
    }

    /// The venue answers again after a silence: what was put off because of it is to be done at the next planning.
    pub fn hurry(&mut self) {
        (self.next_close_at, self.next_stop_at) = (None, None);
        (self.move_attempts, self.next_move_at) = (0, None);
        (self.take_profit_attempts, self.next_take_profit_at) = (0, None);
    }

    /// Has the position a confirmed stop for all of it? As of the last planning.
    pub const fn protected(&self) -> bool {
        self.unprotected_since.is_none()
    }

    /// Since when it has none.
    pub const fn unprotected_since(&self) -> Option<Timestamp> {
        self.unprotected_since
    }

    /// The longest that it had none, until now.
    pub fn unprotected_longest(&self, at: Timestamp) -> Span {
        self.unprotected_since.map_or(Span::ZERO, |since| at.since(since)).max(self.unprotected_longest)
    }

    /// Trigger of the confirmed stop.
    pub const fn confirmed_stop(&self) -> Option<Price> {
        self.confirmed_stop
    }

    /// Trigger of the confirmed take profit.
    pub const fn confirmed_take_profit(&self) -> Option<Price> {
        self.confirmed_take_profit
    }

    /// When to plan again at the latest.
    pub const fn next_deadline(&self) -> Option<Timestamp> {
        self.wake_at
    }

    /// The position is closed: only the figure for people is kept.
    fn end(&mut self, at: Timestamp) {
        *self = ProtectionState { unprotected_longest: self.unprotected_longest(at), ..ProtectionState::default() };
    }

    fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Notes whether there is a stop, and whether price is beyond it.
    fn judge(&mut self, plan: &Plan<'_>) {
        let at = plan.now.at;
        let cover = plan.covering_stop();
        self.confirmed_stop = cover.map(|stop| stop.trigger);
        match cover {
            Some(_) => {
                self.unprotected_longest = self.unprotected_longest(at);
                (self.unprotected_since, self.attempts, self.next_stop_at) = (None, 0, None);
            }
            None => {
                self.unprotected_since.get_or_insert(at);
            }
        }
        match cover.map(|stop| plan.is_beyond_stop(stop.trigger)) {
            Some(Some(true)) => {
                self.crossed_since.get_or_insert(at);
            }
            Some(Some(false)) | None => self.crossed_since = None,
            Some(None) => {}
        }
    }

    /// An order that should have closed the position and has not is followed by one at the market.
    fn escalate(&mut self, plan: &mut Plan<'_>) {
        let stop = plan.stops().filter_map(|stop| stop.triggered_at).chain(self.crossed_since).min();
        let take_profit = plan.take_profits().filter_map(|order| order.triggered_at).min();
        for (since, reason) in [(stop, CloseReason::StopUnfilled), (take_profit, CloseReason::TakeProfitUnfilled)] {
            match since.map(|since| since + plan.settings.stop_escalate) {
                Some(limit) if plan.now.at >= limit => self.close(plan, reason),
                Some(limit) => self.wake(limit),
                None => {}
            }
        }
    }

    fn plan_stop(&mut self, plan: &mut Plan<'_>) {
        let Some(wanted) = plan.wanted_stop() else { return };
        if let Some(keep) = plan.exact_stop(wanted) {
            (self.move_attempts, self.next_move_at) = (0, None);
            plan.cancel_stops_but(keep);
        } else if plan.covering_stop().is_some() {
            self.move_stop(plan, wanted);
        } else {
            self.place_stop(plan, wanted);
        }
    }

    /// There is a stop, of another price or size than wanted. It stays until the new one is confirmed.
    fn move_stop(&mut self, plan: &mut Plan<'_>, wanted: Price) {
        let at = plan.now.at;
        let doubtful = || plan.stops().filter(|stop| stop.is_doubtful());
        let waiting = plan.stops().any(|stop| stop.phase == Phase::Pending)
            || doubtful().any(|stop| !stop.may_be_followed())
            || doubtful().count() >= DOUBTFUL_AT_MOST;
        if waiting {
            self.wake(at + plan.settings.stop_confirm);
            return;
        }
        if let Some(next) = self.next_move_at.filter(|next| *next > at) {
            self.wake(next);
            return;
        }
        if plan.is_beyond_stop(wanted) == Some(true) {
            self.close(plan, CloseReason::StopCrossed);
            return;
        }
        let next = at + pause(plan.settings, &mut self.move_attempts);
        self.next_move_at = Some(next);
        self.wake(next);
        plan.steps.push(Step::PlaceStop { trigger: wanted, amount: Amount::Qty(plan.size) });
    }

    /// There is no stop for all of the position: the ladder from the usual stop to a close at the market, and from
    /// there on rounds of both.
    fn place_stop(&mut self, plan: &mut Plan<'_>, wanted: Price) {
        let (at, confirm) = (plan.now.at, plan.settings.stop_confirm);
        if plan.is_beyond_stop(wanted) == Some(true) {
            self.close(plan, CloseReason::StopCrossed);
            return;
        }
        let pending = plan.stops().filter(|stop| stop.phase == Phase::Pending && stop.covers(plan.size));
        if let Some(until) = pending.map(|stop| stop.placed_at + confirm).filter(|until| *until > at).max() {
            self.wake(until);
            return;
        }
        if self.attempts >= STOP_ATTEMPTS {
            self.close(plan, CloseReason::Unprotectable);
            if let Some(next) = self.next_stop_at.filter(|next| *next > at) {
                self.wake(next);
                return;
            }
        }
        self.next_stop_at = Some(at + confirm);
        self.wake(at + confirm);
        let most = if plan.now.silent { DOUBTFUL_IN_SILENCE } else { DOUBTFUL_STOPS };
        if plan.stops().filter(|stop| stop.is_doubtful()).count() >= most {
            return;
        }
        let amount = if self.closes_position(plan) { Amount::ClosePosition } else { Amount::Qty(plan.size) };
        self.attempts = self.attempts.saturating_add(1);
        plan.steps.push(Step::PlaceStop { trigger: wanted, amount });
    }

    /// Which kind of stop is tried next: the usual one as long as the ladder says so and later in every other round,
    /// unless there may be one of that kind already, which the venue allows once.
    fn closes_position(&self, plan: &Plan<'_>) -> bool {
        let turn = self.attempts < CLOSE_POSITION_ATTEMPTS
            || self.attempts >= STOP_ATTEMPTS && (self.attempts - STOP_ATTEMPTS).is_multiple_of(2);
        turn && plan.stops().next().is_none()
    }

    fn plan_take_profit(&mut self, plan: &mut Plan<'_>) {
        let at = plan.now.at;
        let wanted = plan.wanted_take_profit();
        let exact = wanted.and_then(|trigger| plan.exact_take_profit(trigger));
        self.confirmed_take_profit = wanted.filter(|_| exact.is_some());
        plan.cancel_take_profits_but(exact);
        let Some(trigger) = wanted.filter(|_| exact.is_none() && !plan.closes()) else {
            self.take_profit_attempts = 0;
            return;
        };
        if plan.take_profits().next().is_some() {
            return;
        }
        if plan.is_beyond_take_profit(trigger) {
            self.close(plan, CloseReason::TakeProfitCrossed);
            return;
        }
        if let Some(next) = self.next_take_profit_at.filter(|next| *next > at) {
            self.wake(next);
            return;
        }
        let next = at + pause(plan.settings, &mut self.take_profit_attempts);
        self.next_take_profit_at = Some(next);
        self.wake(next);
        plan.steps.push(Step::PlaceTakeProfit { trigger, amount: Amount::ClosePosition });
    }

    /// At most once in the time that a stop has to be confirmed: the exit must be given time to fill, and a
    /// venue that refuses it must not be flooded.
    fn close(&mut self, plan: &mut Plan<'_>, reason: CloseReason) {
        match self.next_close_at.filter(|next| *next > plan.now.at) {
            Some(next) => self.wake(next),
            None if plan.closes() => {}
            None => {
                let next = plan.now.at + plan.settings.stop_confirm;
                self.next_close_at = Some(next);
                self.wake(next);
                plan.steps.push(Step::CloseAtMarket { reason });
            }
        }
    }
}

/// The pause after an attempt at something that can wait: it doubles with each.
fn pause(settings: &Settings, attempts: &mut u32) -> Span {
    let doublings = (*attempts).min(PAUSE_DOUBLINGS);
    *attempts = attempts.saturating_add(1);
    (settings.stop_confirm * (1_i64 << doublings)).min(PAUSE_AT_MOST)
}

/// Cancels what was left behind by a position that is gone. The order that closed it is given time to end by
/// itself.
pub fn sweep(settings: &Settings, at: Timestamp, orders: &[Protective]) -> Vec<Step> {
    orders
        .iter()
        .filter(|order| order.phase != Phase::Leaving && order.executing_until(settings, at).is_none())
        .map(|order| Step::Cancel { client_id: order.client_id })
        .collect()
}
