//! Merging is a lattice join: whatever the order in which reports come, and however often, the same row, the
//! same fills and the same doubts come of them.

use proptest::prelude::*;

use super::*;
use crate::protocol::OrderRow;

/// A report with the instant at which it came.
type Stamped = (Timestamp, ReportBody);

fn any_body(id: ClientOrderId) -> impl Strategy<Value = ReportBody> {
    let n = 0_i64..=12;
    let done = prop_oneof![
        Just(DoneReason::Rejected),
        Just(DoneReason::Expired),
        Just(DoneReason::Canceled),
        Just(DoneReason::Filled),
    ];
    prop_oneof![
        Just(ReportBody::Sent),
        Just(ReportBody::NotSent { reason: "refused".to_owned() }),
        Just(ReportBody::Accepted),
        Just(ReportBody::Triggered),
        (0_i64..3).prop_map(|code| ReportBody::Rejected { code, reason: "no".to_owned() }),
        (1_u64..=6).prop_map(move |trade_id| filled(id, trade_id, 1 + trade_id as i64 % 3)),
        (done.clone(), n.clone()).prop_map(|(reason, n)| ended(reason, n)),
        (done, n.clone()).prop_map(|(reason, n)| status(Stage::Done(reason), n)),
        n.prop_map(|n| status(Stage::Working, n)),
        Just(unanswered()),
        Just(cancel_answered(CancelOutcome::NoSuchOrder)),
        Just(cancel_answered(CancelOutcome::Accepted)),
    ]
}

fn any_reports(id: ClientOrderId) -> impl Strategy<Value = Vec<Stamped>> {
    let stamped = (0_i64..20, any_body(id)).prop_map(|(second, body)| (s(second), body));
    prop::collection::vec(stamped, 0..10)
}

/// What came of the reports: the row but for when it was written, what the venue has told of, and the fills that
/// went to the books.
fn outcome(kind: OrderKind, reports: &[Stamped]) -> (OrderRow, Qty, Vec<TradeId>) {
    let mut orders = table();
    let id = orders.next_id(Leg::Exit);
    orders.intend(intent(request(id, Leg::Exit, kind, Amount::Qty(qty(10))), Leg::Exit, s(0)), s(0));
    let mut fills = Vec::new();
    for (at, body) in reports {
        fills.extend(tell(&mut orders, id, *at, body.clone()).fill.map(|fill| fill.trade_id));
    }
    fills.sort_unstable();
    let row = OrderRow { updated_at: s(0), ..orders.get(id).expect("in the table").clone() };
    (row, orders.orders.get(id).expect("in the table").missing_fills(), fills)
}

fn the_id() -> ClientOrderId {
    table().next_id(Leg::Exit)
}

proptest! {
    #[test]
    fn merging_is_commutative(
        (reports, shuffled) in any_reports(the_id()).prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle())),
        conditional in any::<bool>(),
    ) {
        let kind = if conditional { stop(90) } else { limit() };
        prop_assert_eq!(outcome(kind, &reports), outcome(kind, &shuffled));
    }

    #[test]
    fn merging_is_idempotent(
        (reports, again) in any_reports(the_id()).prop_flat_map(|r| {
            let n = r.len();
            (Just(r), prop::collection::vec(0..n.max(1), 0..8))
        }),
    ) {
        let mut repeated = reports.clone();
        repeated.extend(again.iter().filter_map(|at| reports.get(*at).cloned()));
        prop_assert_eq!(outcome(limit(), &reports), outcome(limit(), &repeated));
    }

    #[test]
    fn merging_is_associative_over_a_restart_of_the_feed(
        reports in any_reports(the_id()), split in 0_usize..10,
    ) {
        // Two parts that were each merged with an overlap are as good as the whole.
        let split = split.min(reports.len());
        let overlap = split.saturating_sub(3);
        let parts: Vec<Stamped> = reports[..split].iter().chain(&reports[overlap..]).cloned().collect();
        prop_assert_eq!(outcome(limit(), &reports), outcome(limit(), &parts));
    }

    #[test]
    fn i6_filled_only_grows_and_a_trade_counts_once(reports in any_reports(the_id())) {
        let mut orders = table();
        let id = orders.next_id(Leg::Exit);
        orders.intend(intent(request(id, Leg::Exit, limit(), Amount::Qty(qty(10))), Leg::Exit, s(0)), s(0));
        let (mut before, mut booked) = (Qty::ZERO, Qty::ZERO);
        for (at, body) in reports {
            let applied = tell(&mut orders, id, at, body);
            booked += applied.fill.map_or(Qty::ZERO, |fill| fill.qty);
            let row = orders.get(id).expect("in the table");
            prop_assert!(row.filled >= before);
            prop_assert_eq!(row.filled, booked);
            let over = matches!(applied.alarm, Some(Alarm::Overfilled { .. } | Alarm::Revived { .. }));
            prop_assert!(applied.fill.is_none() || row.filled <= qty(10) || over, "told of what is too much");
            before = row.filled;
        }
    }

    #[test]
    fn a_venues_end_is_final(reports in any_reports(the_id())) {
        let mut orders = table();
        let id = orders.next_id(Leg::Exit);
        orders.intend(intent(request(id, Leg::Exit, limit(), Amount::Qty(qty(100))), Leg::Exit, s(0)), s(0));
        tell(&mut orders, id, s(0), ended(DoneReason::Canceled, 0));
        for (at, body) in reports {
            tell(&mut orders, id, at, body);
            let at_least = matches!(stage(&orders, id), Stage::Done(DoneReason::Canceled | DoneReason::Filled));
            prop_assert!(at_least && queries(&orders.due(at)) == 0);
        }
    }

    #[test]
    fn the_table_survives_a_snapshot(reports in any_reports(the_id())) {
        let mut orders = table();
        let id = orders.next_id(Leg::Exit);
        orders.intend(intent(request(id, Leg::Exit, limit(), Amount::Qty(qty(10))), Leg::Exit, s(0)), s(0));
        orders.request_cancel(id, s(1));
        for (at, body) in reports {
            tell(&mut orders, id, at, body);
            orders.due(s(30));
        }
        let bytes = postcard::to_stdvec(&orders).expect("the table can be written");
        prop_assert_eq!(postcard::from_bytes::<Orders>(&bytes).expect("and read"), orders);
    }
}
