//! Closing positions at the market, until nothing of them is open.

use super::commit::Want;
use super::{Ending, Engine};
use crate::orders::protection::CloseReason;
use crate::protocol::{Actions, Amount, ExitReason, OrderKind};
use crate::types::{ClientOrderId, InstrumentId, Leg, Span, Timestamp, Words};

/// An exit is looked at again after this long, which is several times what a market order takes to fill.
const EXIT_AGAIN: Span = Span::SECOND;
/// With each look the pause grows by as much, up to so many times: a venue that refuses every exit is not to be flooded.
const EXITS_SLOWED: u32 = 30;

impl Engine {
    /// Closes a position at the market: what exits at work already cover is not sold twice, and as long as anything
    /// of it is open it is looked at again.
    pub(super) fn leave(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        exit: ExitReason,
        reason: Words,
        out: &mut Actions,
    ) {
        self.slot(instrument).for_want_of_stop = false;
        self.send_exit(at, instrument, exit, reason, out);
    }

    /// A position for which there is no stop is closed, as long as there is none.
    pub(super) fn leave_unprotected(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        reason: CloseReason,
        out: &mut Actions,
    ) {
        let slot = self.slot(instrument);
        slot.for_want_of_stop |= slot.closing.is_none();
        self.send_exit(at, instrument, reason.exit(), reason.as_str().into(), out);
    }

    /// The stop that was missing is there, and with it the reason for closing gone. An exit on its way may still fill,
    /// and is counted as what it was; no other follows.
    pub(super) fn call_off_exit(&mut self, instrument: InstrumentId) {
        let slot = self.slot(instrument);
        if slot.for_want_of_stop {
            let closing = slot.closing;
            slot.not_closing();
            slot.called_off = closing;
        }
    }

    fn send_exit(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        exit: ExitReason,
        reason: Words,
        out: &mut Actions,
    ) {
        let Some(row) = self.portfolio.position(instrument) else { return };
        let (qty, strategy) = (row.qty, row.strategy.clone());
        let reference_price = self.market.price(instrument).unwrap_or(row.entry_price);
        let planned = self.orders.plan_exit(instrument, qty, at);
        let wanted = planned.map(|change| Want {
            instrument,
            side: change.side,
            kind: OrderKind::Market,
            amount: Amount::Qty(change.qty),
            reduce_only: true,
            leg: Leg::Exit,
            strategy,
            reason,
            reference_price,
            plan: None,
        });
        let screened = wanted.and_then(|want| self.screen(at, want).ok());
        let slot = self.slot(instrument);
        slot.closing = slot.closing.or(Some(exit));
        slot.exits = slot.exits.saturating_add(1).min(EXITS_SLOWED);
        slot.exit_again = Some(at + EXIT_AGAIN * i64::from(slot.exits));
        if let Some(screened) = screened {
            self.commit(at, screened, out);
        }
    }

    /// Looks whether exits have done their work, and sends another for what is left of a position: after a refusal, an
    /// order that is in doubt for too long, or a fill that came once all was to be closed.
    pub(super) fn follow_exits(&mut self, at: Timestamp, out: &mut Actions) {
        if self.ending == Ending::Flatten {
            let new = self.portfolio.positions().map(|row| row.instrument);
            let new: Vec<_> = new.filter(|one| self.slots[one.index()].closing.is_none()).collect();
            for instrument in new {
                self.leave(at, instrument, ExitReason::Manual, "closed at the end".into(), out);
            }
        }
        for place in self.stirred() {
            let instrument = self.stirred_at(place);
            let slot = &mut self.slots[instrument.index()];
            if slot.exit_again.is_some_and(|due| due <= at) {
                slot.exit_again = None;
                let exit = slot.closing.unwrap_or(ExitReason::Manual);
                self.send_exit(at, instrument, exit, "the last exit left something open".into(), out);
            }
        }
    }

    /// An exit that is in doubt, and that another may follow from now on, is followed at once if it is still wanted.
    pub(super) fn follow_up(&mut self, at: Timestamp, client_id: ClientOrderId) {
        let exit = self.orders.get(client_id).filter(|row| row.intent.leg == Leg::Exit);
        let Some(instrument) = exit.map(|row| row.intent.request.instrument) else { return };
        if self.slots[instrument.index()].closing.is_some() && self.orders.exit_may_follow(client_id, at) {
            self.slot(instrument).exit_again = Some(at);
        }
    }

    /// The venue answers again after a silence: what was put off because of it is due now.
    pub(super) fn venue_is_back(&mut self, at: Timestamp, instrument: InstrumentId) {
        let slot = self.slot(instrument);
        slot.protection.hurry();
        slot.touched = true;
        if slot.closing.is_some() {
            slot.exit_again = Some(at);
        }
    }

    /// Closes positions that were held for too long.
    pub(super) fn time_exits(&mut self, at: Timestamp, out: &mut Actions) {
        for place in self.stirred() {
            let instrument = self.stirred_at(place);
            if self.time_exit(instrument).is_some_and(|due| due <= at) {
                self.leave(at, instrument, ExitReason::Time, "held for too long".into(), out);
            }
        }
    }

    /// When a position that is not being closed has been held for long enough.
    pub(super) fn time_exit(&self, instrument: InstrumentId) -> Option<Timestamp> {
        let row = self.portfolio.position(instrument)?;
        self.slots[instrument.index()].closing.is_none().then(|| row.opened_at + self.settings.time_exit)
    }
}
