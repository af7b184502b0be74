//! The commands beside trading.

use std::path::{Path, PathBuf};

use clap::CommandFactory;

use super::{Failure, configuration, place};
use crate::backtest;
use crate::cli::tables::{self, Finding};
use crate::cli::{Cli, Command, CommonArgs, ConfigCommand, ReplayArgs, RunArgs, TradesArgs};
use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::control::{self, Answer, Request};
use crate::ledger::{self, StateLock, TradeFilter};
use crate::protocol;
use crate::recorder;
use crate::types::Exit;

/// Does a command.
pub(super) fn run(command: Command, environment: &Environment, clock: Clock) -> Result<Exit, Failure> {
    match command {
        Command::Config(command) => configure(&command, environment),
        Command::Doctor(common) => doctor(&RunArgs { common, ..RunArgs::default() }, environment, clock),
        Command::Status(common) => status(&common, environment),
        Command::Stop(common) => tell(&common, environment, &Request::Stop, "stopping"),
        Command::Pause(common) => {
            tell(&common, environment, &Request::Do(protocol::Command::Pause), "paused: no more entries")
        }
        Command::Resume(common) => {
            tell(&common, environment, &Request::Do(protocol::Command::Resume), "the pause is lifted")
        }
        Command::Trades(args) => trades(&args, environment),
        Command::Rearm(args) => {
            let dir = place::state_dir(args.common.state_dir.as_deref(), environment)?;
            rearm(&dir, &args.reason, clock)
        }
        Command::Replay(args) => replay(&args, environment),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "live_trading_launcher", &mut std::io::stdout());
            Ok(Exit::Clean)
        }
    }
}

fn common(common: &CommonArgs) -> RunArgs {
    RunArgs { common: common.clone(), ..RunArgs::default() }
}

fn configure(command: &ConfigCommand, environment: &Environment) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Schema => print(&config::schema()),
        ConfigCommand::Check(args) => {
            configuration(&common(args), environment)?;
            print("the configuration is good")
        }
        ConfigCommand::Show { format, common: args } => {
            let config = configuration(&common(args), environment)?;
            match format.as_str() {
                "toml" => print(&config::as_toml(&config)),
                "template" => print(&config::template()),
                _ => print(&config::as_table(&config)),
            }
        }
    }
}

/// Writes to standard output; a reader that has gone is no failure.
fn print(text: &str) -> Result<Exit, Failure> {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    Ok(Exit::Clean)
}

/// What can be known without a venue.
pub(super) fn doctor(args: &RunArgs, environment: &Environment, clock: Clock) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    let mut find = |subject, outcome: Result<String, String>| {
        let good = outcome.is_ok();
        findings.push(Finding { subject, good, detail: outcome.unwrap_or_else(|problem| problem) });
        good
    };
    let config = configuration(args, environment);
    let mut exit = Exit::Clean;
    match &config {
        Ok(config) => {
            find("configuration", Ok(format!("{} settings differ from the defaults", config.sources.len())));
            let symbols: Vec<_> = config.settings.run.symbols.iter().map(ToString::to_string).collect();
            find("symbols", Ok(symbols.join(", ")));
            let feed = config.settings.feed.range().and_then(|range| {
                let settings = &config.settings.feed;
                crate::feed::open(settings, &settings.source, &config.settings.run.symbols, range, config.settings.run.seed)
            });
            if !find("feed", feed.map(|feed| feed.describe()).map_err(|error| error.to_string())) {
                exit = Exit::Configuration;
            }
        }
        Err(failure) => {
            find("configuration", Err(failure.to_string()));
            exit = Exit::Configuration;
        }
    }
    let dir = place::state_dir(args.common.state_dir.as_deref(), environment);
    match dir {
        Ok(dir) => examine_dir(&dir, &mut find, &mut exit),
        Err(failure) => {
            find("state directory", Err(failure.to_string()));
            exit = Exit::Configuration;
        }
    }
    let year_2024 = crate::types::Timestamp::from_secs(1_704_067_200);
    let wall = clock.wall();
    let sane = if wall > year_2024 { Ok(wall.to_string()) } else { Err(format!("{wall} cannot be; set the clock")) };
    find("clock", sane);
    let systemd = environment.get("NOTIFY_SOCKET").ok().flatten();
    find("systemd", Ok(systemd.map_or("not started by systemd".to_owned(), |path| format!("notified at {path}"))));
    print(&tables::findings(&findings))?;
    Ok(exit)
}

