//! A daemon that trades a recorded market and is killed again and again while its venue loses answers. After every
//! kill it is started again, on what the kill left and on a copy of that: the copy is let come to rest, and its books
//! are held against the venue's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use live_trading_launcher::ledger;
use live_trading_launcher::strategy::{RegimeSettings, Settings as StrategySettings};
use live_trading_launcher::venue::paper::PaperBooks;
use serde::Serialize;

use super::books::{self, Comparison};
use super::{Daemon, Ended, pause, recorded};

/// What the venue does to the daemon meanwhile.
const FAULTS: &str = "\
[faults.venue]
late_fill_after = \"2s\"

[faults.venue.chances]
answer_lost = \"5%\"
request_lost = \"3%\"
request_late = \"2%\"
late_fill = \"20%\"
reject = \"2%\"
stop_rejected = \"2%\"
";
/// Limits that would end the trading of a bad day, which is not what is looked at here.
const LIVELY: [(&str, &str); 6] = [
    ("LTL__RISK__STOP_OUT_PAUSE", "0s"),
    ("LTL__RISK__COOLDOWN", "0s"),
    ("LTL__RISK__DAILY_LOSS", "100%"),
    ("LTL__RISK__DRAWDOWN", "100%"),
    ("LTL__RISK__ORDERS_PER_MINUTE", "10000"),
    ("LTL__RISK__ORDERS_PER_DAY", "1000000"),
];
/// Fast enough that the loop is seldom idle: a minute of the market in three milliseconds.
const SPEED: &str = "20000";
/// The latest kill after the loop has begun to trade, in milliseconds.
const LATEST: u64 = 500;
/// One kill of so many comes at any moment of the start.
const OF_STARTS: u64 = 8;
/// Days of the market that a round uses up at most, start and end included.
const MINUTES_A_ROUND: usize = (LATEST as usize + 100) / 3;
/// What a line of the log says once the market is traded.
const TRADING: &str = "Production trading loop active";
/// A run that is to come to rest may be cut off between a fill and its report; the next one settles that.
const RUNS_TO_REST: usize = 3;

/// What came of it.
#[derive(Debug, Default)]
pub struct Counts {
    /// Kills.
    pub kills: usize,
    /// Kills before the engine had started.
    pub while_starting: usize,
    /// Kills while a position was open.
    pub with_a_position: usize,
    /// Kills with orders of which the ledger did not know what became of them.
    pub with_orders_unanswered: usize,
    /// Kills at which the venue had fills that the ledger had not.
    pub with_fills_untold: usize,
    /// Ends that nobody asked for, with what was said.
    pub ended_by_itself: Vec<String>,
    /// Ledgers that could not be opened or did not add up after a kill.
    pub damaged: Vec<String>,
    /// Restarts after which the books were compared, the last one included.
    pub compared: usize,
    /// Positions that were open then.
    pub positions: usize,
    /// Restarts after which the books were not those of the venue, or a position had no stop.
    pub wrong: Vec<String>,
    /// Orders decided over all runs.
    pub intents: i64,
    /// The books at the end.
    pub end: Comparison,
}

impl Counts {
    /// Is there nothing to complain about?
    pub fn is_clean(&self) -> bool {
        self.ended_by_itself.is_empty() && self.damaged.is_empty() && self.wrong.is_empty() && self.end.is_clean()
    }

    /// For people.
    pub fn report(&self) -> String {
        let mut lines = vec![
            format!("kills                               {}", self.kills),
            format!("  before the engine ran             {}", self.while_starting),
            format!("  with a position open              {}", self.with_a_position),
            format!("  with orders unanswered            {}", self.with_orders_unanswered),
            format!("  with fills that were not told yet {}", self.with_fills_untold),
            format!("ended by itself                     {}", self.ended_by_itself.len()),
            format!("ledgers damaged                     {}", self.damaged.len()),
            format!("books compared after a restart      {}", self.compared),
            format!("  positions open in them            {}", self.positions),
            format!("  not equal, or without a stop      {}", self.wrong.len()),
            format!("orders decided                      {}", self.intents),
            format!("orders at the venue                 {}", self.end.orders),
            format!("fills at the venue                  {}", self.end.fills),
            format!("client ids accepted twice           {}", self.end.accepted_twice.len()),
            format!("positions without a stop at the end {}", self.end.without_stop.len()),
            format!("differences at the end              {}", self.end.differences.len()),
        ];
        lines.extend(self.ended_by_itself.iter().map(|text| format!("ended by itself: {text}")));
        lines.extend(self.damaged.iter().map(|text| format!("damaged: {text}")));
        lines.extend(self.wrong.iter().map(|text| format!("wrong: {text}")));
        lines.extend(self.end.accepted_twice.iter().map(|text| format!("accepted twice: {text}")));
        lines.extend(self.end.differences.iter().map(|text| format!("difference: {text}")));
        lines.join("\n")
    }
}

