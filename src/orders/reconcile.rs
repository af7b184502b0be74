//! Holding our table against the venue's lists. A list is a picture of a moment that has passed: what moved
//! lately is left for the next, and an order that is missing from it is asked after, never given up.

use super::alarm::Alarm;
use super::apply::Applied;
use super::id::Origin;
use super::order::Order;
use super::table::Orders;
use crate::protocol::{Fill, OrderIntent, OrderKind, OrderReport, OrderRow, OrderSnapshot, ReportBody, Stage};
use crate::types::{ClientOrderId, Leg, Price, Timestamp};

/// On whose behalf an adopted order is kept.
const ADOPTED_BY: &str = "engine";

/// What the venue's list of open orders says about our table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Rows that changed: to be journalled.
    pub changed: Vec<OrderRow>,
    /// Orders with our prefix that the ledger lacked. They are in the table now; their rows are to be journalled.
    pub adopt: Vec<OrderRow>,
    /// Orders of somebody else, for the policy on foreign orders; [`Orders::adopt`] takes one in.
    pub foreign: Vec<OrderSnapshot>,
    /// Orders at work that the list lacks. They are in doubt now and are asked after.
    pub missing: Vec<ClientOrderId>,
    /// Orders that both sides hold to be open.
    pub confirmed: Vec<ClientOrderId>,
    /// What must not be.
    pub alarms: Vec<Alarm>,
}

impl Orders {
    /// Compares the table with the venue's list of all open orders, conditional ones included.
    pub fn reconcile_open_orders(&mut self, at: Timestamp, listed: &[OrderSnapshot]) -> Reconciled {
        let mut found = Reconciled::default();
        for snapshot in listed {
            if self.orders.get(snapshot.request.client_id).is_some() {
                self.confirm(at, snapshot, &mut found);
            } else {
                self.meet(at, snapshot, &mut found);
            }
        }
        self.doubt_missing(at, listed, &mut found);
        self.listed_at = self.listed_at.max(Some(at));
        self.orders.forget(at);
        found
    }

    /// Takes somebody else's order into the table, as the policy `adopt` wants it. Its row is to be journalled.
    pub fn adopt(&mut self, at: Timestamp, snapshot: &OrderSnapshot) -> OrderRow {
        let request = snapshot.request.clone();
        let id = request.client_id;
        let leg = id.parts().map_or_else(|| leg_of(snapshot), |parts| parts.leg);
        let intent = OrderIntent {
            leg,
            strategy: ADOPTED_BY.into(),
            reason: "found open at the venue".into(),
            decided_at: snapshot.created_at,
            reference_price: price_of(&request.kind),
            plan: None,
            request,
        };
        if self.orders.get(id).is_none() {
            self.orders.insert(id, Order::new(intent, at));
        }
        let order = self.orders.get_mut(id).expect("it was put there");
        order.evidence.sent(snapshot.created_at);
        order.evidence.alive(at);
        order.evidence.told(snapshot.filled, at);
        order.evidence.numbered(Some(snapshot.venue_order_id));
        order.refresh(at);
        let row = order.row.clone();
        self.ids.skip_past(id);
        self.orders.file(id);
        row
    }

    /// Asks for the fills since then at the next [`Orders::due`]: at the start, from the last one known, and
    /// after each reconnect of the stream of our own events.
    pub fn want_fills(&mut self, since: Timestamp) {
        self.fills_poll.want(since);
    }

    /// Is a list of fills still to be asked for, or on its way?
    pub fn awaits_fills(&self) -> bool {
        self.fills_poll.is_open()
    }

    /// Takes in the answer to [`super::Due::FetchFills`]. Each entry is a fill that had not been counted, a
    /// changed row, or an alarm.
    pub fn reconcile_fills(&mut self, at: Timestamp, fills: &[Fill]) -> Vec<Applied> {
        let mut applied = Vec::new();
        for fill in fills {
            let report = OrderReport {
                client_id: fill.client_id,
                instrument: fill.instrument,
                venue_order_id: None,
                venue_time: fill.at,
                body: ReportBody::Filled(*fill),
            };
            let one = self.apply(at, &report);
            if one.fill.is_some() || one.row.is_some() || one.alarm.is_some() || one.back.is_some() {
                applied.push(one);
            }
        }
        self.fills_poll.answered(at);
        applied.extend(self.write_off_missing_fills(at));
        applied
    }

