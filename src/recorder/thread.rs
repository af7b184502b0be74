//! Writing segments on a thread of its own, so that the loop never waits for the disk.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::format::Batch;
use super::writer::push_step;
use super::{Recorded, Recorder, RecorderError};
use crate::protocol::{Event, Stamped};

/// Batches under way at most: 64 of 48 KiB are 3 MiB, some seconds of the busiest markets.
const QUEUE: usize = 64;

/// What to do when the disk does not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Wait for it: a virtual session has the time.
    Wait,
    /// End the segment with a counted gap and go on in the next: a live session never waits.
    Gap,
}

/// The recorder behind a bounded queue. Batches are encoded by the caller and compressed and written by the thread.
#[derive(Debug)]
pub struct RecorderThread {
    overflow: Overflow,
    batch: Batch,
    /// Events lost since the gap began.
    gap: Option<u64>,
    /// Rotations asked for; the thread counts those that it has done.
    rotations: u32,
    queue: SyncSender<Message>,
    closed: Receiver<Result<Recorded, RecorderError>>,
    shared: Arc<Shared>,
    error: Option<RecorderError>,
    folder: PathBuf,
}

enum Message {
    Batch(Batch),
    Rotate {
        lost: u64,
        snapshot: Vec<u8>,
        first_seq: u64,
    },
    /// Stands still until the other end is dropped: a disk that does not keep up.
    #[cfg(test)]
    Hold(Receiver<()>),
}

/// What the thread says of itself.
#[derive(Debug, Default)]
struct Shared {
    queued: AtomicUsize,
    full: AtomicBool,
    rotations: AtomicU32,
    /// Events lost in a gap that is still open when the queue is closed.
    lost_at_end: AtomicU64,
    stopped: AtomicBool,
    error: Mutex<Option<RecorderError>>,
}

