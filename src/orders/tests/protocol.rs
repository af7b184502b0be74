//! The life of an order, row by row: what is said, and where it stands then.

use super::*;

#[test]
fn the_life_of_an_order() {
    use DoneReason::{Canceled, Expired, Filled, NotSent, Rejected};
    use Stage::{Done, Sent, Working};
    let id = table().next_id(Leg::Entry);
    let not_sent = || ReportBody::NotSent { reason: "connection refused".to_owned() };
    let no_such_order = || cancel_answered(CancelOutcome::NoSuchOrder);
    // Reports at seconds 1, 2, 3, …; then the stage, whether it is known, and what was filled.
    let cases: Vec<(&str, Vec<ReportBody>, Stage, bool, i64)> = vec![
        ("sent", vec![], Sent, true, 0),
        ("accepted", vec![ReportBody::Accepted], Working, true, 0),
        ("refused", vec![rejected()], Done(Rejected), true, 0),
        ("never left", vec![not_sent()], Done(NotSent), true, 0),
        ("no answer", vec![unanswered()], Sent, false, 0),
        ("no answer, but the stream has it", vec![unanswered(), ReportBody::Accepted], Working, true, 0),
        ("the stream has it, the answer is lost", vec![ReportBody::Accepted, unanswered()], Working, true, 0),
        ("the fill overtakes the acceptance", vec![filled(id, 1, 4)], Working, true, 4),
        ("filled in two", vec![ReportBody::Accepted, filled(id, 1, 4), filled(id, 2, 6)], Done(Filled), true, 10),
        ("fill twice", vec![filled(id, 1, 4), filled(id, 1, 4)], Working, true, 4),
        ("cancelled in part", vec![filled(id, 1, 4), ended(Canceled, 4)], Done(Canceled), true, 4),
        ("late fill after the cancel", vec![ended(Canceled, 4), filled(id, 1, 4)], Done(Canceled), true, 4),
        ("filled while cancelling", vec![ended(Canceled, 0), filled(id, 1, 10)], Done(Filled), true, 10),
        ("expired", vec![ReportBody::Accepted, ended(Expired, 0)], Done(Expired), true, 0),
        ("ended, fills to come", vec![ended(Filled, 10)], Done(Filled), false, 0),
        ("accepted after the end", vec![ended(Canceled, 0), ReportBody::Accepted], Done(Canceled), true, 0),
        ("cancel finds nothing", vec![ReportBody::Accepted, no_such_order()], Working, false, 0),
        ("then a query finds it", vec![ReportBody::Accepted, no_such_order(), status(Working, 0)], Working, true, 0),
        ("refused and yet at work", vec![rejected(), ReportBody::Accepted], Working, true, 0),
        ("at work and yet refused", vec![ReportBody::Accepted, rejected()], Working, false, 0),
        ("a venue cannot conclude an absence", vec![status(Done(DoneReason::Absent), 0)], Sent, true, 0),
        ("not found is no end", vec![ReportBody::NotFound { endpoint: Lookup::Regular }], Sent, true, 0),
    ];
    for (name, reports, expect, known, n) in cases {
        let mut orders = table();
        assert_eq!(entry(&mut orders), id);
        for (second, body) in (1..).zip(reports) {
            tell(&mut orders, id, s(second), body);
        }
        assert_eq!((stage(&orders, id), is_known(&orders, id)), (expect, known), "{name}");
        assert_eq!(orders.get(id).map(|row| row.filled), Some(qty(n)), "{name}");
        assert_eq!(orders.is_unknown(BTC), !known, "{name}");
        assert!(!orders.is_unknown(ETH), "{name}");
    }
}

#[test]
fn a_conditional_order_may_be_refused_when_it_triggers() {
    let mut orders = table();
    let id = send(&mut orders, Leg::Stop, stop(90), Amount::ClosePosition, s(0));
    for body in [ReportBody::Accepted, ReportBody::Triggered, rejected()] {
        tell(&mut orders, id, s(1), body);
    }
    assert_eq!(stage(&orders, id), Stage::Done(DoneReason::Rejected));
}

