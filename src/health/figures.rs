//! The heartbeat: its line for people and its figures as fields.

use tracing::info;

use super::judge::Verdict;
use super::probe::Evidence;
use crate::protocol::View;
use crate::types::{Span, Timestamp};

/// The heartbeat's text: uptime in minutes and the status, nothing else, so that it can be searched for.
pub(super) fn line(uptime: Span, verdict: &Verdict) -> String {
    let minutes = uptime.as_millis() as f64 / 60_000.0;
    format!("💓 Heartbeat - Uptime: {minutes:.1}m, Status: {}", verdict.status.as_str())
}

/// Logs the heartbeat with its figures. `lag` and `commit` are the worst since the heartbeat before.
pub(super) fn log(line: &str, evidence: &Evidence<'_>, verdict: &Verdict, view: &View, lag: Span, commit: Span) {
    let pulses = evidence.pulses;
    let age = |since: Option<Timestamp>| since.map(|since| seconds(evidence.now.since(since)));
    let oldest_data = pulses.symbols.iter().filter_map(|one| one.last_data).min();
    let machine = evidence.machine;
    let mib = |bytes: &Result<u64, String>| bytes.as_ref().ok().map(|bytes| bytes >> 20);
    info!(
        reasons = (!verdict.reasons.is_empty()).then(|| verdict.reasons.join("; ")),
        stage = pulses.production_loop.stage.as_str(),
        beats = pulses.production_loop.beats,
        iterations = view.iterations,
        positions = view.positions.len(),
        loop_lag_ms = lag.as_millis(),
        data_age_s = age(oldest_data),
        unanswered = pulses.orders.unanswered.map_or(0, |waiting| waiting.count),
        unknown = pulses.orders.unknown.map_or(0, |waiting| waiting.count),
        unprotected_s = age(pulses.orders.unprotected_since),
        commit_ms = commit.as_millis(),
        commit_failures = pulses.ledger.failures,
        undelivered = pulses.notifier.backlog,
        messages_lost = pulses.notifier.dropped,
        disk_free_mib = machine.and_then(|machine| mib(&machine.disk_free)),
        resident_mib = machine.and_then(|machine| mib(&machine.resident)),
        clock_offset_ms = pulses.clock.map(|clock| clock.offset.as_millis()),
        "{line}"
    );
}

/// The regular summary for people.
pub(super) fn summary(evidence: &Evidence<'_>, verdict: &Verdict, view: &View) -> String {
    let pulses = evidence.pulses;
    let mut text = format!(
        "Health: {}. Up {:.1} h, {} minutes traded, {} positions open, trading {}.\nEquity {} USDT, largest drawdown {}.",
        verdict.status.as_str(),
        evidence.uptime.as_millis() as f64 / 3_600_000.0,
        view.iterations,
        view.positions.len(),
        view.state.as_str(),
        view.equity,
        view.max_drawdown,
    );
    text.push_str(&format!("\nMessages: {} delivered, {} lost.", pulses.notifier.delivered, pulses.notifier.dropped));
    for reason in &verdict.reasons {
        text.push_str("\n• ");
        text.push_str(reason);
    }
    text
}

fn seconds(span: Span) -> f64 {
    span.as_millis() as f64 / 1_000.0
}
