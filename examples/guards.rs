//! Shows that the tests named after failures can fail: `cargo run --example guards`, or with the names of some.
//!
//! In a copy of the project each patch of `tests/failures/guards` is applied in turn, which takes a guard away, and the
//! test of its name is run. It must pass before and fail with the patch. A copy and its build stay below `target/guards`,
//! so that a second run has little to build.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use live_trading_launcher::clock::Clock;
use live_trading_launcher::config;
use live_trading_launcher::types::Span;

#[path = "../tests/support/patch.rs"]
mod patch;

use patch::Patch;

/// Where the patches are.
const GUARDS: &str = "tests/failures/guards";
/// The tests that they belong to.
const TARGET: &str = "failures";
/// A test that has not ended by then never will: none waits longer for anything than a minute.
const TEST_WITHIN: Span = Span::mins(3);
/// Time between two looks at a running test.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Not copied: what is built, and the history.
const LEFT_OUT: [&str; 2] = ["target", ".git"];
/// Lines of a compiler's complaint that are shown.
const LINES_SHOWN: usize = 12;

/// Takes guards away, one at a time, and shows that their tests fail then.
#[derive(Debug, Parser)]
struct Flags {
    /// Tests whose guards are taken away; all if none is named
    names: Vec<String>,
}

/// What came of one guard.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// As it should be.
    Fails,
    NoSuchTest,
    FailsAnyway,
    DoesNotApply(String),
    DoesNotCompile,
    StillPasses,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Fails => f.write_str("passes with the guard, fails without"),
            Outcome::NoSuchTest => f.write_str("WRONG: there is no such test"),
            Outcome::FailsAnyway => f.write_str("WRONG: the test fails with the guard as well"),
            Outcome::DoesNotApply(why) => write!(f, "WRONG: the patch does not apply: {why}"),
            Outcome::DoesNotCompile => f.write_str("WRONG: without the guard it does not compile"),
            Outcome::StillPasses => f.write_str("WRONG: the test passes without the guard"),
        }
    }
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> io::Result<bool> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bench = Bench::open(project)?;
    let guards = chosen(project, &flags.names)?;
    println!("building the tests as they are, in {}", bench.tree.display());
    let program = bench.build()?.ok_or_else(|| io::Error::other("the project does not compile"))?;
    let tests = list(&program)?;
    let mut sound = BTreeMap::new();
    for name in guards.keys() {
        if let Some(test) = tests.get(name) {
            sound.insert(name, bench.passes(&program, test)?);
        }
    }
    println!("{} of {} tests pass with their guards", sound.values().filter(|passes| **passes).count(), guards.len());
    let mut outcomes = Vec::new();
    for (at, (name, text)) in guards.iter().enumerate() {
        let begun = bench.clock.uptime();
        let parsed = Patch::parse(text);
        let outcome = match (&parsed, tests.get(name), sound.get(name)) {
            (Err(why), ..) => Outcome::DoesNotApply(why.clone()),
            (Ok(_), Some(_), Some(false)) => Outcome::FailsAnyway,
            (Ok(patch), Some(test), Some(true)) => bench.try_without(patch, test)?,
            (Ok(_), ..) => Outcome::NoSuchTest,
        };
        let took = (bench.clock.uptime() - begun).as_secs();
        println!("[{}/{}] {name}: {outcome} ({took} s)", at + 1, guards.len());
        outcomes.push((name, parsed.map(|patch| patch.file).unwrap_or_default(), outcome));
    }
    let mut table = config::table(&["test", "guard taken away in", "outcome"]);
    for (name, file, outcome) in &outcomes {
        table.add_row([name.as_str(), file, &outcome.to_string()]);
    }
    let good = outcomes.iter().filter(|(.., outcome)| *outcome == Outcome::Fails).count();
    println!("{table}\n{good} of {} guards are proved by their test", outcomes.len());
    Ok(good == outcomes.len())
}

/// The patches by the names of their tests.
fn chosen(project: &Path, names: &[String]) -> io::Result<BTreeMap<String, String>> {
    let mut guards = BTreeMap::new();
    for entry in fs::read_dir(project.join(GUARDS))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if names.is_empty() || names.contains(&name) {
            guards.insert(name, fs::read_to_string(&path)?);
        }
    }
    match names.iter().find(|name| !guards.contains_key(*name)) {
        Some(name) => Err(io::Error::other(format!("there is no {GUARDS}/{name}.patch"))),
        None => Ok(guards),
    }
}

