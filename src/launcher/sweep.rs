//! The `sweep` command: what varies is read, the runs are made on all cores, and what they came to goes where it was asked to.

mod ranges;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use super::commands::print;
use super::{Failure, daemon, inputs, state_dir};
use crate::backtest::Plan;
use crate::backtest::sweep::{
    Axis, AxisMap, Definition, Journal, JournalError, Search, Space, Sweep, SweepReport, WalkForward, Window, sides,
    svg,
};
use crate::cli::{self, Invocation, SweepFlags};
use crate::config::{ConfigError, Environment, Settings, Variants, Varied};
use crate::feed::{self, Cache, FeedError, Tape, TimeRange};
use crate::types::Exit;

/// Journals of finished sweeps, below the state directory.
const FOLDER: &str = "sweeps";
/// So many of them are kept; a journal of a thousand runs takes about half a megabyte.
const JOURNALS_KEPT: usize = 50;
/// Sources of values that a variant has.
const FLAG: &str = "--set";

pub(super) fn run(flags: &SweepFlags, asked: &Invocation, environment: &Environment) -> Result<Exit, Failure> {
    check_outputs(flags)?;
    let variants = Variants::new(inputs(asked, environment)?).map_err(configuration)?;
    let varied = ranges::read(flags, &variants)?;
    let search = search(flags);
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let space = Space::new(varied.axes, search).map_err(usage)?;
    if flags.map.is_some() {
        let (across, up) = map_axes(flags, &space.axes).map_err(usage)?;
        sides(&space.axes, &across, &up).map_err(usage)?;
    }
    let base = variants.settings(&varied.fixed, FLAG).map_err(configuration)?;
    let cache = super::cache(flags.no_cache, environment)?;
    let tape = super::open_tape(&base, &cache).map_err(unreadable)?;
    super::warn_of(&cache);
    let whole = tape.feed().map_err(unreadable)?;
    let (described, identity, starts_at) = (whole.describe(), whole.identity(), whole.start_at());
    let range = base.feed.range().map_err(unreadable)?.unwrap_or_default();
    let walk = flags.walk_forward.map(|walk| WalkForward { anchored: flags.anchored, ..walk });
    let windows = match walk {
        Some(walk) => windows(walk, &tape, starts_at)?,
        None => Vec::new(),
    };
    let threads = flags.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let definition = define(&base, identity, &space, search, walk)?;
    let path = journal_path(flags, asked, environment, &definition)?;
    let (mut journal, found) = Journal::open(&path, &definition, flags.restart).map_err(unwritable)?;
    if journal.damaged > 0 {
        eprintln!("{}: {} damaged lines are not believed; their runs are done again", path.display(), journal.damaged);
    }
    let resumed = found.len();
    let sweep = Sweep { space, range, windows, metric: flags.rank, threads };
    let bar = progress_bar(resumed);
    let runs = Runs {
        asked,
        variants: &variants,
        fixed: &varied.fixed,
        typed: &varied.typed,
        space: &sweep.space,
        tape: &tape,
    };
    let results = sweep.run(
        &mut journal,
        found,
        |run, range| runs.plan(run, range),
        |at| {
            bar.set_length(at.all as u64);
            bar.set_position(at.done as u64);
        },
    );
    bar.finish_and_clear();
    super::warn_of(&cache);
    let results = results.map_err(unwritable)?;
    let report = SweepReport::new(described, &sweep, &results);
    write_outputs(flags, &report)?;
    print(&cli::sweep_text(&report, flags.top, resumed, &path))?;
    if report.ranked.is_empty() {
        return Err(Failure::new(Exit::Configuration, "none of the runs could be run; the reasons are above"));
    }
    Ok(Exit::Clean)
}

/// What a run is made from.
struct Runs<'a> {
    asked: &'a Invocation,
    variants: &'a Variants,
    fixed: &'a [Varied],
    /// The values of each axis, as the settings take them.
    typed: &'a [Vec<Varied>],
    space: &'a Space,
    tape: &'a Tape,
}

impl Runs<'_> {
    fn plan(&self, run: usize, range: TimeRange) -> Result<Plan, String> {
        let own = self.space.points[run].iter().zip(self.typed).map(|(at, values)| values[*at].clone());
        let all: Vec<Varied> = self.fixed.iter().cloned().chain(own).collect();
        let settings = self.variants.settings(&all, FLAG).map_err(|error| error.to_string())?;
        let feed = if self.space.axes.iter().any(|axis| is_of_feed(&axis.setting)) {
            super::open_tape(&settings, &Cache::off()).and_then(|tape| tape.within(range))
        } else {
            self.tape.within(range)
        };
        Ok(Plan {
            feed: feed.map_err(|error| error.to_string())?,
            rooms: daemon::rooms(self.asked, &settings),
            guests: Vec::new(),
            exchange: settings.exchange.clone(),
            seed: settings.run.seed,
        })
    }
}

/// Does the market itself depend on the setting, so that it cannot be shared by the runs?
fn is_of_feed(setting: &str) -> bool {
    setting.starts_with("feed.") || matches!(setting, "run.symbols" | "run.seed")
}

fn search(flags: &SweepFlags) -> Search {
    flags.random.map_or(Search::Grid, |runs| Search::Random { runs, seed: flags.seed.unwrap_or(1) })
}

fn windows(walk: WalkForward, tape: &Tape, from: crate::types::Timestamp) -> Result<Vec<Window>, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let until = tape.ends_at().ok_or_else(|| {
        usage("--walk-forward: where this feed ends is not known; give --timerange with both ends".to_owned())
    })?;
    walk.windows(from, until).map_err(usage)
}

