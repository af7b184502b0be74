//! Trades live against the exchange that this project serves, with each fault of its control endpoint in turn and then with
//! random ones, and with kills of either side, and writes a table of what came of it:
//! `cargo run --release --example live_faults -- --jobs 8 --random 50 --kills 200 50 20 --table examples/live_faults.md`. The
//! example is its own daemon and its own server: started with [`AS_PROGRAM`] set, it does what the binary does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use live_trading_launcher::clock::Clock;
use live_trading_launcher::{launcher, ledger};
use serde_json::{Value, json};

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use support::live::{Stage, TRADING, UNPROTECTED_AT_MOST};
use support::served::{Served, scheduling_delay};
use support::{Daemon, pause};

/// The switch that is no switch of the server's: a process is killed.
const KILL: &str = "kill";
/// A run has at most so many kills: between them the market goes on for a while.
const KILLS_A_RUN: usize = 10;
/// One kill of so many hits a start.
const OF_STARTS: u64 = 8;
/// Days of a recorded market of which each run takes another.
const DAYS: usize = 30;
/// A start that fails is tried again so often, after a pause.
const STARTS_AT_MOST: usize = 20;
const START_DELAY: Duration = Duration::from_millis(100);
/// The exit code of a daemon that cannot reach its venue: it is to be started again.
const UNREACHABLE: i32 = 75;
/// Within so many seconds of the wall's, most of a start is done.
const START_TAKES: f64 = 0.3;

/// Set for the copies of this program that are the daemon or the server.
const AS_PROGRAM: &str = "LIVE_FAULTS_PROGRAM";
/// The daemon's shortest timer, in seconds of session time: questions are put, and exits looked at, once a second.
const SHORTEST_TIMER: f64 = 1.0;
/// Seconds of market time in one of the wall's, at most: the ledger's commits take the wall's time, some milliseconds each,
/// and are to be a small part of the time that a stop may take.
const FASTEST: f64 = 30.0;
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
    /// Only faults whose names contain one of these
    #[arg(long)]
    only: Vec<String>,
    /// Runs with random faults
    #[arg(long, default_value = "0")]
    random: u64,
    /// Kills of the daemon, of the server, and of both, at random moments
    #[arg(long, num_args = 3, value_names = ["DAEMON", "SERVER", "BOTH"], default_values = ["5", "5", "5"])]
    kills: Vec<usize>,
    /// The server's market: a folder of recorded bars, and the first of the days of which each run takes another
    #[arg(long, num_args = 2, value_names = ["PATH", "YYYY-MM-DD"])]
    market: Option<Vec<String>>,
    /// Runs at a time
    #[arg(long, default_value = "1")]
    jobs: usize,
    /// A folder for the logs and the ledgers of the daemons
    #[arg(long)]
    keep: Option<PathBuf>,
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

fn faults(speed: f64) -> Vec<Fault> {
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
        one("answers take longer", "latency", json!({ "ms": (400.0 / speed).ceil() as i64 })),
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
    ]
}

/// Runs in which one side, or both, are killed at random moments, at most [`KILLS_A_RUN`] times each. One of
/// [`OF_STARTS`] kills hits a daemon that is starting.
fn kills(counts: &[usize], minutes: f64, speed: f64) -> Vec<(String, Fault)> {
    let mut state = 1;
    let mut runs = Vec::new();
    for (whom, count) in ["daemon", "server", "both"].into_iter().zip(counts) {
        for from in (0..*count).step_by(KILLS_A_RUN) {
            let until = (from + KILLS_A_RUN).min(*count);
            let switches = (from..until).map(|_| kill(whom, minutes, speed, &mut state)).collect();
            let fault = Fault { name: KILL, switches, limits: false };
            runs.push((format!("kills of the {whom}, {} to {until}", from + 1).replace("the both", "both"), fault));
        }
    }
    runs
}

fn kill(whom: &str, minutes: f64, speed: f64, state: &mut u64) -> (f64, &'static str, Value) {
    let starting = support::crash::draw(state).is_multiple_of(OF_STARTS);
    let longest = if starting { START_TAKES * speed } else { minutes * 60.0 / KILLS_A_RUN as f64 };
    let after = (support::crash::draw(state) % 1_000_000) as f64 / 1e6 * longest;
    (after, KILL, json!({ "whom": whom, "starting": starting }))
}

