//! Things by client order id, of which there may be thousands: found in the same time however many there are.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ClientOrderId;

/// The table is at most this many quarters full, so that a search ends soon.
const FULL_QUARTERS: usize = 3;
/// Places of the smallest table.
const FEWEST: usize = 16;

/// A table by id, with open addressing: a thing lies in the first free place from the one that its id's hash names. It shows
/// itself sorted and in no other order, and is written as a sorted map is.
#[derive(Debug, Clone)]
pub struct IdMap<T> {
    /// A power of two of them, or none.
    places: Vec<Option<(ClientOrderId, T)>>,
    len: usize,
}

impl<T> Default for IdMap<T> {
    fn default() -> IdMap<T> {
        IdMap { places: Vec::new(), len: 0 }
    }
}

impl<T> IdMap<T> {
    /// What stands under an id.
    pub fn get(&self, id: &ClientOrderId) -> Option<&T> {
        self.places.get(self.place_of(id))?.as_ref().map(|(_, thing)| thing)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: &ClientOrderId) -> Option<&mut T> {
        let place = self.place_of(id);
        self.places.get_mut(place)?.as_mut().map(|(_, thing)| thing)
    }

    /// Puts something under an id; gives back what stood there.
    pub fn insert(&mut self, id: ClientOrderId, thing: T) -> Option<T> {
        if 4 * (self.len + 1) > FULL_QUARTERS * self.places.len() {
            self.grow();
        }
        let place = self.place_of(&id);
        let before = self.places[place].replace((id, thing));
        self.len += usize::from(before.is_none());
        before.map(|(_, thing)| thing)
    }

    /// Takes what stands under an id.
    pub fn remove(&mut self, id: &ClientOrderId) -> Option<T> {
        let mut hole = self.place_of(id);
        let (_, thing) = self.places.get_mut(hole)?.take()?;
        self.len -= 1;
        // Whoever lies behind because this place was taken moves up.
        let mut place = self.after(hole);
        while let Some((other, _)) = &self.places[place] {
            let (from_home, from_hole) = (self.distance(self.home(other), place), self.distance(hole, place));
            if from_home >= from_hole {
                self.places.swap(hole, place);
                hole = place;
            }
            place = self.after(place);
        }
        Some(thing)
    }

    /// Everything, by id. It is sorted for it, so this is not for every step.
    pub fn sorted(&self) -> Vec<(ClientOrderId, &T)> {
        let mut all: Vec<_> = self.places.iter().flatten().map(|(id, thing)| (*id, thing)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// Where an id lies, or would lie.
    fn place_of(&self, id: &ClientOrderId) -> usize {
        let mut place = self.home(id);
        while self.places.get(place).and_then(Option::as_ref).is_some_and(|(other, _)| other != id) {
            place = self.after(place);
        }
        place
    }

    fn home(&self, id: &ClientOrderId) -> usize {
        id.scattered() as usize & self.last()
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & self.last()
    }

    /// How many steps it is from one place to another.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.last()
    }

    fn last(&self) -> usize {
        self.places.len().saturating_sub(1)
    }

    fn grow(&mut self) {
        let size = (2 * self.places.len()).max(FEWEST);
        let before = std::mem::replace(&mut self.places, std::iter::repeat_with(|| None).take(size).collect());
        for (id, thing) in before.into_iter().flatten() {
            let place = self.place_of(&id);
            self.places[place] = Some((id, thing));
        }
    }
}

impl<T: PartialEq> PartialEq for IdMap<T> {
    fn eq(&self, other: &IdMap<T>) -> bool {
        self.sorted() == other.sorted()
    }
}

impl<T: Eq> Eq for IdMap<T> {}

impl<T> FromIterator<(ClientOrderId, T)> for IdMap<T> {
    fn from_iter<I: IntoIterator<Item = (ClientOrderId, T)>>(all: I) -> IdMap<T> {
        let mut table = IdMap::default();
        all.into_iter().for_each(|(id, thing)| drop(table.insert(id, thing)));
        table
    }
}

impl<T: Serialize> Serialize for IdMap<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.sorted())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for IdMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IdMap<T>, D::Error> {
        BTreeMap::deserialize(deserializer).map(|all: BTreeMap<ClientOrderId, T>| all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_sorted_map_to_whoever_looks(
            changes in prop::collection::vec((0_u8..60, prop::option::of(any::<u16>())), 0..200),
        ) {
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
