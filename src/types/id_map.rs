//! Things by client order id, of which there may be thousands: found in the same time however many there are.

#![expect(clippy::disallowed_types, reason = "its own order is never shown: whoever goes through it gets it sorted")]

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ClientOrderId;

/// A table by id. It is written as a sorted map is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdMap<T>(HashMap<ClientOrderId, T, BuildHasherDefault<IdHasher>>);

/// Hashes an id, without a seed.
#[derive(Debug, Clone, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<T> Default for IdMap<T> {
    fn default() -> IdMap<T> {
        IdMap(HashMap::default())
    }
}

impl<T> IdMap<T> {
    /// What stands under an id.
    pub fn get(&self, id: &ClientOrderId) -> Option<&T> {
        self.0.get(id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: &ClientOrderId) -> Option<&mut T> {
        self.0.get_mut(id)
    }

    /// Puts something under an id; gives back what stood there.
    pub fn insert(&mut self, id: ClientOrderId, thing: T) -> Option<T> {
        self.0.insert(id, thing)
    }

    /// Takes what stands under an id.
    pub fn remove(&mut self, id: &ClientOrderId) -> Option<T> {
        self.0.remove(id)
    }

    /// Everything, by id. It is sorted for it, so this is not for every step.
    pub fn sorted(&self) -> Vec<(ClientOrderId, &T)> {
        let mut all: Vec<_> = self.0.iter().map(|(id, thing)| (*id, thing)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }
}

impl<T> FromIterator<(ClientOrderId, T)> for IdMap<T> {
    fn from_iter<I: IntoIterator<Item = (ClientOrderId, T)>>(all: I) -> IdMap<T> {
        IdMap(all.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for IdMap<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.sorted())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for IdMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IdMap<T>, D::Error> {
        std::collections::BTreeMap::deserialize(deserializer).map(|all| all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_sorted_map_to_whoever_looks(changes in prop::collection::vec((0_u8..60, prop::option::of(any::<u16>())), 0..200)) {
            let (mut table, mut plain) = (IdMap::default(), BTreeMap::new());
            for (name, thing) in changes {
                let id: ClientOrderId = format!("id-{name}").parse().expect("an id");
                let (one, other) = match thing {
                    Some(thing) => (table.insert(id, thing), plain.insert(id, thing)),
                    None => (table.remove(&id), plain.remove(&id)),
                };
                prop_assert_eq!(one, other);
                prop_assert_eq!(table.get(&id), plain.get(&id));
            }
            prop_assert_eq!(table.sorted(), plain.iter().map(|(id, thing)| (*id, thing)).collect::<Vec<_>>());
            let written = postcard::to_stdvec(&table).expect("it can be written");
            prop_assert_eq!(&written, &postcard::to_stdvec(&plain).expect("it can be written"));
            let read: IdMap<u16> = postcard::from_bytes(&written).expect("it can be read");
            prop_assert_eq!(read, table);
        }
    }
}
