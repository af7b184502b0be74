//! Trades live against the exchange that this project serves, with each fault of its control endpoint in turn and then with
//! random ones, and with kills of either side, and writes a table of what came of it:
//! `cargo run --release --example live_faults -- --minutes 30`. The example is its own daemon and its own server: started
//! with [`AS_PROGRAM`] set, it does what the binary does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use live_trading_launcher::clock::Clock;
use live_trading_launcher::launcher;
use serde_json::{Value, json};

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use support::live::{Stage, TRADING, UNPROTECTED_AT_MOST};
use support::served::{Served, scheduling_delay};
use support::{Daemon, pause};

/// Set for the copies of this program that are the daemon or the server.
const AS_PROGRAM: &str = "LIVE_FAULTS_PROGRAM";
/// The daemon's shortest timer, in seconds of session time: questions are put, and exits looked at, once a second.
const SHORTEST_TIMER: f64 = 1.0;
/// A timer keeps at least so many times the machine's own delay.
const DELAYS_A_TIMER: f64 = 10.0;

/// Trades live against the served exchange while things go wrong, and compares the books.
#[derive(Debug, Parser)]
struct Flags {
    /// Minutes of the market in each run
    #[arg(long, default_value = "30")]
    minutes: f64,
    /// Seconds of market time in a second; without it, the most at which every timer keeps ten times the machine's delay
    #[arg(long)]
    speed: Option<f64>,
    /// Only faults whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Runs with random faults
    #[arg(long, default_value = "0")]
    random: u64,
    /// The server's market: a folder of recorded bars and a range, as `file:PATH` and `FROM-UNTIL`
    #[arg(long, num_args = 2, value_names = ["FEED", "RANGE"])]
    market: Option<Vec<String>>,
    /// A folder for the logs of the daemons
    #[arg(long)]
    logs: Option<PathBuf>,
    /// Where the table is written; on the terminal without it
    #[arg(long)]
    table: Option<PathBuf>,
}

