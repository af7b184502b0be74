//! Client order ids, given out in sequence: the same decisions in the same order get the same ids (I4).

use serde::{Deserialize, Serialize};

use crate::types::{ClientOrderId, IdParts, IdScope, Leg};

/// The highest attempt that has a digit in the id.
const LAST_ATTEMPT: u8 = 35;

/// Gives out ids of one scope; none twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdSource {
    scope: IdScope,
    next_sequence: u32,
}

impl IdSource {
    /// Begins with the first sequence number of this scope's epoch.
    pub const fn new(scope: IdScope) -> IdSource {
        IdSource { scope, next_sequence: 1 }
    }

    /// Who sends.
    pub const fn scope(&self) -> &IdScope {
        &self.scope
    }

    /// The id of a new intent.
    ///
    /// # Panics
    /// If a single epoch has used up all two thousand million sequence numbers of the id's form.
    pub fn next(&mut self, leg: Leg) -> ClientOrderId {
        let id = ClientOrderId::compose(&IdParts { scope: self.scope, sequence: self.next_sequence, attempt: 0, leg });
        self.next_sequence += 1;
        id
    }

    /// The id of another attempt at the intent behind `id`, whose last attempt has ended for certain. None once
    /// the attempts are used up, or if the id is not of this scope: then the intent is not ours to try again.
    pub fn retry(&self, id: ClientOrderId) -> Option<ClientOrderId> {
        let parts = id.parts().filter(|parts| parts.scope == self.scope && parts.attempt < LAST_ATTEMPT)?;
        Some(ClientOrderId::compose(&IdParts { attempt: parts.attempt + 1, ..parts }))
    }

    /// Makes sure that `id`, found in the books, is not given out again.
    pub(super) fn skip_past(&mut self, id: ClientOrderId) {
        if let Some(parts) = id.parts().filter(|parts| parts.scope == self.scope) {
            self.next_sequence = self.next_sequence.max(parts.sequence.saturating_add(1));
        }
    }

    /// Whose id it is, as seen from this scope.
    pub fn origin(&self, id: ClientOrderId) -> Origin {
        match id.parts() {
            // That command knows no account's tag, and its orders are seen on the account that it works on alone.
            Some(parts) if parts.leg == Leg::Flatten => Origin::Flatten,
            Some(parts) if parts.scope.account != self.scope.account => Origin::Foreign,
            Some(parts) if parts.scope.instance != self.scope.instance || parts.scope.epoch > self.scope.epoch => {
                Origin::OtherInstance { epoch: parts.scope.epoch }
            }
            Some(parts) => Origin::Ours(parts),
            None => Origin::Foreign,
        }
    }
}

/// Who an order belongs to, as its id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Sent by this instance, in this epoch or an earlier one.
    Ours(IdParts),
    /// Sent by the `flatten` command, which needs no daemon.
    Flatten,
    /// Sent by another daemon on this account: another instance, or this one in a later epoch.
    OtherInstance {
        /// Its epoch; the lower of the two daemons' epochs is the older one's.
        epoch: u32,
    },
    /// Sent by somebody else: a person, another program, the venue itself.
    Foreign,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn scope(instance: &[u8; 2], epoch: u32) -> IdScope {
        IdScope { account: *b"papr", instance: *instance, epoch }
    }

    #[test]
    fn i4_ids_do_not_repeat_and_are_a_function_of_the_sequence() {
        let (mut one, mut two) = (IdSource::new(scope(b"a1", 4)), IdSource::new(scope(b"a1", 4)));
        let mut seen = BTreeSet::new();
        for leg in Leg::ALL.into_iter().cycle().take(500) {
            let mut id = one.next(leg);
            assert_eq!(id, two.next(leg));
            assert!(seen.insert(id));
            for _ in 0..3 {
                id = one.retry(id).expect("attempts are left");
                assert!(seen.insert(id));
            }
        }
    }

    #[test]
    fn attempts_end_and_foreign_ids_are_not_retried() {
        let mut ids = IdSource::new(scope(b"a1", 4));
        let mut id = ids.next(Leg::Entry);
        let attempts = std::iter::from_fn(|| {
            id = ids.retry(id)?;
            Some(id)
        });
        assert_eq!(attempts.count(), 35);
        assert_eq!(ids.retry("web_123".parse().expect("an id")), None);
        assert_eq!(ids.retry(IdSource::new(scope(b"b2", 4)).next(Leg::Entry)), None);
    }

    #[test]
    fn an_id_found_in_the_books_is_not_given_out_again() {
        let mut first = IdSource::new(scope(b"a1", 4));
        let used: Vec<_> = (0..7).map(|_| first.next(Leg::Entry)).collect();
        let mut second = IdSource::new(scope(b"a1", 4));
        for id in &used {
            second.skip_past(*id);
        }
        assert!(!used.contains(&second.next(Leg::Entry)));
    }

    #[test]
    fn an_id_tells_whose_it_is() {
        let ours = IdSource::new(scope(b"a1", 4));
        let id = |instance, epoch, leg| IdSource::new(scope(instance, epoch)).next(leg);
        assert!(matches!(ours.origin(id(b"a1", 4, Leg::Stop)), Origin::Ours(parts) if parts.leg == Leg::Stop));
        assert!(matches!(ours.origin(id(b"a1", 3, Leg::Entry)), Origin::Ours(_)));
        assert_eq!(ours.origin(id(b"a1", 5, Leg::Entry)), Origin::OtherInstance { epoch: 5 });
        assert_eq!(ours.origin(id(b"b2", 3, Leg::Entry)), Origin::OtherInstance { epoch: 3 });
        assert_eq!(ours.origin(id(b"b2", 3, Leg::Flatten)), Origin::Flatten);
        assert_eq!(ours.origin("autoclose-1".parse().expect("an id")), Origin::Foreign);
        let other = IdScope { account: *b"main", instance: *b"a1", epoch: 4 };
        assert_eq!(ours.origin(IdSource::new(other).next(Leg::Entry)), Origin::Foreign);
        let command = IdScope { account: *b"flat", instance: *b"zz", epoch: 29_000_000 };
        assert_eq!(ours.origin(IdSource::new(command).next(Leg::Flatten)), Origin::Flatten);
    }
}
