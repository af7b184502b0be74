//! Floor 10: wiring. What the command line asks for is looked up, opened, started, run and ended here, and every way to end
//! has its exit code.

mod assembly;
mod backtest;
mod banner;
mod commands;
mod daemon;
mod data;
mod doctor;
mod download;
mod exchange;
mod flatten;
mod replay;
mod restart;
mod sweep;
mod told;
mod venue;

use std::process::ExitCode;

use indicatif::ProgressBar;

use crate::cli::{self, Invocation, Task};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, ConfigFile, Environment, Inputs, Settings};
use crate::feed::{Cache, FeedError, Tape};
use crate::types::Exit;

/// An error with the exit code that it means.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn new(exit: Exit, message: impl ToString) -> Failure {
        Failure { exit, message: message.to_string() }
    }
}

/// Does what the command line asks for.
pub fn main(clock: Clock) -> ExitCode {
    let asked = match cli::parse(arguments()) {
        Ok(asked) => asked,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Clean };
            // A closed pipe is no reason to fail.
            let _ = error.print();
            return ExitCode::from(code.code());
        }
    };
    let environment = environment();
    let done = match &asked.task {
        Some(task) => commands::run(task, &asked, &environment, clock),
        None if asked.run.dry_run => doctor::run(&asked, &environment, clock),
        None => daemon::run(&asked, &environment, clock),
    };
    match done {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.exit.code())
        }
    }
}

/// The one place that reads the process's environment.
#[expect(clippy::disallowed_methods, reason = "the environment enters here, once, as a value")]
fn environment() -> Environment {
    Environment::from_pairs(std::env::vars_os())
}

/// The one place that reads the process's arguments.
#[expect(clippy::disallowed_methods, reason = "the arguments enter here, once, as values")]
fn arguments() -> Vec<std::ffi::OsString> {
    std::env::args_os().collect()
}

/// The state directory; it is not made here.
fn state_dir(asked: &Invocation, environment: &Environment) -> Result<std::path::PathBuf, Failure> {
    cli::state_dir(asked.state_dir.clone(), environment).map_err(|problem| Failure::new(Exit::Configuration, problem))
}

/// The configuration from all layers.
fn configuration(asked: &Invocation, environment: &Environment) -> Result<Config, Failure> {
    let inputs = inputs(asked, environment)?;
    crate::config::load(inputs).map_err(|error| Failure::new(error.exit(), error))
}

/// What the configuration is made from.
fn inputs<'a>(asked: &Invocation, environment: &'a Environment) -> Result<Inputs<'a>, Failure> {
    let wrong = |error: ConfigError| Failure::new(error.exit(), error);
    let file = ConfigFile::read(asked.config.as_deref()).map_err(wrong)?;
    let faults = match &asked.run.faults {
        Some(path) => Some(ConfigFile::read_faults(path).map_err(wrong)?),
        None => None,
    };
    let mut flags = asked.run.overrides();
    match &asked.task {
        Some(Task::Backtest(backtest)) => flags.extend(backtest.overrides()),
        Some(Task::Sweep(sweep)) => flags.extend(sweep.overrides()),
        Some(_) | None => {}
    }
    Ok(Inputs { file, environment, flags, faults })
}

/// The cache of market data, unless it is not wanted or nothing says where it would be.
fn cache(unwanted: bool, environment: &Environment) -> Result<Cache, Failure> {
    if unwanted {
        return Ok(Cache::off());
    }
    let folder = cli::cache_dir(environment).map_err(|problem| Failure::new(Exit::Configuration, problem))?;
    Ok(folder.map_or_else(Cache::off, Cache::at))
}

/// Tells people what the cache has to say since this was last done.
fn warn_of(cache: &Cache) {
    cache.notices().iter().for_each(|notice| eprintln!("warning: {notice}"));
}

/// The market data of the settings, held once for any number of runs.
fn open_tape(settings: &Settings, cache: &Cache) -> Result<Tape, FeedError> {
    let range = settings.feed.range()?;
    let bar = ProgressBar::new_spinner();
    let shown = bar.clone();
    let cache = cache.watched(move |path, events| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        shown.set_message(format!("reading {name} into the cache: {events} events"));
        shown.tick();
    });
    let tape =
        Tape::open(&settings.feed, &settings.feed.source, &settings.run.symbols, range, settings.run.seed, &cache);
    bar.finish_and_clear();
    tape
}