#[test]
fn an_unanswered_order_is_asked_after_with_growing_pauses() {
    let mut orders = table();
    let [id, other] = [entry(&mut orders), entry(&mut orders)];
    tell(&mut orders, other, s(1), ReportBody::Accepted);
    assert_eq!(orders.next_deadline(), Some(s(5)));
    assert_eq!(orders.due(s(4)), vec![]);
    assert_eq!(orders.unanswered(), Some((1, s(0))));
    let due = orders.due(s(5));
    assert!(matches!(&due[..], [Due::Changed(row), Due::Query { client_id, .. }]
        if *client_id == id && row.knowledge == Knowledge::Unknown { since: s(5) }));
    // The venue has just answered about another order, and so it is this one's answer that is lost. 2, 4 and 8 s
    // later; then at 19 s, when the answers begin to count, and 2 and 4 s after that.
    let asked: Vec<i64> = (6..30).filter(|second| queries(&orders.due(s(*second))) > 0).collect();
    assert_eq!(asked, [7, 11, 19, 21, 25]);
    assert_eq!(stage(&orders, id), Stage::Sent, "time decides nothing");
}

#[test]
fn a_venue_that_says_nothing_is_asked_one_thing_a_second_and_all_things_once_it_is_back() {
    let mut orders = table();
    let ids = [entry(&mut orders), entry(&mut orders), entry(&mut orders)];
    orders.due(s(5));
    assert!(orders.is_silent(BTC) && !orders.is_silent(ETH));
    let mut asked = [0; 3];
    for second in 6..=300 {
        let due = orders.due(s(second));
        for (count, id) in asked.iter_mut().zip(ids) {
            *count += due.iter().filter(|one| matches!(one, Due::Query { client_id, .. } if *client_id == id)).count();
        }
        assert!(orders.next_deadline().is_some_and(|next| next <= s(second + 1)));
    }
    assert_eq!(asked[2], 295, "the youngest, each second");
    assert!(asked[0] <= 15 && asked[1] <= 15, "the others with growing pauses: {asked:?}");
    // The first word ends the silence, and everything in doubt is asked after.
    let report =
        |body| OrderReport { client_id: ids[2], instrument: BTC, venue_order_id: None, venue_time: s(301), body };
    let not_found = report(ReportBody::NotFound { endpoint: Lookup::Regular });
    assert_eq!(orders.apply(s(301), &not_found).back, Some(BTC));
    assert_eq!(orders.apply(s(301), &not_found).back, None, "once");
    assert_eq!(queries(&orders.due(s(301))), 3);
    // A question from before that fails now is no new silence; one that fails later is.
    orders.question_failed(ids[1], s(306));
    assert!(!orders.is_silent(BTC));
    orders.question_failed(ids[1], s(307));
    assert!(orders.is_silent(BTC));
}

/// Settings' waits add up: 2 s window + 2 × 1 s clock + 10 s lag + 5 s for the answer to a late question.
const SETTLED: i64 = 19;

/// Everything that speaks for an absence but what the case leaves out.
fn absent(orders: &mut Orders, id: ClientOrderId, denials: &[i64], list_at: i64, fills: bool) -> Vec<Due> {
    let mut due = Vec::new();
    let mut step = |orders: &mut Orders, at: i64| {
        for one in orders.due(s(at)) {
            if fills && matches!(one, Due::FetchFills { .. }) {
                orders.reconcile_fills(s(at), &[]);
            }
            due.push(one);
        }
    };
    for second in 5..60 {
        step(orders, second);
        if denials.contains(&second) {
            deny(orders, id, s(second));
        }
        if second == list_at {
            orders.reconcile_open_orders(s(second), &[]);
        }
    }
    due
}

#[test]
fn absent_takes_the_full_wait_and_every_witness() {
    let late = SETTLED;
    let cases: [(&str, &[i64], i64, bool, bool); 8] = [
        ("two late denials, list and fills", &[late, late + 2], late + 1, true, true),
        ("many late denials", &[7, 11, late, late + 2, late + 6], late + 10, true, true),
        ("denied early only", &[7, 11, late - 1], late + 1, true, false),
        ("one late denial", &[7, 11, late + 2], late + 1, true, false),
        ("no denial", &[], late + 1, true, false),
        ("list of open orders too early", &[late, late + 2], late - 1, true, false),
        ("no list of open orders", &[late, late + 2], 99, true, false),
        ("no list of fills", &[late, late + 2], late + 1, false, false),
    ];
    for (name, denials, list_at, fills, expect) in cases {
        let mut orders = table();
        let id = entry(&mut orders);
        let due = absent(&mut orders, id, denials, list_at, fills);
        let declared = due.iter().filter(|due| matches!(due, Due::Absent(_))).count();
        assert_eq!(declared, usize::from(expect), "{name}");
        let end = Stage::Done(DoneReason::Absent);
        assert_eq!(stage(&orders, id) == end, expect, "{name}");
        assert_eq!(orders.is_unknown(BTC), !expect, "{name}");
    }
}

