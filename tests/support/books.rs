//! The daemon's ledger held against the paper venue's own file. The two are written by different hands.

use std::collections::BTreeMap;
use std::path::Path;

use live_trading_launcher::ledger;
use live_trading_launcher::venue::paper::PaperBooks;
use rusqlite::Connection;

/// Symbols in the order of the embedded market, which is the order of the venue's instrument numbers.
pub const SYMBOLS: [&str; 3] = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];

type Fill = (String, i64, String, String, String, String, String);

/// What the venue did, and where the ledger says otherwise.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Orders that the venue accepted.
    pub orders: usize,
    /// Fills at the venue.
    pub fills: usize,
    /// Client order ids that the venue accepted more than once.
    pub accepted_twice: Vec<String>,
    /// Differences, in words.
    pub differences: Vec<String>,
}

/// The ledger's file, to be read.
pub fn ledger_file(dir: &Path) -> Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    Connection::open_with_flags(dir.join(ledger::LEDGER_FILE), flags).expect("the ledger opens")
}

/// One number of the ledger.
pub fn count(dir: &Path, sql: &str) -> i64 {
    ledger_file(dir).query_row(sql, [], |row| row.get(0)).expect("the ledger answers")
}

/// Holds the two against each other.
pub fn compare(dir: &Path) -> Comparison {
    let venue = PaperBooks::read(dir).expect("the venue's file opens");
    let mut seen = BTreeMap::<&str, usize>::new();
    venue.orders.iter().for_each(|(id, _, _)| *seen.entry(id).or_default() += 1);
    let accepted_twice = seen.iter().filter(|(_, n)| **n > 1).map(|(id, _)| (*id).to_owned()).collect();
    let mut differences = Vec::new();
    let theirs: Vec<Fill> = venue
        .fills
        .iter()
        .cloned()
        .map(|(at, trade, client, side, price, qty, fee)| (symbol(at), trade, client, side, price, qty, fee))
        .collect();
    let ours = fills(dir);
    differences
        .extend(theirs.iter().filter(|fill| !ours.contains(fill)).map(|fill| format!("not in the ledger: {fill:?}")));
    differences
        .extend(ours.iter().filter(|fill| !theirs.contains(fill)).map(|fill| format!("not at the venue: {fill:?}")));
    if ours.len() != theirs.len() {
        differences.push(format!("{} fills in the ledger, {} at the venue", ours.len(), theirs.len()));
    }
    let audit = ledger::audit(dir).expect("the ledger can be counted again");
    if !audit.agrees() {
        differences.push(format!("the ledger does not add up: {audit:?}"));
    }
    if audit.cash != Some(venue.balance) {
        differences.push(format!("cash {:?} in the ledger, {} at the venue", audit.cash, venue.balance));
    }
    let held: BTreeMap<String, String> = venue.positions.into_iter().map(|(at, qty)| (symbol(at), qty)).collect();
    let kept: BTreeMap<String, String> =
        audit.positions.iter().map(|(symbol, qty)| (symbol.to_string(), qty.to_string())).collect();
    if held != kept {
        differences.push(format!("positions {kept:?} in the ledger, {held:?} at the venue"));
    }
    Comparison { orders: venue.orders.len(), fills: theirs.len(), accepted_twice, differences }
}

fn symbol(number: u16) -> String {
    SYMBOLS[usize::from(number)].to_owned()
}

fn fills(dir: &Path) -> Vec<Fill> {
    let ledger = ledger_file(dir);
    let sql = "SELECT symbol, trade_id, client_id, side, price, qty, fee FROM fill_rows ORDER BY symbol, trade_id";
    let mut statement = ledger.prepare(sql).expect("the ledger has fills");
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
    });
    rows.expect("the ledger has fills").collect::<rusqlite::Result<_>>().expect("fills can be read")
}
