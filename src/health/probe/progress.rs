//! The loop itself: progress, lag, and the clock it goes by.

use super::{Evidence, Finding, Probe, finding, lasting, level};
use crate::health::Settings;
use crate::protocol::HealthStatus;
use crate::types::Span;

/// In wall time: a loop that stands still has no session time. Before its first beat it counts from the start of
/// the process, so that a loop which never begins is seen as well.
pub(super) fn loop_progress(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let pulse = evidence.pulses.production_loop;
    let silent = evidence.uptime - pulse.last_beat.unwrap_or(Span::ZERO);
    if let Some(level) = level(silent, settings.loop_silent, settings.loop_silent_critical) {
        let (stage, lasting) = (pulse.stage.as_str(), lasting(silent));
        out.push(finding(Probe::LoopProgress, level, format!("no progress of the loop for {lasting}, at {stage}")));
    }
}

pub(super) fn loop_lag(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    if evidence.lag >= settings.loop_lag {
        let reason = format!("the loop came {} late to what was due", lasting(evidence.lag));
        out.push(finding(Probe::LoopLag, HealthStatus::Degraded, reason));
    }
}

/// Nothing to say where the venue's clock is ours.
pub(super) fn clock(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let Some(clock) = evidence.pulses.clock else { return };
    let known = level(clock.uncertainty, settings.clock_uncertainty, settings.clock_uncertainty_critical);
    if let Some(level) = known {
        let reason = format!("the venue's clock is known to {} only", lasting(clock.uncertainty));
        out.push(finding(Probe::Clock, level, reason));
    } else if clock.offset.max(-clock.offset) >= settings.clock_offset {
        let (offset, word) =
            if clock.offset > Span::ZERO { (clock.offset, "ahead of") } else { (-clock.offset, "behind") };
        let reason = format!("the venue's clock is {} {word} ours", lasting(offset));
        out.push(finding(Probe::Clock, HealthStatus::Degraded, reason));
    }
}