fn examine_dir(dir: &Path, find: &mut impl FnMut(&'static str, Result<String, String>) -> bool, exit: &mut Exit) {
    if !dir.exists() {
        find("state directory", Ok(format!("{} will be made", dir.display())));
        return;
    }
    let lock = StateLock::acquire(dir);
    match &lock {
        Ok(_) => find("state directory", Ok(format!("{} is free", dir.display()))),
        Err(error) => {
            *exit = Exit::TryLater;
            find("state directory", Err(error.to_string()))
        }
    };
    if dir.join(ledger::LEDGER_FILE).exists() {
        let audit = ledger::audit(dir).map_err(|error| error.to_string()).and_then(|audit| {
            if audit.agrees() {
                Ok(format!("{} fills, and the books add up", audit.fills))
            } else {
                Err(format!("the books do not add up: {audit:?}"))
            }
        });
        if !find("ledger", audit) {
            *exit = Exit::Configuration;
        }
    }
    let free = rustix::fs::statvfs(dir).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize) / (1 << 20));
    find("disk", free.map(|mib| format!("{mib} MiB free")).map_err(|error| error.to_string()));
}

fn status(common: &CommonArgs, environment: &Environment) -> Result<Exit, Failure> {
    let dir = place::state_dir(common.state_dir.as_deref(), environment)?;
    match ask(&dir, &Request::Status)? {
        Answer::Status(view) => print(&tables::status(&view)),
        Answer::Accepted => Ok(Exit::Clean),
        Answer::Refused(why) => Err(Failure::new(Exit::Failed, why)),
    }
}

fn tell(common: &CommonArgs, environment: &Environment, request: &Request, done: &str) -> Result<Exit, Failure> {
    let dir = place::state_dir(common.state_dir.as_deref(), environment)?;
    match ask(&dir, request)? {
        Answer::Accepted | Answer::Status(_) => print(done),
        Answer::Refused(why) => Err(Failure::new(Exit::Failed, why)),
    }
}

fn ask(dir: &Path, request: &Request) -> Result<Answer, Failure> {
    control::ask(dir, request).map_err(|error| Failure::new(Exit::TryLater, error))
}

/// A running daemon lowers its own state; the ledger of a stopped one is written to.
fn rearm(dir: &Path, reason: &str, clock: Clock) -> Result<Exit, Failure> {
    if reason.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "--reason is empty; say why it is safe to trade again"));
    }
    let command = protocol::Command::Rearm { reason: reason.to_owned() };
    match control::ask(dir, &Request::Do(command)) {
        Ok(Answer::Refused(why)) => Err(Failure::new(Exit::Failed, why)),
        Ok(Answer::Accepted | Answer::Status(_)) => print("the running daemon is re-armed"),
        Err(_) => {
            ledger::rearm(dir, reason, clock.wall()).map_err(|error| Failure::new(error.exit(), error))?;
            print("the ledger is re-armed; the next start trades again")
        }
    }
}

fn trades(args: &TradesArgs, environment: &Environment) -> Result<Exit, Failure> {
    let dir = place::state_dir(args.common.state_dir.as_deref(), environment)?;
    let filter = TradeFilter { symbol: args.symbol.clone(), limit: args.last, ..TradeFilter::default() };
    let list = ledger::trades(&dir, &filter).map_err(|error| Failure::new(error.exit(), error))?;
    let failed = |error: String| Failure::new(Exit::Failed, error);
    match args.format.as_str() {
        "json" => print(&serde_json::to_string_pretty(&list).map_err(|error| failed(error.to_string()))?),
        "csv" => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for one in &list {
                writer.serialize(one).map_err(|error| failed(error.to_string()))?;
            }
            let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
            print(&String::from_utf8_lossy(&bytes))
        }
        _ => print(&tables::trades(&list)),
    }
}

fn replay(args: &ReplayArgs, environment: &Environment) -> Result<Exit, Failure> {
    let dir = place::state_dir(args.common.state_dir.as_deref(), environment)?;
    let path = find_recording(&dir, &args.session);
    let bar = indicatif::ProgressBar::new_spinner();
    let done = backtest::replay(&path, args.verify, |events| bar.set_message(format!("{events} events")));
    bar.finish_and_clear();
    let done = done.map_err(|error| Failure::new(Exit::Configuration, format!("{}: {error}", path.display())))?;
    print(&format!("{} events in {} segments were replayed", done.events, done.segments))?;
    if let Some(found) = done.divergence {
        return Err(Failure::new(
            Exit::Contradiction,
            format!(
                "event {} at {} was decided otherwise: recorded {:?}, replayed {:?}\nevent: {:?}\nactions now: {}",
                found.event.seq, found.event.at, found.recorded, found.replayed, found.event.event, found.actions
            ),
        ));
    }
    if args.verify {
        print(&format!("every decision is the same ({} compared)", done.compared))?;
    }
    print(&tables::status(&done.view))
}

/// A session by its number, or a path.
fn find_recording(dir: &Path, session: &str) -> PathBuf {
    let given = PathBuf::from(session);
    if given.exists() {
        return given;
    }
    let name = session.parse::<u32>().map_or_else(|_| session.to_owned(), |number| format!("{number:05}"));
    dir.join(recorder::RECORDINGS_DIR).join(name)
}
