//! The breakers on what is lost: the day's loss, the drawdown from the peak, and equity that nobody can tell. They
//! compare integers with floors that are only computed anew when what they follow from has changed.

use super::Risk;
use super::state::Cause;
use crate::protocol::{StateRow, TradingState};
use crate::types::{Rate, Rounding, Span, Timestamp, Usdt};

impl Risk {
    /// Trading begins, with this equity. Until then nothing is evaluated and nothing entered.
    pub fn begin(&mut self, at: Timestamp, equity: Usdt) {
        self.begun = true;
        self.memory.peak = self.memory.peak.or(Some(equity));
        if self.memory.day.is_none() {
            self.begin_day(at, equity);
        }
        self.low = equity;
        self.set_floors();
        self.changed = true;
    }

    /// Says whether equity can be told: whether every open position has a mark. As long as it cannot, nothing is
    /// entered, and after the limit the state is raised until it can.
    pub fn set_equity_known(&mut self, at: Timestamp, known: bool) {
        self.unknown_since = if known { None } else { self.unknown_since.or(Some(at)) };
    }

    /// Looks at the breakers. Called whenever equity may have changed, and at [`Risk::next_deadline`].
    pub fn evaluate(&mut self, at: Timestamp, equity: Usdt) -> Vec<StateRow> {
        if !self.begun || self.is_unmoved(at, equity) {
            return Vec::new();
        }
        let mut changes = self.roll_day(at, equity);
        self.judge_unknown(at);
        if self.unknown_since.is_none() && self.memory.peak.is_none_or(|peak| equity > peak) {
            self.memory.peak = Some(equity);
            self.low = equity;
            self.set_floors();
            self.changed = true;
        }
        self.note_low(equity);
        if equity <= self.day_floor && !self.holds(Cause::DailyLoss) {
            let (loss, limit) = (fall(self.memory.day_start, equity), self.settings.daily_loss);
            let reason = format!("the day's loss is {loss}, and the limit is {limit}");
            self.hold(Cause::DailyLoss, TradingState::ReduceOnly, &reason, at);
        }
        if equity <= self.drawdown_floor && !self.holds(Cause::Drawdown) {
            let (drawdown, limit) = (fall(self.peak(), equity), self.settings.drawdown);
            let reason = format!("the drawdown is {drawdown}, and the limit is {limit}");
            self.hold(Cause::Drawdown, TradingState::Halted, &reason, at);
        }
        self.last_equity = Some(equity);
        changes.extend(self.settle(at, "equity can be told again"));
        changes
    }

    /// Is everything that breakers look at as it was at the last look, which left trading free?
    fn is_unmoved(&self, at: Timestamp, equity: Usdt) -> bool {
        self.last_equity == Some(equity)
            && self.unknown_since.is_none()
            && self.is_free()
            && self.memory.day == Some(at.day())
    }

    /// Has trading begun, and would a look at this equity move nothing?
    pub fn is_at_rest(&self, at: Timestamp, equity: Usdt) -> bool {
        self.begun && self.is_unmoved(at, equity)
    }

    /// Can equity have come to this, on the same day and at rest, without a breaker being moved? Then it is noted.
    pub fn rides_out(&mut self, equity: Usdt) -> bool {
        let rides = equity <= self.peak() && equity > self.day_floor && equity > self.drawdown_floor;
        if rides {
            self.note_low(equity);
            self.last_equity = Some(equity);
        }
        rides
    }

    fn note_low(&mut self, equity: Usdt) {
        if equity < self.low {
            self.low = equity;
            self.max_drawdown = self.max_drawdown.max(fall(self.peak(), equity));
        }
    }

    /// Money came in or went out: neither a gain nor a loss. Peak and day start are scaled as equity is by it, so
    /// that what was lost stays the same ratio: a withdrawal never trips a breaker, and a deposit never hides a loss.
    pub fn transferred(&mut self, amount: Usdt) {
        let before = self.last_equity;
        let scaled = |base: Usdt| match before.filter(|equity| equity.is_positive()) {
            Some(equity) => base.times((equity + amount).ratio_of(equity, Rounding::Up), Rounding::Up),
            None => base + amount,
        };
        self.memory.peak = self.memory.peak.map(scaled);
        self.memory.day_start = scaled(self.memory.day_start);
        self.last_equity = before.map(|equity| equity + amount);
        self.low = scaled(self.low);
        self.set_floors();
        self.changed = true;
    }

    /// When a breaker must be looked at if nothing happens.
    pub fn next_deadline(&self, at: Timestamp) -> Option<Timestamp> {
        if !self.begun {
            return None;
        }
        let next_day = self.holds(Cause::DailyLoss).then(|| at.floor(Span::DAY) + Span::DAY);
        let unknown = self.unknown_since.filter(|_| !self.holds(Cause::EquityUnknown));
        Timestamp::earliest([next_day, unknown.map(|since| since + self.settings.equity_unknown)])
    }

    /// Highest equity since the beginning, or since the last re-arming.
    pub fn peak(&self) -> Usdt {
        self.memory.peak.unwrap_or_default()
    }

    /// Largest distance from the peak in this session.
    pub fn max_drawdown(&self) -> Rate {
        self.max_drawdown
    }

    /// A new UTC day begins with the equity that the last one ended with, and lifts what the last one's loss held.
    fn roll_day(&mut self, at: Timestamp, equity: Usdt) -> Vec<StateRow> {
        if self.memory.day == Some(at.day()) {
            return Vec::new();
        }
        self.begin_day(at, self.last_equity.unwrap_or(equity));
        self.lift(Cause::DailyLoss);
        self.settle(at, "a new UTC day has begun")
    }

    fn begin_day(&mut self, at: Timestamp, equity: Usdt) {
        self.memory.day = Some(at.day());
        self.memory.day_start = equity;
        self.memory.day_orders = 0;
        self.set_floors();
        self.changed = true;
    }

    fn judge_unknown(&mut self, at: Timestamp) {
        match self.unknown_since {
            None => self.lift(Cause::EquityUnknown),
            Some(since) if since + self.settings.equity_unknown <= at && !self.holds(Cause::EquityUnknown) => {
                let reason = format!("a position has had no mark price since {since}, so equity cannot be told");
                self.hold(Cause::EquityUnknown, TradingState::ReduceOnly, &reason, at);
            }
            Some(_) => {}
        }
    }

    /// A floor is met, not only crossed, and rounding brings it nearer: both against us.
    pub(super) fn set_floors(&mut self) {
        let below = |base: Usdt, limit: Rate| base - base.times(limit, Rounding::Down);
        self.day_floor = below(self.memory.day_start, self.settings.daily_loss);
        self.drawdown_floor = below(self.peak(), self.settings.drawdown);
    }
}

/// How far `now` is below `before`, as a ratio; a `before` that is not positive counts as a total loss.
fn fall(before: Usdt, now: Usdt) -> Rate {
    if now >= before {
        Rate::ZERO
    } else if before.is_positive() {
        (before - now).ratio_of(before, Rounding::Up)
    } else {
        Rate::ONE
    }
}
