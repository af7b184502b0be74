//! Steps five and six: risk screens what was planned, and what it approves gets its id, its durable intent and
//! its place among what is sent. Nothing changes an order after risk has approved it.

use std::collections::BTreeSet;

use super::{Engine, Totals};
use crate::orders::{Due, Exposure};
use crate::protocol::{
    Action, Actions, Amount, Journal, OrderIntent, OrderKind, OrderRequest, OrderRow, ProtectionPlan, VenueRequest,
};
use crate::risk::{Approved, Facts, Rejection};
use crate::types::{ClientOrderId, InstrumentId, Leg, PositionSide, Price, Qty, Side, Timestamp, Usdt, Words};

/// An order that somebody below wants, before risk has seen it.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub instrument: InstrumentId,
    pub side: Side,
    pub kind: OrderKind,
    pub amount: Amount,
    pub reduce_only: bool,
    pub leg: Leg,
    pub strategy: Words,
    pub reason: Words,
    pub reference_price: Price,
    pub plan: Option<ProtectionPlan>,
}

/// An order that risk has approved, with what the intent adds to it.
pub(super) struct Screened {
    approved: Approved<OrderRequest>,
    want: Want,
}

impl Engine {
    /// Puts an order before risk.
    pub(super) fn screen(&mut self, at: Timestamp, want: Want) -> Result<Screened, Rejection> {
        let request = OrderRequest {
            client_id: self.orders.next_id(want.leg),
            instrument: want.instrument,
            side: want.side,
            position_side: PositionSide::Both,
            kind: want.kind,
            amount: want.amount,
            reduce_only: want.reduce_only,
        };
        let facts = self.facts(at, want.instrument, want.leg);
        let approved = self.risk.screen(request, &facts)?;
        Ok(Screened { approved, want })
    }

    fn facts(&self, at: Timestamp, instrument: InstrumentId, leg: Leg) -> Facts {
        // What shrinks a position is not held against the limits on notional.
        let (symbol_notional, gross_notional, open_positions) = if leg == Leg::Entry {
            (self.symbol_notional(instrument), self.gross_notional(), self.open_positions())
        } else {
            (Usdt::ZERO, Usdt::ZERO, 0)
        };
        Facts {
            at,
            leg,
            position: self.position_of(instrument),
            reducing: self.reducing(at, instrument),
            mark: self.market.price(instrument),
            equity: self.portfolio.equity(),
            symbol_notional,
            gross_notional,
            open_positions,
            block: self.entry_block(at, instrument),
        }
    }

    /// What is held of an instrument, signed.
    pub(super) fn position_of(&self, instrument: InstrumentId) -> Qty {
        self.portfolio.position(instrument).map_or(Qty::ZERO, |row| row.qty)
    }

    /// What exits at work take from the position already. One that nobody knows of, and that another may follow, does
    /// not count: a second one cannot grow the position, and waiting could cost all of it.
    fn reducing(&self, at: Timestamp, instrument: InstrumentId) -> Qty {
        self.orders
            .open_of(instrument)
            .filter(|row| row.only_reduces() && !row.intent.request.kind.is_conditional())
            .filter(|row| !self.orders.exit_may_follow(row.intent.request.client_id, at))
            .filter_map(OrderRow::remaining)
            .sum()
    }

    /// Instruments with a position, or with an entry that may open one.
    fn open_positions(&self) -> usize {
        let entered = self.orders.open_entries().map(|row| row.intent.request.instrument);
        let fresh: BTreeSet<_> = entered.filter(|one| self.portfolio.position(*one).is_none()).collect();
        self.portfolio.open_count() + fresh.len()
    }

    /// Worst case of an instrument: what is held, and what is open, on its way or unknown.
    pub(super) fn symbol_notional(&self, instrument: InstrumentId) -> Usdt {
        self.worst_notional(instrument, &self.orders.exposure(instrument))
    }

    fn worst_notional(&self, instrument: InstrumentId, exposure: &Exposure) -> Usdt {
        let held = self.portfolio.notional(instrument);
        match self.market.price(instrument) {
            Some(price) => exposure.worst_notional(self.position_of(instrument), price).max(held),
            None => held + exposure.buy_notional.max(exposure.sell_notional),
        }
    }

    /// Worst case of all instruments together: what is held, and in place of it the worst case where orders could add to it.
    pub(super) fn gross_notional(&self) -> Usdt {
        let exposures = self.orders.exposures();
        let known = exposures.iter().filter(|(one, _)| self.knows(**one));
        let more = known.map(|(one, exposure)| self.worst_notional(*one, exposure) - self.portfolio.exposed_of(*one));
        let gross = self.portfolio.exposed() + more.sum();
        debug_assert_eq!(gross, self.sum_of_worst_notionals(), "the worst case is that of each instrument");
        gross
    }

