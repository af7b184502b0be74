//! The task between the channel, the outbox and the Bot API.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::message::render;
use super::telegram::{Bot, Failure};
use super::{MemoryOutbox, Outbox, Settings, Wiring};
use crate::clock::Clock;
use crate::ledger::{LedgerError, Pending};
use crate::protocol::Notice;
use crate::pulse::Pulses;
use crate::types::{Span, Timestamp};

/// Attempts of one message that the server answered with trouble of its own. A message that always brings the server
/// into trouble would hold up all others.
const MAX_ATTEMPTS: u32 = 12;
/// An outbox on disk that failed is left alone for so long.
const DISK_REST: Span = Span::secs(30);

/// Which of the two outboxes holds a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Disk,
    Memory,
}

/// What there is to do.
enum Next {
    /// Deliver this, once it is due.
    Deliver(Place, Pending),
    /// Look again then.
    Rest(Timestamp),
    /// Wait for a notice.
    Nothing,
}

/// The outbox on disk, and the one in memory for what the disk does not take.
struct Shelves {
    disk: Box<dyn Outbox>,
    memory: MemoryOutbox,
    disk_rests_until: Timestamp,
    /// Delivered, or given up, and not yet noted on disk: not to be sent again.
    settled: BTreeSet<i64>,
    /// Dropped messages at the start, so that only new ones are counted.
    dropped: u64,
}

