//! The daemon's ledger held against the paper venue's own file. The two are written by different hands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use live_trading_launcher::ledger;
use live_trading_launcher::venue::paper::PaperBooks;
use rusqlite::Connection;

/// Symbols in the order of the embedded market, which is the order of the venue's instrument numbers.
pub const SYMBOLS: [&str; 3] = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];

/// How orders end of which the venue knows nothing.
const NEVER_THERE: [&str; 3] = ["not_sent", "absent", "rejected"];

type Fill = (String, i64, String, String, String, String, String);
type Order = (String, String, String);

/// What the venue did, and where the ledger says otherwise.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Orders that the venue accepted.
    pub orders: usize,
    /// Fills at the venue.
    pub fills: usize,
    /// Positions that are open at the venue.
    pub positions: usize,
    /// Client order ids that the venue accepted more than once.
    pub accepted_twice: Vec<String>,
    /// Symbols with a position and without a stop that works at the venue, by the ledger's word and by the venue's.
    pub without_stop: Vec<String>,
    /// Differences, in words.
    pub differences: Vec<String>,
}

impl Comparison {
    /// Do the two agree, with every position protected?
    pub fn is_clean(&self) -> bool {
        self.accepted_twice.is_empty() && self.without_stop.is_empty() && self.differences.is_empty()
    }
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

/// Client order ids that the venue accepted more than once.
pub fn accepted_twice(venue: &PaperBooks) -> Vec<String> {
    let mut seen = BTreeMap::<&str, usize>::new();
    venue.orders.iter().for_each(|(id, _, _)| *seen.entry(id).or_default() += 1);
    seen.iter().filter(|(_, n)| **n > 1).map(|(id, _)| (*id).to_owned()).collect()
}

/// Holds the two against each other.
pub fn compare(dir: &Path) -> Comparison {
    let venue = PaperBooks::read(dir).expect("the venue's file opens");
    let mut differences = Vec::new();
    compare_orders(dir, &venue, &mut differences);
    let fills_there = compare_fills(dir, &venue, &mut differences);
    let audit = ledger::audit(dir).expect("the ledger can be counted again");
    if !audit.agrees() {
        differences.push(format!("the ledger does not add up: {audit:?}"));
    }
    if audit.cash != Some(venue.balance) {
        differences.push(format!("cash {:?} in the ledger, {} at the venue", audit.cash, venue.balance));
    }
    let held: BTreeMap<String, String> = venue.positions.iter().map(|(at, qty)| (symbol(*at), qty.clone())).collect();
    let kept: BTreeMap<String, String> =
        audit.positions.iter().map(|(symbol, qty)| (symbol.to_string(), qty.to_string())).collect();
    if held != kept {
        differences.push(format!("positions {kept:?} in the ledger, {held:?} at the venue"));
    }
    Comparison {
        orders: venue.orders.len(),
        fills: fills_there,
        positions: held.len(),
        accepted_twice: accepted_twice(&venue),
        without_stop: without_stop(dir, &venue),
        differences,
    }
}

/// Every order of the venue stands in the ledger as it stands there, and what else the ledger has was never there.
fn compare_orders(dir: &Path, venue: &PaperBooks, differences: &mut Vec<String>) {
    let theirs: BTreeSet<&Order> = venue.orders.iter().collect();
    let sql = "SELECT client_id, stage, filled FROM order_rows";
    let ours: BTreeSet<Order> = rows(dir, sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).into_iter().collect();
    let missing = theirs.iter().filter(|order| !ours.contains(**order));
    differences.extend(missing.map(|order| format!("not so in the ledger: {order:?}")));
    let more = ours.iter().filter(|order| !theirs.contains(order) && !NEVER_THERE.contains(&order.1.as_str()));
    differences.extend(more.map(|order| format!("not so at the venue: {order:?}")));
}

/// How many fills the venue has.
fn compare_fills(dir: &Path, venue: &PaperBooks, differences: &mut Vec<String>) -> usize {
    let sql = "SELECT symbol, trade_id, client_id, side, price, qty, fee FROM fill_rows";
    let ours: Vec<Fill> = rows(dir, sql, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
    });
    let fill = |(at, trade, client, side, price, qty, fee): &(u16, i64, String, String, String, String, String)| {
        (symbol(*at), *trade, client.clone(), side.clone(), price.clone(), qty.clone(), fee.clone())
    };
    let theirs: BTreeSet<Fill> = venue.fills.iter().map(fill).collect();
    let kept: BTreeSet<&Fill> = ours.iter().collect();
    differences
        .extend(theirs.iter().filter(|fill| !kept.contains(fill)).map(|fill| format!("not in the ledger: {fill:?}")));
    differences
        .extend(kept.iter().filter(|fill| !theirs.contains(**fill)).map(|fill| format!("not at the venue: {fill:?}")));
    if ours.len() != venue.fills.len() {
        differences.push(format!("{} fills in the ledger, {} at the venue", ours.len(), venue.fills.len()));
    }
    venue.fills.len()
}

/// A stop counts if the ledger wants it to work and the venue says that it does.
fn without_stop(dir: &Path, venue: &PaperBooks) -> Vec<String> {
    let sql = "SELECT i.symbol, i.client_id FROM intent_rows i JOIN order_rows o USING (client_id) \
               WHERE i.leg = 'stop' AND o.stage = 'working' AND o.cancel_pending = 0";
    let stops: Vec<(String, String)> = rows(dir, sql, |row| Ok((row.get(0)?, row.get(1)?)));
    let works = |id: &str| venue.orders.iter().any(|(client, stage, _)| client == id && stage == "working");
    let held = venue.positions.iter().map(|(at, _)| symbol(*at));
    held.filter(|held| !stops.iter().any(|(symbol, id)| symbol == held && works(id))).collect()
}

fn symbol(number: u16) -> String {
    SYMBOLS[usize::from(number)].to_owned()
}

fn rows<T>(dir: &Path, sql: &str, read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let ledger = ledger_file(dir);
    let mut statement = ledger.prepare(sql).expect("the ledger can be asked");
    let rows = statement.query_map([], read).expect("the ledger answers");
    rows.collect::<rusqlite::Result<_>>().expect("its rows can be read")
}
