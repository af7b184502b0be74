//! The machine: room on the disk, and our share of its memory. What cannot be read is degraded, not well.

use super::{Evidence, Finding, Probe, finding, lasting};
use crate::health::Settings;
use crate::health::machine::SAMPLE_WITHIN;
use crate::protocol::HealthStatus;

const BYTES_IN_MIB: u64 = 1 << 20;

pub(super) fn disk(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let mut say = |level, reason| out.push(finding(Probe::Disk, level, reason));
    if evidence.machine_silent > SAMPLE_WITHIN {
        let silent = lasting(evidence.machine_silent);
        say(HealthStatus::Degraded, format!("the disk has not answered for {silent}"));
    }
    match evidence.machine.map(|machine| &machine.disk_free) {
        None => {}
        Some(Err(error)) => say(HealthStatus::Degraded, format!("free disk space cannot be read: {error}")),
        Some(Ok(bytes)) => {
            let mib = bytes / BYTES_IN_MIB;
            let reason = format!("{mib} MiB left on the disk of the state directory");
            if mib < settings.disk_free_critical_mib {
                say(HealthStatus::Critical, reason);
            } else if mib < settings.disk_free_mib {
                say(HealthStatus::Degraded, reason);
            }
        }
    }
}

pub(super) fn memory(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let reason = match evidence.machine.map(|machine| &machine.resident) {
        None => return,
        Some(Err(error)) => format!("resident memory cannot be read: {error}"),
        Some(Ok(bytes)) if bytes / BYTES_IN_MIB < settings.resident_mib => return,
        Some(Ok(bytes)) => format!("{} MiB of memory are resident", bytes / BYTES_IN_MIB),
    };
    out.push(finding(Probe::Memory, HealthStatus::Degraded, reason));
}
