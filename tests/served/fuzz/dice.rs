//! Chance from a seed.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A case's own chance: the same seed and case, the same throws.
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub fn new(seed: u64, case: u64) -> Dice {
        Dice(Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ case))
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end as u64).unwrap_or_default()
    }

    /// True once in so many throws.
    pub fn once_in(&mut self, throws: usize) -> bool {
        self.below(throws) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// Damages bytes in a few places: flips, takes out, puts in, doubles, cuts off.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let to = (at + self.below(40)).min(bytes.len());
            match self.below(6) {
                0 | 1 => {
                    let bit = 1 << self.below(8);
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= bit;
                    }
                }
                2 => drop(bytes.drain(at..to)),
                3 => {
                    let new: Vec<u8> = (0..self.below(20)).map(|_| self.0.next_u64() as u8).collect();
                    bytes.splice(at..at, new);
                }
                4 => {
                    let twice = bytes[at..to].repeat(1 + self.below(3));
                    bytes.splice(at..at, twice);
                }
                _ => bytes.truncate(at),
            }
        }
    }
}