#[test]
fn one_answer_delivered_twice_is_one_denial() {
    let mut orders = table();
    let id = entry(&mut orders);
    orders.due(s(5));
    for arrival in [20, 22, 24] {
        for endpoint in [Lookup::Regular, Lookup::Conditional] {
            orders.apply(s(arrival), &report(id, s(20), ReportBody::NotFound { endpoint }));
        }
    }
    orders.reconcile_open_orders(s(25), &[]);
    assert!(!orders.orders.get(id).is_some_and(|order| order.is_denied()));
}

#[test]
fn one_endpoint_does_not_speak_for_the_other() {
    let mut orders = table();
    let id = entry(&mut orders);
    orders.due(s(5));
    for second in [20, 22, 24] {
        tell(&mut orders, id, s(second), ReportBody::NotFound { endpoint: Lookup::Regular });
    }
    assert!(!orders.orders.get(id).is_some_and(|order| order.is_denied()));
}

#[test]
fn an_order_that_nobody_saw_leaving_is_never_taken_for_absent() {
    let mut orders = table();
    let id = orders.next_id(Leg::Entry);
    orders.intend(intent(request(id, Leg::Entry, limit(), Amount::Qty(qty(1))), Leg::Entry, s(0)), s(0));
    absent(&mut orders, id, &[20, 30, 40, 50], 50, true);
    assert_eq!((stage(&orders, id), is_known(&orders, id)), (Stage::Intended, false));
    // A restart is evidence: the process that could have sent it is gone.
    let rows: Vec<_> = orders.iter().cloned().collect();
    let mut restarted = table();
    restarted.restore(8, &rows, &[], s(100));
    assert_eq!(queries(&restarted.due(s(100))), 1);
    for second in 101..160 {
        if fetches(&restarted.due(s(second))) > 0 {
            restarted.reconcile_fills(s(second), &[]);
        }
        deny(&mut restarted, id, s(second));
        restarted.reconcile_open_orders(s(second), &[]);
    }
    assert_eq!(stage(&restarted, id), Stage::Done(DoneReason::Absent));
}

#[test]
fn i7_life_after_absent_alarms_and_the_evidence_wins() {
    type Sign = fn(ClientOrderId) -> ReportBody;
    let signs: [(&str, Sign, Stage); 4] = [
        ("accepted", |_| ReportBody::Accepted, Stage::Working),
        ("partly filled", |id| filled(id, 1, 4), Stage::Working),
        ("filled", |id| filled(id, 1, 10), Stage::Done(DoneReason::Filled)),
        ("cancelled", |_| ended(DoneReason::Canceled, 0), Stage::Done(DoneReason::Canceled)),
    ];
    for (name, body, expect) in signs {
        let mut orders = table();
        let id = entry(&mut orders);
        absent(&mut orders, id, &[SETTLED, SETTLED + 2], SETTLED + 1, true);
        let applied = tell(&mut orders, id, s(100), body(id));
        let from = DoneReason::Absent;
        assert_eq!(applied.alarm, Some(Alarm::Revived { client_id: id, instrument: BTC, from }), "{name}");
        assert_eq!(stage(&orders, id), expect, "{name}");
        assert_eq!(applied.row.as_deref(), orders.get(id), "{name}");
        assert_eq!(applied.fill.is_some(), name.ends_with("filled"), "{name}");
        // A fill alone does not say that the rest is open: that is asked.
        assert_eq!(queries(&orders.due(s(100))), usize::from(name == "partly filled"), "{name}");
    }
}

#[test]
fn cancels_are_repeated_until_the_end_is_seen() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ReportBody::Accepted);
    assert!(orders.request_cancel(id, s(2)));
    assert!(!orders.request_cancel(id, s(3)), "one is under way");
    let repeats = |due: &[Due]| due.iter().filter(|due| matches!(due, Due::RepeatCancel { .. })).count();
    assert_eq!(repeats(&orders.due(s(6))), 0);
    assert_eq!(repeats(&orders.due(s(7))), 1);
    tell(&mut orders, id, s(8), cancel_answered(CancelOutcome::Unanswered));
    assert_eq!(repeats(&orders.due(s(16))), 1);
    // The venue took it, and the end does not come: ask.
    tell(&mut orders, id, s(17), cancel_answered(CancelOutcome::Accepted));
    assert_eq!(queries(&orders.due(s(21))), 0);
    assert_eq!(queries(&orders.due(s(22))), 1);
    // It is still there: cancel again.
    tell(&mut orders, id, s(23), status(Stage::Working, 0));
    assert_eq!(repeats(&orders.due(s(23))), 1);
    tell(&mut orders, id, s(24), ended(DoneReason::Canceled, 0));
    assert_eq!(
        orders.get(id).map(|row| (row.stage, row.cancel_pending)),
        Some((Stage::Done(DoneReason::Canceled), false))
    );
    assert_eq!((orders.next_deadline(), orders.in_flight()), (None, 0));
    assert!(!orders.request_cancel(id, s(25)));
}

