//! What can still be asked about the past: ended orders and fills, bounded by count and by age. It follows
//! from the change journal alone, so a store of those rows can bring it back.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::changes::Change;
use super::settings::Settings;
use crate::protocol::{Fill, Stage};
use crate::types::{ClientOrderId, IdMap, InstrumentId, Qty, Span, Timestamp, VenueOrderId};

/// Bounds of an account's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub orders: usize,
    pub age: Span,
    pub fills: usize,
}

impl Bounds {
    pub(super) fn of(settings: &Settings) -> Bounds {
        Bounds {
            orders: settings.keep_ended_orders as usize,
            age: settings.keep_ended_for,
            fills: settings.keep_fills as usize,
        }
    }
}

/// An order that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EndedOrder {
    pub client_id: ClientOrderId,
    pub instrument: InstrumentId,
    pub venue_order_id: VenueOrderId,
    pub stage: Stage,
    pub filled: Qty,
    pub at: Timestamp,
}

/// The memory of all accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    bounds: Bounds,
    accounts: BTreeMap<AccountId, AccountMemory>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct AccountMemory {
    ended: VecDeque<EndedOrder>,
    /// How many were forgotten: the place of `ended[0]` in the count of all.
    forgotten: u64,
    /// The last order that ended under an id, by its place in the count of all.
    latest: IdMap<u64>,
    fills: VecDeque<Fill>,
}

impl Memory {
    pub(super) fn new(bounds: Bounds) -> Memory {
        Memory { bounds, accounts: BTreeMap::new() }
    }

    /// Takes in a row of the journal.
    pub(super) fn learn(&mut self, change: &Change) {
        match change {
            Change::Order(row) => {
                if let Stage::Done(_) = row.stage {
                    let ended = EndedOrder {
                        client_id: row.request.client_id,
                        instrument: row.request.instrument,
                        venue_order_id: row.venue_order_id,
                        stage: row.stage,
                        filled: row.filled,
                        at: row.updated_at,
                    };
                    self.accounts.entry(row.account).or_default().remember(ended, self.bounds);
                }
            }
            Change::Fill(row) => {
                let fills = &mut self.accounts.entry(row.account).or_default().fills;
                fills.push_back(row.fill);
                while fills.len() > self.bounds.fills {
                    fills.pop_front();
                }
            }
            Change::Cash(_) | Change::Position(_) => {}
        }
    }

    /// The last order that ended under an id.
    pub(super) fn ended(&self, account: AccountId, id: &ClientOrderId, now: Timestamp) -> Option<&EndedOrder> {
        let memory = self.accounts.get(&account)?;
        let place = memory.latest.get(id)?.checked_sub(memory.forgotten)?;
        let found = memory.ended.get(usize::try_from(place).ok()?)?;
        (now.since(found.at) <= self.bounds.age).then_some(found)
    }

    /// Fills since an instant, oldest first.
    pub(super) fn fills(&self, account: AccountId, since: Timestamp) -> Vec<Fill> {
        let fills = self.accounts.get(&account).into_iter().flat_map(|memory| &memory.fills);
        fills.filter(|fill| fill.at >= since).copied().collect()
    }

    /// Ids of all ended orders that are remembered, in order.
    pub(super) fn ended_ids(&self, account: AccountId) -> impl Iterator<Item = ClientOrderId> {
        self.accounts.get(&account).into_iter().flat_map(|memory| memory.latest.sorted()).map(|(id, _)| id)
    }
}

impl AccountMemory {
    fn remember(&mut self, ended: EndedOrder, bounds: Bounds) {
        self.latest.insert(ended.client_id, self.forgotten + self.ended.len() as u64);
        self.ended.push_back(ended);
        let old = |first: &EndedOrder| ended.at.since(first.at) > bounds.age;
        while self.ended.len() > bounds.orders || self.ended.front().is_some_and(old) {
            let Some(gone) = self.ended.pop_front() else { break };
            if self.latest.get(&gone.client_id) == Some(&self.forgotten) {
                self.latest.remove(&gone.client_id);
            }
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::changes::OrderChange;
    use crate::protocol::{Amount, DoneReason, OrderKind, OrderRequest};
    use crate::types::{PositionSide, Side, Usdt};

    fn row(id: &str, number: u64, at: i64) -> Change {
        Change::Order(OrderChange {
            account: AccountId(0),
            venue_order_id: VenueOrderId(number),
            request: OrderRequest {
                client_id: id.parse().unwrap(),
                instrument: InstrumentId(0),
                side: Side::Buy,
                position_side: PositionSide::Both,
                kind: OrderKind::Market,
                amount: Amount::Qty(Qty::ONE),
                reduce_only: false,
            },
            stage: Stage::Done(DoneReason::Canceled),
            triggered: false,
            terms: crate::exchange::Terms::default(),
            met_own: false,
            filled: Qty::ZERO,
            filled_notional: Usdt::ZERO,
            created_at: Timestamp::from_secs(at),
            updated_at: Timestamp::from_secs(at),
        })
    }

    #[test]
    fn the_oldest_is_forgotten_and_an_id_used_again_gives_the_latest() {
        let mut memory = Memory::new(Bounds { orders: 3, age: Span::secs(100), fills: 1 });
        let number = |memory: &Memory, id: &str, now| {
            let found = memory.ended(AccountId(0), &id.parse().unwrap(), Timestamp::from_secs(now));
            found.map(|one| one.venue_order_id.0)
        };
        for (id, n, at) in [("a", 1, 10), ("b", 2, 20), ("a", 3, 30)] {
            memory.learn(&row(id, n, at));
        }
        assert_eq!((number(&memory, "a", 30), number(&memory, "b", 30)), (Some(3), Some(2)));
        memory.learn(&row("c", 4, 40));
        assert_eq!(number(&memory, "a", 40), Some(3), "the first order under that id is gone, the second is not");
        memory.learn(&row("d", 5, 50));
        assert_eq!((number(&memory, "b", 50), number(&memory, "a", 50)), (None, Some(3)));
        assert_eq!(number(&memory, "a", 131), None, "older than a hundred seconds");
        memory.learn(&row("e", 6, 200));
        assert_eq!(memory.ended_ids(AccountId(0)).count(), 1);
    }
}
