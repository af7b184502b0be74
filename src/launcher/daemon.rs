//! The daemon: the monitor in the background, the production loop in the foreground, and one way to end both.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assembly::{self, Mode};
use super::banner::Banner;
use super::restart::Restarts;
use super::{Failure, configuration, state_dir, told};
use crate::cli::{Invocation, RunFlags};
use crate::clock::{Clock, Pace, SessionClock, Speed};
use crate::config::{Config, Environment, SecretName, Settings};
use crate::control::{self, HealthLine};
use crate::coordinator::{self, Coordinator, Ends, Frame, RunError, Summary};
use crate::engine::{OnHalt, Rooms};
use crate::feed::{self, Feed, FeedError};
use crate::health::{self, Guard, HealthMonitor, Watchdog, systemd};
use crate::ledger::{self, Outbox, StateLock};
use crate::notify::{self, Notifier};
use crate::protocol::{Event, FeedShape, Notice, NoticeKind, TradingState, View};
use crate::pulse::{Pulses, Stage};
use crate::strategy::RegimeSettings;
use crate::telemetry::{self, Telemetry};
use crate::types::{Exit, Span};
use crate::venue::VenueError;

/// Pace of the embedded demo: an hour of its market in a minute.
const DEMO_SPEED: f64 = 60.0;
/// Tasks that do not end within this time at the end are named and left.
const JOIN_WITHIN: Duration = Duration::from_secs(2);
/// Threads beside the loop's own: one for questions to the venue, and one for people and health meanwhile.
const BESIDE: usize = 2;
/// Opening a session may wait for the venue's limits several times, minutes each. What takes longer is a stall.
const OPENED_WITHIN: Span = Span::mins(10);
/// How often the loop pulses while it waits, for the venue or after an error.
const BACKOFF_BEAT: Duration = Duration::from_millis(500);

/// What one run of the process holds on to.
struct Daemon<'a> {
    asked: &'a Invocation,
    args: &'a RunFlags,
    config: Config,
    rooms: Rooms,
    dir: PathBuf,
    clock: Clock,
    pulses: Arc<Pulses>,
    stop: CancellationToken,
    stop_reason: Arc<OnceLock<String>>,
    /// Opened before anything on disk is touched, so that a wrong one changes nothing; the first run takes it.
    feed: RefCell<Option<Box<dyn Feed>>>,
    mode: Mode,
    /// Session time beside a market that does not wait, told to who judges the age of things.
    time: watch::Sender<Option<SessionClock>>,
    /// Joins every task of the process.
    tracker: TaskTracker,
    /// Ends them.
    cancel: CancellationToken,
    /// Everything runs there but the loop, the streams that it hears and the orders that it sends.
    beside: Handle,
}

/// Trades until something ends it.
pub(super) fn run(asked: &Invocation, environment: &Environment, clock: Clock) -> Result<Exit, Failure> {
    let args = &asked.run;
    let config = configuration(asked, environment)?;
    if let Some(path) = &args.summary_json {
        has_place("--summary-json", path)?;
    }
    let log = start_log(args, &config, environment)?;
    telemetry::leave_on_panic(log.flusher());
    tracing::info!("STARTING LIVE TRADING");
    let mode = if args.live { Mode::Live } else { Mode::Paper };
    let real = assembly::is_real(&config.settings);
    let unfit = |error: VenueError| Failure::new(error.exit(), error);
    let feed = if real || mode == Mode::Live {
        assembly::check_pace(&config.settings).map_err(unfit)?;
        None
    } else {
        Some(open_feed(&config.settings).map_err(|error| Failure::new(Exit::Configuration, error))?)
    };
    if mode == Mode::Live {
        assembly::check_live(&config).map_err(unfit)?;
    }
    let dir = state_dir(asked, environment)?;
    make(&dir)?;
    let _lock = StateLock::acquire(&dir).map_err(|error| Failure::new(error.exit(), error))?;
    if args.reset_paper {
        let aside = ledger::set_aside(&dir).map_err(|error| Failure::new(error.exit(), error))?;
        tracing::info!(folder = %aside.display(), "the old paper session was set aside");
    }
    let no_runtime = |error| Failure::new(Exit::Failed, format!("the runtime cannot be started: {error}"));
    let beside = Builder::new_multi_thread().worker_threads(BESIDE).enable_all().build().map_err(no_runtime)?;
    let loop_thread = Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
    let rooms = rooms(asked, &config.settings);
    let pulses = Pulses::new(&config.settings.run.symbols, !real);
    let daemon = Daemon {
        asked,
        args,
        rooms,
        dir,
        clock,
        pulses,
        stop: CancellationToken::new(),
        stop_reason: Arc::new(OnceLock::new()),
        feed: RefCell::new(feed),
        mode,
        time: watch::channel(None).0,
        tracker: TaskTracker::new(),
        cancel: CancellationToken::new(),
        beside: beside.handle().clone(),
        config,
    };
    let done = loop_thread.block_on(daemon.live(&log));
    loop_thread.shutdown_timeout(JOIN_WITHIN);
    beside.shutdown_timeout(JOIN_WITHIN);
    drop(log);
    done
}