/// What the results are a function of. The program is part of it: another build may decide otherwise.
fn define(
    base: &Settings,
    data: String,
    space: &Space,
    search: Search,
    walk: Option<WalkForward>,
) -> Result<Definition, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Failed, error);
    let unknown = |error| Failure::new(Exit::Failed, format!("the program's own file cannot be read: {error}"));
    let program = std::env::current_exe().map_err(unknown)?;
    let program = feed::fingerprint(&program).map_err(|error| failed(&error))?;
    let rooms = (&base.run.seed, &base.market, &base.regime, &base.strategy, &base.risk);
    let rooms = (rooms, (&base.engine, &base.orders, &base.feed, &base.exchange));
    let settings = serde_json::to_string_pretty(&rooms).map_err(|error| failed(&error))?;
    let axes: Vec<String> =
        space.axes.iter().map(|axis| format!("{}={}", axis.setting, axis.values.join(","))).collect();
    let parts: BTreeMap<String, String> = [
        ("program", format!("{} {program:016x}", env!("CARGO_PKG_VERSION"))),
        ("data", data),
        ("settings", settings),
        ("ranges", axes.join("\n")),
        ("search", format!("{search:?}")),
        ("walk-forward", walk.map_or_else(|| "none".to_owned(), |walk| walk.to_string())),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into();
    Ok(Definition(parts))
}

fn journal_path(
    flags: &SweepFlags,
    asked: &Invocation,
    environment: &Environment,
    definition: &Definition,
) -> Result<PathBuf, Failure> {
    if let Some(path) = &flags.journal {
        daemon::has_place("--journal", path)?;
        return Ok(path.clone());
    }
    let folder = state_dir(asked, environment)?.join(FOLDER);
    let failed = |error| {
        let message =
            format!("{}: {error}; name a file with --journal, or a folder with --state-dir", folder.display());
        Failure::new(Exit::LedgerUnwritable, message)
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let path = folder.join(format!("{:016x}.journal", definition.fingerprint()));
    forget_old(&folder, &path).map_err(failed)?;
    Ok(path)
}

/// Removes the journals that were written to longest ago, but for the newest and the one in use.
fn forget_old(folder: &Path, in_use: &Path) -> std::io::Result<()> {
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "journal") && path != in_use {
            journals.push((path.metadata()?.modified()?, path));
        }
    }
    journals.sort();
    let many = journals.len().saturating_sub(JOURNALS_KEPT - 1);
    journals[..many].iter().try_for_each(|(_, path)| std::fs::remove_file(path))
}

fn progress_bar(resumed: usize) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(0).with_position(resumed as u64);
    let style = "{bar:30} {pos} of {len} runs, {per_sec}, {elapsed} gone, {eta} left";
    bar.set_style(indicatif::ProgressStyle::with_template(style).expect("the template is a constant"));
    bar.reset_eta();
    bar
}

fn check_outputs(flags: &SweepFlags) -> Result<(), Failure> {
    let ends = |flag: &str, path: &Path, endings: &[&str]| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if ending.is_some_and(|ending| endings.contains(&ending)) {
            return Ok(());
        }
        let message = format!("{flag} {}: name a file that ends in .{}", path.display(), endings.join(" or ."));
        Err(Failure::new(Exit::Usage, message))
    };
    if let Some(path) = &flags.table {
        ends("--table", path, &["csv", "parquet"])?;
        daemon::has_place("--table", path)?;
    }
    if let Some(path) = &flags.map {
        ends("--map", path, &["svg"])?;
        daemon::has_place("--map", path)?;
    }
    flags.json.as_ref().map_or(Ok(()), |path| daemon::has_place("--json", path))
}

fn write_outputs(flags: &SweepFlags, report: &SweepReport) -> Result<(), Failure> {
    if let Some(path) = &flags.table {
        let failed = |error| Failure::new(Exit::LedgerUnwritable, format!("--table {error}"));
        table::write(path, report).map_err(failed)?;
    }
    if let Some(path) = &flags.json {
        daemon::write_json("--json", path, report)?;
    }
    if let Some(path) = &flags.map {
        let usage = |message: String| Failure::new(Exit::Usage, message);
        let (across, up) = map_axes(flags, &report.axes).map_err(usage)?;
        let map = AxisMap::new(report, &across, &up).map_err(usage)?;
        let failed = |error| Failure::new(Exit::LedgerUnwritable, format!("--map {}: {error}", path.display()));
        std::fs::write(path, svg(&map)).map_err(failed)?;
    }
    Ok(())
}

fn map_axes(flags: &SweepFlags, axes: &[Axis]) -> Result<(String, String), String> {
    let mut varied = axes.iter().map(|axis| axis.setting.clone());
    flags
        .map_axes
        .clone()
        .or_else(|| Some((varied.next()?, varied.next()?)))
        .ok_or_else(|| "--map: two settings have to vary, and one does; give another --set".to_owned())
}

fn configuration(error: ConfigError) -> Failure {
    Failure::new(error.exit(), error)
}

fn unreadable(error: FeedError) -> Failure {
    Failure::new(Exit::Configuration, error)
}

fn unwritable(error: JournalError) -> Failure {
    let exit = match error {
        JournalError::Io { .. } => Exit::LedgerUnwritable,
        JournalError::InUse(_) => Exit::TryLater,
        JournalError::Other { .. } | JournalError::NotOurs(_) => Exit::Configuration,
    };
    Failure::new(exit, error)
}
