//! The monitor: a task beside the trading loop, started without being waited for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::round::Rounds;
use super::{Settings, systemd};
use crate::clock::{Clock, SessionClock};
use crate::protocol::{Event, HealthStatus, Notice, View};
use crate::pulse::Pulses;

/// How long a stop waits for the task before it is aborted: no round takes a tenth of it.
pub const STOP_WITHIN: Duration = Duration::from_secs(2);
/// Time between two evaluations of the probes.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What the monitor looks at, and whom it tells.
#[derive(Debug)]
pub struct Wiring {
    /// What the stages stamp.
    pub pulses: Arc<Pulses>,
    /// The process's clock; beats are stamped with its uptime.
    pub clock: Clock,
    /// Session time beside a venue whose time is not the wall's, once it is known.
    pub time: watch::Receiver<Option<SessionClock>>,
    /// The engine's picture, for the figures and for readiness.
    pub view: watch::Receiver<Arc<View>>,
    /// The folder whose disk must have room.
    pub state_dir: PathBuf,
    /// Risk's ear: health changes, but for virtual sessions. Bounded.
    pub events: Option<mpsc::Sender<Event>>,
    /// The notifier's ear: health changes and summaries. Bounded.
    pub notices: Option<mpsc::Sender<Notice>>,
    /// The service manager.
    pub systemd: systemd::Notifier,
}

/// What the monitor has seen so far. It outlives a stop, and goes on counting after the next start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The status now.
    pub status: HealthStatus,
    /// Why, worst first.
    pub reasons: Vec<String>,
    /// The worst status ever.
    pub worst: HealthStatus,
    /// Heartbeat lines.
    pub heartbeats: u64,
    /// Evaluations of all probes.
    pub evaluations: u64,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Nothing was running.
    NotRunning,
    /// The task ended by itself when told to.
    Gracefully,
    /// The task had to be aborted.
    Aborted,
}

/// The running task. Dropping it does not stop the task.
#[derive(Debug, Clone)]
pub struct MonitorHandle(AbortHandle);

impl MonitorHandle {
    /// The task's identity: the same for every start that found it running.
    pub fn id(&self) -> Id {
        self.0.id()
    }

    /// Has it not ended yet?
    pub fn is_running(&self) -> bool {
        !self.0.is_finished()
    }
}

/// Watches the daemon and says how it is: see the [module](super).
#[derive(Debug)]
pub struct HealthMonitor {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

/// What the monitor and its task share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) wiring: Wiring,
    report: Mutex<Report>,
}

impl Shared {
    pub(super) fn with_report<T>(&self, change: impl FnOnce(&mut Report) -> T) -> T {
        change(&mut lock(&self.report))
    }
}

impl HealthMonitor {
    /// A monitor that does not run yet. Its interval is `settings.interval`: the launcher has already put
    /// [`effective_interval`](super::effective_interval) there.
    pub fn new(settings: Settings, wiring: Wiring) -> HealthMonitor {
        let shared = Shared { settings, wiring, report: Mutex::default() };
        HealthMonitor { shared: Arc::new(shared), running: Mutex::new(None) }
    }

    /// Starts the task and returns at once; nothing of the task has run by then. If it already runs, this is its
    /// handle and nothing else happens.
    ///
    /// It cannot be awaited in front of a loop, by mistake or otherwise:
    ///
    /// ```compile_fail
    /// async fn freeze(monitor: &live_trading_launcher::health::HealthMonitor) {
    ///     monitor.start().await;
    /// }
    /// ```
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(&self) -> MonitorHandle {
        let mut running = lock(&self.running);
        if let Some(running) = running.as_ref().filter(|running| !running.task.is_finished()) {
            return MonitorHandle(running.task.abort_handle());
        }
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "the monitor keeps the handle of its task and joins it")]
        let task = tokio::spawn(watch_over(Arc::clone(&self.shared), stop.clone()));
        let handle = MonitorHandle(task.abort_handle());
        *running = Some(Running { task, stop });
        info!(
            interval_s = self.shared.settings.interval.to_std().as_secs_f64(),
            "✓ Health monitor started in background"
        );
        handle
    }

    /// Tells the task to end and waits for it, at most [`STOP_WITHIN`]; then it is aborted. It can be started again.
    pub async fn stop(&self) -> Stopped {
        // Taken in a statement of its own, so that nobody waits for the lock while this waits for the task.
        let taken = lock(&self.running).take();
        let Some(Running { mut task, stop }) = taken else { return Stopped::NotRunning };
        stop.cancel();
        match tokio::time::timeout(STOP_WITHIN, &mut task).await {
            Ok(Ok(())) => Stopped::Gracefully,
            Ok(Err(ended)) => {
                error!(%ended, "The health monitor had ended before it was stopped");
                Stopped::Aborted
            }
            Err(_) => {
                task.abort();
                warn!(within_s = STOP_WITHIN.as_secs(), "The health monitor did not end in time and was aborted");
                Stopped::Aborted
            }
        }
    }

    /// Does the task run?
    pub fn is_running(&self) -> bool {
        lock(&self.running).as_ref().is_some_and(|running| !running.task.is_finished())
    }

    /// The event that ends the running task, for whoever must end it without waiting; none if none runs.
    pub fn stop_event(&self) -> Option<CancellationToken> {
        lock(&self.running).as_ref().map(|running| running.stop.clone())
    }

    /// What has been seen so far.
    pub fn report(&self) -> Report {
        self.shared.with_report(|report| report.clone())
    }
}

impl Drop for HealthMonitor {
    /// A monitor that nobody holds any more ends its task.
    fn drop(&mut self) {
        if let Some(running) = lock(&self.running).as_ref() {
            running.stop.cancel();
        }
    }
}

/// A panic while a lock is held leaves plain figures behind, which are as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task. A tick that comes late is made up for by none: the next is due where it always was, so that
/// heartbeats keep their distance for months.
async fn watch_over(shared: Arc<Shared>, stop: CancellationToken) {
    let begun = now();
    let every = |first: Instant, period: Duration| {
        let mut ticks = tokio::time::interval_at(first, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    };
    let (interval, summary_every) = (shared.settings.interval.to_std(), shared.settings.summary_every.to_std());
    let mut heartbeats = every(begun + interval, interval);
    let mut summaries = every(begun + summary_every, summary_every);
    let mut probes = every(begun, PROBE_EVERY);
    let systemd = shared.wiring.systemd.clone();
    let mut rounds = Rounds::new(shared);
    let mut announced = false;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = heartbeats.tick() => rounds.heartbeat().await,
            _ = summaries.tick() => rounds.summary().await,
            _ = probes.tick() => rounds.evaluate().await,
            () = rounds.ready(), if !announced => {
                announced = true;
                systemd.ready();
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the runtime's own timer asks for its instant")]
fn now() -> Instant {
    Instant::now()
}
