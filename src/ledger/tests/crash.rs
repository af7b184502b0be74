//! kill -9 of a process that commits in a loop.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::sample::*;
use crate::protocol::Journal;

/// Set in the child only: the directory that it writes to.
const CHILD: &str = "LTL_TEST_LEDGER_CRASH_DIR";

/// The child's part. Without the variable it is an empty test.
#[test]
#[expect(clippy::disallowed_methods, reason = "the parent tells its child what it is")]
fn the_child_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let (mut ledger, _) = open(Path::new(&dir));
    for sequence in 1.. {
        let rows = [Journal::Intent(Box::new(market(sequence))), equity(i64::from(sequence))];
        ledger.commit(u64::from(sequence), at(1), at(1), &rows).unwrap();
        println!("acknowledged {sequence}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    for kill_after in [1, 20, 150] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ledger::tests::crash::the_child_that_is_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The first line follows the harness's own words on the same line.
            let Some((_, sequence)) = line.rsplit_once("acknowledged ") else { continue };
            acknowledged = sequence.parse().unwrap();
            if acknowledged == kill_after {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged >= kill_after);
        let (_, known) = open(dir.path());
        let found: Vec<u64> = (1..).take(known.orders.len()).collect();
        let ids: Vec<_> = known.orders.iter().map(|order| order.intent.request.client_id).collect();
        let expect: Vec<_> = found.iter().map(|sequence| market(*sequence as u32).request.client_id).collect();
        assert_eq!(ids, expect, "no hole");
        assert!(ids.len() as u64 >= acknowledged, "{} of {acknowledged}", ids.len());
    }
}