#[test]
fn a_cancel_that_overtakes_its_order_is_repeated_once_the_order_is_there() {
    let mut orders = table();
    let id = entry(&mut orders);
    assert!(orders.request_cancel(id, s(0)));
    tell(&mut orders, id, s(1), cancel_answered(CancelOutcome::NoSuchOrder));
    assert_eq!(stage(&orders, id), Stage::Sent);
    tell(&mut orders, id, s(2), ReportBody::Accepted);
    assert!(matches!(orders.due(s(2))[..], [Due::RepeatCancel { .. }]));
}

#[test]
fn fills_that_were_told_of_are_fetched_until_they_are_there() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ended(DoneReason::Canceled, 4));
    assert_eq!((orders.exposure(BTC).buy, orders.is_unknown(BTC)), (qty(4), true));
    assert_eq!(fetches(&orders.due(s(1))), 0, "they may be on their way");
    let due = orders.due(s(2));
    assert!(matches!(due[..], [Due::FetchFills { since }] if since <= s(0)));
    assert_eq!(fetches(&orders.due(s(3))), 0, "one question at a time");
    let applied = orders.reconcile_fills(s(4), &[trade(id, 1, 3)]);
    assert_eq!(applied.len(), 1);
    assert_eq!(fetches(&orders.due(s(6))), 1, "one is still missing");
    orders.fills_poll_failed(s(7));
    assert_eq!(fetches(&orders.due(s(9))), 1);
    orders.reconcile_fills(s(10), &[trade(id, 1, 3), trade(id, 2, 1)]);
    assert_eq!((orders.exposure(BTC).buy, orders.is_unknown(BTC)), (Qty::ZERO, false));
    assert_eq!((orders.next_deadline(), orders.in_flight()), (None, 0));
}

#[test]
fn fills_that_the_venue_does_not_have_are_given_up_aloud() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ended(DoneReason::Canceled, 4));
    let mut alarms = Vec::new();
    for second in 2..60 {
        if fetches(&orders.due(s(second))) > 0 {
            alarms
                .extend(orders.reconcile_fills(s(second), &[trade(id, 1, 3)]).into_iter().filter_map(|one| one.alarm));
        }
    }
    assert_eq!(alarms, [Alarm::FillsMissing { client_id: id, instrument: BTC, told: qty(4), filled: qty(3) }]);
    assert!(!orders.is_unknown(BTC));
    // And should it come after all, it counts.
    assert!(tell(&mut orders, id, s(90), filled(id, 2, 1)).fill.is_some());
}

#[test]
fn i6_more_than_was_asked_for_alarms_and_counts() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), filled(id, 1, 10));
    let applied = tell(&mut orders, id, s(2), filled(id, 2, 1));
    let overfilled = Alarm::Overfilled { client_id: id, instrument: BTC, quantity: qty(10), filled: qty(11) };
    assert_eq!((applied.alarm, applied.fill.is_some()), (Some(overfilled), true));
    let mut backwards = trade(id, 3, 1);
    backwards.side = Side::Sell;
    let applied = tell(&mut orders, id, s(3), ReportBody::Filled(backwards));
    assert!(matches!(applied.alarm, Some(Alarm::StrangeFill { .. })) && applied.fill.is_some());
    let applied = tell(&mut orders, id, s(4), filled(id, 4, 0));
    assert!(matches!(applied.alarm, Some(Alarm::BadFill { .. })) && applied.fill.is_none());
}

