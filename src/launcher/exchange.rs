//! The `exchange` command: the simulated exchange behind the protocol of Binance USDⓈ-M futures.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::daemon::{open_feed, start_log};
use super::{Failure, configuration};
use crate::cli::{ExchangeFlags, Invocation};
use crate::clock::Clock;
use crate::config::Environment;
use crate::serve::{self, AccountSpec, Options, ServeError, Server};
use crate::types::{Exit, Symbol};

/// Threads for the market and the connections.
const WORKERS: usize = 2;
/// Tasks that do not end within this time at the end are left.
const JOIN_WITHIN: Duration = Duration::from_secs(2);

/// Serves until a signal or the duration ends it.
pub(super) fn run(
    flags: &ExchangeFlags,
    asked: &Invocation,
    environment: &Environment,
    clock: Clock,
) -> Result<Exit, Failure> {
    let mut asked = asked.clone();
    let given = &mut asked.run;
    given.feed = flags.feed.clone().or(given.feed.take());
    given.symbols = flags.symbols.clone().or(given.symbols.take());
    given.timerange = flags.timerange.clone().or(given.timerange.take());
    given.seed = flags.seed.or(given.seed);
    let config = configuration(&asked, environment)?;
    let _log = start_log(&asked.run, &config, environment)?;
    let settings = config.settings;
    let feed = open_feed(&settings).map_err(|error| Failure::new(Exit::Configuration, error))?;
    let options = Options {
        bind: flags.bind,
        port: flags.port,
        accounts: accounts(flags)?,
        speed: flags.speed,
        seed: settings.run.seed,
        state: flags.state.clone(),
        limits: !flags.no_rate_limits,
        control: flags.control,
        strict_routes: flags.strict_routes,
        starts_at: flags.recorded_time.then(|| feed.start_at()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("the runtime cannot be started: {error}")))?;
    let done = runtime.block_on(async {
        let server = serve::start(options.clone(), settings.exchange, feed, clock).await?;
        let stop = server.stopper();
        let tracker = TaskTracker::new();
        end_on_signal(&tracker, &stop)?;
        if let Some(duration) = flags.duration.or(asked.run.duration) {
            let stop = stop.clone();
            tracker.spawn(async move {
                tokio::time::sleep(duration.to_std()).await;
                stop.cancel();
            });
        }
        introduce(&server, &options, &settings.run.symbols);
        server.run().await.map_err(Failure::from)
    });
    runtime.shutdown_timeout(JOIN_WITHIN);
    done.map(|()| Exit::Clean)
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Failure {
        let exit = match error {
            ServeError::Account(_) | ServeError::State(_) | ServeError::Feed(_) => Exit::Configuration,
            ServeError::Listen { .. } => Exit::TryLater,
        };
        Failure::new(exit, error)
    }
}

fn accounts(flags: &ExchangeFlags) -> Result<Vec<AccountSpec>, Failure> {
    let mut accounts = flags.accounts.clone();
    if let Some(path) = &flags.accounts_file {
        accounts.extend(AccountSpec::read_file(path)?);
    }
    if accounts.is_empty() {
        accounts.push(AccountSpec::demo());
    }
    Ok(accounts)
}

/// The first signal ends the server in order.
fn end_on_signal(tracker: &TaskTracker, stop: &CancellationToken) -> Result<(), Failure> {
    let failed = |error| Failure::new(Exit::Failed, format!("signals cannot be heard: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let stop = stop.clone();
    tracker.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// Says where the server is, and with which keys it is to be used.
fn introduce(server: &Server, options: &Options, symbols: &[Symbol]) {
    let address = server.address();
    let mut text = String::new();
    let mut line = |name: &str, what: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {name:<12} {what}");
    };
    line("REST", &format!("http://{address}"));
    line("streams", &format!("ws://{address}/ws  /stream  /public  /market  /private"));
    line("orders", &format!("ws://{address}/ws-fapi/v1"));
    line("market", &server.describe());
    let symbols: Vec<_> = symbols.iter().map(|symbol| format!("{}USDT", symbol.base())).collect();
    line("symbols", &symbols.join(" "));
    line("pace", &format!("{} of the wall clock", options.speed));
    line("rate limits", if server.has_limits() { "as Binance's" } else { "OFF" });
    if options.control {
        line("control", &format!("http://{address}/control/ (this machine only)"));
    }
    if let Some(path) = &options.state {
        line("state", &path.display().to_string());
    }
    for spec in &options.accounts {
        let hedge = if spec.config.hedge { "hedge" } else { "one-way" };
        let may = if spec.may_trade { "" } else { ", read only" };
        let what =
            format!("{} USDT, {}x, {hedge}, {:?}{may}", spec.config.balance, spec.config.leverage, spec.config.margin);
        line("key", &format!("{}  secret {}  ({what})", spec.key, spec.secret));
    }
    let mut out = std::io::stdout();
    // A reader that has gone is no reason to fail.
    let _ = write!(out, "The simulated exchange speaks the protocol of Binance USDⓈ-M futures:\n{text}");
    let _ = out.flush();
}