    fn sum_of_worst_notionals(&self) -> Usdt {
        let exposures = self.orders.exposures();
        let worst = |one| self.worst_notional(one, &exposures.get(&one).copied().unwrap_or_default());
        let held: Usdt = self.portfolio.positions().map(|row| worst(row.instrument)).sum();
        let not_held = exposures.keys().filter(|one| self.knows(**one) && self.portfolio.position(**one).is_none());
        held + not_held.map(|one| worst(*one)).sum()
    }

    /// Writes the intent and sends the order. The only place that does.
    pub(super) fn commit(&mut self, at: Timestamp, screened: Screened, out: &mut Actions) -> ClientOrderId {
        let Screened { approved, want } = screened;
        let request = approved.into_inner();
        let client_id = request.client_id;
        let intent = OrderIntent {
            request: request.clone(),
            leg: want.leg,
            strategy: want.strategy,
            reason: want.reason,
            decided_at: at,
            reference_price: want.reference_price,
            plan: want.plan,
        };
        out.durable(|| Journal::Intent(Box::new(intent.clone())));
        self.orders.intend(intent, at);
        count(&mut self.totals);
        self.slot(want.instrument).moved_at = at;
        out.push(Action::Send(VenueRequest::Submit(request)));
        client_id
    }

    /// Asks the venue to end an order, unless it is asked already.
    pub(super) fn cancel(&mut self, at: Timestamp, client_id: ClientOrderId, out: &mut Actions) {
        if !self.orders.request_cancel(client_id, at) {
            return;
        }
        if let Some(row) = self.orders.get(client_id) {
            let instrument = row.intent.request.instrument;
            out.durable(|| Journal::Order(Box::new(row.clone())));
            out.push(Action::Send(VenueRequest::Cancel { client_id, instrument }));
        }
    }

    /// Follows up what is late: queries what is unknown, repeats cancels, gives up what certainly never arrived.
    pub(super) fn chase(&mut self, at: Timestamp, out: &mut Actions) {
        let later = |due: Option<Timestamp>| due.is_none_or(|due| due > at);
        if later(self.orders_are_due()) || later(self.find_orders_due()) {
            return;
        }
        for due in self.orders.due(at) {
            self.carry_out(at, due, out);
        }
        self.cancel_late_entries(at, out);
    }

    fn carry_out(&mut self, at: Timestamp, due: Due, out: &mut Actions) {
        match due {
            Due::Query { client_id, instrument } => {
                out.push(Action::Send(VenueRequest::QueryOrder { client_id, instrument }));
            }
            Due::RepeatCancel { client_id, instrument } => {
                out.push(Action::Send(VenueRequest::Cancel { client_id, instrument }));
            }
            Due::Changed(row) => self.note_row(at, row, out),
            // Strategies decide again with their next bar, protection in this step; an exit is looked at here.
            Due::Absent(row) => {
                let slot = self.slot(row.intent.request.instrument);
                if slot.closing.is_some() && row.intent.leg == Leg::Exit {
                    slot.exit_again = Some(at);
                }
                self.note_row(at, row, out);
            }
            Due::FetchFills { since } => out.push(Action::Send(VenueRequest::Fills { since })),
        }
    }

    /// An order's row changed: it is written, and what hangs on it is looked at in this step.
    pub(super) fn note_row(&mut self, at: Timestamp, row: Box<OrderRow>, out: &mut Actions) {
        self.note_change(at, row.intent.request.instrument);
        out.durable(|| Journal::Order(row));
    }

    /// The same without the row.
    pub(super) fn note_change(&mut self, at: Timestamp, instrument: InstrumentId) {
        let slot = self.slot(instrument);
        (slot.touched, slot.moved_at) = (true, at);
    }

    /// A limit entry that has rested for too long is cancelled.
    fn cancel_late_entries(&mut self, at: Timestamp, out: &mut Actions) {
        let late: Vec<_> = self.entry_timeouts().filter(|(until, _)| *until <= at).map(|(_, id)| id).collect();
        for client_id in late {
            self.cancel(at, client_id, out);
        }
    }

    fn entry_timeouts(&self) -> impl Iterator<Item = (Timestamp, ClientOrderId)> {
        self.orders
            .open_entries()
            .filter(|row| !row.cancel_pending)
            .filter(|row| matches!(row.intent.request.kind, OrderKind::Limit { .. }))
            .map(|row| (row.intent.decided_at + self.settings.entry_timeout, row.intent.request.client_id))
    }
}

fn count(totals: &mut Totals) {
    totals.orders += 1;
}