#[test]
fn fills_of_others_are_facts_too() {
    let other = IdScope { instance: *b"zz", ..SCOPE };
    let newer = IdScope { epoch: 8, ..other };
    let id = |scope, leg| IdSource::new(scope).next(leg);
    let foreign: ClientOrderId = "autoclose-123".parse().expect("an id");
    let cases = [
        ("liquidation", foreign, None),
        (
            "flatten",
            id(IdScope { account: *b"flat", ..other }, Leg::Flatten),
            Some("of the flatten command is at work"),
        ),
        ("a newer daemon", id(newer, Leg::Entry), Some("of a newer daemon, epoch 8, at work")),
        ("an older daemon", id(IdScope { epoch: 6, ..other }, Leg::Entry), Some("of an older daemon, epoch 6")),
        ("ours, lost", id(SCOPE, Leg::Entry), Some("has our prefix and is not in the ledger")),
    ];
    for (name, id, alarm) in cases {
        let mut orders = table();
        let applied = tell(&mut orders, id, s(1), filled(id, 1, 2));
        assert!(applied.foreign && applied.fill.is_some() && applied.row.is_none(), "{name}");
        let said = applied.alarm.map(|alarm| alarm.to_string());
        assert_eq!(said.is_some(), alarm.is_some(), "{name}");
        assert!(alarm.is_none_or(|words| said.is_some_and(|said| said.contains(words))), "{name}");
        assert_eq!(tell(&mut orders, id, s(1), filled(id, 1, 2)).fill, None, "{name}: counted once");
        let newer = matches!(applied.alarm, Some(Alarm::OtherInstance { we_are_older: true, .. }));
        assert_eq!(newer, name == "a newer daemon", "I18");
    }
}

#[test]
fn an_exit_in_doubt_may_be_followed_after_one_failed_query() {
    type Fail = fn(&mut Orders, ClientOrderId);
    let fails: [(&str, Fail); 3] = [
        ("not found", |orders, id| deny(orders, id, s(6))),
        ("no answer", |orders, id| {
            tell(orders, id, s(6), unanswered());
        }),
        ("no answer at all", |_, _| {}),
    ];
    for (name, fail) in fails {
        let mut orders = table();
        let exit = send(&mut orders, Leg::Exit, OrderKind::Market, Amount::Qty(qty(10)), s(0));
        assert_eq!(orders.plan_exit(BTC, qty(10), s(0)), None, "{name}: it is on its way");
        orders.due(s(5));
        assert!(!orders.exit_may_follow(exit, s(5)), "{name}: not asked yet");
        fail(&mut orders, exit);
        let at = if name == "no answer at all" { s(10) } else { s(6) };
        assert!(orders.exit_may_follow(exit, at), "{name}");
        let change = orders.plan_exit(BTC, qty(10), at).expect(name);
        assert_eq!((change.side, change.qty), (Side::Sell, qty(10)), "{name}");
        assert_eq!(stage(&orders, exit), Stage::Sent, "{name}: the first is still unknown");
        let entry = send(&mut orders, Leg::Entry, limit(), Amount::Qty(qty(10)), s(0));
        orders.due(at);
        deny(&mut orders, entry, at);
        assert!(!orders.exit_may_follow(entry, at), "{name}: an entry is never followed");
    }
}

#[test]
fn exits_into_silence_are_bounded() {
    let mut orders = table();
    let mut sent = 0;
    for second in 0..600 {
        orders.due(s(second));
        if let Some(change) = orders.plan_exit(BTC, qty(10), s(second)) {
            send(&mut orders, Leg::Exit, OrderKind::Market, Amount::Qty(change.qty), s(second));
            sent += 1;
        }
    }
    assert_eq!(sent, 5);
}

#[test]
fn ended_orders_are_kept_for_a_while() {
    let mut orders = table();
    let first = entry(&mut orders);
    tell(&mut orders, first, s(1), ended(DoneReason::Canceled, 0));
    let second = send(&mut orders, Leg::Entry, limit(), Amount::Qty(qty(1)), s(86_000));
    tell(&mut orders, second, s(86_000), rejected());
    assert!(orders.get(first).is_some());
    let third = send(&mut orders, Leg::Entry, limit(), Amount::Qty(qty(1)), s(86_500));
    assert!(orders.get(first).is_none() && orders.get(second).is_some(), "a day has passed");
    for _ in 0..ENDED_KEPT + 10 {
        let id = send(&mut orders, Leg::Entry, limit(), Amount::Qty(qty(1)), s(86_600));
        tell(&mut orders, id, s(86_600), rejected());
    }
    assert_eq!(orders.iter().count(), ENDED_KEPT + 1);
    assert!(orders.get(third).is_some(), "what is open is never forgotten");
}

#[test]
#[should_panic(expected = "is used once")]
fn i3_an_id_is_intended_once() {
    let mut orders = table();
    let id = entry(&mut orders);
    orders.intend(intent(request(id, Leg::Entry, limit(), Amount::Qty(qty(1))), Leg::Entry, s(9)), s(9));
}
