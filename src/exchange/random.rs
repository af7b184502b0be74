//! Draws from the seeded generator, in integers.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use crate::types::{Rate, Span};

/// A value of a table, each with the same chance.
pub(super) fn pick_us(rng: &mut Xoshiro256PlusPlus, table: &[u32]) -> Span {
    let index = rng.next_u64() % table.len().max(1) as u64;
    Span::micros(i64::from(table.get(index as usize).copied().unwrap_or_default()))
}

/// True with this chance, to a millionth.
pub(super) fn chance(rng: &mut Xoshiro256PlusPlus, rate: Rate) -> bool {
    let millionth = i64::try_from(rng.next_u64() % 1_000_000).unwrap_or_default();
    Rate::new(millionth, 6) < rate
}
