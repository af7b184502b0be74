//! Which order is which. Trades name an order by its number alone, and a conditional order that has triggered goes on under
//! another number; we know orders by the id that we gave them.

use std::collections::{BTreeMap, VecDeque};

use crate::types::{ClientOrderId, InstrumentId};

/// Numbers remembered: of the orders of some weeks, at the limit of orders a day. A number that is forgotten is asked for.
const KEPT: usize = 16_384;

/// Numbers of orders with their client's ids.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<(InstrumentId, u64), ClientOrderId>,
    order: VecDeque<(InstrumentId, u64)>,
}

impl Names {
    /// Remembers an order's number. The id under which a conditional order was placed stays, whatever the order that it
    /// became is called.
    pub(super) fn learn(&mut self, instrument: InstrumentId, number: u64, id: ClientOrderId) {
        let key = (instrument, number);
        if self.known.contains_key(&key) {
            return;
        }
        self.known.insert(key, id);
        self.order.push_back(key);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// The id of an order.
    pub(super) fn get(&self, instrument: InstrumentId, number: u64) -> Option<ClientOrderId> {
        self.known.get(&(instrument, number)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_stays_and_memory_is_bounded() {
        let (ours, theirs): (ClientOrderId, ClientOrderId) =
            ("ours".parse().expect("an id"), "theirs".parse().expect("an id"));
        let mut names = Names::default();
        let btc = InstrumentId(0);
        names.learn(btc, 7, ours);
        names.learn(btc, 7, theirs);
        assert_eq!((names.get(btc, 7), names.get(InstrumentId(1), 7)), (Some(ours), None));
        for number in 8..=KEPT as u64 + 8 {
            names.learn(btc, number, theirs);
        }
        assert_eq!((names.get(btc, 7), names.known.len(), names.order.len()), (None, KEPT, KEPT));
    }
}
