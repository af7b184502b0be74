//! Opening a SQLite file of the state directory: made whole or not at all, checked before it is used, and
//! brought forward to this build's schema.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::LedgerError;

/// How long a commit waits for another program, such as an open `sqlite3` shell, to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// All statements of a room stay prepared: there are fewer than this.
const STATEMENT_CACHE: usize = 64;

/// A kind of file.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name in the state directory.
    pub(super) file: &'static str,
    /// What SQLite's header carries, so that another program's database is not taken for ours.
    pub(super) application_id: i64,
    /// Step `n` brings schema version `n` to `n + 1`.
    pub(super) migrations: &'static [&'static str],
}

impl Kind {
    pub(super) fn path(&self, dir: &Path) -> PathBuf {
        dir.join(self.file)
    }

    const fn version(&self) -> i64 {
        self.migrations.len() as i64
    }
}

/// Opens the file for its one writer and checks it; makes it if there is none, with `first` in the same
/// transaction. Nothing is written to an existing file: [`migrate`] comes after the caller's own checks.
pub(super) fn open(
    dir: &Path,
    kind: &Kind,
    first: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> Result<Connection, LedgerError> {
    let path = kind.path(dir);
    if !path.try_exists().map_err(|error| LedgerError::io(&path, &error))? {
        create(dir, kind, first)?;
    }
    refuse_empty(&path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(|error| LedgerError::sqlite(&path, &error))?;
    check(&connection, &path, kind)?;
    if connection.is_readonly("main").map_err(|error| LedgerError::sqlite(&path, &error))? {
        return Err(LedgerError::Unwritable { path, why: "it is read-only".to_owned() });
    }
    Ok(connection)
}

/// Opens an existing file for reading, next to its writer.
pub(super) fn open_for_reading(dir: &Path, kind: &Kind) -> Result<Connection, LedgerError> {
    let path = kind.path(dir);
    if !path.try_exists().map_err(|error| LedgerError::io(&path, &error))? {
        return Err(LedgerError::Absent { path });
    }
    refuse_empty(&path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(|error| LedgerError::sqlite(&path, &error))?;
    check_header(&connection, &path, kind)?;
    Ok(connection)
}

/// SQLite takes an empty file for a new database. Ours are never empty: they are made elsewhere and renamed.
fn refuse_empty(path: &Path) -> Result<(), LedgerError> {
    let metadata = path.metadata().map_err(|error| LedgerError::io(path, &error))?;
    if metadata.is_file() && metadata.len() > 0 {
        return Ok(());
    }
    Err(LedgerError::damaged(path, if metadata.is_file() { "it is empty" } else { "it is not a file" }))
}

/// Makes the file under another name and renames it once it is whole, so that a crash leaves either
/// no ledger or a good one.
fn create(
    dir: &Path,
    kind: &Kind,
    first: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> Result<(), LedgerError> {
    let path = kind.path(dir);
    let wal = dir.join(format!("{}-wal", kind.file));
    if wal.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        return Err(LedgerError::damaged(&path, format!("it is missing, but {} is there", wal.display())));
    }
    std::fs::create_dir_all(dir).map_err(|error| LedgerError::io(dir, &error))?;
    let draft = dir.join(format!("{}.new", kind.file));
    let beside = |ending: &str| dir.join(format!("{}.new{ending}", kind.file));
    for leftover in ["", "-journal", "-wal", "-shm"].map(beside) {
        match std::fs::remove_file(&leftover) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LedgerError::io(&leftover, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    let made = (|| {
        let mut connection = Connection::open(&draft)?;
        // A draft is worth nothing until it is renamed, and is brought to the disk once, just before.
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
        connection.pragma_update(None, "application_id", kind.application_id)?;
        migrate_with(&mut connection, kind.migrations)?;
        let transaction = connection.transaction()?;
        first(&transaction)?;
        transaction.commit()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.close().map_err(|(_, error)| error)
    })();
    made.map_err(|error| LedgerError::sqlite(&draft, &error))?;
    File::open(&draft).and_then(|draft| draft.sync_all()).map_err(|error| LedgerError::io(&draft, &error))?;
    std::fs::rename(&draft, &path).map_err(|error| LedgerError::io(&path, &error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| LedgerError::io(dir, &error))
}

fn check(connection: &Connection, path: &Path, kind: &Kind) -> Result<(), LedgerError> {
    check_header(connection, path, kind)?;
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| LedgerError::reading(path, &error))?;
    if verdict == "ok" { Ok(()) } else { Err(LedgerError::damaged(path, verdict)) }
}

fn check_header(connection: &Connection, path: &Path, kind: &Kind) -> Result<(), LedgerError> {
    let reading = |error: rusqlite::Error| LedgerError::reading(path, &error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(reading)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(reading)?;
    if application != kind.application_id {
        return Err(LedgerError::damaged(path, "it is a database of another program"));
    }
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(reading)?;
    if found > kind.version() {
        return Err(LedgerError::Newer { path: path.to_owned(), found, known: kind.version() });
    }
    if found < 1 { Err(LedgerError::damaged(path, "it has no schema version")) } else { Ok(()) }
}

/// Brings the schema forward and sets how the file is written: readers do not block the writer, and a commit
/// that returned survives a power cut.
pub(super) fn migrate(connection: &mut Connection, path: &Path, kind: &Kind) -> Result<(), LedgerError> {
    let migrated = (|| {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate_with(connection, kind.migrations)
    })();
    migrated.map_err(|error| LedgerError::sqlite(path, &error))
}

/// Each step with its version number in one transaction.
pub(super) fn migrate_with(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (step, sql) in (0_i64..).zip(migrations).filter(|(step, _)| *step >= version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
