//! Kills a daemon that trades a recorded market, again and again, while its venue loses answers, and holds the books
//! against each other after every restart: `cargo run --release --example crash_test -- --rounds 200`. The example is
//! its own daemon: started with [`AS_DAEMON`] set, it does what the binary does.

use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Parser;
use live_trading_launcher::clock::Clock;
use live_trading_launcher::launcher;

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

/// Set for the copies of this program that are to be killed.
const AS_DAEMON: &str = "CRASH_TEST_DAEMON";

/// Kills the daemon again and again, and compares its ledger with the venue's books.
#[derive(Debug, Parser)]
struct Flags {
    /// How often it is killed
    #[arg(long, default_value = "200")]
    rounds: usize,
    /// Of the moments
    #[arg(long, default_value = "1")]
    seed: u64,
}

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the one variable that tells the copies from the original")]
    let is_daemon = std::env::var_os(AS_DAEMON).is_some();
    if is_daemon {
        return launcher::main(Clock::start());
    }
    let flags = Flags::parse();
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let daemon = |folder: &Path, arguments: &[&str]| -> Command {
        support::command(&program, folder, &[(AS_DAEMON, "1")], arguments)
    };
    let bar = indicatif::ProgressBar::new(flags.rounds as u64);
    let counts = support::crash::kill_and_compare(folder.path(), flags.rounds, flags.seed, daemon, |_| bar.inc(1));
    bar.finish_and_clear();
    println!("{}", counts.report());
    if counts.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