/// A delivery on its way.
struct InFlight {
    place: Place,
    pending: Pending,
    outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

/// The number of pieces that have arrived, and what became of the one after them.
type Outcome = (usize, Result<(), Failure>);

struct Desk {
    bot: Bot,
    settings: Settings,
    pulses: Arc<Pulses>,
    clock: Clock,
    shelves: Arc<Mutex<Shelves>>,
    /// Of a message in several pieces: its text, and how many have arrived. The others are sent at the next attempt.
    partly: Option<(String, usize)>,
    failing: bool,
}

/// Works until it is cancelled, and then for the drain time at most. What is left waits for the next start.
pub(super) async fn run(bot: Bot, settings: Settings, wiring: Wiring, mut notices: mpsc::Receiver<Notice>) {
    let Wiring { outbox, pulses, clock, cancel, tracker: _ } = wiring;
    let shelves = Arc::new(Mutex::new(Shelves::new(outbox, &settings)));
    let mut desk = Desk { bot, settings, pulses, clock, shelves, partly: None, failing: false };
    let mut in_flight: Option<InFlight> = None;
    let mut leave_at: Option<Instant> = None;
    loop {
        let mut wake = None;
        if in_flight.is_none() {
            match desk.next().await {
                Next::Deliver(place, pending) if pending.not_before <= desk.clock.wall() => {
                    in_flight = Some(desk.begin(place, pending));
                }
                Next::Deliver(_, Pending { not_before: at, .. }) | Next::Rest(at) => wake = Some(desk.instant_of(at)),
                Next::Nothing if leave_at.is_some() => return,
                Next::Nothing => {}
            }
        }
        if wake.zip(leave_at).is_some_and(|(wake, leave)| wake > leave) {
            return;
        }
        tokio::select! {
            biased;
            () = cancel.cancelled(), if leave_at.is_none() => {
                leave_at = Some(desk.clock.instant_at(desk.clock.uptime() + desk.settings.drain));
                notices.close();
                while let Some(notice) = notices.recv().await {
                    desk.keep(notice).await;
                }
            }
            () = until(leave_at) => return,
            Some(notice) = notices.recv() => desk.keep(notice).await,
            (arrived, result) = outcome(&mut in_flight) => {
                if let Some(InFlight { place, pending, .. }) = in_flight.take() {
                    desk.settle(place, pending, arrived, result).await;
                }
            }
            () = until(wake) => {}
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn outcome(in_flight: &mut Option<InFlight>) -> Outcome {
    match in_flight {
        Some(delivery) => delivery.outcome.as_mut().await,
        None => std::future::pending().await,
    }
}

impl Desk {
    async fn next(&mut self) -> Next {
        let now = self.clock.wall();
        self.on_shelves(move |shelves| shelves.next(now)).await.unwrap_or(Next::Nothing)
    }

    async fn keep(&mut self, notice: Notice) {
        let now = self.clock.wall();
        self.on_shelves(move |shelves| shelves.put(now, &notice)).await;
        self.count().await;
    }

    fn begin(&mut self, place: Place, pending: Pending) -> InFlight {
        let partly = self.partly.take().filter(|(text, _)| *text == pending.notice.text);
        let done = partly.map_or(0, |(_, pieces)| pieces);
        let (bot, pieces) = (self.bot.clone(), render(&pending.notice));
        let outcome = async move {
            for (at, piece) in pieces.iter().enumerate().skip(done) {
                if let Err(failure) = bot.send(piece).await {
                    return (at, Err(failure));
                }
            }
            (pieces.len(), Ok(()))
        };
        InFlight { place, pending, outcome: Box::pin(outcome) }
    }

    async fn settle(&mut self, place: Place, pending: Pending, arrived: usize, result: Result<(), Failure>) {
        let (id, now) = (pending.id, self.clock.wall());
        match result {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    info!("messages are delivered again");
                }
                self.pulses.notifier_delivered();
                self.on_shelves(move |shelves| shelves.delivered(place, id, now)).await;
            }
            Err(failure) => {
                self.pulses.notifier_failed();
                if is_hopeless(&failure, pending.attempts) {
                    warn!(kind = ?pending.notice.kind, key = pending.notice.key, %failure, "message given up");
                    self.on_shelves(move |shelves| shelves.give_up(place, id, now)).await;
                } else {
                    self.report(&failure, pending.attempts);
                    let retry_at = now + self.wait_after(&failure, pending.attempts);
                    self.partly = Some((pending.notice.text, arrived));
                    let why = failure.to_string();
                    self.on_shelves(move |shelves| shelves.failed(place, id, retry_at, &why, now)).await;
                }
            }
        }
        self.count().await;
    }

    /// The first failure of an outage is worth a warning; those after it say nothing new.
    fn report(&mut self, failure: &Failure, attempts: u32) {
        if std::mem::replace(&mut self.failing, true) {
            debug!(%failure, attempts, "message not delivered");
        } else {
            warn!(%failure, "messages cannot be delivered; they wait");
        }
    }

    /// Doubled after each attempt, up to the limit; what the server asks for is kept to in any case.
    fn wait_after(&self, failure: &Failure, attempts: u32) -> Span {
        let telegram = &self.settings.telegram;
        let wait = (telegram.retry_first * (1 << attempts.min(30))).min(telegram.retry_max);
        match failure {
            Failure::Busy { retry_after } => *retry_after,
            Failure::Unreachable(_) | Failure::Trouble(_) | Failure::Refused(_) => wait,
        }
    }

    async fn count(&mut self) {
        let counted = self.on_shelves(Shelves::count).await;
        if let Some((pending, dropped)) = counted {
            self.pulses.notifier_backlog(pending);
            (0..dropped).for_each(|_| self.pulses.notifier_dropped());
        }
    }

    fn instant_of(&self, wall: Timestamp) -> Instant {
        self.clock.instant_at(self.clock.uptime() + wall.since(self.clock.wall()))
    }

    /// The disk is used on a thread that may block. `None` only while the runtime is being taken down.
    async fn on_shelves<T: Send + 'static>(&self, work: impl FnOnce(&mut Shelves) -> T + Send + 'static) -> Option<T> {
        let shelves = self.shelves.clone();
        let run = move || work(&mut shelves.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(run).await.ok()
    }
}

fn is_hopeless(failure: &Failure, attempts: u32) -> bool {
    match failure {
        Failure::Refused(_) => true,
        Failure::Trouble(_) => attempts + 1 >= MAX_ATTEMPTS,
        Failure::Unreachable(_) | Failure::Busy { .. } => false,
    }
}

impl Shelves {
    fn new(disk: Box<dyn Outbox>, settings: &Settings) -> Shelves {
        Shelves {
            dropped: disk.counts().map_or(0, |counts| counts.dropped),
            disk,
            memory: MemoryOutbox::new(settings.outbox_limits()),
            disk_rests_until: Timestamp::EPOCH,
            settled: BTreeSet::new(),
        }
    }

    fn put(&mut self, now: Timestamp, notice: &Notice) {
        if let Err(error) = self.disk.put(now, notice) {
            self.rest(now, &error);
            // The outbox in memory takes everything.
            let _ = self.memory.put(now, notice);
        }
    }

    /// What the disk would not take goes first: it says that the disk is in trouble.
    fn next(&mut self, now: Timestamp) -> Next {
        if let Ok(Some(pending)) = self.memory.peek() {
            return Next::Deliver(Place::Memory, pending);
        }
        while now >= self.disk_rests_until {
            match self.disk.peek() {
                Ok(Some(pending)) if self.settled.contains(&pending.id) => {
                    self.delivered(Place::Disk, pending.id, now);
                }
                Ok(Some(pending)) => return Next::Deliver(Place::Disk, pending),
                Ok(None) => return Next::Nothing,
                Err(error) => self.rest(now, &error),
            }
        }
        Next::Rest(self.disk_rests_until)
    }

    fn delivered(&mut self, place: Place, id: i64, now: Timestamp) {
        let noted = self.outbox(place).delivered(id, now);
        self.note(place, id, now, noted);
    }

    fn give_up(&mut self, place: Place, id: i64, now: Timestamp) {
        let noted = self.outbox(place).give_up(id);
        self.note(place, id, now, noted);
    }

    /// If it cannot be noted that a message is over, at least it is not sent again.
    fn note(&mut self, place: Place, id: i64, now: Timestamp, noted: Result<(), LedgerError>) {
        match (noted, place) {
            (Ok(()), Place::Disk) => {
                self.settled.remove(&id);
            }
            (Err(error), Place::Disk) => {
                self.settled.insert(id);
                self.rest(now, &error);
            }
            (Ok(()) | Err(_), Place::Memory) => {}
        }
    }

    fn failed(&mut self, place: Place, id: i64, retry_at: Timestamp, why: &str, now: Timestamp) {
        if let Err(error) = self.outbox(place).failed(id, retry_at, why) {
            self.rest(now, &error);
        }
    }

    fn rest(&mut self, now: Timestamp, error: &LedgerError) {
        if now >= self.disk_rests_until {
            warn!(%error, "the outbox on disk cannot be used; messages are kept in memory");
        }
        self.disk_rests_until = now + DISK_REST;
    }

    fn outbox(&mut self, place: Place) -> &mut dyn Outbox {
        match place {
            Place::Disk => self.disk.as_mut(),
            Place::Memory => &mut self.memory,
        }
    }

    /// Messages that wait, and those dropped since the last call.
    fn count(&mut self) -> (usize, u64) {
        let memory = self.memory.counts().unwrap_or_default();
        // A disk that cannot be read adds nothing now, and the difference later.
        let disk = self.disk.counts().unwrap_or_default();
        let dropped = memory.dropped + disk.dropped;
        let new = dropped.saturating_sub(self.dropped);
        self.dropped = self.dropped.max(dropped);
        (usize::try_from(memory.pending + disk.pending).unwrap_or(usize::MAX), new)
    }
}
