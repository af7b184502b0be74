//! What is to come, in the order of its keys. Things come nearly in that order already, so that a ring that is searched from
//! its end beats a tree, and asks for no memory once it has its size.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Things by the key that they are due at; of equal keys what was put in first is first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Queue<K, T>(VecDeque<(K, T)>);

impl<K, T> Default for Queue<K, T> {
    fn default() -> Queue<K, T> {
        Queue(VecDeque::new())
    }
}

impl<K: Ord + Copy, T> Queue<K, T> {
    /// Puts a thing in its place.
    pub fn insert(&mut self, key: K, thing: T) {
        let behind = self.0.iter().rev().take_while(|(other, _)| *other > key).count();
        if behind == 0 {
            self.0.push_back((key, thing));
        } else {
            self.0.insert(self.0.len() - behind, (key, thing));
        }
    }

    /// The key of the first.
    pub fn next(&self) -> Option<K> {
        self.0.front().map(|(key, _)| *key)
    }

    /// Takes the first.
    pub fn take(&mut self) -> Option<(K, T)> {
        self.0.pop_front()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_gives_what_a_stable_sort_would(keys in prop::collection::vec(0_u8..20, 0..60)) {
            let mut queue = Queue::default();
            let mut plain: Vec<(u8, usize)> = Vec::new();
            for (number, key) in keys.into_iter().enumerate() {
                queue.insert(key, number);
                plain.push((key, number));
            }
            plain.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(queue.next(), plain.first().map(|(key, _)| *key));
            prop_assert_eq!(std::iter::from_fn(|| queue.take()).collect::<Vec<_>>(), plain);
        }
    }
}
