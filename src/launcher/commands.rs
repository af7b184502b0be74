//! The commands beside trading.

use std::path::Path;
use std::time::Duration;

use super::{Failure, configuration, state_dir};
use crate::cli::{self, ConfigCommand, ConfigFormat, Finding, Invocation, Task, TradesFlags, Verdict};
use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::control::{self, Answer, ClientError, Request};
use crate::ledger::{self, StateLock, TradeFilter};
use crate::types::{Exit, Timestamp};

/// How long `stop` waits for the daemon to be gone.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Does a command.
pub(super) fn run(task: &Task, asked: &Invocation, environment: &Environment, clock: Clock) -> Result<Exit, Failure> {
    match task {
        Task::Config { command } => configure(*command, asked, environment),
        Task::Doctor => doctor(asked, environment, clock),
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

/// What can be known without a venue.
pub(super) fn doctor(asked: &Invocation, environment: &Environment, clock: Clock) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    examine_settings(asked, environment, &mut findings);
    match state_dir(asked, environment) {
        Ok(dir) => examine_dir(&dir, &mut findings),
        Err(failure) => note(&mut findings, "state directory", Verdict::Bad(failure.exit), failure.message),
    }
    let wall = clock.wall();
    let verdict = if wall > SANE_CLOCK { Verdict::Good } else { Verdict::Bad(Exit::TryLater) };
    note(&mut findings, "clock", verdict, wall.to_string());
    note(&mut findings, "venue", Verdict::Unknown, "paper needs none");
    let socket = environment.get("NOTIFY_SOCKET").ok().flatten();
    note(&mut findings, "systemd", Verdict::Good, socket.unwrap_or("not started by systemd"));
    print(&cli::doctor_table(&findings))?;
    Ok(cli::doctor_exit(&findings))
}

/// A clock before this has lost its battery: 2024-01-01 UTC.
const SANE_CLOCK: Timestamp = Timestamp::from_secs(1_704_067_200);
/// Room on the disk below which a day's recording may not fit, in MiB.
const LITTLE_ROOM_MIB: u64 = 512;

fn note(findings: &mut Vec<Finding>, subject: &str, verdict: Verdict, detail: impl ToString) {
    findings.push(Finding { subject: subject.to_owned(), verdict, detail: detail.to_string() });
}

fn examine_settings(asked: &Invocation, environment: &Environment, findings: &mut Vec<Finding>) {
    let config = match configuration(asked, environment) {
        Ok(config) => config,
        Err(failure) => return note(findings, "configuration", Verdict::Bad(failure.exit), failure.message),
    };
    let settings = &config.settings;
    note(findings, "configuration", Verdict::Good, format!("{} settings are not defaults", config.sources.len()));
    let symbols: Vec<_> = settings.run.symbols.iter().map(ToString::to_string).collect();
    note(findings, "symbols", Verdict::Good, symbols.join(", "));
    let feed = settings.feed.range().and_then(|range| {
        crate::feed::open(&settings.feed, &settings.feed.source, &settings.run.symbols, range, settings.run.seed)
    });
    match feed {
        Ok(feed) => note(findings, "feed", Verdict::Good, feed.describe()),
        Err(error) => note(findings, "feed", Verdict::Bad(Exit::Configuration), error),
    }
}

fn examine_dir(dir: &Path, findings: &mut Vec<Finding>) {
    if !dir.exists() {
        return note(findings, "state directory", Verdict::Good, format!("{} will be made", dir.display()));
    }
    match StateLock::acquire(dir) {
        Ok(_) => note(findings, "state directory", Verdict::Good, format!("{} is free", dir.display())),
        Err(error) => note(findings, "state directory", Verdict::Bad(error.exit()), error),
    }
    if dir.join(ledger::LEDGER_FILE).exists() {
        match ledger::audit(dir) {
            Ok(audit) if audit.agrees() => {
                note(findings, "ledger", Verdict::Good, format!("{} fills, and the books add up", audit.fills));
            }
            Ok(audit) => note(findings, "ledger", Verdict::Doubtful, format!("the books do not add up: {audit:?}")),
            Err(error) => note(findings, "ledger", Verdict::Bad(error.exit()), error),
        }
    }
    match rustix::fs::statvfs(dir) {
        Ok(stat) => {
            let mib = stat.f_bavail.saturating_mul(stat.f_frsize) / (1 << 20);
            let verdict = if mib < LITTLE_ROOM_MIB { Verdict::Doubtful } else { Verdict::Good };
            note(findings, "disk", verdict, format!("{mib} MiB free"));
        }
        Err(error) => note(findings, "disk", Verdict::Doubtful, error),
    }
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

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
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
