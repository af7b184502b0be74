//! One round of the monitor: gather the evidence, judge it, say what changed, beat.

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::figures;
use super::judge::{Judge, Verdict};
use super::machine::{Machine, SAMPLE_EVERY};
use super::monitor::Shared;
use super::probe::{self, Counted, Evidence, Probe};
use crate::protocol::{Event, HealthStatus, Notice, NoticeKind, View};
use crate::pulse::Snapshot;
use crate::types::{Span, Timestamp};

/// What the monitor remembers from one round to the next; born with each start.
pub(super) struct Rounds {
    shared: Arc<Shared>,
    view: watch::Receiver<Arc<View>>,
    judge: Judge,
    counted: Counted,
    /// The session was first seen ready at this session time, in case nobody stamped it.
    ready_at: Option<Timestamp>,
    machine: Option<Machine>,
    sampling: Option<JoinHandle<Machine>>,
    sampled_at: Option<Span>,
    /// Worst since the last heartbeat.
    lag: Span,
    commit: Span,
    /// The last change that risk has not been told of, because its queue was full.
    untold: Option<Event>,
}

/// The evidence of one round, owned.
struct Gathered {
    pulses: Snapshot,
    uptime: Span,
    now: Timestamp,
    lag: Span,
    commit: Span,
    new: Counted,
}

impl Rounds {
    pub(super) fn new(shared: Arc<Shared>) -> Rounds {
        Rounds {
            view: shared.wiring.view.clone(),
            judge: Judge::new(shared.settings.window),
            counted: Counted::of(&shared.wiring.pulses.snapshot()),
            shared,
            ready_at: None,
            machine: None,
            sampling: None,
            sampled_at: None,
            lag: Span::ZERO,
            commit: Span::ZERO,
            untold: None,
        }
    }

    /// Evaluates every probe; a change is logged, and told to risk and to people, at once.
    pub(super) async fn evaluate(&mut self) {
        let gathered = self.gather().await;
        self.judge_and_tell(&gathered);
    }

    /// A heartbeat: evaluated anew, so that it is evidence of this moment.
    pub(super) async fn heartbeat(&mut self) {
        let gathered = self.gather().await;
        let verdict = self.judge_and_tell(&gathered);
        let (lag, commit) = (std::mem::take(&mut self.lag), std::mem::take(&mut self.commit));
        let line = figures::line(gathered.uptime, &verdict);
        figures::log(&line, &self.evidence(&gathered), &verdict, &self.view.borrow().clone(), lag, commit);
        self.shared.wiring.systemd.status(&line);
        self.shared.with_report(|report| report.heartbeats += 1);
    }

    /// The regular message to people.
    pub(super) async fn summary(&mut self) {
        let gathered = self.gather().await;
        let verdict = self.judge_and_tell(&gathered);
        let view = self.view.borrow().clone();
        let text = figures::summary(&self.evidence(&gathered), &verdict, &view);
        self.notify(NoticeKind::Summary, format!("health summary {}", self.shared.wiring.clock.wall()), text);
    }