pub(super) fn start_log(args: &RunFlags, config: &Config, environment: &Environment) -> Result<Telemetry, Failure> {
    let rust_log = environment.get("RUST_LOG").ok().flatten();
    let colours = telemetry::colours_wanted(environment.get("NO_COLOR").ok().flatten());
    let secrets = config.secrets.all();
    let options =
        telemetry::Options { settings: &config.settings.telemetry, debug: args.debug, rust_log, colours, secrets };
    Telemetry::start(options).map_err(|error| Failure::new(Exit::Configuration, error))
}

/// The rooms' settings. The embedded market with untouched strategies runs the demo's, which decide on 1m bars.
pub(super) fn rooms(asked: &Invocation, settings: &Settings) -> Rooms {
    let demo = is_demo(asked, settings);
    let untouched = settings.strategy == crate::strategy::Settings::default();
    let strategy = if demo && untouched { crate::strategy::Settings::demo() } else { settings.strategy.clone() };
    let plain = settings.regime == RegimeSettings::default();
    let regime = if demo && plain { RegimeSettings::demo() } else { settings.regime.clone() };
    Rooms {
        engine: settings.engine.clone(),
        market: settings.market.clone(),
        orders: settings.orders.clone(),
        strategy,
        regime,
        risk: settings.risk.clone(),
    }
}

