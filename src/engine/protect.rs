//! Every open position has its stop at the venue: what protection plans, this carries out.

use super::absorb::{notice, notify};
use super::commit::Want;
use super::decide::side_of;
use super::{Ending, Engine};
use crate::orders::protection::{CloseReason, is_protected};
use crate::orders::{self, Situation, Step};
use crate::protocol::{Actions, Journal, NoticeKind, OrderKind, PositionRow, TriggerBy};
use crate::types::{InstrumentId, Leg, Price, Rounding, Side, Timestamp};

impl Engine {
    /// Looks at every instrument whose position, price, orders or deadline ask for it.
    pub(super) fn protect(&mut self, at: Timestamp, out: &mut Actions) {
        for place in self.stirred() {
            let instrument = self.stirred_at(place);
            let moved = self.trail(instrument, out);
            let slot = &self.slots[instrument.index()];
            let due = slot.protection.next_deadline().is_some_and(|due| due <= at);
            let beyond = self.portfolio.position(instrument).is_some_and(|row| self.is_beyond_stop(row));
            if slot.touched || due || moved || beyond || slot.beyond_stop {
                let slot = self.slot(instrument);
                (slot.touched, slot.beyond_stop) = (false, beyond);
                self.protect_one(at, instrument, out);
            }
        }
    }

    pub(super) fn is_beyond_stop(&self, row: &PositionRow) -> bool {
        let stop = self.slots[row.instrument.index()].protection.confirmed_stop().or(row.stop);
        stop.zip(self.market.price(row.instrument)).is_some_and(|(stop, mark)| match side_of(row.qty) {
            Side::Buy => mark <= stop,
            Side::Sell => mark >= stop,
        })
    }

    /// Moves the planned stop after the price, in the position's favour only. Has it moved?
    fn trail(&mut self, instrument: InstrumentId, out: &mut Actions) -> bool {
        let Some(price) = self.market.price(instrument) else { return false };
        let tick = self.instruments.get(instrument).tick;
        let kept = self.slots[instrument.index()].best_kept;
        let row = self.portfolio.position_mut(instrument).filter(|row| row.trailing.is_some());
        let Some(row) = row else { return false };
        let moved = orders::trail(row, price, tick);
        row.best_price = match side_of(row.qty) {
            Side::Buy => row.best_price.max(price),
            Side::Sell => row.best_price.min(price),
        };
        row.stop = moved.or(row.stop);
        if moved.is_some() || orders::is_worth_keeping(row, kept.unwrap_or(row.entry_price), row.best_price, tick) {
            let row = row.clone();
            let slot = self.slot(instrument);
            slot.stop_moved |= moved.is_some();
            slot.best_kept = Some(row.best_price);
            out.durable(|| Journal::Position(Box::new(row)));
        }
        moved.is_some()
    }

    fn protect_one(&mut self, at: Timestamp, instrument: InstrumentId, out: &mut Actions) {
        self.plan_rescue(instrument, out);
        let orders = self.orders.protective(instrument, at);
        let position = self.portfolio.position(instrument).cloned();
        let mut state = std::mem::take(&mut self.slot(instrument).protection);
        let was_protected = state.protected();
        let settings = self.orders.settings();
        let steps = match &position {
            Some(position) => {
                let mark = self.market.price(instrument);
                let instrument = self.instruments.get(instrument);
                let silent = self.orders.is_silent(position.instrument);
                state.plan(settings, &Situation { at, mark, position, instrument, orders: &orders, silent })
            }
            None => state.plan_flat(settings, at, &orders),
        };
        let now_protected = state.protected();
        self.slot(instrument).protection = state;
        if now_protected {
            self.call_off_exit(instrument);
        }
        if !was_protected && now_protected {
            self.tell_protected(instrument, position.as_ref(), out);
        }
        for step in steps {
            self.take_step(at, instrument, position.as_ref(), step, out);
        }
    }

    /// A position that was found without a plan gets a stop at the rescue distance.
    fn plan_rescue(&mut self, instrument: InstrumentId, out: &mut Actions) {
        let distance = self.settings.rescue_stop;
        let tick = self.instruments.get(instrument).tick;
        let Some(row) = self.portfolio.position_mut(instrument).filter(|row| row.stop.is_none()) else { return };
        let gap = row.entry_price.times(distance, Rounding::Down);
        row.stop = Some(match side_of(row.qty) {
            Side::Buy => (row.entry_price - gap).round_to(tick, Rounding::Down),
            Side::Sell => (row.entry_price + gap).round_to(tick, Rounding::Up),
        });
        out.durable(|| Journal::Position(Box::new(row.clone())));
    }

    fn take_step(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        position: Option<&PositionRow>,
        step: Step,
        out: &mut Actions,
    ) {
        match step {
            Step::PlaceStop { trigger, amount } => {
                let kind = OrderKind::Stop { trigger, by: TriggerBy::Mark };
                self.place(at, position, Leg::Stop, kind, amount, trigger, out);
            }
            Step::PlaceTakeProfit { trigger, amount } => {
                let kind = OrderKind::TakeProfit { trigger, by: TriggerBy::Mark };
                self.place(at, position, Leg::TakeProfit, kind, amount, trigger, out);
            }
            Step::Cancel { client_id } => self.cancel(at, client_id, out),
            Step::CloseAtMarket { reason } => {
                let symbol = self.instruments.symbol(instrument).clone();
                let text = format!("{symbol}: {}; closing", reason.as_str());
                out.push(notify(NoticeKind::ProtectionFailed, symbol.as_str(), text));
                if reason == CloseReason::Unprotectable {
                    self.leave_unprotected(at, instrument, reason, out);
                } else {
                    self.leave(at, instrument, reason.exit(), reason.as_str().into(), out);
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an order has this many parts")]
    fn place(
        &mut self,
        at: Timestamp,
        position: Option<&PositionRow>,
        leg: Leg,
        kind: OrderKind,
        amount: crate::protocol::Amount,
        reference_price: Price,
        out: &mut Actions,
    ) {
        let Some(position) = position else { return };
        let want = Want {
            instrument: position.instrument,
            side: side_of(position.qty).closing(),
            kind,
            amount,
            reduce_only: true,
            leg,
            strategy: position.strategy.clone(),
            reason: "protection".into(),
            reference_price,
            plan: None,
        };
        let instrument = position.instrument;
        match self.screen(at, want) {
            Ok(screened) => {
                self.commit(at, screened, out);
            }
            Err(rejection) => {
                let symbol = self.instruments.symbol(instrument).clone();
                let text = format!("{symbol}: the {} was not placed: {}", leg.as_str(), rejection.detail);
                out.push(notify(NoticeKind::ProtectionFailed, symbol.as_str(), text));
            }
        }
    }

    fn tell_protected(&mut self, instrument: InstrumentId, position: Option<&PositionRow>, out: &mut Actions) {
        let confirmed = self.slots[instrument.index()].protection.confirmed_stop();
        let Some((row, stop)) = position.zip(confirmed) else { return };
        out.notify(|| {
            let symbol = self.instruments.symbol(instrument);
            let text = format!("{symbol}: stop at {stop} is confirmed");
            notice(NoticeKind::Protected, row.entry_id.as_str(), text)
        });
    }

    /// Do all open positions have a confirmed stop, or is everything being closed anyway?
    pub(super) fn all_protected(&self) -> bool {
        let protected = |row| is_protected(row, &self.orders.protective(row.instrument, self.at));
        self.ending == Ending::Flatten || self.portfolio.positions().all(protected)
    }
}
