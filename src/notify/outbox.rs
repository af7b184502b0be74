//! Where messages wait: the durable outbox of the ledger, and one in memory that takes over what the disk will
//! not take, since a full disk is just when people must hear of it.

use std::collections::VecDeque;

use crate::ledger::{self, LedgerError, OutboxCounts, OutboxLimits, Pending, Put};
use crate::protocol::Notice;
use crate::types::Timestamp;

/// Messages that wait for delivery, oldest first. Two of one kind with one key are one. Instants are wall time.
pub trait Outbox: Send {
    /// Takes a message.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn put(&mut self, wall: Timestamp, notice: &Notice) -> Result<Put, LedgerError>;
    /// The oldest that waits, if any does.
    ///
    /// # Errors
    /// If what is kept cannot be read.
    fn peek(&self) -> Result<Option<Pending>, LedgerError>;
    /// It arrived.
    ///
    /// # Errors
    /// If that cannot be noted.
    fn delivered(&mut self, id: i64, wall: Timestamp) -> Result<(), LedgerError>;
    /// An attempt failed; the next is due at `retry_at`.
    ///
    /// # Errors
    /// If that cannot be noted.
    fn failed(&mut self, id: i64, retry_at: Timestamp, why: &str) -> Result<(), LedgerError>;
    /// It can never be delivered.
    ///
    /// # Errors
    /// If that cannot be noted.
    fn give_up(&mut self, id: i64) -> Result<(), LedgerError>;
    /// What has become of all messages.
    ///
    /// # Errors
    /// If it cannot be read.
    fn counts(&self) -> Result<OutboxCounts, LedgerError>;
}

impl Outbox for ledger::Outbox {
    fn put(&mut self, wall: Timestamp, notice: &Notice) -> Result<Put, LedgerError> {
        ledger::Outbox::put(self, wall, notice)
    }
    fn peek(&self) -> Result<Option<Pending>, LedgerError> {
        ledger::Outbox::peek(self)
    }
    fn delivered(&mut self, id: i64, wall: Timestamp) -> Result<(), LedgerError> {
        ledger::Outbox::delivered(self, id, wall)
    }
    fn failed(&mut self, id: i64, retry_at: Timestamp, why: &str) -> Result<(), LedgerError> {
        ledger::Outbox::failed(self, id, retry_at, why)
    }
    fn give_up(&mut self, id: i64) -> Result<(), LedgerError> {
        ledger::Outbox::give_up(self, id)
    }
    fn counts(&self) -> Result<OutboxCounts, LedgerError> {
        ledger::Outbox::counts(self)
    }
}

/// An outbox that forgets at the end of the process.
#[derive(Debug)]
pub struct MemoryOutbox {
    limits: OutboxLimits,
    waiting: VecDeque<Pending>,
    /// Kind, key and time of what was delivered within `repeat_after`; as many as may wait at most.
    recent: VecDeque<(Notice, Timestamp)>,
    counts: OutboxCounts,
    last_id: i64,
}

impl MemoryOutbox {
    /// An empty one.
    pub fn new(limits: OutboxLimits) -> MemoryOutbox {
        let counts = OutboxCounts::default();
        MemoryOutbox { limits, waiting: VecDeque::new(), recent: VecDeque::new(), counts, last_id: 0 }
    }

    fn take(&mut self, id: i64) -> Option<Pending> {
        let at = self.waiting.iter().position(|pending| pending.id == id)?;
        self.waiting.remove(at)
    }
}

impl Outbox for MemoryOutbox {
    fn put(&mut self, wall: Timestamp, notice: &Notice) -> Result<Put, LedgerError> {
        let same = |other: &Notice| other.kind == notice.kind && other.key == notice.key;
        if let Some(waiting) = self.waiting.iter_mut().find(|pending| same(&pending.notice)) {
            waiting.notice.text.clone_from(&notice.text);
            return Ok(Put::Merged);
        }
        let is_recent = |at: Timestamp| wall.since(at) < self.limits.repeat_after;
        if self.recent.iter().any(|(other, at)| same(other) && is_recent(*at)) {
            return Ok(Put::Repeated);
        }
        self.last_id += 1;
        let (id, notice) = (self.last_id, notice.clone());
        self.waiting.push_back(Pending { id, notice, queued: wall, attempts: 0, not_before: wall });
        if self.waiting.len() > self.limits.pending as usize {
            self.waiting.pop_front();
            self.counts.dropped += 1;
        }
        Ok(Put::Queued)
    }

