//! The commands beside trading.

use std::path::Path;
use std::time::Duration;

use super::{Failure, configuration, state_dir};
use crate::cli::{self, ConfigCommand, ConfigFormat, Invocation, Task, TradesFlags};
use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::control::{self, Answer, ClientError, Request};
use crate::ledger::{self, TradeFilter};
use crate::types::Exit;

/// How long `stop` waits for the daemon to be gone.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Does a command.
pub(super) fn run(task: &Task, asked: &Invocation, environment: &Environment, clock: Clock) -> Result<Exit, Failure> {
    match task {
        Task::Config { command } => configure(*command, asked, environment),
        Task::Doctor => super::doctor::run(asked, environment, clock),
        Task::Flatten(flags) => super::flatten::run(flags, asked, environment, clock),
        Task::Download(flags) => super::download::run(flags, asked, environment, clock),
        Task::Status { json } => status(*json, &state_dir(asked, environment)?),
        Task::Stop => stop(&state_dir(asked, environment)?),
        Task::Pause => tell(&state_dir(asked, environment)?, &Request::Pause, "paused: no more entries"),
        Task::Resume => tell(&state_dir(asked, environment)?, &Request::Resume, "the pause is lifted"),
        Task::Trades(flags) => trades(flags, &state_dir(asked, environment)?),
        Task::Rearm { reason } => rearm(&state_dir(asked, environment)?, reason, clock),
        Task::Backtest(flags) => super::backtest::run(flags, asked, environment, clock),
        Task::Replay { session, verify, html } => {
            super::replay::run(session, *verify, html.as_deref(), &state_dir(asked, environment)?, clock)
        }
        Task::Data { command } => super::data::run(command),
        Task::Sweep(flags) => super::sweep::run(flags, asked, environment),
        Task::Exchange(flags) => super::exchange::run(flags, asked, environment, clock),
        Task::Completions { shell } => print(&cli::completions(*shell)),
    }
}

fn configure(command: ConfigCommand, asked: &Invocation, environment: &Environment) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Schema => print(&config::schema()),
        ConfigCommand::Check => {
            configuration(asked, environment)?;
            print("the configuration is good")
        }
        ConfigCommand::Show { format } => {
            let config = configuration(asked, environment)?;
            match format {
                ConfigFormat::Table => print(&config::as_table(&config)),
                ConfigFormat::Toml => print(&config::as_toml(&config)),
                ConfigFormat::Template => print(&config::template()),
            }
        }
    }
}

/// Writes to standard output; a reader that has gone is no failure.
pub(super) fn print(text: &str) -> Result<Exit, Failure> {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    Ok(Exit::Clean)
}

fn status(json: bool, dir: &Path) -> Result<Exit, Failure> {
    let Answer::Status(status) = ask(dir, &Request::Status)? else {
        return Err(Failure::new(Exit::Failed, "the daemon gave no status"));
    };
    if json {
        let text = serde_json::to_string_pretty(&status).map_err(|error| Failure::new(Exit::Failed, error))?;
        return print(&text);
    }
    print(&cli::status_text(&status))
}

fn tell(dir: &Path, request: &Request, done: &str) -> Result<Exit, Failure> {
    ask(dir, request)?;
    print(done)
}

/// Asks the daemon to end, and waits until it has.
fn stop(dir: &Path) -> Result<Exit, Failure> {
    ask(dir, &Request::Stop { reason: "stop command".to_owned() })?;
    if runtime()?.block_on(control::wait_until_gone(dir, STOP_PATIENCE)) {
        print("stopped")
    } else {
        Err(Failure::new(Exit::Failed, format!("the daemon is still there after {STOP_PATIENCE:?}; look at its log")))
    }
}

fn ask(dir: &Path, request: &Request) -> Result<Answer, Failure> {
    let answer = runtime()?.block_on(control::ask(dir, request));
    answer.map_err(|error| Failure::new(Exit::TryLater, error))
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Failed, format!("the runtime cannot be started: {error}")))
}

/// A running daemon lowers its own state; the ledger of a stopped one is written to.
fn rearm(dir: &Path, reason: &str, clock: Clock) -> Result<Exit, Failure> {
    let request = Request::Rearm { reason: reason.to_owned() };
    match runtime()?.block_on(control::ask(dir, &request)) {
        Ok(_) => print("the running daemon is re-armed"),
        Err(ClientError::NotRunning { .. }) => {
            ledger::rearm(dir, reason, clock.wall()).map_err(|error| Failure::new(error.exit(), error))?;
            print("the ledger is re-armed; the next start trades again")
        }
        Err(error) => Err(Failure::new(Exit::TryLater, error)),
    }
}

fn trades(flags: &TradesFlags, dir: &Path) -> Result<Exit, Failure> {
    let filter = TradeFilter { symbol: flags.symbol.clone(), limit: flags.last, ..TradeFilter::default() };
    let list = ledger::trades(dir, &filter).map_err(|error| Failure::new(error.exit(), error))?;
    let text = cli::trades_text(&list, flags.format).map_err(|error| Failure::new(Exit::Failed, error))?;
    print(&text)
}