/// A fault: switches thrown one after the other, each so many seconds of market time after the one before.
struct Fault {
    name: &'static str,
    switches: Vec<(f64, &'static str, Value)>,
    /// Does it need the venue's rate limits? These count in wall time, so that such a run has the wall's pace.
    limits: bool,
}

fn faults() -> Vec<Fault> {
    let one = |name, switch, body| Fault { name, switches: vec![(5.0, switch, body)], limits: false };
    let again = |name, switch, body: Value| Fault {
        name,
        switches: (0..6).map(|_| (60.0, switch, body.clone())).collect(),
        limits: false,
    };
    let spell = |name, switch, on: Value, secs, off: Value| Fault {
        name,
        switches: vec![
            (65.0, switch, on.clone()),
            (secs, switch, off.clone()),
            (120.0, switch, on),
            (secs, switch, off),
        ],
        limits: false,
    };
    let limited = |name, switch, body| Fault { name, switches: vec![(30.0, switch, body)], limits: true };
    vec![
        Fault { name: "none", switches: Vec::new(), limits: false },
        one("answers take longer", "latency", json!({ "ms": 40 })),
        again("answers are lost, orders done", "lose-answers", json!({ "count": 1 })),
        again("503 unknown, done", "unknown", json!({ "count": 2, "executed": true })),
        again("503 unknown, not done", "unknown", json!({ "count": 2, "executed": false })),
        again("503 overloaded", "overload", json!({ "count": 2 })),
        spell("maintenance", "maintenance", json!({ "on": true }), 20.0, json!({ "on": false })),
        spell("streams are silent", "mute-streams", json!({ "on": true }), 60.0, json!({ "on": false })),
        again("connections are cut", "drop-connections", json!({})),
        again("the listen key is over", "expire-listen-keys", json!({ "account": 0 })),
        spell("the venue's clock is ahead", "clock", json!({ "ms": 1500 }), 60.0, json!({ "ms": 0 })),
        spell("the venue's clock is behind", "clock", json!({ "ms": -9000 }), 60.0, json!({ "ms": 0 })),
        spell(
            "an instrument is halted",
            "halt",
            json!({ "symbol": "BTCUSDT", "on": true }),
            90.0,
            json!({ "symbol": "BTCUSDT", "on": false }),
        ),
        one("the tick changes", "tick-size", json!({ "symbol": "BTCUSDT", "tick": "0.7" })),
        again("liquidation", "liquidate", json!({ "account": 0 })),
        again("deleveraging", "deleverage", json!({ "account": 0, "symbol": "BTCUSDT" })),
        limited("the rate limit is used up", "rate-limit", json!({})),
        limited("a ban", "ban", json!({ "seconds": 20 })),
        Fault { name: "kill of the daemon", switches: kills("daemon"), limits: false },
        Fault { name: "kill of the server", switches: kills("server"), limits: false },
        Fault { name: "kill of both", switches: kills("both"), limits: false },
    ]
}

fn kills(whom: &'static str) -> Vec<(f64, &'static str, Value)> {
    (0..5).map(|at| (37.0 + f64::from(at) * 13.0, "kill", json!(whom))).collect()
}

/// Faults drawn from all, in an order and at times of this seed.
fn random_fault(seed: u64) -> Fault {
    let mut state = seed;
    let all: Vec<_> = faults().into_iter().filter(|fault| !fault.limits).flat_map(|fault| fault.switches).collect();
    let mut switches = Vec::new();
    for _ in 0..8 {
        let (_, switch, body) = all[(support::crash::draw(&mut state) % all.len() as u64) as usize].clone();
        switches.push(((5 + support::crash::draw(&mut state) % 60) as f64, switch, body));
    }
    let end = [
        ("mute-streams", json!({ "on": false })),
        ("maintenance", json!({ "on": false })),
        ("clock", json!({ "ms": 0 })),
    ];
    switches.extend(end.map(|(switch, body)| (1.0, switch, body)));
    Fault { name: "random", switches, limits: false }
}

/// What came of a run.
struct Outcome {
    name: String,
    minutes: f64,
    orders: usize,
    fills: usize,
    positions: usize,
    unprotected: f64,
    wrong: Vec<String>,
}

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the one variable that tells the copies from the original")]
    let is_program = std::env::var_os(AS_PROGRAM).is_some();
    if is_program {
        return launcher::main(Clock::start());
    }
    let flags = Flags::parse();
    let delay = scheduling_delay();
    let fits = (SHORTEST_TIMER / (delay.as_secs_f64() * DELAYS_A_TIMER)).clamp(1.0, 60.0).floor();
    let speed = flags.speed.unwrap_or(fits);
    println!("scheduling delay p99 {delay:?}; speed {speed}");
    let wanted = faults().into_iter().filter(|fault| fault.name.contains(&flags.only));
    let random = (1..=flags.random).map(|seed| (format!("random, seed {seed}"), random_fault(seed)));
    let mut outcomes = Vec::new();
    for (name, fault) in wanted.map(|fault| (fault.name.to_owned(), fault)).chain(random) {
        let outcome = run(&flags, name, &fault, if fault.limits { 1.0 } else { speed });
        println!("{}", line(&outcome));
        outcome.wrong.iter().for_each(|wrong| println!("    {wrong}"));
        outcomes.push(outcome);
    }
    let table = table(&outcomes, speed, delay);
    match &flags.table {
        Some(path) => std::fs::write(path, table).expect("the table can be written"),
        None => println!("\n{table}"),
    }
    if outcomes.iter().all(|outcome| outcome.wrong.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::disallowed_methods, reason = "a run lasts so much of the wall's time")]
