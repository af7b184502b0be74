//! Our table against the venue's lists.

use super::*;

#[test]
fn the_list_of_open_orders_confirms_and_raises_doubts() {
    let mut orders = table();
    let (here, gone, fresh) = (entry(&mut orders), entry(&mut orders), entry(&mut orders));
    tell(&mut orders, here, s(1), ReportBody::Accepted);
    tell(&mut orders, gone, s(1), ReportBody::Accepted);
    tell(&mut orders, fresh, s(9), ReportBody::Accepted);
    let found = orders.reconcile_open_orders(s(10), &[listed(here, 0)]);
    assert_eq!((found.confirmed, found.missing), (vec![here], vec![gone]));
    assert_eq!(found.changed.len(), 1);
    assert!((found.alarms.is_empty(), found.adopt.is_empty(), found.foreign.is_empty()) == (true, true, true));
    assert_eq!((stage(&orders, gone), is_known(&orders, gone)), (Stage::Working, false), "missing is not ended");
    assert!(is_known(&orders, fresh), "what moved lately is left for the next round");
    assert_eq!(queries(&orders.due(s(10))), 1);
    // The next round does not push the doubt ahead of itself.
    tell(&mut orders, fresh, s(11), ended(DoneReason::Canceled, 0));
    let found = orders.reconcile_open_orders(s(20), &[listed(here, 0)]);
    assert_eq!((found.missing, found.changed), (vec![], vec![]));
    let since = orders.get(gone).map(|row| row.knowledge);
    assert_eq!(since, Some(Knowledge::Unknown { since: s(10) }));
    // It was there all along.
    let found = orders.reconcile_open_orders(s(30), &[listed(here, 0), listed(gone, 0)]);
    assert_eq!(found.confirmed, [here, gone]);
    assert!(is_known(&orders, gone));
}

#[test]
fn an_order_that_vanished_ends_after_the_same_wait() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ReportBody::Accepted);
    for second in 10..60 {
        let due = orders.due(s(second));
        if fetches(&due) > 0 {
            orders.reconcile_fills(s(second), &[]);
        }
        if queries(&due) > 0 {
            deny(&mut orders, id, s(second));
        }
        if second % 10 == 0 {
            orders.reconcile_open_orders(s(second), &[]);
        }
        if second < 25 {
            assert_eq!(stage(&orders, id), Stage::Working, "lag 10 s and an answer 5 s after the doubt at 10");
        }
    }
    assert_eq!(stage(&orders, id), Stage::Done(DoneReason::Expired));
    assert_eq!(orders.next_deadline(), None);
    // Should a list show it after all, the evidence wins.
    orders.reconcile_open_orders(s(80), &[listed(id, 0)]);
    assert_eq!(stage(&orders, id), Stage::Working);
}

#[test]
fn orders_that_the_ledger_lacks_are_adopted_or_shown() {
    let mut orders = table();
    let ours = IdSource::new(IdScope { epoch: 3, ..SCOPE }).next(Leg::Entry);
    let newer = IdSource::new(IdScope { instance: *b"zz", epoch: 9, ..SCOPE }).next(Leg::Entry);
    let manual: ClientOrderId = "web_1".parse().expect("an id");
    let found = orders.reconcile_open_orders(s(10), &[listed(ours, 0), listed(newer, 0), listed(manual, 0)]);
    assert_eq!(found.adopt.iter().map(|row| row.intent.request.client_id).collect::<Vec<_>>(), [ours]);
    assert_eq!((found.adopt[0].intent.leg, found.adopt[0].stage), (Leg::Entry, Stage::Working));
    assert_eq!(found.foreign.len(), 2);
    assert_eq!(
        found.alarms,
        [
            Alarm::NotInLedger { client_id: ours, instrument: BTC },
            Alarm::OtherInstance { client_id: newer, epoch: 9, we_are_older: true },
        ]
    );
    assert_eq!(orders.left_over().count(), 1, "an entry of an older epoch");
    let row = orders.adopt(s(10), &listed(manual, 0));
    assert_eq!((row.intent.leg, row.stage), (Leg::Entry, Stage::Working));
    assert!(orders.request_cancel(manual, s(11)));
}

