//! A daemon that is killed again and again while the venue loses answers, and the books at the end.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use live_trading_launcher::ledger;

use super::books::{self, Comparison};
use super::{Daemon, Ended, pause};

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
";
/// Limits that would end the trading of a bad day, which is not what is looked at here.
const LIVELY: [(&str, &str); 5] = [
    ("LTL__RISK__STOP_OUT_PAUSE", "0s"),
    ("LTL__RISK__DAILY_LOSS", "100%"),
    ("LTL__RISK__DRAWDOWN", "100%"),
    ("LTL__RISK__ORDERS_PER_MINUTE", "10000"),
    ("LTL__RISK__ORDERS_PER_DAY", "1000000"),
];
/// Fast enough that orders are on their way at most of the kills: a run of a second is most of an hour of the market.
const SPEED: &str = "3000";
/// The latest instant of a kill after a start. Half of the kills come within the first fifth of it, so that starts
/// are hit as well.
const LATEST: u64 = 1_500;
/// A run at the end may be cut off between a fill and its report; the next one settles that.
const RUNS_AT_THE_END: usize = 3;

/// What came of it.
#[derive(Debug, Default)]
pub struct Counts {
    /// Kills.
    pub kills: usize,
    /// Kills before the engine had started.
    pub while_starting: usize,
    /// Ends that nobody asked for, with what was said.
    pub ended_by_itself: Vec<String>,
    /// Ledgers that could not be opened or did not add up after a kill.
    pub damaged: Vec<String>,
    /// Most orders whose fate was unknown after a kill.
    pub unanswered_most: i64,
    /// Orders decided over all runs.
    pub intents: i64,
    /// The books at the end.
    pub end: Comparison,
}

impl Counts {
    /// Is there nothing to complain about?
    pub fn is_clean(&self) -> bool {
        self.ended_by_itself.is_empty()
            && self.damaged.is_empty()
            && self.end.accepted_twice.is_empty()
            && self.end.differences.is_empty()
    }

    /// For people.
    pub fn report(&self) -> String {
        let mut lines = vec![
            format!("kills                      {}", self.kills),
            format!("  before the engine ran    {}", self.while_starting),
            format!("ended by itself            {}", self.ended_by_itself.len()),
            format!("ledgers damaged            {}", self.damaged.len()),
            format!("most orders unanswered     {}", self.unanswered_most),
            format!("orders decided             {}", self.intents),
            format!("orders at the venue        {}", self.end.orders),
            format!("fills at the venue         {}", self.end.fills),
            format!("client ids accepted twice  {}", self.end.accepted_twice.len()),
            format!("differences at the end     {}", self.end.differences.len()),
        ];
        lines.extend(self.ended_by_itself.iter().map(|text| format!("ended by itself: {text}")));
        lines.extend(self.damaged.iter().map(|text| format!("damaged: {text}")));
        lines.extend(self.end.accepted_twice.iter().map(|text| format!("accepted twice: {text}")));
        lines.extend(self.end.differences.iter().map(|text| format!("difference: {text}")));
        lines.join("\n")
    }
}

/// Kills `rounds` runs in `folder` at random moments of `seed`, then lets one end in peace and compares the books.
/// `daemon` makes the program's command from its arguments. `told` hears of each round.
pub fn kill_and_compare(
    folder: &Path,
    rounds: usize,
    seed: u64,
    daemon: impl Fn(&Path, &[&str]) -> Command,
    mut told: impl FnMut(usize),
) -> Counts {
    let faults = folder.join("faults.toml");
    std::fs::write(&faults, FAULTS).expect("the folder can be written");
    let state = folder.join("state");
    let (state_text, faults_text) = (state.to_string_lossy(), faults.to_string_lossy());
    let run = ["--paper", "--speed", SPEED, "--state-dir", &state_text];
    let start = |arguments: &[&str]| {
        let mut command = daemon(folder, arguments);
        command.envs(LIVELY);
        Daemon::start(command)
    };
    let mut counts = Counts::default();
    let mut random = seed;
    for round in 1..=rounds {
        let arguments = [run.as_slice(), &["--faults", &faults_text]].concat();
        let mut one = start(&arguments);
        pause(moment(&mut random));
        let by_itself = one.has_ended();
        let ended = one.kill();
        counts.kills += 1;
        if by_itself {
            counts.ended_by_itself.push(format!("round {round}, code {:?}: {}", ended.code, tail(&ended)));
        }
        if !ended.text.contains("ENGINE STARTED SUCCESSFULLY") {
            counts.while_starting += 1;
        }
        inspect(&state, round, &mut counts);
        told(round);
    }
    for _ in 0..RUNS_AT_THE_END {
        let arguments = [run.as_slice(), &["--duration", "2"]].concat();
        let ended = start(&arguments).end();
        if ended.code != Some(0) {
            counts.ended_by_itself.push(format!("at the end, code {:?}: {}", ended.code, tail(&ended)));
        }
        counts.end = books::compare(&state);
        if counts.end.differences.is_empty() {
            break;
        }
    }
    counts.intents = books::count(&state, "SELECT count(*) FROM intent_rows");
    counts
}

/// The ledger right after a kill. The first runs may be killed before there is one.
fn inspect(state: &Path, round: usize, counts: &mut Counts) {
    match ledger::audit(state) {
        Ok(audit) if audit.agrees() => {
            let unanswered = "SELECT count(*) FROM order_rows WHERE stage IN ('intended', 'sent')";
            counts.unanswered_most = counts.unanswered_most.max(books::count(state, unanswered));
        }
        Ok(audit) => counts.damaged.push(format!("round {round}: {audit:?}")),
        Err(ledger::LedgerError::Absent { .. }) => {}
        Err(error) => counts.damaged.push(format!("round {round}: {error}")),
    }
}

/// When the next kill comes after its start.
fn moment(random: &mut u64) -> Duration {
    let early = draw(random).is_multiple_of(2);
    let latest = if early { LATEST / 5 } else { LATEST };
    Duration::from_millis(draw(random) % latest)
}

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
fn draw(state: &mut u64) -> u64 {
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