fn run(flags: &Flags, name: String, fault: &Fault, speed: f64) -> Outcome {
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let market = match &flags.market {
        Some(market) => ["--feed", &market[0], "--timerange", &market[1]].map(String::from).to_vec(),
        None => ["--feed", "synthetic", "--seed", "3"].map(String::from).to_vec(),
    };
    let stage = Stage {
        folder: folder.path().to_path_buf(),
        program: move |folder: &Path, arguments: &[&str]| {
            support::command(&program, folder, &[(AS_PROGRAM, "1")], arguments)
        },
        market,
        symbols: vec!["BTC/USDT", "ETH/USDT", "SOL/USDT"],
        speed,
        limits: fault.limits,
    };
    let market_time = |secs: f64| Duration::from_secs_f64(secs / speed);
    let mut served = stage.serve(0);
    let start = |served: &Served| {
        let mut daemon = stage.trade(served, &[]);
        daemon.hear(TRADING);
        daemon
    };
    let mut daemon = Some(start(&served));
    let until = Instant::now() + market_time(flags.minutes * 60.0);
    let mut wrong = Vec::new();
    for (after, switch, body) in &fault.switches {
        pause(market_time(*after).min(until.saturating_duration_since(Instant::now())));
        if *switch != "kill" {
            served.switch(switch, body);
            continue;
        }
        if body != "server"
            && let Some(dying) = daemon.take()
        {
            dying.kill();
        }
        if body != "daemon" {
            let port = served.address.port();
            drop(served);
            served = stage.serve(port);
        }
        daemon = Some(daemon.take().unwrap_or_else(|| start(&served)));
    }
    pause(until.saturating_duration_since(Instant::now()));
    let ended = stop(daemon.unwrap_or_else(|| start(&served)));
    if ended.code != Some(0) {
        wrong.push(format!("ended with {:?}: {}", ended.code, tail(&ended.text)));
    }
    let (books, _) = stage.settle(&served);
    wrong.extend(books.differences);
    let unprotected = said(&ended.text, "unprotected_seconds_max=").unwrap_or_default();
    if unprotected > UNPROTECTED_AT_MOST && !fault.name.contains("maintenance") {
        wrong.push(format!("a position was without a stop for {unprotected} s"));
    }
    if ended.text.contains(support::served::SECRET) {
        wrong.push("the secret was said".to_owned());
    }
    if let Some(folder) = &flags.logs {
        std::fs::write(folder.join(format!("{}.log", name.replace(' ', "-"))), &ended.text)
            .expect("the log can be written");
    }
    Outcome {
        name,
        minutes: flags.minutes,
        orders: books.orders,
        fills: books.fills,
        positions: books.positions,
        unprotected,
        wrong,
    }
}

fn stop(daemon: Daemon) -> support::Ended {
    let id = rustix::process::Pid::from_child(&daemon.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it takes a signal");
    daemon.end()
}

/// A number in the log.
fn said(text: &str, name: &str) -> Option<f64> {
    let after = &text[text.rfind(name)? + name.len()..];
    after.split_whitespace().next()?.parse().ok()
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}

fn line(outcome: &Outcome) -> String {
    let Outcome { name, minutes, orders, fills, positions, unprotected, wrong } = outcome;
    let books = if wrong.is_empty() { "equal" } else { "NOT EQUAL" };
    format!("| {name} | {minutes} | {orders} | {fills} | {positions} | {unprotected:.2} | {books} |")
}

fn table(outcomes: &[Outcome], speed: f64, delay: Duration) -> String {
    let lines: Vec<String> = outcomes.iter().map(line).collect();
    format!(
        "Speed {speed}, scheduling delay p99 {delay:?}. Books: orders, fills, positions, cash, fees and funding of the ledger \
         against the server's, no client id accepted twice, a stop at the venue for every open position.\n\n\
         | fault | market minutes | orders | fills | open at the end | longest without a stop, s | books |\n\
         |---|---|---|---|---|---|---|\n{}\n",
        lines.join("\n")
    )
}
