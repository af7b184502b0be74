//! Are two ledgers the same but for the wall clock?

use std::fmt;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, Rows};

use super::{KIND, LedgerError, store};

/// Columns, as table and column, that two equal runs may differ in: each is a reading of the wall clock.
/// (The value under the key `created_wall` of the table `meta` is left out as well.)
pub const WALL_CLOCK_COLUMNS: [(&str, &str); 8] = [
    ("session_rows", "started_wall"),
    ("session_rows", "ended_wall"),
    ("intent_rows", "decided_wall"),
    ("order_rows", "updated_wall"),
    ("fill_rows", "booked_wall"),
    ("position_rows", "updated_wall"),
    ("state_rows", "changed_wall"),
    ("command_rows", "asked_wall"),
];
/// Differences reported at most: two ledgers that parted ways differ in every row from there on.
const MAX_DIFFERENCES: usize = 100;

/// One place where two ledgers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which table.
    pub table: String,
    /// Which row, counted from 1 in the order of writing.
    pub row: u64,
    /// Which column; none if one of the ledgers has no such row.
    pub column: Option<String>,
    /// What the first ledger has.
    pub left: String,
    /// What the second ledger has.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.column.as_deref().map_or(String::new(), |column| format!(", column {column}"));
        write!(f, "{}, row {}{column}: {} against {}", self.table, self.row, self.left, self.right)
    }
}

/// Holds the ledgers of two state directories against each other, row for row but for
/// [`WALL_CLOCK_COLUMNS`]. Gives the first hundred differences.
pub fn compare(left: &Path, right: &Path) -> Result<Vec<Difference>, LedgerError> {
    let left = Side { db: store::open_for_reading(left, &KIND)?, path: left };
    let right = Side { db: store::open_for_reading(right, &KIND)?, path: right };
    let mut differences = Vec::new();
    for table in left.tables()? {
        compare_table(&left, &right, &table, &mut differences)?;
        if differences.len() >= MAX_DIFFERENCES {
            break;
        }
    }
    Ok(differences)
}

struct Side<'a> {
    db: Connection,
    path: &'a Path,
}

impl Side<'_> {
    fn failed(&self, error: &rusqlite::Error) -> LedgerError {
        LedgerError::reading(&KIND.path(self.path), error)
    }

    fn tables(&self) -> Result<Vec<String>, LedgerError> {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        self.names(sql)
    }

    fn columns(&self, table: &str) -> Result<Vec<String>, LedgerError> {
        let mut columns = self.names(&format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"))?;
        columns.retain(|column| !WALL_CLOCK_COLUMNS.contains(&(table, column)));
        Ok(columns)
    }

    fn names(&self, sql: &str) -> Result<Vec<String>, LedgerError> {
        let names: rusqlite::Result<Vec<String>> =
            (|| self.db.prepare(sql)?.query_map([], |row| row.get(0))?.collect())();
        names.map_err(|error| self.failed(&error))
    }
}

fn compare_table(
    left: &Side<'_>,
    right: &Side<'_>,
    table: &str,
    differences: &mut Vec<Difference>,
) -> Result<(), LedgerError> {
    let columns = left.columns(table)?;
    let wanted = if table == "meta" { "WHERE key <> 'created_wall'" } else { "" };
    let sql = format!("SELECT {} FROM {table} {wanted} ORDER BY rowid", columns.join(", "));
    let failed = |error| left.failed(&error);
    let failed_right = |error| right.failed(&error);
    let mut statement = left.db.prepare(&sql).map_err(failed)?;
    let mut other = right.db.prepare(&sql).map_err(failed_right)?;
    let mut left_rows = statement.query([]).map_err(failed)?;
    let mut right_rows = other.query([]).map_err(failed_right)?;
    for row in 1.. {
        let ours = next(&mut left_rows, columns.len()).map_err(failed)?;
        let theirs = next(&mut right_rows, columns.len()).map_err(failed_right)?;
        if differences.len() >= MAX_DIFFERENCES || (ours.is_none() && theirs.is_none()) {
            break;
        }
        let mut differ = |column: Option<&String>, left: String, right: String| {
            differences.push(Difference { table: table.to_owned(), row, column: column.cloned(), left, right });
        };
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => {
                for (column, (left, right)) in columns.iter().zip(ours.iter().zip(&theirs)) {
                    if left != right {
                        differ(Some(column), shown(left), shown(right));
                    }
                }
            }
            (ours, theirs) => differ(None, presence(ours.is_some()), presence(theirs.is_some())),
        }
    }
    Ok(())
}

fn next(rows: &mut Rows<'_>, columns: usize) -> rusqlite::Result<Option<Vec<Value>>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    (0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>().map(Some)
}

fn presence(there: bool) -> String {
    if there { "a row" } else { "no row" }.to_owned()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("`{text}`"),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
