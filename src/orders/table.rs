//! The table of our orders: what is intended, what is said of it, and what is asked of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exposure::Exposure;
use super::fills::FillsPoll;
use super::id::IdSource;
use super::line::Line;
use super::order::{Cancel, Order};
use super::planner::{Change, plan_exit};
use super::protection::Protective;
use super::settings::Settings;
use super::shelves::Shelves;
use super::trades::Trades;
use crate::protocol::{Amount, Knowledge, OrderIntent, OrderRow};
use crate::types::{ClientOrderId, IdScope, InstrumentId, Leg, Qty, Span, Timestamp, TradeId};

/// With this many exits of one instrument in doubt, while the venue is not answering at all, one more would only be
/// one more to ask after.
const DOUBTFUL_EXITS_IN_SILENCE: usize = 5;
/// And with this many whatever it answers: those at least were asked for in vain.
const DOUBTFUL_EXITS: usize = 10;

/// Our orders: those at work, and those that ended lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    pub(super) settings: Settings,
    pub(super) ids: IdSource,
    /// How far off the venue's clock may be.
    pub(super) clock_bound: Span,
    pub(super) orders: Shelves,
    pub(super) trades: Trades,
    pub(super) fills_poll: FillsPoll,
    /// Whether the venue answers.
    pub(super) lines: BTreeMap<InstrumentId, Line>,
    /// When the venue's list of open orders last came.
    pub(super) listed_at: Option<Timestamp>,
}

impl Orders {
    /// An empty table; its ids are of this scope.
    pub fn new(settings: Settings, scope: IdScope) -> Orders {
        Orders {
            clock_bound: settings.clock_bound,
            settings,
            ids: IdSource::new(scope),
            orders: Shelves::default(),
            trades: Trades::default(),
            fills_poll: FillsPoll::default(),
            lines: BTreeMap::new(),
            listed_at: None,
        }
    }

    /// Takes in what the ledger knows, at the start of epoch `epoch`. Orders that had no answer are in doubt, and
    /// [`Orders::due`] asks after them at once.
    pub fn restore(&mut self, epoch: u32, rows: &[OrderRow], trade_ids: &[(InstrumentId, TradeId)], at: Timestamp) {
        self.ids = IdSource::new(IdScope { epoch, ..*self.ids.scope() });
        for (instrument, id) in trade_ids {
            self.trades.count(*instrument, *id);
        }
        for row in rows {
            let id = row.intent.request.client_id;
            self.ids.skip_past(id);
            self.orders.insert(id, Order::restored(row, at));
            self.orders.file(id);
        }
        self.orders.sort_endings();
        self.orders.forget(at);
    }

    /// The venue's clock was measured: it may be off by this much.
    pub fn clock_measured(&mut self, uncertainty: Span) {
        self.clock_bound = uncertainty;
    }

    /// What the table, and the plans for protection, go by.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The scope and the sequence that new ids come from.
    pub fn ids(&self) -> &IdSource {
        &self.ids
    }

    /// The id of a new intent.
    pub fn next_id(&mut self, leg: Leg) -> ClientOrderId {
        self.ids.next(leg)
    }

    /// Takes up a decision to send an order. Its id is one of [`Orders::next_id`] or [`IdSource::retry`].
    ///
    /// # Panics
    /// If the id was used before (I3, I4), the quantity is not positive, or a plain order has none: our own
    /// contradictions, which must not reach a venue.
    pub fn intend(&mut self, intent: OrderIntent, at: Timestamp) {
        let request = &intent.request;
        let id = request.client_id;
        match request.amount {
            Amount::Qty(quantity) => assert!(quantity.is_positive(), "order {id} is for a positive quantity"),
            Amount::ClosePosition => {
                assert!(request.kind.is_conditional(), "order {id} closes a position once a trigger is crossed");
            }
        }
        let before = self.orders.insert(id, Order::new(intent, at));
        assert!(before.is_none(), "I3, I4: order id {id} is used once");
    }

    /// Notes that a cancel is about to be sent. False if there is nothing to cancel, or a cancel is under way.
    pub fn request_cancel(&mut self, id: ClientOrderId, at: Timestamp) -> bool {
        let first_wait = self.settings.unanswered;
        let Some(order) = self.orders.get_mut(id).filter(|order| !order.is_done() && order.cancel.is_none()) else {
            return false;
        };
        order.cancel = Some(Cancel { next_at: Some(at + first_wait), asked: 1, accepted: false });
        order.refresh(at);
        self.orders.file(id);
        true
    }

    /// Was this trade counted before?
    pub fn has_counted(&self, instrument: InstrumentId, id: TradeId) -> bool {
        self.trades.has_counted(instrument, id)
    }

    /// An order's row.
    pub fn get(&self, id: ClientOrderId) -> Option<&OrderRow> {
        self.orders.get(id).map(|order| &order.row)
    }

    /// Every order in the table, ended ones included, by id.
    pub fn iter(&self) -> impl Iterator<Item = &OrderRow> {
        self.orders.iter().map(|order| &order.row)
    }