/// Faults drawn from all, in an order and at times of this seed.
fn random_fault(seed: u64, flags: &Flags, speed: f64) -> Fault {
    let mut state = seed;
    let each = faults(speed).into_iter().filter(|fault| !fault.limits).flat_map(|fault| fault.switches);
    let kills = ["daemon", "server", "both"].map(|whom| kill(whom, flags.minutes, speed, &mut state.clone()));
    let all: Vec<_> = each.chain(kills).collect();
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
    let fits = (SHORTEST_TIMER / (delay.as_secs_f64() * DELAYS_A_TIMER)).clamp(1.0, FASTEST).floor();
    let speed = flags.speed.unwrap_or(fits);
    println!("scheduling delay p99 {delay:?}; speed {speed}");
    let is_wanted = |name: &str| flags.only.is_empty() || flags.only.iter().any(|part| name.contains(part));
    let wanted = faults(speed).into_iter().filter(|fault| is_wanted(fault.name));
    let kills = kills(&flags.kills, flags.minutes, speed).into_iter().filter(|(name, _)| is_wanted(name));
    let random = (1..=flags.random).map(|seed| (format!("random, seed {seed}"), random_fault(seed, &flags, speed)));
    let all = wanted.map(|fault| (fault.name.to_owned(), fault)).chain(kills).chain(random);
    let outcomes = run_all(&flags, all.collect(), speed);
    let table = table(&flags, &outcomes, speed, delay);
    match &flags.table {
        Some(path) => std::fs::write(path, table).expect("the table can be written"),
        None => println!("\n{table}"),
    }
    if outcomes.iter().all(|outcome| outcome.wrong.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all, some at a time; those at the wall's pace come first, since they take longest.
fn run_all(flags: &Flags, runs: Vec<(String, Fault)>, speed: f64) -> Vec<Outcome> {
    let mut runs: Vec<_> = runs.into_iter().enumerate().collect();
    runs.sort_by_key(|(number, (_, fault))| (!fault.limits, *number));
    let (queue, outcomes) = (Mutex::new(runs.into_iter()), Mutex::new(BTreeMap::new()));
    let next = || queue.lock().expect("no run panics with it").next();
    let work = || {
        while let Some((number, (name, fault))) = next() {
            let outcome = run(flags, number, name, &fault, if fault.limits { 1.0 } else { speed });
            println!("{}", line(&outcome));
            outcomes.lock().expect("no run panics with it").insert(number, outcome);
        }
    };
    std::thread::scope(|scope| (0..flags.jobs.max(1)).for_each(|_| drop(scope.spawn(work))));
    outcomes.into_inner().expect("no run panics with it").into_values().collect()
}

#[expect(clippy::disallowed_methods, reason = "a run lasts so much of the wall's time")]
fn run(flags: &Flags, number: usize, name: String, fault: &Fault, speed: f64) -> Outcome {
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let market = match &flags.market {
        Some(market) => {
            let day: jiff::civil::Date = market[1].parse().expect("a day is written as 2024-10-02");
            let day = day.saturating_add(jiff::Span::new().days((number % DAYS) as i64));
            let range = format!("{}-", day.strftime("%Y%m%d"));
            ["--feed".into(), format!("file:{}", market[0]), "--timerange".into(), range].to_vec()
        }
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
    let mut pair = Pair::start(&stage);
    let until = Instant::now() + market_time(flags.minutes * 60.0);
    for (after, switch, body) in &fault.switches {
        if body["starting"] != json!(true) {
            pair.trades();
        }
        pause(market_time(*after).min(until.saturating_duration_since(Instant::now())));
        match (*switch, body["whom"].as_str()) {
            (KILL, Some(whom)) => pair.kill(whom),
            _ => pair.served.switch(switch, body),
        }
    }
    if !pair.trades() {
        pair.wrong.push("it does not start any more".to_owned());
    }
    pause(until.saturating_duration_since(Instant::now()));
    let Pair { served, daemon, mut wrong, .. } = pair;
    let ended = stop(daemon);
    if ended.code != Some(0) {
        wrong.push(format!("ended with {:?}: {}", ended.code, tail(&ended.text)));
    }
    let (books, _) = stage.settle(&served);
    wrong.extend(books.differences);
    // A dead daemon places no stop: what it says itself begins when it is there again.
    let unprotected = if fault.switches.iter().any(|(_, switch, _)| *switch == KILL) {
        said(&ended.text, "unprotected_seconds_max=").unwrap_or_default()
    } else {
        stage.longest_without_a_stop(&served)
    };
    if unprotected > UNPROTECTED_AT_MOST && !fault.name.contains("maintenance") {
        wrong.push(format!("a position was without a stop for {unprotected} s"));
    }
    if ended.text.contains(support::served::SECRET) {
        wrong.push("the secret was said".to_owned());
    }
    if let Some(folder) = &flags.keep {
        std::fs::create_dir_all(folder).expect("the folder can be made");
        let file = |ending: &str| folder.join(format!("{}.{ending}", name.replace(' ', "-")));
        std::fs::write(file("log"), &ended.text).expect("the log can be written");
        std::fs::copy(stage.state().join(ledger::LEDGER_FILE), file("sqlite")).expect("the ledger can be copied");
    }
    Outcome { name, orders: books.orders, fills: books.fills, positions: books.positions, unprotected, wrong }
}

/// The server and the daemon, and what went wrong with them. Whoever is killed is started again; a daemon that cannot
/// start is started again as systemd would do it.
struct Pair<'a, D> {
    stage: &'a Stage<D>,
    served: Served,
    daemon: Daemon,
    wrong: Vec<String>,
}

impl<'a, D: Fn(&Path, &[&str]) -> Command> Pair<'a, D> {
    fn start(stage: &'a Stage<D>) -> Pair<'a, D> {
        let served = stage.serve(0);
        let daemon = stage.trade(&served, &[]);
        let mut pair = Pair { stage, served, daemon, wrong: Vec::new() };
        pair.trades();
        pair
    }

    /// Waits until the daemon trades. False if the venue cannot be reached for so long that nothing comes of it yet.
    fn trades(&mut self) -> bool {
        let trades = |line: &String| line.contains(TRADING);
        for _ in 0..STARTS_AT_MOST {
            if self.daemon.heard.iter().any(trades) || self.daemon.listen_for(TRADING).is_some() {
                return true;
            }
            let again = self.stage.trade(&self.served, &[]);
            let ended = std::mem::replace(&mut self.daemon, again).end();
            if ended.code != Some(UNREACHABLE) {
                self.wrong.push(format!("a start ended with {:?}: {}", ended.code, tail(&ended.text)));
            }
            pause(START_DELAY);
        }
        false
    }

    fn kill(&mut self, whom: &str) {
        if whom != "server" {
            if self.daemon.has_ended() {
                self.wrong.push("ended by itself".to_owned());
            }
            self.daemon.die();
        }
        if whom != "daemon" {
            let port = self.served.address.port();
            self.served.process.die();
            self.served = self.stage.serve(port);
        }
        if whom != "server" {
            self.daemon = self.stage.trade(&self.served, &[]);
        }
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
    let Outcome { name, orders, fills, positions, unprotected, wrong } = outcome;
    let books = if wrong.is_empty() { "equal".to_owned() } else { format!("**{}**", wrong.join("; ")) };
    format!("| {name} | {orders} | {fills} | {positions} | {unprotected:.2} | {books} |")
}

/// The outcomes as a page of the project's documentation.
fn table(flags: &Flags, outcomes: &[Outcome], speed: f64, delay: Duration) -> String {
    let lines: Vec<String> = outcomes.iter().map(line).collect();
    let market = if flags.market.is_some() { "recorded minutes, another day for each run" } else { "made from a seed" };
    format!(
        "# Live trading through faults\n\n\
         Written by `cargo run --release --example live_faults`. In each run the daemon trades live for {} minutes of the \
         market against the exchange that this project serves, while the fault comes and goes or processes are killed; \
         BTC, ETH and SOL, {market}, with the strategies of the demo on minute bars. A second of the wall has {speed} of \
         the market, and the machine wakes a thread up at most {delay:?} late in 99 of 100 times; rate limits and bans, \
         which count in wall time, run at the wall's pace.\n\n\
         Books are equal when orders, fills, fees, funding, positions and cash of the ledger are the server's, no client \
         order id was accepted twice, every open position has its stop at the venue and none was without one for more than \
         {UNPROTECTED_AT_MOST} s, and nothing was entered while the trading state forbade it. How long a position was \
         without a stop is read from the server's books; after kills it is what the last daemon saw, since a dead one \
         places none. In a maintenance the venue takes no order at all.\n\n\
         | fault | orders | fills | open at the end | longest without a stop, s | books |\n\
         |---|---:|---:|---:|---:|---|\n{}\n",
        flags.minutes,
        lines.join("\n")
    )
}
