//! Market data and bars, per symbol and in session time, so that the speed of a virtual session is of no matter.

use super::{Evidence, Finding, Probe, lasting};
use crate::health::Settings;
use crate::protocol::HealthStatus;
use crate::pulse::SymbolPulse;
use crate::types::{Span, Timestamp};

/// Silent during start-up and shutdown: there each step has its own deadline.
pub(super) fn data_and_bars(evidence: &Evidence<'_>, settings: &Settings, out: &mut Vec<Finding>) {
    let Some(live_from) = evidence.live_from else { return };
    if !evidence.pulses.production_loop.stage.trades() {
        return;
    }
    let symbols = &evidence.pulses.symbols;
    let lost = |one: &SymbolPulse| {
        age(one.last_data, live_from, evidence.now) > one.data_cadence * i64::from(settings.lost_cadences)
    };
    // One bad symbol never stops the others; with none left there is nothing to trade on.
    let all_lost = symbols.iter().all(lost);
    let level = if all_lost { HealthStatus::Critical } else { HealthStatus::Degraded };
    for one in symbols {
        let silent = age(one.last_data, live_from, evidence.now);
        if silent > one.data_cadence * i64::from(settings.stale_cadences) {
            let what = if lost(one) { "lost" } else { "stale" };
            let reason = format!(
                "market data of {} is {what}: none for {}, expected every {}",
                one.symbol,
                lasting(silent),
                one.data_cadence
            );
            out.push(Finding { probe: Probe::MarketData, symbol: Some(one.symbol.clone()), level, reason });
        }
        let unclosed = age(one.last_bar, live_from, evidence.now);
        // Where bars are all the data there is, the lines above have said it.
        if unclosed > one.bar_cadence * i64::from(settings.stale_cadences) && one.data_cadence < one.bar_cadence {
            let reason = format!("no bar of {} closed for {}", one.symbol, lasting(unclosed));
            let symbol = Some(one.symbol.clone());
            out.push(Finding { probe: Probe::BarClose, symbol, level: HealthStatus::Degraded, reason });
        }
    }
}

/// Counted from the last arrival, or from where arrivals are expected.
fn age(last: Option<Timestamp>, live_from: Timestamp, now: Timestamp) -> Span {
    now.since(last.map_or(live_from, |last| last.max(live_from)))
}
