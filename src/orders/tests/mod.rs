//! Tests of the table of orders. Reports are written as short as the cases are told.

mod merge;
mod model;
mod plans;
mod protocol;
mod reconciling;
mod tracker;

use super::*;
use crate::protocol::{
    Amount, CancelOutcome, DoneReason, Fill, Knowledge, Lookup, OrderIntent, OrderKind, OrderReport, OrderRequest,
    OrderSnapshot, ReportBody, Stage, TimeInForce, TriggerBy,
};
use crate::types::{
    ClientOrderId, IdScope, InstrumentId, Leg, PositionSide, Price, Qty, Side, Span, Timestamp, TradeId, VenueOrderId,
};

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);
const SCOPE: IdScope = IdScope { account: *b"papr", instance: *b"a1", epoch: 7 };

/// Seconds of session time, which begins far from the epoch.
fn s(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + seconds)
}

fn qty(n: i64) -> Qty {
    Qty::whole(n)
}

fn table() -> Orders {
    Orders::new(Settings::default(), SCOPE)
}

fn limit() -> OrderKind {
    OrderKind::Limit { price: Price::whole(101), tif: TimeInForce::Gtc }
}

fn stop(trigger: i64) -> OrderKind {
    OrderKind::Stop { trigger: Price::whole(trigger), by: TriggerBy::Mark }
}

fn take_profit(trigger: i64) -> OrderKind {
    OrderKind::TakeProfit { trigger: Price::whole(trigger), by: TriggerBy::Mark }
}

fn request(client_id: ClientOrderId, leg: Leg, kind: OrderKind, amount: Amount) -> OrderRequest {
    let side = if leg == Leg::Entry { Side::Buy } else { Side::Sell };
    OrderRequest {
        client_id,
        instrument: BTC,
        side,
        position_side: PositionSide::Both,
        kind,
        amount,
        reduce_only: leg != Leg::Entry,
    }
}

fn intent(request: OrderRequest, leg: Leg, at: Timestamp) -> OrderIntent {
    OrderIntent {
        request,
        leg,
        strategy: "ema_cross".into(),
        reason: "a test".into(),
        decided_at: at,
        reference_price: Price::whole(100),
        plan: None,
    }
}

/// Intends an order and hands it over.
fn send(orders: &mut Orders, leg: Leg, kind: OrderKind, amount: Amount, at: Timestamp) -> ClientOrderId {
    let id = orders.next_id(leg);
    orders.intend(intent(request(id, leg, kind, amount), leg, at), at);
    tell(orders, id, at, ReportBody::Sent);
    id
}

/// A limit entry for ten, sent at zero.
fn entry(orders: &mut Orders) -> ClientOrderId {
    send(orders, Leg::Entry, limit(), Amount::Qty(qty(10)), s(0))
}

fn report(id: ClientOrderId, venue_time: Timestamp, body: ReportBody) -> OrderReport {
    OrderReport { client_id: id, instrument: BTC, venue_order_id: Some(VenueOrderId(1)), venue_time, body }
}

fn tell(orders: &mut Orders, id: ClientOrderId, at: Timestamp, body: ReportBody) -> Applied {
    orders.apply(at, &report(id, at, body))
}

fn trade(id: ClientOrderId, trade_id: u64, n: i64) -> Fill {
    let leg = id.parts().map_or(Leg::Entry, |parts| parts.leg);
    Fill {
        trade_id: TradeId(trade_id),
        client_id: id,
        instrument: BTC,
        position_side: PositionSide::Both,
        side: if leg == Leg::Entry { Side::Buy } else { Side::Sell },
        price: Price::whole(100),
        qty: qty(n),
        fee: crate::types::Usdt::ZERO,
        maker: false,
        at: s(1),
        path_dependent: false,
    }
}

fn filled(id: ClientOrderId, trade_id: u64, n: i64) -> ReportBody {
    ReportBody::Filled(trade(id, trade_id, n))
}

fn rejected() -> ReportBody {
    ReportBody::Rejected { code: -2019, reason: "margin is insufficient".to_owned() }
}

fn unanswered() -> ReportBody {
    ReportBody::Unanswered { reason: "timed out".to_owned() }
}

fn status(stage: Stage, n: i64) -> ReportBody {
    ReportBody::Status { stage, filled: qty(n) }
}

fn ended(reason: DoneReason, n: i64) -> ReportBody {
    ReportBody::Ended { reason, filled: qty(n) }
}

fn cancel_answered(outcome: CancelOutcome) -> ReportBody {
    ReportBody::CancelAnswered(outcome)
}

/// Both endpoints deny the order.
fn deny(orders: &mut Orders, id: ClientOrderId, at: Timestamp) {
    tell(orders, id, at, ReportBody::NotFound { endpoint: Lookup::Regular });
    tell(orders, id, at, ReportBody::NotFound { endpoint: Lookup::Conditional });
}

fn listed(id: ClientOrderId, filled: i64) -> OrderSnapshot {
    OrderSnapshot {
        request: request(id, Leg::Entry, limit(), Amount::Qty(qty(10))),
        venue_order_id: VenueOrderId(1),
        filled: qty(filled),
        created_at: s(0),
    }
}

fn stage(orders: &Orders, id: ClientOrderId) -> Stage {
    orders.get(id).expect("the order is in the table").stage
}

fn is_known(orders: &Orders, id: ClientOrderId) -> bool {
    orders.get(id).expect("the order is in the table").knowledge == Knowledge::Known
}

fn queries(due: &[Due]) -> usize {
    due.iter().filter(|due| matches!(due, Due::Query { .. })).count()
}

fn fetches(due: &[Due]) -> usize {
    due.iter().filter(|due| matches!(due, Due::FetchFills { .. })).count()
}
