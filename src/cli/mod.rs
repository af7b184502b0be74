//! The command line: flags and commands as plain values, and what commands print. Nothing here acts.

mod args;
mod backtest;
mod data;
mod doctor;
mod status;
mod strategy;
mod sweep;
mod trades;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches};

pub use args::{
    BacktestFlags, ConfigCommand, ConfigFormat, DataCheckFlags, DataCommand, DataConvertFlags, DataFormat,
    DownloadFlags, ExchangeFlags, FlattenFlags, Invocation, RunFlags, SweepFlags, Task, TradesFlags, TradesFormat,
};
pub use backtest::backtest_text;
pub use clap_complete::Shell;
pub use data::{checked_text, written_text};
pub use doctor::{Finding, Verdict, doctor_exit, doctor_table};
pub use status::status_text;
pub use strategy::StrategyChoice;
pub use sweep::sweep_text;
pub use trades::trades_text;

/// Reads a command line, the program's name first.
///
/// # Errors
/// What the parser has to say: what is wrong with the arguments (exit code 2), or the text of `--help` and
/// `--version` (exit code 0). `clap::Error::exit_code` and `print` know which.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let matches = Invocation::command().try_get_matches_from(args)?;
    Invocation::from_arg_matches(&matches).map_err(|error| error.format(&mut Invocation::command()))
}

/// The completion script of a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    let mut command = Invocation::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The state directory: the flag, else systemd's, else the user's.
///
/// # Errors
/// If nothing says where it is.
pub fn state_dir(
    flag: Option<PathBuf>,
    environment: &crate::config::Environment,
) -> Result<PathBuf, crate::config::Problem> {
    const FOLDER: &str = env!("CARGO_PKG_NAME");
    let folder = |name: &str| Ok(environment.get(name)?.filter(|text| !text.is_empty()).map(PathBuf::from));
    if let Some(given) = flag {
        return Ok(given);
    }
    // systemd separates several folders by colons; ours is the first.
    if let Some(list) = environment.get("STATE_DIRECTORY")?.and_then(|list| list.split(':').find(|one| !one.is_empty()))
    {
        return Ok(PathBuf::from(list));
    }
    // A relative path in this variable is to be ignored: XDG Base Directory Specification.
    if let Some(path) = folder("XDG_STATE_HOME")?.filter(|path| path.is_absolute()) {
        return Ok(path.join(FOLDER));
    }
    match folder("HOME")? {
        Some(home) => Ok(home.join(".local/state").join(FOLDER)),
        None => Err(crate::config::Problem {
            subject: "--state-dir".into(),
            source: None,
            message: "neither it nor HOME says where to keep the ledger; give --state-dir DIR".into(),
        }),
    }
}

/// Where things are kept that can be made again: `$XDG_CACHE_HOME`, else `~/.cache`; none if nothing says.
///
/// # Errors
/// If a variable is not text.
pub fn cache_dir(environment: &crate::config::Environment) -> Result<Option<PathBuf>, crate::config::Problem> {
    const FOLDER: &str = env!("CARGO_PKG_NAME");
    // A relative path in this variable is to be ignored: XDG Base Directory Specification.
    let named = environment.get("XDG_CACHE_HOME")?.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = environment.get("HOME")?.filter(|text| !text.is_empty()).map(|home| PathBuf::from(home).join(".cache"));
    Ok(named.or(home).map(|folder| folder.join(FOLDER)))
}

#[cfg(test)]
mod tests;