    fn peek(&self) -> Result<Option<Pending>, LedgerError> {
        Ok(self.waiting.front().cloned())
    }

    fn delivered(&mut self, id: i64, wall: Timestamp) -> Result<(), LedgerError> {
        if let Some(pending) = self.take(id) {
            self.counts.delivered += 1;
            self.recent.push_back((pending.notice, wall));
            if self.recent.len() > self.limits.pending as usize {
                self.recent.pop_front();
            }
        }
        Ok(())
    }

    fn failed(&mut self, id: i64, retry_at: Timestamp, _why: &str) -> Result<(), LedgerError> {
        self.counts.failed += 1;
        if let Some(pending) = self.waiting.iter_mut().find(|pending| pending.id == id) {
            pending.attempts += 1;
            pending.not_before = retry_at;
        }
        Ok(())
    }

    fn give_up(&mut self, id: i64) -> Result<(), LedgerError> {
        self.counts.dropped += u64::from(self.take(id).is_some());
        Ok(())
    }

    fn counts(&self) -> Result<OutboxCounts, LedgerError> {
        Ok(OutboxCounts { pending: self.waiting.len() as u64, ..self.counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::NoticeKind;
    use crate::types::Span;

    fn notice(key: &str, text: &str) -> Notice {
        Notice { kind: NoticeKind::Health, key: key.into(), text: text.into() }
    }

    /// Both outboxes are one to the task, so both must behave alike.
    fn check(outbox: &mut dyn Outbox) {
        let at = Timestamp::from_secs(1_700_000_000);
        assert_eq!(outbox.put(at, &notice("a", "1")).expect("put"), Put::Queued);
        assert_eq!(outbox.put(at, &notice("a", "2")).expect("put"), Put::Merged);
        assert_eq!(outbox.put(at, &notice("b", "1")).expect("put"), Put::Queued);
        let first = outbox.peek().expect("peek").expect("waiting");
        assert_eq!((first.notice.key.as_str(), first.notice.text.as_str(), first.attempts), ("a", "2", 0));
        outbox.failed(first.id, at + Span::SECOND, "down").expect("failed");
        let first = outbox.peek().expect("peek").expect("waiting");
        assert_eq!((first.attempts, first.not_before), (1, at + Span::SECOND));
        outbox.delivered(first.id, at).expect("delivered");
        assert_eq!(outbox.put(at + Span::SECOND, &notice("a", "3")).expect("put"), Put::Repeated);
        assert_eq!(outbox.put(at + Span::MINUTE, &notice("a", "4")).expect("put"), Put::Queued);
        let second = outbox.peek().expect("peek").expect("waiting");
        assert_eq!(second.notice.key, "b");
        outbox.give_up(second.id).expect("give up");
        outbox.put(at, &notice("c", "1")).expect("put");
        outbox.put(at, &notice("d", "1")).expect("put");
        assert_eq!(outbox.peek().expect("peek").expect("waiting").notice.key, "c", "the oldest made room");
        let expect = OutboxCounts { pending: 2, delivered: 1, failed: 1, dropped: 2 };
        assert_eq!(outbox.counts().expect("counts"), expect);
    }

    #[test]
    fn the_outbox_in_memory_and_the_one_on_disk_behave_alike() {
        let limits = OutboxLimits { pending: 2, repeat_after: Span::secs(30) };
        check(&mut MemoryOutbox::new(limits));
        let folder = tempfile::tempdir().expect("a folder");
        check(&mut ledger::Outbox::open(folder.path(), limits).expect("an outbox"));
    }
}
