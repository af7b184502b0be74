//! The outbox: nothing lost, nothing twice, never more than it may hold.

use super::sample::at;
use crate::ledger::{Outbox, OutboxCounts, OutboxLimits, Put};
use crate::protocol::{Notice, NoticeKind};
use crate::types::Span;

fn notice(key: &str, text: &str) -> Notice {
    Notice { kind: NoticeKind::Health, key: key.to_owned(), text: text.to_owned() }
}

fn limits(pending: u32) -> OutboxLimits {
    OutboxLimits { pending, repeat_after: Span::secs(60) }
}

#[test]
fn messages_wait_in_order_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), limits(10)).unwrap();
    for key in ["a", "b"] {
        assert_eq!(outbox.put(at(0), &notice(key, key)).unwrap(), Put::Queued);
    }
    let first = outbox.peek().unwrap().unwrap();
    outbox.failed(first.id, at(30), "429").unwrap();
    drop(outbox);

    let mut outbox = Outbox::open(dir.path(), limits(10)).unwrap();
    let again = outbox.peek().unwrap().unwrap();
    assert_eq!((again.id, again.attempts, again.not_before), (first.id, 1, at(30)));
    assert_eq!((again.notice, again.queued), (notice("a", "a"), at(0)));
    outbox.delivered(again.id, at(30)).unwrap();
    outbox.delivered(again.id, at(31)).unwrap();
    let second = outbox.peek().unwrap().unwrap();
    assert_eq!(second.notice.key, "b");
    outbox.give_up(second.id).unwrap();
    assert_eq!(outbox.peek().unwrap(), None);
    assert_eq!(outbox.counts().unwrap(), OutboxCounts { pending: 0, delivered: 1, failed: 1, dropped: 1 });
}

#[test]
fn the_same_thing_is_said_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), limits(10)).unwrap();
    assert_eq!(outbox.put(at(0), &notice("feed", "stale")).unwrap(), Put::Queued);
    assert_eq!(outbox.put(at(1), &notice("feed", "live")).unwrap(), Put::Merged);
    let other = Notice { kind: NoticeKind::Alarm, ..notice("feed", "another kind") };
    assert_eq!(outbox.put(at(1), &other).unwrap(), Put::Queued);
    let pending = outbox.peek().unwrap().unwrap();
    assert_eq!(pending.notice.text, "live");
    outbox.delivered(pending.id, at(10)).unwrap();
    assert_eq!(outbox.put(at(69), &notice("feed", "stale")).unwrap(), Put::Repeated);
    assert_eq!(outbox.put(at(70), &notice("feed", "stale")).unwrap(), Put::Queued);
}

#[test]
fn the_oldest_gives_way_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), limits(3)).unwrap();
    for n in 0..8 {
        outbox.put(at(0), &notice(&n.to_string(), "x")).unwrap();
    }
    let counts = outbox.counts().unwrap();
    assert_eq!((counts.pending, counts.dropped), (3, 5));
    assert_eq!(outbox.peek().unwrap().unwrap().notice.key, "5");
}

#[test]
fn what_was_delivered_is_forgotten_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), limits(3)).unwrap();
    for n in 0..20 {
        outbox.put(at(n * 30), &notice(&n.to_string(), "x")).unwrap();
        let id = outbox.peek().unwrap().unwrap().id;
        outbox.delivered(id, at(n * 30)).unwrap();
    }
    let db = rusqlite::Connection::open(dir.path().join("outbox.sqlite")).unwrap();
    let kept: u32 = db.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert!(kept <= 3, "{kept}");
}
