//! Which of many waits ends first. A tournament: each pair of neighbours sends the earlier instant up, so that the
//! first of all is known at once and a change costs as many steps as the number of waits has binary digits.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// At most one instant for each of a fixed number of places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Node `n` holds the earlier of nodes `2n` and `2n + 1`; the second half are the places.
    nodes: Vec<Timestamp>,
}

/// Nothing is waited for.
const NEVER: Timestamp = Timestamp::MAX;

impl Calendar {
    /// So many places, and no instant in any.
    pub fn new(places: usize) -> Calendar {
        Calendar { nodes: vec![NEVER; 2 * places.next_power_of_two()] }
    }

    /// Sets, moves or clears a place's instant.
    ///
    /// # Panics
    /// If there is no such place: the caller's contradiction.
    pub fn set(&mut self, place: usize, at: Option<Timestamp>) {
        let mut node = self.nodes.len() / 2 + place;
        let mut earliest = at.unwrap_or(NEVER);
        while node > 0 && self.nodes[node] != earliest {
            self.nodes[node] = earliest;
            earliest = earliest.min(self.nodes[node ^ 1]);
            node /= 2;
        }
    }

    /// A place's instant.
    pub fn of(&self, place: usize) -> Option<Timestamp> {
        self.nodes.get(self.nodes.len() / 2 + place).copied().filter(|at| *at != NEVER)
    }

    /// The first instant of all.
    pub fn next(&self) -> Option<Timestamp> {
        self.nodes.get(1).copied().filter(|at| *at != NEVER)
    }

    /// The first instant with its place; of equal instants the lowest place.
    pub fn first(&self) -> Option<(Timestamp, usize)> {
        let at = self.next()?;
        let mut node = 1;
        while node < self.nodes.len() / 2 {
            node = if self.nodes[2 * node] == at { 2 * node } else { 2 * node + 1 };
        }
        Some((at, node - self.nodes.len() / 2))
    }

    /// Clears the first place whose instant is not after `until`, and names it.
    pub fn take_due(&mut self, until: Timestamp) -> Option<usize> {
        self.next().filter(|at| *at <= until)?;
        let (_, place) = self.first()?;
        self.set(place, None);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_names_what_a_search_of_all_places_would(
            places in 1_usize..40,
            changes in prop::collection::vec((0_usize..40, prop::option::of(0_i64..50)), 0..200),
        ) {
            let mut calendar = Calendar::new(places);
            let mut plain = vec![None; places];
            for (place, at) in changes.into_iter().filter(|(place, _)| *place < places) {
                let at = at.map(Timestamp::from_secs);
                calendar.set(place, at);
                plain[place] = at;
                let first = plain.iter().enumerate().filter_map(|(place, at)| Some(((*at)?, place))).min();
                prop_assert_eq!(calendar.first(), first);
                prop_assert_eq!(calendar.next(), first.map(|(at, _)| at));
            }
            let mut taken = Vec::new();
            while let Some(place) = calendar.take_due(Timestamp::from_secs(25)) {
                taken.push((plain[place].take(), place));
            }
            prop_assert!(taken.is_sorted() && plain.iter().flatten().all(|at| *at > Timestamp::from_secs(25)));
        }
    }

    #[test]
    fn no_places_wait_for_nothing() {
        assert_eq!(Calendar::new(0).first(), None);
        assert_eq!(Calendar::default().next(), None);
    }
}
