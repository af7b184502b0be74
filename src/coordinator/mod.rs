//! Floor 9: the production loop around [`crate::session`]. It owns time outside of session time: pacing, the
//! wishes of people, deadlines of the start and of the end.

mod assemble;
mod crank;
mod error;
pub mod faults;
mod start;
mod summary;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use assemble::{Assembled, Place, Plan, assemble};
pub use crank::{Crank, Due, Outside};
pub use error::RunError;
pub use start::{StartStep, start};
pub use summary::{Frame, Summary};

use crate::clock::Pace;
use crate::protocol::{Command, Event, HealthStatus, Notice, View};
use crate::pulse::Stage;
use crate::session::Source;
use crate::types::{Span, Symbol, Timestamp};

/// Turns between two looks at the outside world when the session is not paced: some milliseconds of work, so
/// that a signal is heard at once and other tasks are not starved.
const TURNS_BETWEEN_LOOKS: u32 = 256;
/// How many requests of people may wait: far more than people make, and few enough to see an error in.
pub const COMMAND_QUEUE: usize = 64;
/// How many changes of health may wait: the monitor makes one in some seconds, and keeps the last that finds no room.
pub const HEALTH_QUEUE: usize = 8;

/// What can be set of the loop itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Each step of the start must be done within this wall time.
    pub start_deadline: Span,
    /// At the end, orders on their way are waited for at most this long in session time.
    pub stop_patience: Span,
    /// And at most this long in wall time.
    pub stop_deadline: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { start_deadline: Span::secs(20), stop_patience: Span::MINUTE, stop_deadline: Span::secs(3) }
    }
}

impl Settings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The setting, its value and the remedy, in words.
    pub fn check(&self) -> Result<(), String> {
        let all = [
            ("coordinator.start_deadline", self.start_deadline),
            ("coordinator.stop_patience", self.stop_patience),
            ("coordinator.stop_deadline", self.stop_deadline),
        ];
        match all.into_iter().find(|(_, span)| *span < Span::millis(100)) {
            Some((name, span)) => Err(format!("`{name}` is {span}; set it to at least 100ms")),
            None => Ok(()),
        }
    }
}

/// The loop's ends towards the rest of the process.
pub struct Ends {
    /// What people ask for.
    pub commands: mpsc::Receiver<Command>,
    /// What the health monitor says. Beside a real venue it is traded on.
    pub health: mpsc::Receiver<Event>,
    /// Cancelled when the process is to end.
    pub stop: CancellationToken,
    /// The picture that people's side reads.
    pub view: watch::Sender<Arc<View>>,
    /// Takes messages for people; never waits.
    pub notify: Box<dyn Fn(Notice) + Send>,
}

/// The production loop.
pub struct Coordinator {
    crank: Crank,
    pace: Pace,
    ends: Ends,
    settings: Settings,
    rehearsal: faults::Rehearsal,
    symbols: Vec<Symbol>,
    seen_iterations: u64,
    published_at: Timestamp,
    /// Why nothing is to be entered, since it fell far behind; none while it keeps up.
    behind: Option<String>,
    /// What the monitor said last.
    health: Event,
}

/// How often the view is published while nothing closes, in session time.
const VIEW_EVERY: Span = Span::SECOND;
/// A loop that is so late decides on what was, not on what is: half of what a mark price may be old.
const FAR_BEHIND: Span = Span::SECOND;

impl Coordinator {
    /// A loop over what has been started.
    pub fn new(crank: Crank, pace: Pace, ends: Ends, settings: Settings) -> Coordinator {
        let symbols = crank.feed.instruments().iter().map(|(_, one)| one.symbol.clone()).collect();
        Coordinator {
            crank,
            pace,
            ends,
            settings,
            rehearsal: faults::Rehearsal::default(),
            symbols,
            seen_iterations: 0,
            published_at: Timestamp::EPOCH,
            behind: None,
            health: Event::Health { status: HealthStatus::Healthy, reasons: Vec::new() },
        }
    }

    /// Rehearses faults of the process itself, in the loop's run of this number, from 1.
    pub fn rehearse(&mut self, settings: &faults::Settings, run: u32) {
        self.rehearsal = faults::Rehearsal::new(settings, run, self.crank.session.at());
    }

    /// Trades until the stop is asked for or the feed ends, then ends in order. Says why it ended.
    ///
    /// # Errors
    /// When the session cannot go on. What was committed stays.
    pub async fn run(&mut self) -> Result<String, RunError> {
        self.crank.pulses.live_from(self.crank.session.at());
        self.publish();
        self.log_iteration();
        let reason = self.trade().await?;
        self.end(&reason).await?;
        Ok(reason)
    }