/// Names of the tests with their paths in the program.
fn list(program: &Path) -> io::Result<BTreeMap<String, String>> {
    let listed = Command::new(program).args(["--list", "--format", "terse"]).output()?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let paths = text.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(paths.map(|path| (path.rsplit("::").next().unwrap_or(path).to_owned(), path.to_owned())).collect())
}

/// A copy of the project, and where it is built.
struct Bench {
    tree: PathBuf,
    target: PathBuf,
    clock: Clock,
}

impl Bench {
    fn open(project: &Path) -> io::Result<Bench> {
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(3).ok_or_else(|| io::Error::other("run it with cargo"))?.join("guards");
        let bench = Bench { tree: target.join("tree"), target: target.join("build"), clock: Clock::start() };
        mirror(project, &bench.tree)?;
        Ok(bench)
    }

    /// Applies a patch, builds, runs the test, and takes the patch back.
    fn try_without(&self, patch: &Patch, test: &str) -> io::Result<Outcome> {
        let path = self.tree.join(&patch.file);
        let source = fs::read_to_string(&path)?;
        let changed = match patch.apply(&source) {
            Ok(changed) => changed,
            Err(why) => return Ok(Outcome::DoesNotApply(why)),
        };
        fs::write(&path, changed)?;
        let outcome = match self.build()? {
            None => Outcome::DoesNotCompile,
            Some(program) if self.passes(&program, test)? => Outcome::StillPasses,
            Some(_) => Outcome::Fails,
        };
        fs::write(&path, source)?;
        Ok(outcome)
    }

    /// Builds the tests and gives their program; none if they do not compile, which is shown.
    fn build(&self) -> io::Result<Option<PathBuf>> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--quiet", "--test", TARGET, "--no-run", "--message-format", "json-render-diagnostics"]);
        // These tests wait for timers and disks; compiling is what takes time here.
        cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "0").env("CARGO_PROFILE_DEV_DEBUG", "false");
        cargo.env("CARGO_TARGET_DIR", &self.target).current_dir(&self.tree);
        let built = cargo.stdin(Stdio::null()).output()?;
        if !built.status.success() {
            let said = String::from_utf8_lossy(&built.stderr).into_owned();
            let errors = said.lines().skip_while(|line| !line.starts_with("error"));
            errors.take(LINES_SHOWN).for_each(|line| println!("    {line}"));
            return Ok(None);
        }
        let program = built.stdout.lines().map_while(Result::ok).find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(&line).ok()?;
            let is_ours = message["target"]["name"] == TARGET;
            message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
        });
        program.map(Some).ok_or_else(|| io::Error::other("cargo does not say where the tests are"))
    }

    /// Runs one test. One that does not end in time fails, and all that it started ends with it.
    fn passes(&self, program: &Path, test: &str) -> io::Result<bool> {
        let mut command = Command::new(program);
        command.args(["--exact", test]).current_dir(&self.tree).process_group(0);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let late = self.clock.uptime() + TEST_WITHIN;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if self.clock.uptime() > late {
                let group = rustix::process::Pid::from_child(&child);
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL)?;
                break child.wait()?;
            }
            #[expect(clippy::disallowed_methods, reason = "an example waits for another process in real time")]
            std::thread::sleep(LOOK_EVERY);
        };
        let mut said = String::new();
        if let Some(mut output) = child.stdout.take() {
            output.read_to_string(&mut said)?;
        }
        Ok(status.success() && said.contains("1 passed"))
    }
}

/// Makes `to` hold what `from` does. Files that are the same stay untouched, so that they are not built again.
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut wanted = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let target = to.join(&name);
        if kind.is_dir() {
            mirror(&entry.path(), &target)?;
        } else if kind.is_file() {
            let content = fs::read(entry.path())?;
            if fs::read(&target).ok().as_ref() != Some(&content) {
                fs::write(&target, content)?;
            }
        } else {
            continue;
        }
        wanted.push(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if wanted.contains(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}
