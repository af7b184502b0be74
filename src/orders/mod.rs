//! What we asked and what came of it: the table of our orders, the merging of reports, what is late, and how it is held
//! against the venue's lists. [`protection`] plans the stops of a position, [`planner`] its exits.

#![deny(clippy::float_arithmetic)]

mod chase;
mod id;
mod order;
pub mod planner;
pub mod protection;
mod reconcile;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

pub use chase::Due;
pub use id::IdSource;
pub use order::Order;
pub use reconcile::Reconciled;
pub use settings::Settings;

use crate::protocol::{Fill, Knowledge, OrderIntent, OrderReport, OrderRow, ReportBody, Stage};
use crate::types::{ClientOrderId, InstrumentId, Instruments, Qty, Side, Timestamp, TradeId, Usdt};

/// Ended orders that are remembered for late fills. Venues report a fill within seconds; a thousand orders are
/// half an hour at the highest allowed rate.
const ENDED_KEPT: usize = 1_024;
/// Trade numbers that are remembered per instrument, so that a fill counts once however often it is told.
const TRADES_KEPT: usize = 4_096;

/// The table of our orders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Orders {
    settings: Settings,
    orders: BTreeMap<ClientOrderId, Order>,
    /// Orders that are not settled yet, by instrument: what is looked at at every step is only this.
    open: Vec<BTreeSet<ClientOrderId>>,
    ended: VecDeque<ClientOrderId>,
    trades: Vec<BTreeSet<TradeId>>,
    /// When the venue last listed open orders, and fills.
    listed_orders_at: Timestamp,
    listed_fills_at: Timestamp,
}

/// What became of a report.
#[derive(Debug, Default)]
pub struct Applied {
    /// The order's row, if it changed.
    pub row: Option<OrderRow>,
    /// A fill that had not been told before.
    pub fill: Option<Fill>,
    /// Something that the protocol's assumptions rule out.
    pub alarm: Option<Alarm>,
    /// The report is of an order that is not in the table.
    pub foreign: bool,
}

/// Something that the protocol's assumptions rule out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alarm {
    /// I7: a sign of life from an order that was declared never to have arrived.
    AbsentOrderLives(ClientOrderId),
    /// I6: more was filled than was ordered.
    Overfilled(ClientOrderId),
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alarm::AbsentOrderLives(id) => write!(f, "order {id} was given up as never arrived, and now it lives"),
            Alarm::Overfilled(id) => write!(f, "the venue filled more of order {id} than was ordered"),
        }
    }
}

/// What open orders could still add to a position, each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Quantity that could still be bought.
    pub buy: Qty,
    /// Quantity that could still be sold.
    pub sell: Qty,
    /// Its notional.
    pub buy_notional: Usdt,
    /// Its notional.
    pub sell_notional: Usdt,
}

impl Exposure {
    /// The worse of both ways.
    pub fn notional(&self) -> Usdt {
        self.buy_notional.max(self.sell_notional)
    }
}

impl Orders {
    /// An empty table.
    pub fn new(settings: Settings, instruments: &Instruments) -> Orders {
        Orders {
            settings,
            orders: BTreeMap::new(),
            open: vec![BTreeSet::new(); instruments.len()],
            ended: VecDeque::new(),
            trades: vec![BTreeSet::new(); instruments.len()],
            listed_orders_at: Timestamp::EPOCH,
            listed_fills_at: Timestamp::EPOCH,
        }
    }

    /// Takes over what the ledger kept. An order that had no answer then may have arrived: its fate is unknown.
    pub fn restore(&mut self, at: Timestamp, rows: &[OrderRow], trade_ids: &[(InstrumentId, TradeId)]) {
        let known = self.open.len();
        for row in rows.iter().filter(|row| row.intent.request.instrument.index() < known) {
            let mut order = Order::from_row(row.clone());
            if row.stage < Stage::Working || order.is_unknown() {
                order.row.stage = order.row.stage.max(Stage::Sent);
                order.row.knowledge = Knowledge::Unknown { since: row.updated_at };
                order.query_at = Some(at);
            }
            if order.row.cancel_pending {
                order.cancel_at = Some(at);
            }
            let id = row.intent.request.client_id;
            self.orders.insert(id, order);
            self.file(&id);
        }
        for (instrument, id) in trade_ids {
            self.is_new_trade(*instrument, *id);
        }
    }

    /// Enters an order that is about to be sent.
    ///
    /// # Panics
    /// I4: if its id was used before.
    pub fn intend(&mut self, intent: OrderIntent, at: Timestamp) {
        let id = intent.request.client_id;
        let mut order = Order::new(intent, at);
        order.query_at = Some(at + self.settings.unanswered);
        let before = self.orders.insert(id, order);
        assert!(before.is_none(), "I4: client order id {id} was used before");
        self.file(&id);
    }

