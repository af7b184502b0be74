//! The trade ids that have been counted, so that no fill counts twice (I6).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::types::{InstrumentId, TradeId};

/// Trade ids remembered for each instrument. A poll for fills reaches back a day at most, and the limit on orders
/// a day (500 entries, each with its exits) times a handful of partial fills stays below this.
const KEPT_PER_INSTRUMENT: usize = 16_384;

/// Counted trades by instrument, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trades(BTreeMap<InstrumentId, Counted>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    ids: BTreeSet<TradeId>,
    order: VecDeque<TradeId>,
}

impl Trades {
    /// Was it counted?
    pub fn has_counted(&self, instrument: InstrumentId, id: TradeId) -> bool {
        self.0.get(&instrument).is_some_and(|counted| counted.ids.contains(&id))
    }

    /// Remembers a trade. False if it had been counted before.
    pub fn count(&mut self, instrument: InstrumentId, id: TradeId) -> bool {
        let counted = self.0.entry(instrument).or_default();
        if !counted.ids.insert(id) {
            return false;
        }
        counted.order.push_back(id);
        if counted.order.len() > KEPT_PER_INSTRUMENT
            && let Some(oldest) = counted.order.pop_front()
        {
            counted.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_counts_once_per_instrument_and_memory_is_bounded() {
        let mut trades = Trades::default();
        assert!(trades.count(InstrumentId(0), TradeId(1)));
        assert!(!trades.count(InstrumentId(0), TradeId(1)));
        assert!(trades.count(InstrumentId(1), TradeId(1)));
        for id in 2..=KEPT_PER_INSTRUMENT as u64 + 10 {
            assert!(trades.count(InstrumentId(0), TradeId(id)));
        }
        let counted = &trades.0[&InstrumentId(0)];
        assert_eq!((counted.ids.len(), counted.order.len()), (KEPT_PER_INSTRUMENT, KEPT_PER_INSTRUMENT));
        assert!(!trades.count(InstrumentId(0), TradeId(KEPT_PER_INSTRUMENT as u64)));
    }
}
