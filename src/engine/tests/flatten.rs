//! The `flatten` command works beside us: its orders are known for what they are.

use super::*;
use crate::protocol::ExitReason;
use crate::types::{IdParts, IdScope};

#[test]
fn the_kill_switch_is_known_by_its_orders_and_halts() {
    let mut bench = Bench::new();
    let [entry, ..] = bench.open_position(BTC, Side::Buy);
    let scope = IdScope { account: *b"flat", instance: *b"xy", epoch: 29_000_000 };
    let client_id = ClientOrderId::compose(&IdParts { scope, sequence: 7, attempt: 0, leg: Leg::Flatten });
    let close = OrderRequest { client_id, side: Side::Sell, ..entry };
    bench.actions.clear();
    bench.fill_all(&close, 1_001);
    let view = bench.engine.view();
    assert_eq!((view.positions.len(), view.exits.get(&ExitReason::Manual)), (0, Some(&1)));
    assert_eq!(view.state, TradingState::Halted);
    assert!(view.state_reason.contains("of the flatten command"), "{}", view.state_reason);
    let told: Vec<&str> = bench
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Notify(notice) if notice.kind == NoticeKind::PositionClosed => Some(notice.text.as_str()),
            _ => None,
        })
        .collect();
    assert!(told.len() == 1 && told[0].ends_with("(manual: by the flatten command)"), "{told:?}");
}