impl Daemon<'_> {
    async fn live(self, log: &Telemetry) -> Result<Exit, Failure> {
        let started_at = self.clock.wall();
        let (tracker, cancel) = (self.tracker.clone(), self.cancel.clone());
        let systemd = systemd::Notifier::from_environment()
            .map_err(|error| Failure::new(Exit::Configuration, format!("NOTIFY_SOCKET cannot be used: {error}")))?;
        let (view_sender, view) = watch::channel(Arc::new(View::default()));
        let (health_sender, health) = mpsc::channel(coordinator::HEALTH_QUEUE);
        let (commands, asked) = mpsc::channel(coordinator::COMMAND_QUEUE);
        let (notifier, monitor, watchdog) = {
            // People's side goes on while the loop's thread is held up.
            let _beside = self.beside.enter();
            let notifier = self.start_notifier(&tracker, &cancel)?;
            let monitor = Arc::new(self.start_monitor(&view, &notifier, &systemd, health_sender));
            let watchdog = self.start_watchdog(&systemd, log)?;
            self.start_signals(&tracker, &cancel)?;
            self.start_timer(&tracker, &cancel);
            self.start_control(&tracker, &cancel, commands, view.clone(), &monitor);
            (notifier, monitor, watchdog)
        };
        tracing::info!("STARTING PRODUCTION TRADING LOOP");
        tracing::debug!("About to call start_live_trading()");
        let tell = notifier.clone();
        let ends = Ends {
            commands: asked,
            health,
            stop: self.stop.clone(),
            view: view_sender,
            notify: Box::new(move |notice| {
                told::log(&notice);
                tell.send(notice);
            }),
        };
        let outcome = self.supervise(ends).await;
        systemd.stopping();
        monitor.stop().await;
        let summarised = self.summarise(started_at, &view.borrow().clone(), &monitor, &outcome);
        cancel.cancel();
        tracker.close();
        if tokio::time::timeout(JOIN_WITHIN, tracker.wait()).await.is_err() {
            tracing::warn!(tasks = tracker.len(), "tasks would not end and are left");
        }
        watchdog.stop();
        match outcome {
            Ok(_) => summarised.map(|()| Exit::Clean),
            Err(error) => Err(Failure::new(error.exit(), error)),
        }
    }

    fn start_notifier(&self, tracker: &TaskTracker, cancel: &CancellationToken) -> Result<Notifier, Failure> {
        let settings = &self.config.settings.notify;
        let token = self.config.secrets.get(SecretName::TelegramBotToken);
        if token.is_none() || settings.telegram.receiver().is_none() {
            return Ok(Notifier::silent(self.pulses.clone()));
        }
        let outbox =
            Outbox::open(&self.dir, settings.outbox_limits()).map_err(|error| Failure::new(error.exit(), error))?;
        let wiring = notify::Wiring {
            outbox: Box::new(outbox),
            pulses: self.pulses.clone(),
            clock: self.clock,
            tracker: tracker.clone(),
            cancel: cancel.clone(),
        };
        Notifier::start(settings, token, wiring).map_err(|error| Failure::new(Exit::Configuration, error))
    }

    fn start_monitor(
        &self,
        view: &watch::Receiver<Arc<View>>,
        notifier: &Notifier,
        systemd: &systemd::Notifier,
        events: mpsc::Sender<Event>,
    ) -> HealthMonitor {
        let wiring = health::Wiring {
            pulses: self.pulses.clone(),
            clock: self.clock,
            time: self.time.subscribe(),
            view: view.clone(),
            state_dir: self.dir.clone(),
            events: Some(events),
            notices: notifier.sender(),
            systemd: systemd.clone(),
        };
        let monitor = HealthMonitor::new(self.config.settings.health.clone(), wiring);
        monitor.start();
        monitor
    }

    fn start_watchdog(&self, systemd: &systemd::Notifier, log: &Telemetry) -> Result<Watchdog, Failure> {
        let flusher = log.flusher();
        let guard = Guard {
            pulses: self.pulses.clone(),
            clock: self.clock,
            stall_limit: self.config.settings.health.stall_limit,
            abort_on_stall: self.config.settings.health.abort_on_stall,
            systemd: systemd.clone(),
            flush: Box::new(move || {
                flusher.flush(JOIN_WITHIN);
            }),
            abort: Box::new(health::exit_process),
        };
        Watchdog::start(guard).map_err(|error| Failure::new(Exit::Failed, format!("no watchdog thread: {error}")))
    }

    /// The first signal ends the session in order, the second ends the process at once.
    fn start_signals(&self, tracker: &TaskTracker, cancel: &CancellationToken) -> Result<(), Failure> {
        let failed = |error| Failure::new(Exit::Failed, format!("signals cannot be heard: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let (stop, reason, cancel) = (self.stop.clone(), self.stop_reason.clone(), cancel.clone());
        tracker.spawn(async move {
            let mut before = false;
            loop {
                let (name, code) = tokio::select! {
                    () = cancel.cancelled() => return,
                    _ = interrupt.recv() => ("SIGINT", 130),
                    _ = terminate.recv() => ("SIGTERM", 143),
                };
                if before {
                    leave_at_once(code);
                }
                before = true;
                tracing::info!(signal = name, "stopping; a second signal ends the process at once");
                let _ = reason.set(name.to_owned());
                stop.cancel();
            }
        });
        Ok(())
    }

    fn start_timer(&self, tracker: &TaskTracker, cancel: &CancellationToken) {
        let Some(duration) = self.args.duration else { return };
        let (stop, reason, cancel) = (self.stop.clone(), self.stop_reason.clone(), cancel.clone());
        tracker.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(duration.to_std()) => {
                    let _ = reason.set("duration".to_owned());
                    stop.cancel();
                }
            }
        });
    }

    fn start_control(
        &self,
        tracker: &TaskTracker,
        cancel: &CancellationToken,
        commands: mpsc::Sender<crate::protocol::Command>,
        view: watch::Receiver<Arc<View>>,
        monitor: &Arc<HealthMonitor>,
    ) {
        let settings = &self.config.settings;
        let report = monitor.clone();
        let sources = control::Sources {
            mode: self.mode.as_str().to_owned(),
            venue: self.mode.venue().to_owned(),
            feed: settings.feed.source.clone(),
            symbols: settings.run.symbols.clone(),
            clock: self.clock,
            view,
            health: Box::new(move || {
                let report = report.report();
                HealthLine {
                    status: report.status,
                    reasons: report.reasons,
                    worst: report.worst,
                    heartbeats: report.heartbeats,
                }
            }),
            commands,
        };
        if let Err(error) = control::serve(&self.dir, sources, tracker, cancel.clone()) {
            tracing::warn!(%error, "status and stop will not reach this daemon");
        }
    }

    /// Runs the loop, and runs it again where the flags allow that.
    async fn supervise(&self, mut ends: Ends) -> Result<String, RunError> {
        let mut restarts = Restarts::new(self.args);
        loop {
            let begun = self.clock.uptime();
            let (back, outcome) = self.attempt(ends, restarts.next_run()).await;
            ends = back;
            let error = match outcome {
                Ok(reason) => return Ok(reason),
                Err(error) => error,
            };
            if !error.may_restart() || self.stop.is_cancelled() {
                return Err(error);
            }
            let Some(delay) = restarts.after_failure(self.clock.uptime() - begun) else { return Err(error) };
            tracing::error!(%error, %delay, "the loop failed and is started again");
            if !self.back_off(delay).await {
                return Ok(self.why_it_stops());
            }
        }
    }

    fn why_it_stops(&self) -> String {
        self.stop_reason.get().cloned().unwrap_or_else(|| "stop requested".to_owned())
    }

    /// Waits, with a pulse, and says whether to go on.
    async fn back_off(&self, delay: Span) -> bool {
        let until = self.clock.uptime() + delay;
        while self.clock.uptime() < until {
            self.pulses.beat(Stage::Backoff, self.clock.uptime());
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = tokio::time::sleep(BACKOFF_BEAT) => {}
            }
        }
        true
    }

    /// One run of the loop. Gives the ends back for the next one.
    async fn attempt(&self, ends: Ends, run: u32) -> (Ends, Result<String, RunError>) {
        tracing::info!("STARTING LIVE TRADING ENGINE");
        let session = match self.open().await {
            Ok(Some(session)) => session,
            Ok(None) => return (ends, Ok(self.why_it_stops())),
            Err(error) => return (ends, Err(error)),
        };
        let assembly::Session { assembled, feed: describe, shape, time } = session;
        self.time.send_replace(time);
        let mut crank = assembled.crank;
        let deadline = self.config.settings.coordinator.start_deadline;
        let progress = |step: coordinator::StartStep| tracing::debug!(step = step.as_str(), "start-up step");
        let notices = match coordinator::start(&mut crank, assembled.recovered, deadline, progress).await {
            Ok(notices) => notices,
            Err(error) => return (ends, Err(error)),
        };
        tracing::info!("✓ LIVE TRADING ENGINE STARTED SUCCESSFULLY");
        self.introduce(&describe, shape, &assembled.limits);
        notices.into_iter().for_each(|notice| (ends.notify)(notice));
        let kept = self.tell_start(&ends, &describe, &crank.session.engine().view());
        if let Some(left) = kept {
            let closed = crank.close(&left.to_string());
            return (ends, Err(closed.err().unwrap_or(left)));
        }
        let pace = time.map_or_else(|| Pace::new(self.speed(), crank.session.at()), Pace::real);
        let mut loop_ = Coordinator::new(crank, pace, ends, self.config.settings.coordinator.clone());
        loop_.rehearse(&self.config.settings.faults.process, run);
        let outcome = loop_.run().await;
        let (crank, ends) = loop_.into_parts();
        let outcome = outcome.map(|reason| self.stop_reason.get().cloned().unwrap_or(reason));
        let ended = outcome.as_ref().map_or_else(ToString::to_string, Clone::clone);
        let closed = crank.close(&ended);
        (ends, outcome.and_then(|reason| closed.map(|()| reason)))
    }

    /// Says that the daemon has started, and how. A halt that was kept ends it again if a halt is to.
    fn tell_start(&self, ends: &Ends, feed: &str, view: &View) -> Option<RunError> {
        let started = format!("Started on {feed}");
        (ends.notify)(Notice { kind: NoticeKind::Started, key: started.clone(), text: started });
        let kept = told::kept_state(view)?;
        (ends.notify)(Notice { kind: NoticeKind::TradingState, key: kept.clone(), text: kept.clone() });
        let leaves = view.state == TradingState::Halted && self.config.settings.engine.on_halt == OnHalt::Exit;
        leaves.then_some(RunError::Left { exit: Exit::HaltedByRisk, reason: kept })
    }

    /// Assembles the session, with a pulse while that waits for the venue; none if the process is to stop before it is done.
    async fn open(&self) -> Result<Option<assembly::Session>, RunError> {
        let begun = self.clock.uptime();
        let mut assembling = std::pin::pin!(self.assemble());
        loop {
            if self.clock.uptime() - begun < OPENED_WITHIN {
                self.pulses.beat(Stage::Recover, self.clock.uptime());
            }
            tokio::select! {
                session = &mut assembling => return session.map(Some),
                () = self.stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(BACKOFF_BEAT) => {}
            }
        }
    }

    async fn assemble(&self) -> Result<assembly::Session, RunError> {
        let parts = assembly::Parts {
            mode: self.mode,
            config: &self.config,
            rooms: &self.rooms,
            dir: &self.dir,
            clock: self.clock,
            pulses: &self.pulses,
            opened: &self.feed,
            tracker: &self.tracker,
            cancel: &self.cancel,
            beside: &self.beside,
        };
        parts.assemble().await
    }

    fn speed(&self) -> Speed {
        let settings = &self.config.settings;
        settings.run.speed.unwrap_or(Speed::X(if is_demo(self.asked, settings) { DEMO_SPEED } else { 1.0 }))
    }

    fn introduce(&self, feed: &str, shape: FeedShape, limits: &[(&'static str, String)]) {
        let settings = &self.config.settings;
        let made = (shape == FeedShape::BARS).then(|| {
            let exchange = &settings.exchange;
            format!(
                "spread {}, mark = price, funding {} per interval",
                settings.market.bar_spread, exchange.funding_rate
            )
        });
        let banner = Banner {
            mode: self.mode.as_str(),
            venue: self.mode.venue(),
            feed,
            speed: self.speed().to_string(),
            seed: settings.run.seed,
            state_dir: &self.dir,
            limits,
            bars_only: made,
        };
        banner.log();
        let duration = self.args.duration.map_or_else(|| "until stopped".to_owned(), |span| span.to_string());
        tracing::info!(
            mode = self.mode.as_str(), venue = self.mode.venue(), feed, %duration, symbols = settings.run.symbols.len(),
            "🚀 Production trading loop active"
        );
    }

    fn summarise(
        &self,
        started_at: crate::types::Timestamp,
        view: &View,
        monitor: &HealthMonitor,
        outcome: &Result<String, RunError>,
    ) -> Result<(), Failure> {
        let report = monitor.report();
        let frame = Frame {
            mode: self.mode.as_str().to_owned(),
            venue: self.mode.venue().to_owned(),
            feed: self.config.settings.feed.source.clone(),
            started_at,
            ended_at: self.clock.wall(),
            exit_reason: outcome.as_ref().map_or_else(ToString::to_string, Clone::clone),
            heartbeats: report.heartbeats,
            health_worst: report.worst,
            loop_lag_max: Span::ZERO.max(self.pulses.snapshot().production_loop.lag_max),
        };
        let summary = Summary::new(view, frame);
        summary.log();
        match &self.args.summary_json {
            Some(path) => write_json("--summary-json", path, &summary),
            None => Ok(()),
        }
    }
}

/// A session of days is not to end with a summary that has nowhere to go.
pub(super) fn has_place(flag: &str, path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !path.is_dir() {
        return Ok(());
    }
    let message = format!("{flag} {}: name a file in a folder that is there", path.display());
    Err(Failure::new(Exit::Configuration, message))
}

pub(super) fn write_json(flag: &str, path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let failed = |error: String| {
        Failure::new(Exit::LedgerUnwritable, format!("{flag} {}: it cannot be written: {error}", path.display()))
    };
    let mut text = serde_json::to_string_pretty(value).map_err(|error| failed(error.to_string()))?;
    text.push('\n');
    std::fs::write(path, text).map_err(|error| failed(error.to_string()))
}

pub(super) fn open_feed(settings: &Settings) -> Result<Box<dyn Feed>, FeedError> {
    let range = settings.feed.range()?;
    feed::open(&settings.feed, &settings.feed.source, &settings.run.symbols, range, settings.run.seed)
}

/// Is it the embedded market, with no file of settings named?
fn is_demo(asked: &Invocation, settings: &Settings) -> bool {
    settings.feed.source == "synthetic" && asked.config.is_none()
}

/// Makes the state directory if it is not there.
fn make(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| {
        let place = dir.display();
        let message = format!("the state directory {place} cannot be made: {error}; name another with --state-dir");
        Failure::new(Exit::LedgerUnwritable, message)
    })
}

#[expect(clippy::disallowed_methods, reason = "a person has asked twice; what is durable stays durable")]
fn leave_at_once(code: i32) -> ! {
    std::process::exit(code)
}