    /// Waits until the session is ready, once; for ever if nobody is there to say so any more.
    pub(super) async fn ready(&mut self) {
        if self.view.wait_for(|view| view.ready).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn gather(&mut self) -> Gathered {
        self.sample_machine().await;
        let wiring = &self.shared.wiring;
        // Session time is read within the snapshot before all that is compared with it; so is the wall's, for the
        // same reason, before the snapshot.
        let wall = wiring.clock.wall();
        let told = wiring.time.borrow().map(|time| time.now());
        let pulses = wiring.pulses.snapshot();
        let now = match (pulses.is_virtual, told) {
            (true, _) => pulses.session_at.unwrap_or(Timestamp::EPOCH),
            (false, told) => told.unwrap_or(wall),
        };
        if self.ready_at.is_none() {
            let view = self.view.borrow();
            self.ready_at = view.ready.then_some(view.at);
        }
        let counted = Counted::of(&pulses);
        let new = counted.since(&self.counted);
        self.counted = counted;
        let (lag, commit) = (wiring.pulses.take_lag(), wiring.pulses.take_commit_latency());
        self.lag = self.lag.max(lag);
        self.commit = self.commit.max(commit);
        Gathered { pulses, uptime: wiring.clock.uptime(), now, lag, commit, new }
    }

    /// Takes a finished sample and asks for the next. Never waits: the sample is taken by another thread.
    async fn sample_machine(&mut self) {
        if let Some(finished) = self.sampling.take_if(|sampling| sampling.is_finished()) {
            match finished.await {
                Ok(machine) => self.machine = Some(machine),
                Err(error) => warn!(%error, "The machine could not be sampled"),
            }
        }
        let uptime = self.shared.wiring.clock.uptime();
        let due = self.sampled_at.is_none_or(|at| uptime - at >= SAMPLE_EVERY);
        if self.sampling.is_none() && due {
            let dir = self.shared.wiring.state_dir.clone();
            self.sampling = Some(tokio::task::spawn_blocking(move || Machine::sample(&dir)));
            self.sampled_at = Some(uptime);
        }
    }

    fn evidence<'a>(&'a self, gathered: &'a Gathered) -> Evidence<'a> {
        Evidence {
            pulses: &gathered.pulses,
            uptime: gathered.uptime,
            now: gathered.now,
            live_from: gathered.pulses.live_from.or(self.ready_at),
            lag: gathered.lag,
            commit_latency: gathered.commit,
            new: gathered.new,
            machine: self.machine.as_ref(),
            machine_silent: match (&self.sampling, self.sampled_at) {
                (Some(_), Some(asked)) => gathered.uptime - asked,
                (None, _) | (Some(_), None) => Span::ZERO,
            },
        }
    }

    fn judge_and_tell(&mut self, gathered: &Gathered) -> Verdict {
        let findings = probe::examine(&self.evidence(gathered), &self.shared.settings);
        let (verdict, changed) = self.judge.weigh(gathered.uptime, findings);
        self.shared.with_report(|report| {
            report.evaluations += 1;
            report.status = verdict.status;
            report.worst = report.worst.max(verdict.status);
            report.reasons.clone_from(&verdict.reasons);
        });
        if !changed.is_empty() {
            self.log_change(&verdict);
            self.untold = Some(Event::Health { status: verdict.status, reasons: verdict.reasons.clone() });
            // That messages do not get through is not told by message: each would be one more that does not.
            if changed.iter().any(|probe| *probe != Probe::Notifier) {
                self.tell_people(&verdict);
            }
            self.shared.wiring.systemd.status(&figures::line(gathered.uptime, &verdict));
        }
        self.tell_risk();
        verdict
    }

    fn log_change(&self, verdict: &Verdict) {
        let (status, reasons) = (verdict.status.as_str(), verdict.reasons.join("; "));
        match verdict.status {
            HealthStatus::Healthy => info!(status, "Health is good again"),
            HealthStatus::Degraded => warn!(status, reasons, "Health changed"),
            HealthStatus::Critical => error!(status, reasons, "Health changed"),
        }
    }

    /// Risk hears of the last change, late rather than never if its queue is full. In a virtual session health is
    /// of the wall's time and the session is not, so that it is reported and nothing else.
    fn tell_risk(&mut self) {
        let Some(event) = self.untold.take() else { return };
        let Some(events) = self.shared.wiring.events.as_ref() else { return };
        if self.shared.wiring.pulses.is_virtual() {
            return;
        }
        match events.try_send(event) {
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(event)) => self.untold = Some(event),
        }
    }

    fn tell_people(&self, verdict: &Verdict) {
        let mut text = format!("Health is {}.", verdict.status.as_str());
        for reason in &verdict.reasons {
            text.push_str("\n• ");
            text.push_str(reason);
        }
        // The instant makes the key of each change its own: two changes are never one message.
        self.notify(NoticeKind::Health, format!("health {}", self.shared.wiring.clock.wall()), text);
    }

    /// A full queue costs the message and not the monitor's time; the notifier's own pulses tell of it.
    fn notify(&self, kind: NoticeKind, key: String, text: String) {
        let Some(notices) = self.shared.wiring.notices.as_ref() else { return };
        if let Err(TrySendError::Full(notice)) = notices.try_send(Notice { kind, key, text }) {
            self.shared.wiring.pulses.notifier_dropped();
            warn!(key = notice.key, "A health message was dropped: the queue to the notifier is full");
        }
    }
}