    async fn trade(&mut self) -> Result<String, RunError> {
        let mut turns = 0_u32;
        loop {
            self.crank.beat(Stage::Idle);
            if self.ends.stop.is_cancelled() {
                return Ok("stop requested".to_owned());
            }
            while let Ok(command) = self.ends.commands.try_recv() {
                if let Some(reason) = self.obey(command) {
                    return Ok(reason);
                }
            }
            while let Ok(health) = self.ends.health.try_recv() {
                self.health = health;
                self.tell_health(self.now());
            }
            if self.crank.feed.has_ended() {
                return Ok("the feed ended".to_owned());
            }
            match self.crank.due(&self.pace) {
                Due::Never => return Ok("the feed ended".to_owned()),
                Due::Later(wait) => {
                    tokio::select! {
                        () = self.crank.rest(wait) => {}
                        () = self.ends.stop.cancelled() => {}
                        Some(command) = self.ends.commands.recv() => {
                            if let Some(reason) = self.obey(command) {
                                return Ok(reason);
                            }
                        }
                    }
                }
                Due::Turn(next) => {
                    self.measure_lag(next);
                    if let Some(fault) = self.rehearsal.due(next) {
                        self.crank.suffer(&fault)?;
                    }
                    let outside = self.crank.turn()?;
                    self.after(outside)?;
                    turns = turns.wrapping_add(1);
                    if turns.is_multiple_of(TURNS_BETWEEN_LOOKS) {
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    /// How late the turn for this instant is. Beside a real venue, nothing is entered by a loop that is far behind, or whose
    /// market is: what it decides on is the past.
    fn measure_lag(&mut self, next: Timestamp) {
        let Some(due) = self.pace.instant(next) else { return };
        let lag = Span::from(due.elapsed());
        self.crank.pulses.lagged(lag);
        if !self.pace.is_real() {
            return;
        }
        let market = self.crank.feed.behind();
        // Once behind, it has caught up when it is well within the bound.
        let bound = if self.behind.is_some() { Span::nanos(FAR_BEHIND.as_nanos() / 2) } else { FAR_BEHIND };
        let behind = lag.max(market) > bound;
        if behind == self.behind.is_some() {
            return;
        }
        if behind {
            let reason = match lag >= market {
                true => format!("the loop is {lag} behind"),
                false => format!("what the market says is {market} old when it comes"),
            };
            tracing::warn!(reason, "nothing is entered until the market is known as it is now");
            self.behind = Some(reason);
        } else {
            tracing::info!("the loop and its market are on time again");
            self.behind = None;
        }
        self.tell_health(next);
    }

    /// Tells the engine what the monitor said last, unless the loop itself is worse.
    fn tell_health(&mut self, at: Timestamp) {
        let event = match &self.behind {
            Some(reason) => Event::Health { status: HealthStatus::Critical, reasons: vec![reason.clone()] },
            None => self.health.clone(),
        };
        self.crank.session.push(at, Source::Ledger, event);
    }

    /// The instant that a word from outside of the session has.
    fn now(&self) -> Timestamp {
        let at = self.crank.session.at();
        if self.pace.is_real() { self.pace.session_now().map_or(at, |now| now.max(at)) } else { at }
    }

    /// Queues a person's command; one to end is the loop's own business, and gives the reason.
    fn obey(&mut self, command: Command) -> Option<String> {
        if let Command::Shutdown { reason, .. } = command {
            return Some(reason);
        }
        self.crank.session.push(self.now(), Source::Operator, Event::Command(command));
        None
    }

    /// Tells the engine to end, and turns on, without pacing where that is all there is to wait for, until nothing of ours
    /// is on its way.
    async fn end(&mut self, reason: &str) -> Result<(), RunError> {
        let from = self.now();
        let command =
            Command::Shutdown { flatten: self.crank.session.engine().flattens_on_stop(), reason: reason.to_owned() };
        self.crank.session.push(from, Source::Operator, Event::Command(command));
        let pace = self.crank.unpaced();
        let deadline = self.crank.clock.uptime() + self.settings.stop_deadline;
        let mut turns = 0_u32;
        loop {
            self.crank.beat(Stage::Shutdown);
            let quiet = self.crank.session.at() > from && self.crank.session.engine().is_quiet();
            if quiet || self.crank.clock.uptime() > deadline {
                break;
            }
            match self.crank.due(&pace) {
                Due::Never => break,
                Due::Later(wait) => self.crank.rest(wait).await,
                Due::Turn(next) if next - from > self.settings.stop_patience => break,
                Due::Turn(_) => {
                    let outside = self.crank.turn()?;
                    self.after(outside)?;
                    turns = turns.wrapping_add(1);
                    if turns.is_multiple_of(TURNS_BETWEEN_LOOKS) {
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        self.crank.close_the_shadow();
        self.crank.flush()?;
        self.publish();
        let left = self.crank.session.engine().view();
        if left.in_flight > 0 {
            tracing::warn!(
                in_flight = left.in_flight,
                "orders without an answer are recorded as unknown; the next start resolves them"
            );
        }
        Ok(())
    }

    fn after(&mut self, outside: Outside) -> Result<(), RunError> {
        for notice in outside.notices {
            (self.ends.notify)(notice);
        }
        if let Some((exit, reason)) = outside.leave {
            self.crank.flush()?;
            return Err(RunError::Left { exit, reason });
        }
        let iterations = self.crank.session.engine().iterations();
        if iterations != self.seen_iterations {
            self.seen_iterations = iterations;
            self.log_iteration();
            self.publish();
        } else if self.crank.session.at().since(self.published_at) >= VIEW_EVERY {
            self.publish();
        }
        Ok(())
    }

    fn publish(&mut self) {
        self.published_at = self.crank.session.at();
        self.crank.spill();
        let view = Arc::new(self.crank.view());
        self.crank.pulses.absorb(&view);
        self.ends.view.send_replace(view);
    }

    /// The first iteration is told at INFO, every one after at DEBUG with its figures.
    fn log_iteration(&self) {
        let first = self.seen_iterations == 0;
        if !first && !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let quoted: Vec<String> = self.symbols.iter().map(|symbol| format!("'{symbol}'")).collect();
        let line = format!("🔄 Processing {} symbols: [{}]", quoted.len(), quoted.join(", "));
        if first {
            tracing::info!("{line}");
            return;
        }
        let view = self.crank.session.engine().view();
        tracing::debug!(
            iteration = self.seen_iterations, at = %view.at, equity = %view.equity, positions = view.positions.len(),
            orders = view.orders, state = view.state.as_str(), "{line}"
        );
    }

    /// Takes the loop apart, so that what it holds can be closed, and its ends used again.
    pub fn into_parts(self) -> (Crank, Ends) {
        (self.crank, self.ends)
    }
}
