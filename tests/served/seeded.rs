//! A short run of the fuzzer. A long one: `cargo run --release --example exchange_fuzz -- --seconds 600`.

use std::time::{Duration, Instant};

use crate::fuzz::Fuzzer;
use crate::server::Served;

#[test]
fn mutated_requests_and_frames_break_nothing() {
    /// Enough to try every route a few times; a busy machine gets as far as it gets.
    const CASES: u64 = 2_000;
    const AT_MOST: Duration = Duration::from_secs(10);
    /// Cases between two looks whether a fresh connection is served.
    const LOOK_EVERY: u64 = 200;
    let mut served = Served::shipped(&["--no-rate-limits", "--control"]);
    let mut fuzzer = Fuzzer::new(served.address, 1);
    let from = Instant::now();
    for case in 1..=CASES {
        if let Err(what) = fuzzer.step() {
            served.serves();
            panic!("{what}");
        }
        if case.is_multiple_of(LOOK_EVERY) {
            served.serves();
        }
        if from.elapsed() > AT_MOST {
            break;
        }
    }
    served.serves();
    assert!(fuzzer.counts.answers[2] > 0 && fuzzer.counts.answers[4] > 0, "{:?}", fuzzer.counts);
}
