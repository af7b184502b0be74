//! The freeze that trading bots are known for, and why it cannot happen here. Run it with
//! `cargo run --example before_after`.
//!
//! Before: a health monitor is awaited where the trading loop should start. The log goes on saying `healthy`, and
//! nothing trades. The watchdog as it is shipped, set beside it, sees the loop that never begins.
//!
//! After: the same start with the shipped `HealthMonitor`. Its `start` is not async; there is nothing to await.

#![expect(clippy::disallowed_methods, reason = "the example paces its own small loop")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::health::{Guard, HealthMonitor, Settings, Stall, Watchdog, Wiring, systemd};
use live_trading_launcher::protocol::View;
use live_trading_launcher::pulse::{Pulses, Stage};
use live_trading_launcher::types::{Exit, InstrumentId, Span, Symbol};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, interval_at, sleep};
use tracing::{error, info};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

const SYMBOLS: [&str; 3] = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];
/// Short, so that the demonstration is.
const HEARTBEAT: Duration = Duration::from_millis(1_500);
/// Between two heartbeats, so that the log shows one that lies before the watchdog speaks.
const STALL_LIMIT: Span = Span::millis(2_250);
const ITERATION: Duration = Duration::from_millis(750);
const ITERATIONS: u64 = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let since = Since::default();
    tracing_subscriber::fmt().with_timer(since.clone()).with_target(false).with_ansi(false).init();

    println!("=== BEFORE: the monitor is awaited ===");
    let bot = Bot::new(since.restart())?;
    let (watchdog, stalled) = guarded(&bot)?;
    tokio::select! {
        () = start_and_await_the_monitor(&bot) => anyhow::bail!("the awaited monitor returned"),
        stall = stalled => leave(&stall?),
    }
    watchdog.stop();

    println!("=== AFTER: the monitor is started ===");
    let bot = Bot::new(since.restart())?;
    let (watchdog, stalled) = guarded(&bot)?;
    let monitor = HealthMonitor::new(settings(), bot.wiring());
    tokio::select! {
        () = start_the_monitor_and_trade(&bot, &monitor) => {}
        stall = stalled => anyhow::bail!("a loop that works was taken for a stalled one: {}", stall?),
    }
    let stopped = monitor.stop().await;
    let report = monitor.report();
    info!(?stopped, heartbeats = report.heartbeats, worst = report.worst.as_str(), "Health monitor stopped");
    watchdog.stop();
    Ok(())
}

/// Before: what stands after the `await` is never reached.
async fn start_and_await_the_monitor(bot: &Bot) {
    info!("STARTING LIVE TRADING");
    monitor_for_ever(&bot.clock).await;
    info!("STARTING PRODUCTION TRADING LOOP");
    bot.trade().await;
}

/// Before: a timer that says `healthy`, whatever happens beside it.
async fn monitor_for_ever(clock: &Clock) {
    info!("Starting health monitor");
    loop {
        sleep(HEARTBEAT).await;
        let minutes = clock.uptime().as_millis() as f64 / 60_000.0;
        info!("💓 Heartbeat - Uptime: {minutes:.1}m, Status: healthy");
    }
}

/// After: `start` gives back a handle, not a future.
async fn start_the_monitor_and_trade(bot: &Bot, monitor: &HealthMonitor) {
    info!("STARTING LIVE TRADING");
    monitor.start();
    info!("STARTING PRODUCTION TRADING LOOP");
    bot.trade().await;
}

/// What both halves have in common.
struct Bot {
    clock: Clock,
    pulses: Arc<Pulses>,
    view: watch::Sender<Arc<View>>,
}

impl Bot {
    fn new(clock: Clock) -> anyhow::Result<Bot> {
        let symbols = SYMBOLS.iter().map(|text| text.parse()).collect::<Result<Vec<Symbol>, _>>()?;
        Ok(Bot { clock, pulses: Pulses::new(&symbols, false), view: watch::Sender::default() })
    }

    /// A trading loop that stamps what it does, as the coordinator's does.
    async fn trade(&self) {
        info!("🔄 Processing 3 symbols: ['{}']", SYMBOLS.join("', '"));
        let mut minutes = interval_at(Instant::now() + ITERATION / 2, ITERATION);
        for iteration in 1..=ITERATIONS {
            self.pulses.beat(Stage::Idle, self.clock.uptime());
            minutes.tick().await;
            self.pulses.beat(Stage::Engine, self.clock.uptime());
            for id in (0..).take(SYMBOLS.len()).map(InstrumentId) {
                self.pulses.bar_closed(id, self.clock.wall());
            }
            self.view.send_replace(Arc::new(View { iterations: iteration, ..View::default() }));
            info!(iteration, "Iteration done");
        }
    }

    fn wiring(&self) -> Wiring {
        Wiring {
            pulses: Arc::clone(&self.pulses),
            clock: self.clock,
            time: watch::channel(None).1,
            view: self.view.subscribe(),
            state_dir: PathBuf::from("."),
            events: None,
            notices: None,
            systemd: systemd::Notifier::absent(),
        }
    }
}

/// The shipped watchdog with one thing replaced: it ends this half of the demonstration in place of the process.
fn guarded(bot: &Bot) -> anyhow::Result<(Watchdog, oneshot::Receiver<Stall>)> {
    let (stalled, stall) = oneshot::channel();
    let watchdog = Watchdog::start(Guard {
        pulses: Arc::clone(&bot.pulses),
        clock: bot.clock,
        stall_limit: STALL_LIMIT,
        abort_on_stall: true,
        systemd: systemd::Notifier::absent(),
        flush: Box::new(|| {}),
        abort: Box::new(|stall| drop(stalled.send(stall.clone()))),
    })?;
    Ok((watchdog, stall))
}

fn leave(stall: &Stall) {
    error!(stage = stall.stage.as_str(), exit_code = Exit::Contradiction.code(), "The process ends here");
}

/// Limits of the machine that every machine keeps: the demonstration is about the loop.
fn settings() -> Settings {
    let interval = Span::from(HEARTBEAT);
    Settings { interval, disk_free_mib: 0, disk_free_critical_mib: 0, resident_mib: 1 << 20, ..Settings::default() }
}

/// Writes times from the start of each half.
#[derive(Clone, Default)]
struct Since(Arc<Mutex<Option<Clock>>>);

impl Since {
    fn restart(&self) -> Clock {
        let clock = Clock::start();
        if let Ok(mut current) = self.0.lock() {
            *current = Some(clock);
        }
        clock
    }
}

impl FormatTime for Since {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        let clock = self.0.lock().ok().and_then(|clock| *clock);
        write!(w, "{:6.3}s", clock.map_or(0.0, |clock| clock.uptime().as_millis() as f64 / 1_000.0))
    }
}
