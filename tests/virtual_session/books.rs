//! Our books, held against the venue's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

use live_trading_launcher::ledger;
use live_trading_launcher::types::{InstrumentId, Qty, Side};
use live_trading_launcher::venue::paper::PaperBooks;
use rusqlite::Row;

use crate::replayed::assert_recordings_replay;

/// The symbols of every session here, in the order of the configuration.
const SYMBOLS: [&str; 3] = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];

/// The ledger and the paper venue's own file tell the same orders, fills, positions and cash; and what was recorded replays
/// to the same decisions.
pub fn assert_books_agree(dir: &Path) {
    let venue = PaperBooks::read(dir).expect("the venue's file");
    let audit = ledger::audit(dir).expect("the ledger");
    assert!(audit.agrees(), "{audit:?}");
    assert_eq!(audit.cash, Some(venue.balance), "cash");

    let mut ours = BTreeMap::new();
    each(dir, "SELECT client_id, stage, filled FROM order_rows WHERE venue_order_id IS NOT NULL", |row| {
        ours.insert(row.get::<_, String>(0)?, (row.get::<_, String>(1)?, row.get::<_, String>(2)?));
        Ok(())
    });
    let mut theirs = BTreeMap::new();
    for (id, stage, filled) in &venue.orders {
        let before = theirs.insert(id.clone(), (stage.clone(), filled.clone()));
        assert_eq!(before, None, "{id} was accepted twice");
    }
    assert_same("orders", &ours, &theirs);

    let mut fills = BTreeMap::new();
    let mut counted = BTreeMap::<u16, Qty>::new();
    each(dir, "SELECT symbol, trade_id, client_id, side, price, qty, fee FROM fill_rows", |row| {
        let instrument = instrument(&row.get::<_, String>(0)?);
        let cells: [String; 5] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
        let side = if cells[1] == Side::Buy.as_str() { Side::Buy } else { Side::Sell };
        *counted.entry(instrument).or_default() += cells[3].parse::<Qty>().expect("a quantity") * side.sign();
        fills.insert((instrument, row.get::<_, i64>(1)?), cells);
        Ok(())
    });
    counted.retain(|_, qty| !qty.is_zero());
    let told: BTreeMap<_, _> = venue
        .fills
        .into_iter()
        .map(|(instrument, id, client, side, price, qty, fee)| ((instrument, id), [client, side, price, qty, fee]))
        .collect();
    assert_same("fills", &fills, &told);

    let mut positions = BTreeMap::new();
    each(dir, "SELECT symbol, qty FROM position_rows", |row| {
        let qty: Qty = row.get::<_, String>(1)?.parse().expect("a quantity");
        positions.insert(instrument(&row.get::<_, String>(0)?), qty);
        Ok(())
    });
    let theirs: BTreeMap<u16, Qty> =
        venue.positions.into_iter().map(|(instrument, qty)| (instrument, qty.parse().expect("a quantity"))).collect();
    assert_eq!(positions, theirs, "positions");
    assert_eq!(positions, counted, "a position is the sum of its fills");
    assert_recordings_replay(dir);
}

/// Fails with the entries that differ: two whole tables would hide them.
fn assert_same<K: Ord + Debug, V: PartialEq + Debug>(what: &str, ours: &BTreeMap<K, V>, theirs: &BTreeMap<K, V>) {
    let keys: BTreeSet<&K> = ours.keys().chain(theirs.keys()).collect();
    let differing = keys.into_iter().map(|key| (key, ours.get(key), theirs.get(key)));
    let differing: Vec<_> = differing.filter(|(_, ours, theirs)| ours != theirs).collect();
    assert!(differing.is_empty(), "{what}, ours against the venue's: {differing:?}");
}

/// Conditional orders that the venue has taken: each position's stop is one.
pub fn stops_taken(dir: &Path) -> u64 {
    let mut count = 0;
    let sql = "SELECT COUNT(*) FROM intent_rows JOIN order_rows USING (client_id)
               WHERE kind = 'stop_market' AND venue_order_id IS NOT NULL";
    each(dir, sql, |row| {
        count = row.get::<_, i64>(0)?.unsigned_abs();
        Ok(())
    });
    count
}

fn each(dir: &Path, sql: &str, mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) {
    let db = rusqlite::Connection::open(dir.join(ledger::LEDGER_FILE)).expect("the ledger");
    let mut statement = db.prepare(sql).expect("a statement");
    let mut rows = statement.query([]).expect("rows");
    while let Some(found) = rows.next().expect("a row") {
        row(found).expect("cells");
    }
}

fn instrument(symbol: &str) -> u16 {
    let index = SYMBOLS.iter().position(|known| *known == symbol).expect("a known symbol");
    InstrumentId(u16::try_from(index).expect("a small number")).0
}
