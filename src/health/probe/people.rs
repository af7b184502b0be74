//! Do messages reach people?

use super::{Evidence, Finding, Probe, finding};
use crate::health::Settings;
use crate::protocol::HealthStatus;

pub(super) fn notifier(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let backlog = evidence.pulses.notifier.backlog;
    let (failed, dropped) = (evidence.new.deliveries_failed, evidence.new.messages_dropped);
    let mut reasons = Vec::new();
    if dropped > 0 {
        reasons.push(format!("{dropped} given up"));
    }
    if failed > 0 {
        reasons.push(format!("{failed} attempts failed"));
    }
    if backlog >= settings.notifier_backlog {
        reasons.push(format!("{backlog} waiting"));
    }
    if !reasons.is_empty() {
        let reason = format!("messages do not get through: {}", reasons.join(", "));
        out.push(finding(Probe::Notifier, HealthStatus::Degraded, reason));
    }
}
