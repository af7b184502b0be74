//! What we asked of the venue and do not know, and positions without a stop. In session time.

use super::{Evidence, Finding, Probe, finding, lasting, level};
use crate::health::Settings;

pub(super) fn unanswered(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let Some(waiting) = evidence.pulses.orders.unanswered else { return };
    let age = evidence.now.since(waiting.oldest);
    if let Some(level) = level(age, settings.unanswered, settings.unanswered_critical) {
        let reason = format!("{} unanswered at the venue, the oldest for {}", orders(waiting.count), lasting(age));
        out.push(finding(Probe::UnansweredOrders, level, reason));
    }
}

pub(super) fn unknown(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let Some(waiting) = evidence.pulses.orders.unknown else { return };
    let age = evidence.now.since(waiting.oldest);
    if let Some(level) = level(age, settings.unknown, settings.unknown_critical) {
        let reason = format!("{} in an unknown state, the oldest for {}", orders(waiting.count), lasting(age));
        out.push(finding(Probe::UnknownOrders, level, reason));
    }
}

pub(super) fn protection(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let Some(since) = evidence.pulses.orders.unprotected_since else { return };
    let age = evidence.now.since(since);
    if let Some(level) = level(age, settings.unprotected, settings.unprotected_critical) {
        let reason = format!("a position has had no confirmed stop for {}", lasting(age));
        out.push(finding(Probe::Protection, level, reason));
    }
}

fn orders(count: u64) -> String {
    if count == 1 { "1 order".to_owned() } else { format!("{count} orders") }
}
