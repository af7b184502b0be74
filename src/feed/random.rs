//! Randomness that can be looked up: each draw is a function of a key, so that any minute of a made market can
//! be computed without those before it. Only operations that IEEE 754 defines exactly are used (no logarithm, no
//! sine), so that a seed gives the same market on every machine.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Mixes words into a key.
pub(super) fn key(words: &[u64]) -> u64 {
    words
        .iter()
        .fold(0x5851_f42d_4c95_7f2d, |key, word| SplitMix64::seed_from_u64(key.rotate_left(23) ^ *word).next_u64())
}

/// A text as a word of a key.
pub(super) fn word(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// The generator that a key opens.
pub(super) fn generator(key: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(key)
}

/// Evenly in [0, 1), from a key or a draw.
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Near enough to a standard normal for a market: the sum of eight even draws, scaled to variance one.
pub(super) fn normal(rng: &mut impl Rng) -> f64 {
    let sum: u64 = (0..2).flat_map(|_| lanes(rng.next_u64())).sum();
    // Eight draws from 0..65536 have mean 262140 and variance 8 · (65536² − 1) / 12.
    (sum as f64 - 262_140.0) / VARIANCE_OF_EIGHT.sqrt()
}

const VARIANCE_OF_EIGHT: f64 = 8.0 * (65_536.0 * 65_536.0 - 1.0) / 12.0;

fn lanes(bits: u64) -> impl Iterator<Item = u64> {
    (0..4).map(move |lane| bits >> (16 * lane) & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_moments_they_should() {
        let mut rng = generator(key(&[7, word("moments")]));
        let draws: Vec<f64> = (0..20_000).map(|_| normal(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        let even = (0..20_000).map(|at| unit(key(&[1, at]))).sum::<f64>() / 20_000.0;
        assert!((even - 0.5).abs() < 0.01, "{even}");
    }
}
