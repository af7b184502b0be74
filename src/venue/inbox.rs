//! What has arrived from outside and waits for the loop, which never waits for it: a bounded queue that the loop looks
//! into without blocking, and a bell.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::clock::SessionClock;
use crate::types::Timestamp;

/// The queue. Handles share it; an item's instant is that of its arrival.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<VecDeque<(Timestamp, T)>>,
    most: usize,
    clock: SessionClock,
    bell: Arc<Notify>,
}

/// There is no room: whoever listens outside must begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl<T> Clone for Inbox<T> {
    fn clone(&self) -> Inbox<T> {
        Inbox { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Inbox<T> {
    /// A queue that takes `most` items from those who can be turned away, stamps them by `clock`, and rings `bell`.
    pub(crate) fn new(most: usize, clock: SessionClock, bell: Arc<Notify>) -> Inbox<T> {
        Inbox { shared: Arc::new(Shared { queue: Mutex::default(), most, clock, bell }) }
    }

    /// Adds what a stream has said.
    ///
    /// # Errors
    /// If there is no room. What cannot be taken must not be passed over: the stream is to be begun anew.
    pub(crate) fn put(&self, item: T) -> Result<(), Full> {
        let at = self.shared.clock.now();
        let mut queue = self.queue();
        if queue.len() >= self.shared.most {
            return Err(Full);
        }
        queue.push_back((at, item));
        drop(queue);
        self.shared.bell.notify_one();
        Ok(())
    }

    /// Adds the answer to something that the loop has asked. There is always room: it asks no more while it does not look.
    pub(crate) fn answer(&self, item: T) {
        let at = self.shared.clock.now();
        self.queue().push_back((at, item));
        self.shared.bell.notify_one();
    }

    /// When the oldest item arrived.
    pub(crate) fn head(&self) -> Option<Timestamp> {
        self.queue().front().map(|(at, _)| *at)
    }

    /// The oldest item, if it arrived by `until`.
    pub(crate) fn take(&self, until: Timestamp) -> Option<(Timestamp, T)> {
        let mut queue = self.queue();
        match queue.front() {
            Some((at, _)) if *at <= until => queue.pop_front(),
            Some(_) | None => None,
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(Timestamp, T)>> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::types::Span;

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_turned_away_and_an_answer_is_not() {
        let start = Timestamp::from_secs(1_000);
        let bell = Arc::new(Notify::new());
        let inbox = Inbox::new(2, SessionClock::wall(Clock::following_runtime(start)), Arc::clone(&bell));
        assert_eq!(inbox.head(), None);
        assert_eq!((inbox.put(1), inbox.put(2), inbox.put(3)), (Ok(()), Ok(()), Err(Full)));
        bell.notified().await;
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        inbox.answer(4);
        assert_eq!(inbox.head(), Some(start));
        assert_eq!(inbox.take(start - Span::nanos(1)), None);
        let taken: Vec<_> = std::iter::from_fn(|| inbox.take(start + Span::SECOND)).collect();
        assert_eq!(taken, [(start, 1), (start, 2), (start + Span::SECOND, 4)]);
    }
}
