//! A fuzzer that runs everywhere: texts are changed at random from a seed, and each is given to a parser, which may
//! refuse it and must not panic. Texts that a parser took are changed further.

use live_trading_launcher::venue::binance::Parser;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// Longest text: larger ones find nothing that these do not.
const MAX_BYTES: usize = 4 << 10;
/// Texts that are kept for further changes.
const MAX_CORPUS: usize = 256;
/// Pieces that formats trip over.
const PIECES: [&str; 24] = [
    "null",
    "\"\"",
    "-1",
    "1e308",
    "1e-400",
    "18446744073709551616",
    "0.0000000000000000001",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "\\u0000",
    "\\ud800",
    "[[[[[[[[[[[[[[[[",
    "\"e\":",
    "true",
    "{}",
    "[]",
    "NaN",
    "\u{fffd}",
    "测",
];

/// Changes texts until `go_on` says no. Gives how many were tried and how many were taken.
pub fn run(parser: &Parser, seed: u64, mut go_on: impl FnMut(u64) -> bool) -> (u64, u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut corpus = vec![parser.sample.as_bytes().to_vec()];
    let (mut tried, mut taken) = (0, 0);
    while go_on(tried) {
        let from = pick(&mut random, corpus.len());
        let mut text = corpus[from].clone();
        for _ in 0..=pick(&mut random, 4) {
            change(&mut random, &mut text);
        }
        text.truncate(MAX_BYTES);
        tried += 1;
        if (parser.parse)(&text).is_ok() {
            taken += 1;
            let at = pick(&mut random, MAX_CORPUS);
            match corpus.get_mut(at) {
                // The sample stays.
                Some(old) if at > 0 => *old = text,
                Some(_) => {}
                None => corpus.push(text),
            }
        }
    }
    (tried, taken)
}

fn pick(random: &mut Xoshiro256PlusPlus, below: usize) -> usize {
    (random.next_u64() % below.max(1) as u64) as usize
}

fn change(random: &mut Xoshiro256PlusPlus, text: &mut Vec<u8>) {
    let at = pick(random, text.len() + 1);
    let until = (at + pick(random, 24)).min(text.len());
    match pick(random, 7) {
        0 if at < text.len() => text[at] ^= 1 << pick(random, 8),
        1 if at < text.len() => text[at] = random.next_u64() as u8,
        2 => drop(text.drain(at..until)),
        3 => {
            let piece: Vec<u8> = text[at..until].to_vec();
            let to = pick(random, text.len() + 1);
            text.splice(to..to, piece);
        }
        4 => drop(text.splice(at..until, PIECES[pick(random, PIECES.len())].bytes())),
        5 => drop(text.splice(at..at, PIECES[pick(random, PIECES.len())].bytes())),
        _ => {
            // A digit more or another one: amounts out of range.
            if let Some(digit) = text.iter().skip(at).position(u8::is_ascii_digit) {
                let digit = at + digit;
                let fresh = b'0' + pick(random, 10) as u8;
                text.splice(digit..digit, std::iter::repeat_n(fresh, 1 + pick(random, 20)));
            }
        }
    }
}
