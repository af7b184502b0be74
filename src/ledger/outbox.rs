//! Messages to people, kept until they are delivered, in a file of their own, so that the notifier's
//! thread never contends with the commits of orders.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::store::Kind;
use super::text::{Cells, notice_kind};
use super::{LedgerError, store};
use crate::protocol::{Notice, NoticeKind};
use crate::types::{Span, Timestamp};

/// The outbox's file in the state directory.
pub const OUTBOX_FILE: &str = "outbox.sqlite";
const KIND: Kind = Kind { file: OUTBOX_FILE, application_id: 0x4c54_4c32, migrations: &[include_str!("outbox.sql")] };
/// Delivered messages that are remembered at most, so that the file stays small whatever the window.
const MAX_REMEMBERED: u32 = 10_000;

/// How much the outbox keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Messages waiting at most; beyond it the oldest is dropped and counted.
    pub pending: u32,
    /// For so long after its delivery a message with the same kind and key is not sent again.
    pub repeat_after: Span,
}

impl Default for OutboxLimits {
    /// A thousand messages are more than a person reads after an outage; ten minutes keep a flapping
    /// probe from filling a chat.
    fn default() -> OutboxLimits {
        OutboxLimits { pending: 1_000, repeat_after: Span::mins(10) }
    }
}

/// What became of a message that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It waits for delivery.
    Queued,
    /// One with its kind and key was waiting: that one carries the new text now.
    Merged,
    /// One with its kind and key was delivered a moment ago.
    Repeated,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// To name it by.
    pub id: i64,
    /// The message.
    pub notice: Notice,
    /// When it was first put in.
    pub queued: Timestamp,
    /// Failed attempts so far.
    pub attempts: u32,
    /// The next attempt waits until then.
    pub not_before: Timestamp,
}

/// Counts, kept over restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Waiting now.
    pub pending: u64,
    /// Delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Messages given up: pushed out by newer ones, or undeliverable.
    pub dropped: u64,
}

/// The open outbox. All instants are wall-clock time.
#[derive(Debug)]
pub struct Outbox {
    path: PathBuf,
    connection: Connection,
    limits: OutboxLimits,
}

impl Outbox {
    /// Opens the outbox of a state directory, and makes it if there is none.
    pub fn open(dir: &Path, limits: OutboxLimits) -> Result<Outbox, LedgerError> {
        let path = KIND.path(dir);
        let mut connection = store::open(dir, &KIND, |_| Ok(()))?;
        store::migrate(&mut connection, &path, &KIND)?;
        Ok(Outbox { path, connection, limits })
    }

    /// Takes a message. After `Ok` it survives a restart.
    pub fn put(&mut self, wall: Timestamp, notice: &Notice) -> Result<Put, LedgerError> {
        let limits = self.limits;
        self.transact(|db| put(db, limits, wall, notice))
    }

    /// The oldest message that waits. It is the next to be tried, at its `not_before` at the earliest.
    pub fn peek(&self) -> Result<Option<Pending>, LedgerError> {
        let sql = "SELECT * FROM messages WHERE delivered IS NULL ORDER BY id LIMIT 1";
        let failed = |error: rusqlite::Error| LedgerError::reading(&self.path, &error);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        rows.next().map_err(failed)?.map(|row| self.read(row)).transpose()
    }

    /// The message arrived.
    pub fn delivered(&mut self, id: i64, wall: Timestamp) -> Result<(), LedgerError> {
        let forget_before = wall - self.limits.repeat_after;
        self.transact(|db| {
            let sql = "UPDATE messages SET delivered = ?2 WHERE id = ?1 AND delivered IS NULL";
            if db.prepare_cached(sql)?.execute(params![id, wall.as_nanos()])? > 0 {
                count(db, "delivered")?;
            }
            let sql = "DELETE FROM messages WHERE delivered < ?1 OR (delivered IS NOT NULL AND id <= ?2 - ?3)";
            db.prepare_cached(sql)?.execute(params![forget_before.as_nanos(), id, MAX_REMEMBERED]).map(|_| ())
        })
    }

