//! Our table held against the venue's lists.

use std::collections::BTreeSet;

use super::{Order, Orders};
use crate::protocol::{
    Fill, Knowledge, OrderIntent, OrderKind, OrderReport, OrderRow, OrderSnapshot, ReportBody, Stage,
};
use crate::types::{ClientOrderId, IdScope, Price, Span, Timestamp, Usdt};

/// What the comparison with the venue's open orders showed.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// Rows that are new or changed.
    pub changed: Vec<OrderRow>,
    /// Open orders that are not ours.
    pub foreign: Vec<ClientOrderId>,
    /// I18: another instance of this daemon trades on the account.
    pub other_instance: bool,
}

impl Orders {
    /// Takes in the venue's list of open orders. One of ours that is missing there is asked about, unless it moved
    /// within `settle`; one of ours that is missing here is adopted.
    pub fn reconcile_open_orders(
        &mut self,
        at: Timestamp,
        scope: &IdScope,
        listed: &[OrderSnapshot],
        settle: Span,
    ) -> Reconciled {
        self.listed_orders_at = at;
        let mut found = Reconciled::default();
        let mut seen = BTreeSet::new();
        let known = self.open.len();
        for snapshot in listed.iter().filter(|one| one.request.instrument.index() < known) {
            let id = snapshot.request.client_id;
            seen.insert(id);
            match id.parts() {
                _ if self.orders.contains_key(&id) => self.confirm(at, snapshot, &mut found),
                Some(parts) if parts.scope.account == scope.account && parts.scope.instance == scope.instance => {
                    self.adopt(at, snapshot, &mut found);
                }
                Some(parts) if parts.scope.account == scope.account => {
                    found.other_instance = true;
                    found.foreign.push(id);
                }
                Some(_) | None => found.foreign.push(id),
            }
        }
        self.question_missing(at, &seen, settle, &mut found);
        found
    }

    fn confirm(&mut self, at: Timestamp, snapshot: &OrderSnapshot, found: &mut Reconciled) {
        let Some(order) = self.orders.get_mut(&snapshot.request.client_id).filter(|order| order.is_open()) else {
            return;
        };
        let report = OrderReport {
            client_id: snapshot.request.client_id,
            instrument: snapshot.request.instrument,
            venue_order_id: Some(snapshot.venue_order_id),
            venue_time: snapshot.created_at,
            body: ReportBody::Status { stage: Stage::Working, filled: snapshot.filled },
        };
        if order.merge(at, &report).changed {
            found.changed.push(order.row.clone());
        }
        self.file(&snapshot.request.client_id);
    }

    fn adopt(&mut self, at: Timestamp, snapshot: &OrderSnapshot, found: &mut Reconciled) {
        let Some(parts) = snapshot.request.client_id.parts() else { return };
        let reference_price = match snapshot.request.kind {
            OrderKind::Limit { price, .. } => price,
            OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => trigger,
            OrderKind::Market => Price::ZERO,
        };
        let row = OrderRow {
            intent: OrderIntent {
                request: snapshot.request.clone(),
                leg: parts.leg,
                strategy: "adopted".to_owned(),
                reason: "found at the venue".to_owned(),
                decided_at: snapshot.created_at,
                reference_price,
                plan: None,
            },
            venue_order_id: Some(snapshot.venue_order_id),
            stage: Stage::Working,
            knowledge: Knowledge::Known,
            cancel_pending: false,
            filled: crate::types::Qty::ZERO,
            filled_notional: Usdt::ZERO,
            reject: None,
            updated_at: at,
        };
        let mut order = Order::from_row(row.clone());
        order.told_filled = snapshot.filled;
        self.orders.insert(snapshot.request.client_id, order);
        self.file(&snapshot.request.client_id);
        found.changed.push(row);
    }

    fn question_missing(
        &mut self,
        at: Timestamp,
        seen: &BTreeSet<ClientOrderId>,
        settle: Span,
        found: &mut Reconciled,
    ) {
        let missing: Vec<ClientOrderId> = self
            .iter()
            .filter(|order| order.row.stage == Stage::Working && !order.is_unknown())
            .filter(|order| at.since(order.row.updated_at) >= settle)
            .map(|order| order.row.intent.request.client_id)
            .filter(|id| !seen.contains(id))
            .collect();
        for id in missing {
            if let Some(order) = self.orders.get_mut(&id) {
                order.question(at);
                found.changed.push(order.row.clone());
            }
        }
    }

    /// Takes in the venue's list of fills; gives back the reports of those that are new, to be applied in order.
    pub fn reconcile_fills(&mut self, at: Timestamp, fills: &[Fill]) -> Vec<OrderReport> {
        self.listed_fills_at = at;
        let new = fills.iter().filter(|fill| {
            self.trades.get(fill.instrument.index()).is_some_and(|known| !known.contains(&fill.trade_id))
        });
        new.map(|fill| OrderReport {
            client_id: fill.client_id,
            instrument: fill.instrument,
            venue_order_id: None,
            venue_time: fill.at,
            body: ReportBody::Filled(*fill),
        })
        .collect()
    }
}