/// Kills `rounds` runs in `folder` at random moments of `seed`, and compares the books after every restart and at the
/// end. `daemon` makes the program's command from its arguments. `told` hears of each round.
pub fn kill_and_compare(
    folder: &Path,
    rounds: usize,
    seed: u64,
    daemon: impl Fn(&Path, &[&str]) -> Command,
    mut told: impl FnMut(usize),
) -> Counts {
    let stage = Stage::build(folder, rounds, seed, daemon);
    let (state, copy) = (folder.join("state"), folder.join("copy"));
    let mut counts = Counts::default();
    let mut random = seed;
    for round in 1..=rounds {
        let mut one = stage.start(&state, &["--faults", &stage.faults, "--speed", SPEED]);
        if draw(&mut random).is_multiple_of(OF_STARTS) {
            pause(Duration::from_millis(draw(&mut random) % stage.start_takes));
        } else {
            one.hear(TRADING);
            pause(Duration::from_micros(draw(&mut random) % (LATEST * 1_000)));
        }
        let by_itself = one.has_ended();
        let ended = one.kill();
        counts.kills += 1;
        if by_itself {
            counts.ended_by_itself.push(format!("round {round}, code {:?}: {}", ended.code, tail(&ended)));
        }
        counts.while_starting += usize::from(!ended.text.contains(TRADING));
        inspect(&state, round, &mut counts);
        copy_books(&state, &copy);
        let books = stage.settle(&copy, &format!("restart {round}"), &mut counts);
        if !books.is_clean() {
            counts.wrong.push(format!("restart {round}: {books:?}"));
        }
        told(round);
    }
    counts.end = stage.settle(&state, "the end", &mut counts);
    counts.intents = books::count(&state, "SELECT count(*) FROM intent_rows");
    counts
}

/// The files that all runs share.
struct Stage<D> {
    folder: PathBuf,
    daemon: D,
    feed: String,
    timerange: String,
    config: String,
    faults: String,
    /// Milliseconds from the start of the process to the first trade that is possible.
    start_takes: u64,
}

/// What the recorded market is traded with: the strategies of the demo, which decide every minute.
#[derive(Serialize)]
struct Config {
    strategy: StrategySettings,
    regime: RegimeSettings,
}

impl<D: Fn(&Path, &[&str]) -> Command> Stage<D> {
    fn build(folder: &Path, rounds: usize, seed: u64, daemon: D) -> Stage<D> {
        let market = folder.join("market");
        let days = (rounds * MINUTES_A_ROUND).div_ceil(24 * 60) + 1;
        let timerange = recorded::write(&market, days as i64, seed);
        let config = Config { strategy: StrategySettings::demo(), regime: RegimeSettings::demo() };
        let text = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("the folder can be written");
            path.to_string_lossy().into_owned()
        };
        let mut stage = Stage {
            folder: folder.to_owned(),
            daemon,
            feed: format!("file:{}", market.display()),
            timerange,
            config: text("config.toml", &toml::to_string(&config).expect("settings are TOML")),
            faults: text("faults.toml", FAULTS),
            start_takes: 1,
        };
        stage.start_takes = stage.time_a_start();
        stage
    }

    fn start(&self, state: &Path, arguments: &[&str]) -> Daemon {
        let state = state.to_string_lossy();
        let all = ["--paper", "--config", &self.config, "--feed", &self.feed, "--timerange", &self.timerange];
        let all = [&all, ["--state-dir", &*state].as_slice(), arguments].concat();
        let mut command = (self.daemon)(&self.folder, &all);
        command.envs(LIVELY);
        Daemon::start(command)
    }

    #[expect(clippy::disallowed_methods, reason = "the kills of starts are spread over the time that one takes here")]
    fn time_a_start(&self) -> u64 {
        let from = std::time::Instant::now();
        let mut one = self.start(&self.folder.join("timed"), &["--speed", "1"]);
        one.hear(TRADING);
        one.kill();
        from.elapsed().as_millis().max(1) as u64
    }

    /// Starts a daemon on `state` that trades nothing new: it settles what is open, and ends. Its books are compared.
    fn settle(&self, state: &Path, when: &str, counts: &mut Counts) -> Comparison {
        let mut books = Comparison::default();
        for _ in 0..RUNS_TO_REST {
            let ended = self.start(state, &["--speed", "1", "--duration", "0.01"]).end();
            if ended.code != Some(0) {
                counts.ended_by_itself.push(format!("{when}, code {:?}: {}", ended.code, tail(&ended)));
            }
            books = books::compare(state);
            if books.is_clean() {
                break;
            }
        }
        counts.compared += 1;
        counts.positions += books.positions;
        books
    }
}

/// The books right after a kill. The first runs may be killed before there are any.
fn inspect(state: &Path, round: usize, counts: &mut Counts) {
    let audit = match ledger::audit(state) {
        Ok(audit) => audit,
        Err(ledger::LedgerError::Absent { .. }) => return,
        Err(error) => return counts.damaged.push(format!("round {round}: {error}")),
    };
    if !audit.agrees() {
        counts.damaged.push(format!("round {round}: {audit:?}"));
    }
    let open = "SELECT count(*) FROM order_rows WHERE stage IN ('intended', 'sent')";
    counts.with_orders_unanswered += usize::from(books::count(state, open) > 0);
    let Ok(venue) = PaperBooks::read(state) else { return };
    counts.with_a_position += usize::from(!venue.positions.is_empty());
    counts.with_fills_untold += usize::from(venue.fills.len() as u64 > audit.fills);
    let twice = books::accepted_twice(&venue);
    if !twice.is_empty() {
        counts.damaged.push(format!("round {round}: accepted twice: {twice:?}"));
    }
}

/// Copies what a restart reads: the ledger and the venue's file, with what belongs to them.
fn copy_books(state: &Path, copy: &Path) {
    let _ = std::fs::remove_dir_all(copy);
    std::fs::create_dir_all(copy).expect("the folder can be made");
    let Ok(entries) = std::fs::read_dir(state) else { return };
    for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("a file can be copied");
    }
}

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
pub fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn tail(ended: &Ended) -> String {
    let lines: Vec<&str> = ended.text.lines().collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}
