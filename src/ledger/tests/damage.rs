//! A ledger that cannot be used says why, and is left as it is.

use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;

use super::sample::*;
use crate::ledger::{Identity, Ledger, LedgerError, store, trades};
use crate::protocol::Journal;
use crate::types::Exit;

fn made(dir: &Path) -> std::path::PathBuf {
    let (mut ledger, _) = open(dir);
    ledger.commit(1, at(1), at(1), &one_of_each()).unwrap();
    ledger.finish(at(2), at(2), "duration").unwrap();
    dir.join("ledger.sqlite")
}

#[test]
fn a_damaged_ledger_is_refused_and_left_alone() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 5] = [
        ("empty", Vec::clear),
        ("cut", |bytes| bytes.truncate(5_000)),
        ("another kind of file", |bytes| bytes[..16].fill(b'x')),
        ("a page of zeros", |bytes| bytes[4_096..8_192].fill(0)),
        ("another program's database", |bytes| bytes[68..72].fill(0)),
    ];
    for (what, damage) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = made(dir.path());
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        let error = try_open(dir.path()).expect_err(what);
        assert!(matches!(error, LedgerError::Damaged { .. }), "{what}: {error}");
        assert_eq!(error.exit(), Exit::Configuration, "{what}");
        assert!(error.to_string().contains("restore it from a backup"), "{what}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{what}: nothing was changed");
    }
}

#[test]
fn a_missing_ledger_with_its_log_left_behind_is_not_recreated() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ledger.sqlite-wal"), "commits").unwrap();
    let error = try_open(dir.path()).expect_err("there was a ledger");
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
}

#[test]
fn a_ledger_half_made_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ledger.sqlite.new"), "half of it").unwrap();
    open(dir.path());
    assert!(!dir.path().join("ledger.sqlite.new").exists());
}

#[test]
fn a_value_that_is_not_ours_is_damage_with_its_place() {
    for (sql, place) in [
        ("UPDATE position_rows SET qty = 'many'", "position_rows.qty"),
        ("UPDATE order_rows SET stage = 'lost'", "orders.stage"),
        ("UPDATE intent_rows SET kind = 'iceberg'", "orders.kind"),
        ("UPDATE account_rows SET moved = '1e3'", "account_rows.moved"),
        ("UPDATE account_rows SET opening = '1'", "account_rows.cash"),
        ("UPDATE state_rows SET state = 'fine'", "state_rows.state"),
        ("UPDATE fill_rows SET trade_id = -1", "fill_rows.trade_id"),
        ("DELETE FROM meta WHERE key = 'venue'", "meta has no `venue`"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        Connection::open(made(dir.path())).unwrap().execute(sql, []).unwrap();
        let error = try_open(dir.path()).expect_err(sql);
        assert!(matches!(error, LedgerError::Damaged { .. }) && error.to_string().contains(place), "{sql}: {error}");
    }
}

#[test]
fn another_mode_venue_or_account_is_refused() {
    let other = |field| {
        let mut identity = identity();
        match field {
            "mode" => identity.mode = "live".to_owned(),
            "venue" => identity.venue = "binance".to_owned(),
            _ => identity.account = "second".to_owned(),
        }
        identity
    };
    let dir = tempfile::tempdir().unwrap();
    let path = made(dir.path());
    let before = std::fs::read(&path).unwrap();
    for field in ["mode", "venue", "account"] {
        let asked: Identity = other(field);
        let error = Ledger::open(dir.path(), &asked, &both(), &start()).expect_err(field);
        assert!(matches!(&error, LedgerError::Foreign { field: found, .. } if *found == field), "{error}");
        assert_eq!(error.exit(), Exit::Configuration);
        assert!(error.to_string().contains("--state-dir"), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_schema_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = Connection::open(made(dir.path())).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    let error = try_open(dir.path()).expect_err("a later build");
    assert!(matches!(error, LedgerError::Newer { found: 99, known: 4, .. }), "{error}");
    assert!(trades(dir.path(), &Default::default()).is_err());
}

#[test]
fn an_older_schema_is_brought_forward_step_by_step() {
    let mut db = Connection::open_in_memory().unwrap();
    let steps = ["CREATE TABLE t (a)", "ALTER TABLE t ADD b DEFAULT 7", "nonsense"];
    store::migrate_with(&mut db, &steps[..1]).unwrap();
    db.execute("INSERT INTO t VALUES (1)", []).unwrap();
    store::migrate_with(&mut db, &steps[..2]).unwrap();
    store::migrate_with(&mut db, &steps[..2]).unwrap();
    assert_eq!(db.query_row("SELECT a + b FROM t", [], |row| row.get(0)), Ok(8));
    assert!(store::migrate_with(&mut db, &steps).is_err());
    assert_eq!(db.pragma_query_value(None, "user_version", |row| row.get(0)), Ok(2));
}

#[test]
fn i20_a_full_disk_ends_the_ledger_and_keeps_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    ledger.rehearse_full_disk(8).unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match ledger.commit(1, at(1), at(1), &[Journal::Intent(Box::new(market(acknowledged + 1)))]) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 10_000, "the disk never filled");
    };
    assert!(matches!(error, LedgerError::Unwritable { .. }), "{error}");
    assert_eq!(error.exit(), Exit::LedgerUnwritable);
    assert!(ledger.commit(2, at(2), at(2), &[equity(60)]).is_err());
    drop(ledger);
    let (_, known) = open(dir.path());
    assert!(acknowledged > 0 && known.orders.len() == acknowledged as usize, "{acknowledged}");
}

#[test]
fn a_file_that_another_program_holds_is_unwritable() {
    let dir = tempfile::tempdir().unwrap();
    let path = made(dir.path());
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = try_open(dir.path()).expect_err("it is held");
    assert_eq!(error.exit(), Exit::LedgerUnwritable, "{error}");
}

#[test]
fn a_state_directory_that_cannot_be_made_is_unwritable() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let error = try_open(&dir.path().join("file/state")).expect_err("a file is in the way");
    assert_eq!(error.exit(), Exit::LedgerUnwritable, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// I17: whatever the bytes of the file are, opening it gives Ok or Err.
    #[test]
    fn any_bytes_give_ok_or_err(at in 0_usize..200_000, noise in proptest::collection::vec(any::<u8>(), 1..200)) {
        let dir = tempfile::tempdir().unwrap();
        let path = made(dir.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let start = at % bytes.len();
        let end = (start + noise.len()).min(bytes.len());
        bytes[start..end].copy_from_slice(&noise[..end - start]);
        std::fs::write(&path, &bytes).unwrap();
        let _ = try_open(dir.path());
        let _ = trades(dir.path(), &Default::default());
    }
}