impl RecorderThread {
    /// Moves a recorder to a thread of its own.
    pub fn spawn(recorder: Recorder, overflow: Overflow) -> Result<RecorderThread, RecorderError> {
        let (queue, messages) = sync_channel(QUEUE);
        let (answer, closed) = sync_channel(1);
        let shared = Arc::<Shared>::default();
        let (folder, theirs) = (recorder.folder().to_owned(), Arc::clone(&shared));
        std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                // The receiver is gone only if nobody wants the answer any more.
                let _ = answer.send(run(recorder, &messages, &theirs));
            })
            .map_err(|_| RecorderError::Thread("cannot be started"))?;
        let batch = Batch::with_room();
        Ok(RecorderThread { overflow, batch, gap: None, rotations: 0, queue, closed, shared, error: None, folder })
    }

    /// The session's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes an event and, if its step returned actions, their digest.
    pub fn record(&mut self, event: &Stamped<Event>, digest: Option<u64>) {
        if let Some(lost) = &mut self.gap {
            *lost += 1;
            return;
        }
        if let Err(error) = push_step(&mut self.batch, event, digest) {
            self.error = Some(error);
            self.batch.clear();
            self.gap = Some(1);
        } else if self.batch.is_full() {
            self.flush();
        }
    }

    /// Hands what is held to the thread. Call it at least every second of wall time.
    pub fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Batch::with_room());
        let events = batch.events;
        if self.send(Message::Batch(batch)).is_err() {
            self.gap = Some(self.gap.unwrap_or(0) + events);
        }
    }

    /// Has the segment reached its size, or did it end in a gap and is there room again? Then
    /// [`RecorderThread::rotate`] is due between two steps.
    pub fn wants_rotation(&self) -> bool {
        // Who waits needs no room: the queue of a fast producer may never empty, and the segment would only grow.
        let room = match self.overflow {
            Overflow::Wait => true,
            Overflow::Gap => self.shared.queued.load(Ordering::Acquire) <= QUEUE / 2,
        };
        let asked = self.shared.rotations.load(Ordering::Acquire) != self.rotations;
        let due = self.gap.is_some() || (self.shared.full.load(Ordering::Acquire) && !asked);
        due && room && !self.shared.stopped.load(Ordering::Acquire)
    }

    /// Closes the segment and begins the next one with a snapshot of the engine and the number of the
    /// event that comes next.
    pub fn rotate(&mut self, snapshot: Vec<u8>, first_seq: u64) {
        self.flush();
        let lost = self.gap.unwrap_or(0);
        if self.send(Message::Rotate { lost, snapshot, first_seq }).is_ok() {
            self.gap = None;
            self.rotations = self.rotations.wrapping_add(1);
        }
    }

    /// So many events could not be recorded. The segment ends here, and more are counted as lost until the next
    /// one begins.
    pub fn gap(&mut self, count: u64) {
        self.flush();
        self.gap = Some(self.gap.unwrap_or(0) + count);
    }

    /// Events lost in the gap that is open now.
    pub fn lost(&self) -> u64 {
        self.gap.unwrap_or(0)
    }

    /// Why the recording ended early. Given once.
    pub fn take_error(&mut self) -> Option<RecorderError> {
        let theirs = || self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.error.take().or_else(theirs)
    }

    /// Closes the segment in good order and ends the thread, which gets at most `deadline` for it.
    pub fn close(mut self, deadline: Duration) -> Result<Recorded, RecorderError> {
        self.flush();
        self.shared.lost_at_end.store(self.gap.unwrap_or(0), Ordering::Release);
        drop(self.queue);
        match self.closed.recv_timeout(deadline) {
            Ok(recorded) => recorded,
            Err(RecvTimeoutError::Timeout) => Err(RecorderError::Thread("did not end in time")),
            Err(RecvTimeoutError::Disconnected) => Err(RecorderError::Thread("is gone")),
        }
    }

    #[cfg(test)]
    pub(super) fn hold(&self) -> SyncSender<()> {
        let (held, release) = sync_channel(0);
        self.send(Message::Hold(release)).expect("room for one message");
        held
    }

    fn send(&self, message: Message) -> Result<(), ()> {
        if self.shared.stopped.load(Ordering::Acquire) {
            return Err(());
        }
        self.shared.queued.fetch_add(1, Ordering::AcqRel);
        let sent = match self.overflow {
            Overflow::Wait => self.queue.send(message).map_err(|_| ()),
            Overflow::Gap => self.queue.try_send(message).map_err(|error| match error {
                TrySendError::Full(_) | TrySendError::Disconnected(_) => (),
            }),
        };
        if sent.is_err() {
            self.shared.queued.fetch_sub(1, Ordering::AcqRel);
        }
        sent
    }
}

/// The thread. It closes the recording once the other end of the queue is dropped and the queue is empty.
fn run(mut recorder: Recorder, messages: &Receiver<Message>, shared: &Shared) -> Result<Recorded, RecorderError> {
    while let Ok(message) = messages.recv() {
        let rotations = match message {
            Message::Batch(batch) => {
                recorder.append(batch);
                0
            }
            Message::Rotate { lost, snapshot, first_seq } => {
                if lost > 0 {
                    recorder.gap(lost);
                }
                recorder.rotate(snapshot, first_seq);
                1
            }
            #[cfg(test)]
            Message::Hold(release) => {
                let _ = release.recv();
                0
            }
        };
        shared.queued.fetch_sub(1, Ordering::AcqRel);
        shared.full.store(recorder.wants_rotation(), Ordering::Release);
        shared.rotations.fetch_add(rotations, Ordering::AcqRel);
        if let Some(error) = recorder.take_error() {
            *shared.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            shared.stopped.store(true, Ordering::Release);
            return Err(error);
        }
    }
    let lost = shared.lost_at_end.load(Ordering::Acquire);
    if lost > 0 {
        recorder.gap(lost);
    }
    recorder.close()
}
