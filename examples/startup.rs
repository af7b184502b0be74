//! How long the daemon takes from its process's start to its first look at the market, and what it holds resident a
//! minute later, beside what a Python bot has done and holds when it has imported its exchange library:
//! `cargo run --release --example startup`. Python's side runs in a virtual environment that is made for it; without
//! Python or its package index the comparison is skipped, and says so. Fails if a ratio is above its limit.

#![expect(clippy::disallowed_methods, reason = "real processes are measured in real time")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use support::{Daemon, pause};

/// The first line that needs the market, the ledger, the venue and the strategies.
const READY: &str = "🔄 Processing 3 symbols";
/// What the Python side does; it stays until its standard input ends.
const IMPORT: &str = "import ccxt; print('imported', flush=True); import time; time.sleep(3600)";
const IMPORTED: &str = "imported";
/// Limits of the ratios of our figure to Python's.
const TIME_RATIO: f64 = 0.25;
const MEMORY_RATIO: f64 = 0.5;

/// Measures start and memory of the release binary beside `import ccxt`.
#[derive(Debug, Parser)]
struct Flags {
    /// How often each start is timed
    #[arg(long, default_value = "11")]
    starts: usize,
    /// How many of each are measured for memory, side by side
    #[arg(long, default_value = "3")]
    residents: usize,
    /// When memory is looked at, in seconds after the start
    #[arg(long, default_value = "60")]
    after: u64,
}

/// Median figures of one side.
struct Figures {
    start_ms: f64,
    fastest_ms: f64,
    slowest_ms: f64,
    resident_mib: f64,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let ours = built();
    let python = with_ccxt();
    let launch = |number: usize| {
        let state = folder.path().join(format!("state-{number}"));
        let state = state.to_string_lossy().into_owned();
        support::command(&ours, folder.path(), &[], &["--paper", "--state-dir", &state])
    };
    let import = |python: &Path| support::command(python, folder.path(), &[], &["-c", IMPORT]);

    let (mut our_starts, mut their_starts) = (Vec::new(), Vec::new());
    // The first of each brings the files into memory and is not counted.
    for number in 0..=flags.starts {
        let ours = time(launch(number), READY);
        let theirs = python.as_ref().ok().map(|python| time(import(python), IMPORTED));
        if number > 0 {
            our_starts.push(ours);
            their_starts.extend(theirs);
        }
    }
    let from = flags.starts + 1;
    let launched = (from..from + flags.residents).map(launch).collect();
    let our_memory = memory(launched, READY, flags.after);
    let daemon = Figures::of(our_starts, our_memory);
    let import = python.as_ref().map(|python| {
        let imports = (0..flags.residents).map(|_| import(python)).collect();
        Figures::of(their_starts, memory(imports, IMPORTED, 1))
    });
    report(&daemon, import.map_err(String::as_str), &flags)
}

/// The binary as it ships, built if it is not.
fn built() -> PathBuf {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let build = ["build", "--release", "--bin", "live_trading_launcher", "--manifest-path", manifest];
    let status = Command::new(env!("CARGO")).args(build).status();
    assert!(status.is_ok_and(|status| status.success()), "the release binary cannot be built");
    let example = std::env::current_exe().expect("a program knows where it is");
    let target = example.ancestors().nth(3).expect("an example lies in target/PROFILE/examples");
    target.join("release/live_trading_launcher")
}

/// A Python that can import the library, from a virtual environment of its own; or why there is none.
fn with_ccxt() -> Result<PathBuf, String> {
    let example = std::env::current_exe().expect("a program knows where it is");
    let place = example.ancestors().nth(3).expect("an example lies in target/PROFILE/examples").join("tmp/python");
    let python = place.join("bin/python3");
    let run = |program: &Path, arguments: &[&str]| match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{}: {}", arguments.join(" "), said.lines().last().unwrap_or_default()))
        }
        Err(error) => Err(format!("{}: {error}", program.display())),
    };
    if run(&python, &["-c", "import ccxt"]).is_err() {
        run(Path::new("python3"), &["-m", "venv", "--clear", &place.to_string_lossy()])?;
        run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "ccxt"])?;
    }
    Ok(python)
}

/// Milliseconds from the process's start to a line of its output.
fn time(command: Command, line: &str) -> f64 {
    let from = Instant::now();
    let mut one = Daemon::start(command);
    one.hear(line);
    let took = from.elapsed();
    one.kill();
    took.as_secs_f64() * 1_000.0
}

/// Resident memory of each process in MiB, so many seconds after its start.
fn memory(commands: Vec<Command>, line: &str, after: u64) -> Vec<f64> {
    let from = Instant::now();
    let mut running: Vec<Daemon> = commands.into_iter().map(Daemon::start).collect();
    running.iter_mut().for_each(|one| {
        one.hear(line);
    });
    pause(Duration::from_secs(after).saturating_sub(from.elapsed()));
    running.iter().map(|one| resident_mib(one.child.id())).collect()
}

fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number of kB") / 1_024.0
}

impl Figures {
    fn of(mut starts: Vec<f64>, mut residents: Vec<f64>) -> Figures {
        let start_ms = median(&mut starts);
        Figures {
            start_ms,
            fastest_ms: *starts.first().expect("it was started"),
            slowest_ms: *starts.last().expect("it was started"),
            resident_mib: median(&mut residents),
        }
    }
}

/// The middle one; the figures are sorted after.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn report(daemon: &Figures, import: Result<Figures, &str>, flags: &Flags) -> ExitCode {
    println!("medians of {} starts and of {} processes for memory\n", flags.starts, flags.residents);
    println!("{:<44} {:>10} {:>20} {:>14}", "", "start, ms", "fastest to slowest", "resident, MiB");
    let line = |name: &str, of: &Figures| {
        let span = format!("{:.0} to {:.0}", of.fastest_ms, of.slowest_ms);
        println!("{name:<44} {:>10.1} {span:>20} {:>14.1}", of.start_ms, of.resident_mib);
    };
    line(&format!("live_trading_launcher, memory after {} s", flags.after), daemon);
    let import = match import {
        Ok(import) => import,
        Err(why) => {
            println!("\nskipped: the comparison with `import ccxt` ({why})");
            return ExitCode::SUCCESS;
        }
    };
    line("python3 -c 'import ccxt', memory when imported", &import);
    let (time, memory) = (daemon.start_ms / import.start_ms, daemon.resident_mib / import.resident_mib);
    println!("{:<44} {time:>10.3} {:>20} {memory:>14.3}", "ratio", "");
    println!("{:<44} {TIME_RATIO:>10} {:>20} {MEMORY_RATIO:>14}", "limit", "");
    if time <= TIME_RATIO && memory <= MEMORY_RATIO { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