    /// The poll for fills failed: it is put again after a pause.
    pub fn fills_poll_failed(&mut self, at: Timestamp) {
        self.fills_poll.failed(at, &self.settings);
    }

    fn confirm(&mut self, at: Timestamp, snapshot: &OrderSnapshot, found: &mut Reconciled) {
        let id = snapshot.request.client_id;
        let Some(order) = self.orders.get_mut(id) else { return };
        let before = order.row.stage;
        order.evidence.numbered(Some(snapshot.venue_order_id));
        order.evidence.told(snapshot.filled, at);
        order.evidence.alive(at);
        // A list may be old enough to show an order from before its end.
        let oldest = self.settings.lag_allowance + self.settings.answer_deadline;
        let lately = order.ended_at.is_none_or(|ended| at.since(ended) <= oldest);
        if order.refresh(at) {
            found.changed.push(order.row.clone());
        }
        found.alarms.extend(order.alarm_after(before, None));
        match order.row.stage {
            Stage::Done(_) if lately => {}
            Stage::Done(ended) => {
                let instrument = snapshot.request.instrument;
                found.alarms.push(Alarm::StillListed { client_id: id, instrument, ended });
            }
            Stage::Intended | Stage::Sent | Stage::Working => found.confirmed.push(id),
        }
        self.orders.file(id);
    }

    fn meet(&mut self, at: Timestamp, snapshot: &OrderSnapshot, found: &mut Reconciled) {
        let id = snapshot.request.client_id;
        found.alarms.extend(self.stranger(id, snapshot.request.instrument));
        match self.ids.origin(id) {
            Origin::Ours(_) => found.adopt.push(self.adopt(at, snapshot)),
            Origin::Flatten | Origin::OtherInstance { .. } | Origin::Foreign => found.foreign.push(snapshot.clone()),
        }
    }

    fn doubt_missing(&mut self, at: Timestamp, listed: &[OrderSnapshot], found: &mut Reconciled) {
        let is_listed = |id| listed.iter().any(|snapshot| snapshot.request.client_id == id);
        let quiet = self.settings.answer_deadline;
        for order in self.orders.live_mut() {
            let id = order.row.intent.request.client_id;
            let moved_at = order.row.updated_at.max(order.evidence.alive_at.unwrap_or(order.row.updated_at));
            let settled = order.row.stage == Stage::Working && !order.is_in_doubt() && at.since(moved_at) > quiet;
            if !settled || is_listed(id) {
                continue;
            }
            order.evidence.doubt(at);
            if order.refresh(at) {
                found.changed.push(order.row.clone());
            }
            found.missing.push(id);
        }
        for id in &found.missing {
            self.orders.file(*id);
        }
    }

    /// Gives up fills whose absence from the venue's list is no matter of lag any more.
    fn write_off_missing_fills(&mut self, at: Timestamp) -> Vec<Applied> {
        let wait = self.settings.lag_allowance + self.settings.answer_deadline;
        let mut given_up = Vec::new();
        let restless: Vec<_> = self.orders.restless().map(|order| order.row.intent.request.client_id).collect();
        for id in restless {
            let Some(order) = self.orders.get_mut(id) else { continue };
            let Some(since) = order.awaits_fills_since() else { continue };
            if !self.fills_poll.covers(order.row.intent.decided_at, since + wait) {
                continue;
            }
            let (told, filled) = (order.evidence.told_filled, order.evidence.filled);
            let instrument = order.row.intent.request.instrument;
            let alarm = (told > filled).then_some(Alarm::FillsMissing { client_id: id, instrument, told, filled });
            (order.written_off, order.unsettled) = (order.written_off.max(told), None);
            let changed = order.refresh(at).then_some(instrument);
            let row = changed.map(|_| Box::new(order.row.clone()));
            given_up.push(Applied { changed, row, alarm, ..Applied::default() });
            self.orders.file(id);
        }
        given_up
    }
}

fn leg_of(snapshot: &OrderSnapshot) -> Leg {
    match snapshot.request.kind {
        OrderKind::Stop { .. } => Leg::Stop,
        OrderKind::TakeProfit { .. } => Leg::TakeProfit,
        OrderKind::Market | OrderKind::Limit { .. } if snapshot.request.reduce_only => Leg::Exit,
        OrderKind::Market | OrderKind::Limit { .. } => Leg::Entry,
    }
}

fn price_of(kind: &OrderKind) -> Price {
    match *kind {
        OrderKind::Market => Price::ZERO,
        OrderKind::Limit { price, .. } => price,
        OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => trigger,
    }
}
