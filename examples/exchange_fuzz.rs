//! Sends the served exchange mutated requests and frames, for as long as is said, and fails with the first that is not
//! answered in time or ends the server: `cargo run --release --example exchange_fuzz -- --seconds 600`.
//!
//! The cases come from a seed. What the server makes of a case may depend on those before, so a failure is repeated with
//! the same seed and one worker.

#![expect(clippy::disallowed_methods, reason = "a process is fuzzed in real time")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

#[path = "../tests/served/client.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod client;
#[path = "../tests/served/fuzz/mod.rs"]
mod fuzz;
#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use fuzz::{Counts, Fuzzer};
use support::Daemon;

/// Fuzzes the `exchange` command over HTTP and WebSocket.
#[derive(Debug, Parser)]
struct Flags {
    /// How long
    #[arg(long, default_value = "60")]
    seconds: u64,
    /// Of the cases
    #[arg(long, default_value = "1")]
    seed: u64,
    /// Connections that send cases at once, each its own
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: u64,
    /// The program; without it the one beside this example, which has to be built
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let beside = std::env::current_exe().expect("a program knows where it is");
    let beside = beside.ancestors().nth(2).expect("an example lies in target/PROFILE/examples");
    let program = flags.program.clone().unwrap_or_else(|| beside.join("live_trading_launcher"));
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let home = folder.path().to_string_lossy().into_owned();
    let arguments = ["exchange", "--port", "0", "--no-rate-limits", "--control"];
    let mut daemon = Daemon::start(support::command(&program, folder.path(), &[("HOME", &home)], &arguments));
    let line = daemon.hear("http://");
    let address = line.rsplit("http://").next().and_then(|address| address.trim().parse().ok());
    let address = address.expect("the server says where it listens");

    let until = Instant::now() + Duration::from_secs(flags.seconds);
    let bar = indicatif::ProgressBar::new_spinner();
    let work = |worker: u64| {
        let mut fuzzer = Fuzzer::new(address, flags.seed.wrapping_add(worker << 32));
        while Instant::now() < until {
            if let Err(what) = fuzzer.step() {
                return (fuzzer.counts, Some(what));
            }
            bar.inc(1);
        }
        (fuzzer.counts, None)
    };
    let done: Vec<(Counts, Option<String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..flags.workers)
            .map(|worker| {
                let work = &work;
                scope.spawn(move || work(worker))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    bar.finish_and_clear();
    let has_ended = daemon.has_ended();
    let said = daemon.kill().text;
    let mut failures: Vec<String> = Vec::new();
    if has_ended || said.contains("panicked") {
        failures.push(format!("the server ended or panicked:\n{said}"));
    }
    let mut total = Counts::default();
    for (counts, failure) in done {
        add(&mut total, &counts);
        failures.extend(failure);
    }
    println!("seed {}, {} s: {total}", flags.seed, flags.seconds);
    failures.iter().for_each(|failure| println!("FAILED: {failure}"));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn add(total: &mut Counts, one: &Counts) {
    total.requests += one.requests;
    total.raw += one.raw;
    total.frames += one.frames;
    total.answers.iter_mut().zip(one.answers).for_each(|(total, one)| *total += one);
}