    /// An attempt failed; the next one waits until `retry_at`.
    pub fn failed(&mut self, id: i64, retry_at: Timestamp, why: &str) -> Result<(), LedgerError> {
        self.transact(|db| {
            let sql = "UPDATE messages SET attempts = attempts + 1, not_before = ?2, last_error = ?3 WHERE id = ?1";
            db.prepare_cached(sql)?.execute(params![id, retry_at.as_nanos(), why])?;
            count(db, "failed")
        })
    }

    /// The message can never be delivered: it is given up and counted.
    pub fn give_up(&mut self, id: i64) -> Result<(), LedgerError> {
        self.transact(|db| {
            let sql = "DELETE FROM messages WHERE id = ?1 AND delivered IS NULL";
            if db.prepare_cached(sql)?.execute([id])? > 0 { count(db, "dropped") } else { Ok(()) }
        })
    }

    /// What has become of all messages.
    pub fn counts(&self) -> Result<OutboxCounts, LedgerError> {
        let one = |sql: &str| -> rusqlite::Result<u64> {
            let number: i64 = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            Ok(u64::try_from(number).unwrap_or(0))
        };
        let counts = (|| {
            Ok(OutboxCounts {
                pending: one("SELECT count(*) FROM messages WHERE delivered IS NULL")?,
                delivered: one("SELECT value FROM counts WHERE name = 'delivered'")?,
                failed: one("SELECT value FROM counts WHERE name = 'failed'")?,
                dropped: one("SELECT value FROM counts WHERE name = 'dropped'")?,
            })
        })();
        counts.map_err(|error| LedgerError::reading(&self.path, &error))
    }

    fn read(&self, row: &Row<'_>) -> Result<Pending, LedgerError> {
        let cells = Cells { row, path: &self.path, table: "messages" };
        let kind: NoticeKind = cells.name("kind")?;
        Ok(Pending {
            id: cells.get("id")?,
            notice: Notice { kind, key: cells.get("key")?, text: cells.get("text")? },
            queued: cells.at("queued")?,
            attempts: cells.get("attempts")?,
            not_before: cells.at("not_before")?,
        })
    }

    fn transact<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
        let done = (|| {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        done.map_err(|error| LedgerError::sqlite(&self.path, &error))
    }
}

fn put(db: &Transaction<'_>, limits: OutboxLimits, wall: Timestamp, notice: &Notice) -> rusqlite::Result<Put> {
    let kind = notice_kind(notice.kind);
    let sql = "UPDATE messages SET text = ?3 WHERE kind = ?1 AND key = ?2 AND delivered IS NULL";
    if db.prepare_cached(sql)?.execute(params![kind, notice.key, notice.text])? > 0 {
        return Ok(Put::Merged);
    }
    let sql = "SELECT max(delivered) FROM messages WHERE kind = ?1 AND key = ?2";
    let last: Option<Option<i64>> =
        db.prepare_cached(sql)?.query_row(params![kind, notice.key], |row| row.get(0)).optional()?;
    if last.flatten().is_some_and(|last| wall.since(Timestamp::from_nanos(last)) < limits.repeat_after) {
        return Ok(Put::Repeated);
    }
    let sql = "INSERT INTO messages (kind, key, text, queued, attempts, not_before) VALUES (?1, ?2, ?3, ?4, 0, ?4)";
    db.prepare_cached(sql)?.execute(params![kind, notice.key, notice.text, wall.as_nanos()])?;
    let waiting: u32 =
        db.prepare_cached("SELECT count(*) FROM messages WHERE delivered IS NULL")?.query_row([], |row| row.get(0))?;
    for _ in limits.pending.max(1)..waiting {
        let sql = "DELETE FROM messages WHERE id = (SELECT min(id) FROM messages WHERE delivered IS NULL)";
        db.prepare_cached(sql)?.execute([])?;
        count(db, "dropped")?;
    }
    Ok(Put::Queued)
}

fn count(db: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE counts SET value = value + 1 WHERE name = ?1")?.execute([name]).map(|_| ())
}
