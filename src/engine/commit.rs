//! Steps five and six: risk screens what was planned, and what it approves gets its id, its durable intent and
//! its place among what is sent. Nothing changes an order after risk has approved it.

use super::{Engine, Totals};
use crate::orders::Due;
use crate::protocol::{Action, Amount, Journal, OrderIntent, OrderKind, OrderRequest, ProtectionPlan, VenueRequest};
use crate::risk::{Approved, Facts, Rejection};
use crate::types::{ClientOrderId, InstrumentId, Leg, PositionSide, Price, Qty, Side, Timestamp, Usdt};

/// An order that somebody below wants, before risk has seen it.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub instrument: InstrumentId,
    pub side: Side,
    pub kind: OrderKind,
    pub amount: Amount,
    pub reduce_only: bool,
    pub leg: Leg,
    pub strategy: String,
    pub reason: String,
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
            client_id: self.ids.next(want.leg),
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
        let entries = self.orders.iter().filter(|order| order.is_open() && order.row().intent.leg == Leg::Entry);
        let exits = self.orders.open_of(instrument).filter(|order| order.row().intent.leg == Leg::Exit);
        let covered = exits.filter(|order| !order.is_unknown()).map(|order| order.remaining()).sum();
        Facts {
            at,
            leg,
            position: self.portfolio.position(instrument).map_or(Qty::ZERO, |row| row.qty),
            reducing: covered,
            mark: self.market.price(instrument),
            equity: self.portfolio.equity(),
            symbol_notional: self.symbol_notional(instrument),
            gross_notional: self.gross_notional(),
            open_positions: self.portfolio.positions().count() + entries.count(),
            block: self.entry_block(at, instrument),
        }
    }

    /// Worst case of an instrument: what is held, and what is open, on its way or unknown.
    pub(super) fn symbol_notional(&self, instrument: InstrumentId) -> Usdt {
        self.portfolio.notional(instrument) + self.orders.exposure(instrument).notional()
    }

    /// Worst case of all instruments together.
    pub(super) fn gross_notional(&self) -> Usdt {
        self.instruments.ids().map(|one| self.symbol_notional(one)).sum()
    }

    /// Writes the intent and sends the order. The only place that does.
    pub(super) fn commit(&mut self, at: Timestamp, screened: Screened, out: &mut Vec<Action>) -> ClientOrderId {
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
        self.orders.intend(intent.clone(), at);
        count(&mut self.totals);
        self.slot(want.instrument).moved_at = at;
        out.push(Action::Journal(Box::new(Journal::Intent(intent))));
        out.push(Action::Send(VenueRequest::Submit(request)));
        client_id
    }

    /// Asks the venue to end an order.
    pub(super) fn cancel(&mut self, at: Timestamp, client_id: ClientOrderId, out: &mut Vec<Action>) {
        let Some(instrument) = self.orders.get(&client_id).map(|order| order.row().intent.request.instrument) else {
            return;
        };
        if self.orders.request_cancel(&client_id, at) {
            out.push(Action::Send(VenueRequest::Cancel { client_id, instrument }));
        }
    }

    /// Follows up what is late: queries what is unknown, repeats cancels, gives up what certainly never arrived.
    pub(super) fn chase(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        if self.orders.next_deadline().is_none_or(|due| due > at) {
            return;
        }
        for due in self.orders.due(at) {
            match due {
                Due::Query { client_id, instrument } => {
                    self.slot(instrument).touched = true;
                    out.push(Action::Send(VenueRequest::QueryOrder { client_id, instrument }));
                }
                Due::RepeatCancel { client_id, instrument } => {
                    out.push(Action::Send(VenueRequest::Cancel { client_id, instrument }));
                }
                Due::Changed(row) => {
                    self.slot(row.intent.request.instrument).touched = true;
                    out.push(Action::Journal(Box::new(Journal::Order(row))));
                }
                Due::FetchFills { since } => out.push(Action::Send(VenueRequest::Fills { since })),
            }
        }
        self.cancel_late_entries(at, out);
    }

    /// A limit entry that has rested for too long is cancelled.
    fn cancel_late_entries(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        let limit = self.settings.entry_timeout;
        let late: Vec<_> = self
            .orders
            .iter()
            .filter(|order| order.is_open() && order.row().intent.leg == Leg::Entry)
            .map(|order| &order.row().intent)
            .filter(|intent| matches!(intent.request.kind, OrderKind::Limit { .. }) && intent.decided_at + limit <= at)
            .map(|intent| intent.request.client_id)
            .collect();
        for client_id in late {
            self.cancel(at, client_id, out);
        }
    }
}

fn count(totals: &mut Totals) {
    totals.orders += 1;
}
