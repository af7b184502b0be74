//! Client order ids, drawn in sequence. I4: an id is never used twice, since the epoch is new at each start and the
//! sequence only grows.

use serde::{Deserialize, Serialize};

use crate::types::{ClientOrderId, IdParts, IdScope, Leg};

/// Draws ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdSource {
    scope: IdScope,
    next: u32,
}

impl IdSource {
    /// Ids of this scope, from the first.
    pub fn new(scope: IdScope) -> IdSource {
        IdSource { scope, next: 1 }
    }

    /// A new id.
    ///
    /// # Panics
    /// After two thousand million orders of one start: the sequence has no more numbers, and no id may be used twice.
    pub fn next(&mut self, leg: Leg) -> ClientOrderId {
        let sequence = self.next;
        self.next =
            self.next.checked_add(1).filter(|next| *next < 36_u32.pow(6)).expect("I4: a sequence number is left");
        ClientOrderId::compose(&IdParts { scope: self.scope, sequence, attempt: 0, leg })
    }

    /// Whose orders ours are.
    pub fn scope(&self) -> &IdScope {
        &self.scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i4_ids_never_repeat() {
        let mut source = IdSource::new(IdScope { account: *b"papr", instance: *b"aa", epoch: 3 });
        let ids: std::collections::BTreeSet<_> = (0..1_000).map(|_| source.next(Leg::Entry)).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.parts().is_some_and(|parts| parts.scope.epoch == 3)));
    }
}
