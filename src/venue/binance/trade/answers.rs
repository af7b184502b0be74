//! What the venue's answers mean for an order, class by class. Certain is only what the venue has said of it in words that
//! are known; whatever else comes leaves the order in doubt, and `orders` finds out.

use super::super::read::Said;
use super::super::read::order::{Algo, Order};
use super::super::rest::{Class, Failure};
use super::super::words::{AlgoStatus, OrderStatus};
use crate::protocol::{CancelOutcome, DoneReason, ReportBody, Stage};
use crate::types::Qty;

/// Where a conditional order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AlgoStanding {
    /// So, by its own word.
    Is(ReportBody),
    /// It has become the order with this number, which says more; else this is what is known.
    Became(u64, ReportBody),
    /// In words that are not known here.
    Unclear,
}

/// Where an order stands; none in words that are not known here.
pub(super) fn standing(order: &Order) -> Option<ReportBody> {
    let stage = match order.status.known()? {
        OrderStatus::New | OrderStatus::PartiallyFilled => Stage::Working,
        OrderStatus::Filled => Stage::Done(DoneReason::Filled),
        OrderStatus::Canceled => Stage::Done(DoneReason::Canceled),
        OrderStatus::Expired | OrderStatus::ExpiredInMatch => Stage::Done(DoneReason::Expired),
    };
    Some(ReportBody::Status { stage, filled: order.executed_qty })
}

/// Where a conditional order stands.
pub(super) fn algo_standing(algo: &Algo) -> AlgoStanding {
    let filled = algo.actual_qty.unwrap_or_default();
    let done = |reason| AlgoStanding::Is(ReportBody::Status { stage: Stage::Done(reason), filled });
    let became = |body| match algo.actual_order_id {
        Some(number) => AlgoStanding::Became(number, body),
        None => AlgoStanding::Is(body),
    };
    match &algo.algo_status {
        Said::Known(AlgoStatus::New) => AlgoStanding::Is(ReportBody::Status { stage: Stage::Working, filled }),
        Said::Known(AlgoStatus::Triggering | AlgoStatus::Triggered) => became(ReportBody::Triggered),
        Said::Known(AlgoStatus::Finished) => {
            became(ReportBody::Ended { reason: finish(algo.quantity, filled), filled })
        }
        Said::Known(AlgoStatus::Canceled) => done(DoneReason::Canceled),
        Said::Known(AlgoStatus::Expired) => done(DoneReason::Expired),
        Said::Known(AlgoStatus::Rejected) => {
            let reason = "refused when it triggered".to_owned();
            AlgoStanding::Is(ReportBody::Rejected { code: 0, reason })
        }
        Said::Other(_) => AlgoStanding::Unclear,
    }
}

/// How a conditional order ended whose order has ended. One that closes a position is as large as the position was.
pub(super) fn finish(asked: Option<Qty>, filled: Qty) -> DoneReason {
    let all = asked.is_none_or(|asked| filled >= asked);
    if filled.is_positive() && all { DoneReason::Filled } else { DoneReason::Expired }
}

/// What a failure to place an order means for it.
pub(super) fn not_placed(failure: &Failure) -> ReportBody {
    match failure {
        Failure::NotSent { reason, .. } => ReportBody::NotSent { reason: reason.clone() },
        Failure::Unknown { reason, .. } => ReportBody::Unanswered { reason: reason.clone() },
        Failure::Refused { class, code, reason } => match class {
            // Answers of other endpoints: here they prove nothing.
            Class::NoSuchOrder | Class::Unchanged | Class::ListenKeyGone | Class::Triggering | Class::ModeLocked => {
                ReportBody::Unanswered { reason: format!("{code}: {reason}") }
            }
            Class::Overloaded
            | Class::Limited
            | Class::Clock
            | Class::Halt
            | Class::Invalid
            | Class::Rejected
            | Class::WouldTrigger
            | Class::ReduceOnly
            | Class::TooManyOrders
            | Class::ModeMismatch
            | Class::WrongEndpoint
            | Class::StopExists
            | Class::PriceBand
            | Class::TimeInForce => ReportBody::Rejected { code: *code, reason: reason.clone() },
        },
    }
}

/// What a failure to cancel means. Only "no such order" is an answer; everything else is asked again.
pub(super) fn not_canceled(failure: &Failure) -> CancelOutcome {
    if failure.is_no_such_order() { CancelOutcome::NoSuchOrder } else { CancelOutcome::Unanswered }
}

