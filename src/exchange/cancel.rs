//! Cancels, of regular and of conditional orders alike.

use super::Core;
use super::account::AccountId;
use super::faults::FaultKind;
use super::fills::Trade;
use crate::protocol::{CancelOutcome, DoneReason, ReportBody};
use crate::types::{ClientOrderId, InstrumentId, Rounding};

impl Core {
    /// Cancels an open order; may be repeated. The answer comes before the order's end.
    pub(super) fn cancel(
        &mut self,
        account: AccountId,
        client_id: ClientOrderId,
        instrument: InstrumentId,
        heard: bool,
    ) {
        let id = self.accounts[account.index()].open.get(&client_id).copied();
        let id = id.filter(|id| self.orders.get(id).is_some_and(|order| order.request.instrument == instrument));
        let outcome = if id.is_some() { CancelOutcome::Accepted } else { CancelOutcome::NoSuchOrder };
        if heard {
            let report = self.order_report(client_id, instrument, id, ReportBody::CancelAnswered(outcome));
            self.answer(account, report);
        }
        if let Some(id) = id {
            self.fill_before_cancel(id);
            self.end(id, DoneReason::Canceled);
        }
    }

    /// The fault of a fill that happened just before the cancel, and is reported after the end.
    fn fill_before_cancel(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id) else { return };
        let instrument = order.request.instrument;
        let Some(price) = order.limit() else { return };
        let step = self.instruments.get(instrument).step;
        let qty = self.executable(order).divided_by(2, Rounding::Down).round_to(step, Rounding::Down);
        let symbol = self.instruments.symbol(instrument).clone();
        if qty.is_positive() && self.faults.strikes(FaultKind::LateFill, self.now, Some(&symbol)) {
            let late = Some(self.faults.settings.late_fill_after);
            let trade = Trade { price, qty, maker: true, id: self.trade_id(), late };
            self.fill(id, trade);
        }
    }
}