    /// Every order that has not ended, by id.
    pub fn open(&self) -> impl Iterator<Item = &OrderRow> {
        self.live().filter(|order| !order.is_done()).map(|order| &order.row)
    }

    /// Every order on an instrument that has not ended, by id.
    pub fn open_of(&self, instrument: InstrumentId) -> impl Iterator<Item = &OrderRow> {
        self.orders.live_of(instrument).filter(|order| !order.is_done()).map(|order| &order.row)
    }

    /// Is any order on the instrument in doubt, or a fill of one missing? Then it takes no new exposure.
    pub fn is_unknown(&self, instrument: InstrumentId) -> bool {
        self.orders.live_of(instrument).any(|order| order.is_in_doubt() || order.awaits_fills_since().is_some())
    }

    /// How many orders the venue has not answered, and since when the oldest of them waits.
    pub fn unanswered(&self) -> Option<(usize, Timestamp)> {
        let since = |order: &Order| match order.row.knowledge {
            Knowledge::Unknown { .. } if order.is_done() => None,
            Knowledge::Unknown { since } => Some(since.min(order.evidence.sent_at.unwrap_or(since))),
            Knowledge::Known if order.is_unanswered() => Some(order.row.intent.decided_at),
            Knowledge::Known => None,
        };
        let (count, oldest) = self
            .live()
            .filter_map(since)
            .fold((0, Timestamp::MAX), |(count, oldest), since| (count + 1, oldest.min(since)));
        (count > 0).then_some((count, oldest))
    }

    /// How many orders wait for something: an answer, the end of a doubt, the outcome of a cancel, a fill.
    pub fn in_flight(&self) -> usize {
        self.live()
            .filter(|order| {
                order.is_unanswered()
                    || order.is_in_doubt()
                    || order.row.cancel_pending
                    || order.awaits_fills_since().is_some()
            })
            .count()
    }

    /// What the open orders on an instrument could still add to the position, at worst.
    pub fn exposure(&self, instrument: InstrumentId) -> Exposure {
        let mut exposure = Exposure::default();
        for order in self.orders.live_of(instrument) {
            exposure.add(&order.row, order.missing_fills());
        }
        exposure
    }

    /// The same of every instrument with orders that could add to a position.
    pub fn exposures(&self) -> BTreeMap<InstrumentId, Exposure> {
        let mut exposures: BTreeMap<_, Exposure> = BTreeMap::new();
        for order in self.orders.growing().filter(|order| !order.row.only_reduces()) {
            exposures.entry(order.row.intent.request.instrument).or_default().add(&order.row, order.missing_fills());
        }
        exposures
    }

    /// Entries that have not ended, by id.
    pub fn open_entries(&self) -> impl Iterator<Item = &OrderRow> {
        self.orders.entries().filter(|order| !order.is_done()).map(|order| &order.row)
    }

    /// The stops and take profits at work on an instrument, by id.
    pub fn protective(&self, instrument: InstrumentId, at: Timestamp) -> Vec<Protective> {
        self.orders
            .live_of(instrument)
            .filter_map(|order| Protective::of(order, self.failed_query(order, at)))
            .collect()
    }

    /// May a new reduce-only intent follow this one, which was never answered? Yes once a question about it has
    /// failed: a duplicate cannot add exposure, and a position must not wait for the full protocol.
    pub fn exit_may_follow(&self, id: ClientOrderId, at: Timestamp) -> bool {
        self.orders.get(id).is_some_and(|order| order.row.only_reduces() && self.failed_query(order, at))
    }

    /// What an exit at the market should be for, so that the instrument becomes flat: the part of the position
    /// that exits on their way do not close already. None as well while too many of them are in doubt.
    pub fn plan_exit(&self, instrument: InstrumentId, position: Qty, at: Timestamp) -> Option<Change> {
        let exits = || self.orders.live_of(instrument).filter(|order| order.is_exit_on(instrument));
        let most = if self.is_silent(instrument) { DOUBTFUL_EXITS_IN_SILENCE } else { DOUBTFUL_EXITS };
        if exits().filter(|order| order.is_in_doubt()).count() >= most {
            return None;
        }
        let counted = exits().filter(|order| !self.failed_query(order, at));
        plan_exit(position, counted.map(Order::still_trades))
    }

    /// Open entries that an earlier epoch left behind: the market that they were meant for is gone.
    pub fn left_over(&self) -> impl Iterator<Item = &OrderRow> {
        let epoch = self.ids.scope().epoch;
        let of_now = move |id: ClientOrderId| id.parts().is_none_or(|parts| parts.scope.epoch >= epoch);
        self.open_entries().filter(move |row| !of_now(row.intent.request.client_id))
    }

    fn failed_query(&self, order: &Order, at: Timestamp) -> bool {
        order.inquiry.as_ref().is_some_and(|inquiry| {
            inquiry.failed || inquiry.first_at.is_some_and(|asked| at >= asked + self.settings.answer_deadline)
        })
    }

    pub(super) fn live(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.orders.live()
    }
}
