//! Where orders are kept: those of which something is still expected apart from those that ended lately. The first are few
//! and looked at in every step; the others are thousands, and only a late word asks for one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::order::Order;
use super::soonest::Soonest;
use crate::types::{ClientOrderId, IdMap, InstrumentId, Leg, Span, Timestamp};

/// Ended orders stay this long, so that a late fill or a late answer finds its order. Venues keep an order that
/// never traded for about as long.
pub const ENDED_KEPT_FOR: Span = Span::DAY;
/// And no more of them than this, oldest first: twice a day's limit of orders with their exits.
pub const ENDED_KEPT: usize = 4_096;

/// Orders by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shelves {
    live: BTreeMap<ClientOrderId, Box<Order>>,
    ended: IdMap<Box<Order>>,
    /// The live ones of each instrument, by id.
    places: BTreeMap<InstrumentId, BTreeSet<ClientOrderId>>,
    /// The live ones that time may change something about: one that the venue has answered, and that nothing is asked
    /// about, is not among them.
    restless: BTreeSet<ClientOrderId>,
    /// The live ones that are entries, or that could add to a position for another reason.
    entries: BTreeSet<ClientOrderId>,
    /// The ended ones in the order in which they ended. An order that came back to life is still named here.
    endings: VecDeque<(Timestamp, ClientOrderId)>,
    #[serde(skip)]
    soonest: Soonest,
}

impl Shelves {
    pub(super) fn get(&self, id: ClientOrderId) -> Option<&Order> {
        self.live.get(&id).or_else(|| self.ended.get(&id)).map(Box::as_ref)
    }

    /// An order, to be changed; [`Shelves::file`] is to follow.
    pub(super) fn get_mut(&mut self, id: ClientOrderId) -> Option<&mut Order> {
        self.live.get_mut(&id).or_else(|| self.ended.get_mut(&id)).map(Box::as_mut)
    }

    /// Puts a new order among the live ones. Gives back the one whose id it has, if there is one.
    pub(super) fn insert(&mut self, id: ClientOrderId, order: Order) -> Option<Box<Order>> {
        let before = self.ended.remove(&id);
        self.enlist(id, &order);
        self.live.insert(id, Box::new(order)).or(before)
    }

    /// Those of which something is still expected, by id.
    pub(super) fn live(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.live.values().map(Box::as_ref)
    }

    /// The same, to be changed.
    pub(super) fn live_mut(&mut self) -> impl Iterator<Item = &mut Order> {
        self.live.values_mut().map(Box::as_mut)
    }

    /// Those of one instrument, by id.
    pub(super) fn live_of(&self, instrument: InstrumentId) -> impl DoubleEndedIterator<Item = &Order> {
        let ids = self.places.get(&instrument).into_iter().flatten();
        ids.filter_map(|id| self.live.get(id)).map(Box::as_ref)
    }

    /// Those that time may change something about, by id.
    pub(super) fn restless(&self) -> impl Iterator<Item = &Order> {
        self.restless.iter().filter_map(|id| self.live.get(id)).map(Box::as_ref)
    }

    /// Live entries, by id.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Order> {
        self.growing().filter(|order| order.row.intent.leg == Leg::Entry)
    }

    /// Live ones that are entries, or that could add to a position for another reason, by id.
    pub(super) fn growing(&self) -> impl Iterator<Item = &Order> {
        self.entries.iter().filter_map(|id| self.live.get(id)).map(Box::as_ref)
    }

    /// All, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Order> {
        let ended = self.ended.sorted();
        let mut all: Vec<_> = self.live.iter().map(|(id, order)| (*id, order)).chain(ended).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all.into_iter().map(|(_, order)| order.as_ref())
    }

    /// Puts an order on the shelf where it belongs now.
    pub(super) fn file(&mut self, id: ClientOrderId) {
        if let Some(order) = self.live.get(&id) {
            let ended_at = order.ended_at.filter(|_| order.is_over());
            let restless = order.is_restless();
            if ended_at.is_none() {
                self.soonest.note(order);
            }
            if let Some(ended_at) = ended_at
                && let Some(order) = self.live.remove(&id)
            {
                self.delist(id, &order);
                self.ended.insert(id, order);
                self.endings.push_back((ended_at, id));
            } else if restless {
                self.restless.insert(id);
            } else {
                self.restless.remove(&id);
            }
        } else if self.ended.get(&id).is_some_and(|order| order.ended_at.is_none() || !order.is_over())
            && let Some(order) = self.ended.remove(&id)
        {
            self.enlist(id, &order);
            self.live.insert(id, order);
        }
    }

    /// When time may first change something about an order, or an earlier instant.
    pub(super) fn soonest(&self) -> &Soonest {
        &self.soonest
    }

    /// Finds that anew: what orders that have ended or were answered had waited for is waited for no more.
    pub(super) fn look_again(&mut self) {
        let mut soonest = Soonest::of_nothing();
        self.restless().chain(self.entries()).for_each(|order| soonest.note(order));
        self.soonest = soonest;
    }

    fn enlist(&mut self, id: ClientOrderId, order: &Order) {
        self.soonest.note(order);
        self.places.entry(order.row.intent.request.instrument).or_default().insert(id);
        if order.is_restless() {
            self.restless.insert(id);
        }
        if order.row.intent.leg == Leg::Entry || !order.row.only_reduces() {
            self.entries.insert(id);
        }
    }

    fn delist(&mut self, id: ClientOrderId, order: &Order) {
        if let Some(place) = self.places.get_mut(&order.row.intent.request.instrument) {
            place.remove(&id);
        }
        self.restless.remove(&id);
        self.entries.remove(&id);
    }

    /// Puts the endings in their order, after orders were filed in another.
    pub(super) fn sort_endings(&mut self) {
        self.endings.make_contiguous().sort_unstable();
    }

    /// Drops what ended too long ago.
    pub(super) fn forget(&mut self, at: Timestamp) {
        while let Some(&(ended_at, id)) = self.endings.front() {
            if self.endings.len() <= ENDED_KEPT && at.since(ended_at) <= ENDED_KEPT_FOR {
                break;
            }
            self.endings.pop_front();
            if self.ended.get(&id).is_some_and(|order| order.ended_at == Some(ended_at)) {
                self.ended.remove(&id);
            }
        }
    }
}