#[test]
fn an_adopted_orders_fills_are_fetched() {
    let mut orders = table();
    let ours = IdSource::new(IdScope { epoch: 3, ..SCOPE }).next(Leg::Entry);
    orders.reconcile_open_orders(s(10), &[listed(ours, 4)]);
    assert_eq!(fetches(&orders.due(s(11))), 1);
    let applied = orders.reconcile_fills(s(12), &[trade(ours, 5, 4)]);
    assert_eq!(applied.iter().filter(|one| one.fill.is_some() && !one.foreign).count(), 1);
    assert_eq!(orders.exposure(BTC).buy, qty(6));
}

#[test]
fn a_list_that_contradicts_an_old_end_alarms() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ended(DoneReason::Canceled, 0));
    assert_eq!(orders.reconcile_open_orders(s(5), &[listed(id, 0)]).alarms, [], "the list may be older than the end");
    let ended = DoneReason::Canceled;
    let found = orders.reconcile_open_orders(s(20), &[listed(id, 0)]);
    assert_eq!(found.alarms, [Alarm::StillListed { client_id: id, instrument: BTC, ended }]);
    assert_eq!(stage(&orders, id), Stage::Done(ended));
}

#[test]
fn fills_are_asked_for_once_and_again_after_a_failure() {
    let mut orders = table();
    orders.want_fills(s(-100));
    orders.want_fills(s(0));
    assert!(orders.awaits_fills() && orders.next_deadline().is_some_and(|when| when <= s(0)));
    let due = orders.due(s(0));
    assert!(matches!(due[..], [Due::FetchFills { since }] if since == s(-160)), "with an overlap");
    assert_eq!(orders.next_deadline(), Some(s(5)));
    assert_eq!(fetches(&orders.due(s(5))), 0, "the question has failed by now");
    assert_eq!(orders.next_deadline(), Some(s(7)));
    assert_eq!(fetches(&orders.due(s(7))), 1);
    orders.reconcile_fills(s(8), &[]);
    assert!(!orders.awaits_fills() && orders.next_deadline().is_none());
}

#[test]
fn a_restart_takes_up_where_the_ledger_left_off() {
    let mut orders = table();
    let bodies: [(&str, Vec<ReportBody>); 6] = [
        ("sent", vec![]),
        ("working", vec![ReportBody::Accepted]),
        ("refused", vec![rejected()]),
        ("cancelled", vec![ended(DoneReason::Canceled, 0)]),
        ("unknown", vec![ReportBody::Accepted, cancel_answered(CancelOutcome::NoSuchOrder)]),
        ("never left", vec![ReportBody::NotSent { reason: String::new() }]),
    ];
    let mut ids = Vec::new();
    for (name, bodies) in bodies {
        let id = entry(&mut orders);
        for (second, body) in (1..).zip(bodies) {
            tell(&mut orders, id, s(second), body);
        }
        ids.push((name, id));
    }
    let filled_id = entry(&mut orders);
    tell(&mut orders, filled_id, s(1), filled(filled_id, 77, 4));
    orders.request_cancel(filled_id, s(2));
    let rows: Vec<_> = orders.iter().cloned().collect();
    let mut restarted = Orders::new(Settings::default(), SCOPE);
    restarted.restore(8, &rows, &[(BTC, TradeId(77))], s(100));
    for (name, id) in ids {
        let (stage, known) = (stage(&restarted, id), is_known(&restarted, id));
        assert_eq!(stage, orders.get(id).expect(name).stage, "{name}");
        assert_eq!(known, !["sent", "unknown"].contains(&name), "{name}");
    }
    assert_eq!(tell(&mut restarted, filled_id, s(101), filled(filled_id, 77, 4)).fill, None, "counted before");
    assert_eq!(restarted.get(filled_id).map(|row| (row.filled, row.cancel_pending)), Some((qty(4), true)));
    let due = restarted.due(s(100));
    assert_eq!(queries(&due), 2);
    assert!(due.iter().any(|due| matches!(due, Due::RepeatCancel { client_id, .. } if *client_id == filled_id)));
    assert!(restarted.get(restarted.clone().next_id(Leg::Entry)).is_none(), "I4");
}
