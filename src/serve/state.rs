//! `--state FILE`: the exchange's hot state and its journal, so that a killed server comes back with its orders and
//! balances. What an answer tells of is kept before the answer leaves.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::ServeError;
use super::world::World;
use crate::exchange::{Change, Core, Exchange};
use crate::types::{Span, Timestamp};

/// Version of the tables and of what is in them.
const VERSION: i64 = 2;
/// Rows of the journal that are read back: what the books keep of some accounts.
const ROWS_READ: i64 = 200_000;

const SCHEMA: &str = "
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), market TEXT NOT NULL, kept BLOB NOT NULL, core BLOB NOT NULL);
CREATE TABLE journal (id INTEGER PRIMARY KEY, row BLOB NOT NULL);
";

/// What is kept beside the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Server time minus recorded time.
    pub shift: Span,
    /// Server time and wall time at the last start, and how fast the one went against the other, in millionths.
    pub origin: Timestamp,
    pub wall: Timestamp,
    pub speed: u64,
    /// Keys of the accounts in their order.
    pub keys: Vec<String>,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Keeper {
    connection: Connection,
    path: PathBuf,
    market: String,
    kept: Kept,
    /// Has the state been written in this run?
    written: bool,
}

/// What a file held.
pub(crate) struct Revived {
    pub exchange: Exchange,
    pub journal: Vec<Change>,
    pub kept: Kept,
}

/// Opens or begins a file; gives what it holds.
///
/// # Errors
/// If it cannot be used, or is of another market or version.
pub(crate) fn open(path: &Path, market: &str) -> Result<(Connection, Option<Revived>), ServeError> {
    let wrong = |what: String| ServeError::State(format!("{}: {what}", path.display()));
    let sql = |error: rusqlite::Error| wrong(error.to_string());
    let connection = Connection::open(path).map_err(sql)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;")
        .map_err(sql)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(sql)?;
    if version == 0 {
        connection.execute_batch(SCHEMA).map_err(sql)?;
        connection.pragma_update(None, "user_version", VERSION).map_err(sql)?;
    } else if version != VERSION {
        return Err(wrong(format!("it has version {version}, and this program writes version {VERSION}")));
    }
    let row: Option<(String, Vec<u8>, Vec<u8>)> = connection
        .query_row("SELECT market, kept, core FROM state", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(sql)?;
    let Some((stored, kept, core)) = row else { return Ok((connection, None)) };
    if stored != market {
        return Err(wrong(format!("it is of another market, `{stored}`; this one is `{market}`")));
    }
    let unreadable = |error: postcard::Error| wrong(format!("what it holds cannot be read: {error}"));
    let kept: Kept = postcard::from_bytes(&kept).map_err(unreadable)?;
    let core: Core = postcard::from_bytes(&core).map_err(unreadable)?;
    let mut journal = Vec::new();
    let query = "SELECT row FROM (SELECT id, row FROM journal ORDER BY id DESC LIMIT ?1) ORDER BY id";
    let mut statement = connection.prepare(query).map_err(sql)?;
    let rows = statement.query_map([ROWS_READ], |row| row.get::<_, Vec<u8>>(0)).map_err(sql)?;
    for row in rows {
        journal.push(postcard::from_bytes(&row.map_err(sql)?).map_err(unreadable)?);
    }
    drop(statement);
    let exchange = Exchange::revive(core, journal.iter().cloned());
    Ok((connection, Some(Revived { exchange, journal, kept })))
}

impl Keeper {
    pub(crate) fn new(connection: Connection, path: &Path, market: String, kept: Kept) -> Keeper {
        Keeper { connection, path: path.to_owned(), market, kept, written: false }
    }

    /// Writes what has happened since the last time, if anything has.
    ///
    /// # Errors
    /// If it cannot be written; what was answered for before is in the file.
    pub(crate) fn keep(&mut self, world: &mut World) -> Result<(), ServeError> {
        let rows = std::mem::take(world.unkept.get_or_insert_default());
        if rows.is_empty() && self.written {
            return Ok(());
        }
        self.write(world.exchange.core(), &rows)
            .map_err(|what| ServeError::State(format!("{}: {what}", self.path.display())))?;
        self.written = true;
        Ok(())
    }

    fn write(&mut self, core: &Core, rows: &[Change]) -> Result<(), String> {
        let blob = |error: postcard::Error| error.to_string();
        let core = postcard::to_stdvec(core).map_err(blob)?;
        let kept = postcard::to_stdvec(&self.kept).map_err(blob)?;
        let transaction = self.connection.transaction().map_err(|error| error.to_string())?;
        let write = || -> rusqlite::Result<()> {
            for row in rows {
                let row = postcard::to_stdvec(row)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                transaction.prepare_cached("INSERT INTO journal (row) VALUES (?1)")?.execute([row])?;
            }
            transaction
                .prepare_cached("INSERT OR REPLACE INTO state (one, market, kept, core) VALUES (1, ?1, ?2, ?3)")?
                .execute(params![self.market, kept, core])?;
            Ok(())
        };
        write().and_then(|()| transaction.commit()).map_err(|error| error.to_string())
    }
}
