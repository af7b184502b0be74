//! What the engine has to look at in a step: only what was stirred in it, or what is due. Everything else waits as it is, so
//! that a step costs the same with one instrument as with five hundred.

use std::ops::{Deref, DerefMut, Range};

use serde::{Deserialize, Serialize};

use super::{Engine, Slot};
use crate::types::{Calendar, InstrumentId, Timestamp};

/// Slots that were stirred, and when each of the others wants to be looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Attention {
    /// Empty between two steps.
    stirred: Vec<InstrumentId>,
    deadlines: Calendar,
}

impl Attention {
    pub(super) fn new(instruments: usize) -> Attention {
        Attention { stirred: Vec::new(), deadlines: Calendar::new(instruments) }
    }

    /// The first deadline of a slot, as of the last step.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }
}

impl Engine {
    /// A slot, to be changed; it will be looked at in this step.
    pub(super) fn slot(&mut self, instrument: InstrumentId) -> &mut Slot {
        if !self.attention.stirred.contains(&instrument) {
            self.attention.stirred.push(instrument);
        }
        &mut self.slots[instrument.index()]
    }

    /// A step begins: whoever is due is looked at.
    pub(super) fn attend(&mut self, at: Timestamp) {
        self.at = at;
        self.market.pass(at);
        self.absorbed.clear(InstrumentId(0));
        while let Some(place) = self.attention.deadlines.take_due(at) {
            self.attention.stirred.push(InstrumentId(place as u16));
        }
    }

    /// Is there a slot to look at?
    pub(super) fn is_stirred(&self) -> bool {
        !self.attention.stirred.is_empty()
    }

    /// The places of the instruments to look at, in their order. What is stirred while they are gone through comes behind
    /// them.
    pub(super) fn stirred(&mut self) -> Range<usize> {
        self.attention.stirred.sort_unstable();
        0..self.attention.stirred.len()
    }

    /// The instrument at one of these places.
    pub(super) fn stirred_at(&self, place: usize) -> InstrumentId {
        self.attention.stirred[place]
    }

    /// The step ends: what was stirred says when it wants to be looked at again.
    pub(super) fn settle(&mut self) {
        while let Some(instrument) = self.attention.stirred.pop() {
            let next =
                Timestamp::earliest([self.slots[instrument.index()].next_deadline(), self.time_exit(instrument)]);
            self.attention.deadlines.set(instrument.index(), next);
        }
        self.orders_are_due();
    }

    /// When an order next wants something, or an earlier instant; looked at again only if orders may have changed.
    pub(super) fn orders_are_due(&mut self) -> Option<Timestamp> {
        if self.orders.take_changed() {
            let orders = self.orders.earliest_deadline();
            (self.orders_due, self.orders_due_is_exact) = (self.or_an_entry(orders), false);
        }
        self.orders_due
    }

    /// When an order next wants something.
    pub(super) fn find_orders_due(&mut self) -> Option<Timestamp> {
        if !self.orders_due_is_exact {
            let orders = self.orders.quietly().find_deadline();
            (self.orders_due, self.orders_due_is_exact) = (self.or_an_entry(orders), true);
        }
        self.orders_due
    }

    /// This instant, or when the limit entry that rests longest is cancelled.
    fn or_an_entry(&self, orders: Option<Timestamp>) -> Option<Timestamp> {
        let entry = self.orders.limit_entry_since().map(|since| since + self.settings.entry_timeout);
        Timestamp::earliest([orders, entry])
    }
}

/// A room that notes whether it may have been changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watched<T> {
    room: T,
    changed: bool,
}

impl<T> Watched<T> {
    pub(super) fn new(room: T) -> Watched<T> {
        Watched { room, changed: true }
    }

    /// The room, for what does not change it.
    fn quietly(&mut self) -> &mut T {
        &mut self.room
    }

    fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.room
    }
}

impl<T> DerefMut for Watched<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.room
    }
}