/// What a failure asks for beside the order that it is of.
pub(super) fn consequence(failure: &Failure) -> Option<Consequence> {
    let because = || failure.to_string();
    match failure.class()? {
        Class::Halt => Some(Consequence::Halt(because())),
        Class::ModeMismatch => Some(Consequence::Halt(because())),
        Class::Invalid | Class::WrongEndpoint => Some(Consequence::LookAtRules(because())),
        Class::Overloaded
        | Class::Limited
        | Class::Clock
        | Class::ListenKeyGone
        | Class::Rejected
        | Class::NoSuchOrder
        | Class::WouldTrigger
        | Class::ReduceOnly
        | Class::TooManyOrders
        | Class::Unchanged
        | Class::ModeLocked
        | Class::Triggering
        | Class::StopExists
        | Class::PriceBand
        | Class::TimeInForce => None,
    }
}

/// What a failure asks for beside the order that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consequence {
    /// The venue will not have us, or works in another mode: trading halts.
    Halt(String),
    /// The rules may have changed.
    LookAtRules(String),
}

#[cfg(test)]
mod tests {
    use super::super::super::rest::judge;
    use super::*;

    fn failure(status: u16, code: i64) -> Failure {
        judge(status, format!(r#"{{"code":{code},"msg":"so"}}"#).as_bytes())
    }

    #[test]
    fn a_failure_ends_an_order_only_if_it_is_certain() {
        let certain =
            [-1008, -1003, -1015, -1021, -2015, -1111, -2019, -2021, -2022, -2025, -4061, -4130, -4131, -5022];
        for code in certain {
            let body = not_placed(&failure(400, code));
            assert!(matches!(body, ReportBody::Rejected { code: told, .. } if told == code), "{code}: {body:?}");
        }
        for code in [-1000, -1001, -1006, -1007, -4116, -9999, -2011, -2013, -4046, -4117] {
            let body = not_placed(&failure(400, code));
            assert!(matches!(body, ReportBody::Unanswered { .. }), "{code}: {body:?}");
        }
        for status in [403, 408, 500, 502, 503, 504] {
            assert!(matches!(not_placed(&judge(status, b"<html>")), ReportBody::Unanswered { .. }), "{status}");
        }
        let never_left = Failure::NotSent { reason: "no connection".into(), retry_at: None };
        assert!(matches!(not_placed(&never_left), ReportBody::NotSent { .. }));
    }

    #[test]
    fn a_cancel_is_repeated_unless_there_is_no_such_order() {
        assert_eq!(not_canceled(&failure(400, -2011)), CancelOutcome::NoSuchOrder);
        for code in [-1021, -1007, -1003, -1008, -2015] {
            assert_eq!(not_canceled(&failure(400, code)), CancelOutcome::Unanswered, "{code}");
        }
    }

    #[test]
    fn keys_and_modes_halt_and_mistakes_have_the_rules_looked_at() {
        for (code, expect) in [(-2015, "halt"), (-1022, "halt"), (-4061, "halt"), (-4014, "rules"), (-2019, "none")] {
            let told = match consequence(&failure(400, code)) {
                Some(Consequence::Halt(_)) => "halt",
                Some(Consequence::LookAtRules(_)) => "rules",
                None => "none",
            };
            assert_eq!(told, expect, "{code}");
        }
    }

    #[test]
    fn a_conditional_order_that_has_become_another_says_which() {
        let algo = |status: &str, actual: &str, filled: &str| -> Algo {
            let text = format!(
                r#"{{"algoId":1,"clientAlgoId":"a","symbol":"BTCUSDT","algoStatus":"{status}","quantity":"2","actualOrderId":"{actual}","actualQty":"{filled}"}}"#
            );
            serde_json::from_str(&text).expect("a reply")
        };
        let working = ReportBody::Status { stage: Stage::Working, filled: Qty::ZERO };
        assert_eq!(algo_standing(&algo("NEW", "", "")), AlgoStanding::Is(working));
        assert_eq!(algo_standing(&algo("TRIGGERED", "9", "")), AlgoStanding::Became(9, ReportBody::Triggered));
        let two = Qty::new(2, 0);
        let filled = ReportBody::Ended { reason: DoneReason::Filled, filled: two };
        assert_eq!(algo_standing(&algo("FINISHED", "9", "2")), AlgoStanding::Became(9, filled));
        assert_eq!(algo_standing(&algo("SOMETHING", "", "")), AlgoStanding::Unclear);
        assert_eq!(finish(Some(two), Qty::ONE), DoneReason::Expired);
        assert_eq!((finish(None, two), finish(None, Qty::ZERO)), (DoneReason::Filled, DoneReason::Expired));
    }
}