    /// Takes in what is said of an order.
    pub fn apply(&mut self, at: Timestamp, report: &OrderReport) -> Applied {
        let new_trade = match &report.body {
            ReportBody::Filled(fill) => self.is_new_trade(fill.instrument, fill.trade_id),
            ReportBody::Sent
            | ReportBody::NotSent { .. }
            | ReportBody::Accepted
            | ReportBody::Rejected { .. }
            | ReportBody::Triggered
            | ReportBody::Ended { .. }
            | ReportBody::Status { .. }
            | ReportBody::NotFound { .. }
            | ReportBody::Unanswered { .. }
            | ReportBody::CancelAnswered(_) => true,
        };
        let Some(order) = self.orders.get_mut(&report.client_id) else {
            let fill = match &report.body {
                ReportBody::Filled(fill) if new_trade => Some(*fill),
                _ => None,
            };
            return Applied { fill, foreign: true, ..Applied::default() };
        };
        if !new_trade {
            return Applied::default();
        }
        let merged = order.merge(at, report);
        let row = merged.changed.then(|| order.row.clone());
        let alarm = if merged.revived {
            Some(Alarm::AbsentOrderLives(report.client_id))
        } else if merged.overfilled && merged.fill.is_some() {
            Some(Alarm::Overfilled(report.client_id))
        } else {
            None
        };
        self.file(&report.client_id);
        Applied { row, fill: merged.fill, alarm, foreign: false }
    }

    /// Marks an order as being cancelled. Is a cancel to be sent?
    pub fn request_cancel(&mut self, id: &ClientOrderId, at: Timestamp) -> bool {
        let again = at + self.settings.unanswered;
        let Some(order) = self.orders.get_mut(id).filter(|order| order.is_open() && !order.row.cancel_pending) else {
            return false;
        };
        order.row.cancel_pending = true;
        order.row.updated_at = at;
        order.cancel_at = Some(again);
        true
    }

    /// The order with this id.
    pub fn get(&self, id: &ClientOrderId) -> Option<&Order> {
        self.orders.get(id)
    }

    /// Every order that is not settled.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.open.iter().flatten().filter_map(|id| self.orders.get(id))
    }

    /// The orders of an instrument that have not ended.
    pub fn open_of(&self, instrument: InstrumentId) -> impl Iterator<Item = &Order> {
        let ids = self.open.get(instrument.index()).into_iter().flatten();
        ids.filter_map(|id| self.orders.get(id)).filter(|order| order.is_open())
    }

    /// Is the fate of any order of the instrument unknown?
    pub fn is_unknown(&self, instrument: InstrumentId) -> bool {
        self.open_of(instrument).any(Order::is_unknown)
    }

    /// Is anything of the instrument without an answer?
    pub fn is_in_flight(&self, instrument: InstrumentId) -> bool {
        let ids = self.open.get(instrument.index()).into_iter().flatten();
        ids.filter_map(|id| self.orders.get(id)).any(Order::is_in_flight)
    }

    /// How many orders are without an answer to the last thing asked of them.
    pub fn in_flight(&self) -> usize {
        self.iter().filter(|order| order.is_in_flight()).count()
    }

    /// How many orders the venue has never answered, and since when the oldest waits.
    pub fn unanswered(&self) -> Option<(usize, Timestamp)> {
        let waiting = self.iter().filter(|order| order.row.stage < Stage::Working);
        let (count, oldest) = waiting
            .fold((0, Timestamp::MAX), |(count, oldest), order| (count + 1, oldest.min(order.row.intent.decided_at)));
        (count > 0).then_some((count, oldest))
    }

    /// What open, sent and unknown orders could still add to a position. I8: an unknown order counts in full,
    /// since it is open, filled, or nothing.
    pub fn exposure(&self, instrument: InstrumentId) -> Exposure {
        let growing = self.open_of(instrument).filter(|order| !order.row.intent.request.reduce_only);
        growing.fold(Exposure::default(), |mut sum, order| {
            let qty = order.remaining();
            let notional = order.exposure_price().notional(qty);
            match order.row.intent.request.side {
                Side::Buy => {
                    sum.buy += qty;
                    sum.buy_notional += notional;
                }
                Side::Sell => {
                    sum.sell += qty;
                    sum.sell_notional += notional;
                }
            }
            sum
        })
    }

    /// Is this the first time that the trade is told of?
    fn is_new_trade(&mut self, instrument: InstrumentId, id: TradeId) -> bool {
        let Some(known) = self.trades.get_mut(instrument.index()) else { return false };
        let new = known.insert(id);
        if known.len() > TRADES_KEPT {
            known.pop_first();
        }
        new
    }

    /// Keeps the index of unsettled orders, and forgets the oldest ended ones.
    fn file(&mut self, id: &ClientOrderId) {
        let Some(order) = self.orders.get(id) else { return };
        let index = order.row.intent.request.instrument.index();
        if order.is_open() || order.is_in_flight() {
            self.open[index].insert(*id);
            return;
        }
        if self.open[index].remove(id) || !self.ended.contains(id) {
            self.ended.push_back(*id);
        }
        while self.ended.len() > ENDED_KEPT {
            if let Some(oldest) = self.ended.pop_front()
                && self.orders.get(&oldest).is_some_and(|order| !order.is_open() && !order.is_in_flight())
            {
                self.orders.remove(&oldest);
            }
        }
    }
}
