//! The watchdog: a thread of the operating system, because what it watches is the runtime. It looks at one thing:
//! does the count of the loop's beats move? If not within the limit it names the stage, logs the last pulses, and
//! ends the process, so that systemd starts another.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::{error, info};

use super::systemd::Notifier;
use crate::clock::Clock;
use crate::pulse::{Pulses, Snapshot, Stage};
use crate::types::{Exit, Span};

/// Looks within one limit: fine enough to act in time, coarse enough to cost nothing.
const LOOKS_PER_LIMIT: i64 = 10;
/// Shortest and longest time between two looks.
const LOOK_EVERY_MIN: Span = Span::millis(10);
const LOOK_EVERY_MAX: Span = Span::SECOND;
/// The log may be what the loop hangs on. So the report is written by a thread of its own and given so long.
const REPORT_WITHIN: Duration = Duration::from_secs(2);
/// More time asked of the service manager while a long stage makes progress, and how often.
const EXTEND_BY: Duration = Duration::from_secs(60);
const EXTEND_EVERY: Span = Span::secs(10);

/// What stands still.
#[derive(Debug, Clone)]
pub struct Stall {
    /// Where: the stage that was entered last.
    pub stage: Stage,
    /// For how long, at least.
    pub lasting: Span,
    /// The pulses as they were left.
    pub pulses: Snapshot,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no progress for {} at stage {}", self.lasting, self.stage.as_str())
    }
}

/// What the watchdog needs.
pub struct Guard {
    /// What it watches.
    pub pulses: Arc<Pulses>,
    /// The process's clock.
    pub clock: Clock,
    /// No progress for so long is a stall: `health.stall_limit`.
    pub stall_limit: Span,
    /// End the process then: `health.abort_on_stall`.
    pub abort_on_stall: bool,
    /// Gets `WATCHDOG=1` for progress, and is asked for more time during long stages.
    pub systemd: Notifier,
    /// Brings the log to where it is kept.
    pub flush: Box<dyn Fn() + Send + Sync>,
    /// Ends the process; [`exit_process`] but in tests.
    pub abort: Box<dyn FnOnce(&Stall) + Send>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("stall_limit", &self.stall_limit).finish_non_exhaustive()
    }
}

/// Ends the process with code 70, at once and without unwinding anything.
#[allow(clippy::disallowed_methods, reason = "this is the one place that ends a process which cannot end itself")]
pub fn exit_process(_: &Stall) {
    std::process::exit(i32::from(Exit::Contradiction.code()));
}

/// The running thread. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watchdog {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts the thread. The limit counts from here: a loop that never begins is a stall too.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn start(guard: Guard) -> io::Result<Watchdog> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(guard, &stopped))?;
        Ok(Watchdog { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends the watch and waits for the thread, which takes no longer than a report of a stall.
    pub fn stop(mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("The watchdog's thread had panicked");
        }
    }
}

fn watch(guard: Guard, stopped: &Receiver<()>) {
    let Guard { pulses, clock, stall_limit, abort_on_stall, systemd, flush, abort } = guard;
    let flush: Arc<dyn Fn() + Send + Sync> = flush.into();
    let look_every = look_every(stall_limit);
    let mut sight = Sight::new(stall_limit, look_every, pulses.beats(), clock.thread_uptime());
    let mut extended: Option<Span> = None;
    let mut abort = Some(abort);
    while stopped.recv_timeout(look_every.to_std()) == Err(RecvTimeoutError::Timeout) {
        let now = clock.thread_uptime();
        let seen = sight.look(pulses.beats(), now);
        match seen {
            Seen::Moves | Seen::MovesAgain => {
                systemd.progress();
                if pulses.stage().may_take_long() && extended.is_none_or(|at| now - at >= EXTEND_EVERY) {
                    extended = Some(now);
                    systemd.extend(EXTEND_BY);
                }
                if seen == Seen::MovesAgain {
                    info!(stage = pulses.stage().as_str(), "The production loop moves again");
                }
            }
            Seen::Stands => {}
            Seen::Stalled(lasting) => {
                let stall = Stall { stage: pulses.stage(), lasting, pulses: pulses.snapshot() };
                report(&stall, abort_on_stall, &flush);
                if abort_on_stall && let Some(abort) = abort.take() {
                    abort(&stall);
                    return;
                }
            }
        }
    }
}

fn look_every(limit: Span) -> Span {
    Span::nanos(limit.as_nanos() / LOOKS_PER_LIMIT).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX)
}

/// Logs the stall and flushes, and goes on without if the log hangs.
fn report(stall: &Stall, aborts: bool, flush: &Arc<dyn Fn() + Send + Sync>) {
    let (done, wait) = sync_channel(1);
    let (stall, flush) = (stall.clone(), Arc::clone(flush));
    let write = move || {
        error!(
            stage = stall.stage.as_str(),
            stalled_s = stall.lasting.as_millis() as f64 / 1_000.0,
            beats = stall.pulses.production_loop.beats,
            aborts,
            pulses = %stall.pulses,
            "🛑 Watchdog: the production loop stands still"
        );
        flush();
        // Whoever waited has gone on if this comes too late.
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("watchdog-report".to_owned()).spawn(write).is_ok() {
        let _ = wait.recv_timeout(REPORT_WITHIN);
    }
}

/// What one look shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// There were beats since the last look.
    Moves,
    /// There were, after a stall that had been reported.
    MovesAgain,
    /// There were none, and it is not time yet; or it has been said.
    Stands,
    /// There have been none for as long as the limit allows.
    Stalled(Span),
}

/// The judgement of the looks, apart from thread and time.
#[derive(Debug)]
struct Sight {
    limit: Span,
    look_every: Span,
    beats: u64,
    looked_at: Span,
    standing: Span,
    reported: bool,
}

impl Sight {
    fn new(limit: Span, look_every: Span, beats: u64, now: Span) -> Sight {
        Sight { limit, look_every, beats, looked_at: now, standing: Span::ZERO, reported: false }
    }

    fn look(&mut self, beats: u64, now: Span) -> Seen {
        // If this thread itself was held up, so was the loop: a process that was stopped and continued, or a machine
        // that slept, is no stall. So a look counts for little more than the time between two.
        self.standing = self.standing + (now - self.looked_at).min(self.look_every * 2);
        self.looked_at = now;
        if beats != self.beats {
            self.beats = beats;
            self.standing = Span::ZERO;
            return if std::mem::take(&mut self.reported) { Seen::MovesAgain } else { Seen::Moves };
        }
        // The last beat may have come just after the look before the first that showed none. One look early is
        // within the limit; one late would not be.
        if !self.reported && self.standing + self.look_every >= self.limit {
            self.reported = true;
            return Seen::Stalled(self.standing);
        }
        Seen::Stands
    }
}

#[cfg(test)]
mod tests;
