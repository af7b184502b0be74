//! The two stores: one that trading cannot do without, and one that it can.

use super::{Evidence, Finding, Probe, finding, lasting, level};
use crate::health::Settings;
use crate::protocol::HealthStatus;

pub(super) fn ledger(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let slow = level(evidence.commit_latency, settings.commit_latency, settings.commit_latency_critical);
    if let Some(level) = slow {
        let reason = format!("a commit of the ledger took {}", lasting(evidence.commit_latency));
        out.push(finding(Probe::Ledger, level, reason));
    }
    // After the slow ones: a failure is what is remembered.
    let failures = evidence.new.commit_failures;
    if failures > 0 {
        let reason = format!("{failures} of the ledger's commits failed");
        out.push(finding(Probe::Ledger, HealthStatus::Critical, reason));
    }
}

pub(super) fn recorder(evidence: &Evidence<'_>, _settings: &Settings, out: &mut Vec<Finding>) {
    if evidence.new.recorder_gaps > 0 {
        let reason = format!("the recording has {} more gaps: it could not keep up", evidence.new.recorder_gaps);
        out.push(finding(Probe::Recorder, HealthStatus::Degraded, reason));
    }
}
