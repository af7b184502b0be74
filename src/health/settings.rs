//! What is still healthy, and what is done when it is not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pulse::BEAT_EVERY;
use crate::types::Span;

/// Limits of the probes, the heartbeat's interval, and the watchdog. A probe above its first limit makes the
/// status `degraded`; those that trading cannot do without have a second limit, which makes it `critical`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Time between two heartbeat lines. `HEALTH_CHECK_INTERVAL` (in seconds) comes before it.
    pub interval: Span,
    /// A probe that was over its limit counts for so long after it has recovered, so that a flapping one does not
    /// make the status flap.
    pub window: Span,
    /// Time between two health summaries sent to people.
    pub summary_every: Span,
    /// The watchdog acts when the loop has made no progress for so long.
    pub stall_limit: Span,
    /// End the process with code 70 when the loop stalls; otherwise it is only logged.
    pub abort_on_stall: bool,
    /// No progress of the production loop, in wall time: degraded.
    pub loop_silent: Span,
    /// No progress of the production loop, in wall time: critical.
    pub loop_silent_critical: Span,
    /// The loop came so much later than due to something, in wall time: degraded.
    pub loop_lag: Span,
    /// Market data, or a closed bar, older than so many times its cadence is stale: degraded.
    pub stale_cadences: u32,
    /// Market data older than so many times its cadence is lost. Critical only if every symbol is.
    pub lost_cadences: u32,
    /// An order unanswered for so long, in session time: degraded.
    pub unanswered: Span,
    /// An order unanswered for so long, in session time: critical.
    pub unanswered_critical: Span,
    /// An order whose state has been unknown for so long, in session time: degraded.
    pub unknown: Span,
    /// An order whose state has been unknown for so long, in session time: critical.
    pub unknown_critical: Span,
    /// A position without a confirmed stop for so long, in session time: degraded.
    pub unprotected: Span,
    /// A position without a confirmed stop for so long, in session time: critical.
    pub unprotected_critical: Span,
    /// A commit of the ledger took so long, in wall time: degraded. A failed one is critical.
    pub commit_latency: Span,
    /// A commit of the ledger took so long, in wall time: critical.
    pub commit_latency_critical: Span,
    /// So many messages wait for delivery: degraded.
    pub notifier_backlog: u64,
    /// Less free space than this, in MiB, where the state directory is: degraded.
    pub disk_free_mib: u64,
    /// Less free space than this, in MiB, where the state directory is: critical.
    pub disk_free_critical_mib: u64,
    /// More resident memory than this, in MiB: degraded.
    pub resident_mib: u64,
    /// The venue's clock is further from ours than this: degraded.
    pub clock_offset: Span,
    /// The venue's clock is known no better than this: degraded.
    pub clock_uncertainty: Span,
    /// The venue's clock is known no better than this: critical.
    pub clock_uncertainty_critical: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            interval: Span::secs(300),
            window: Span::secs(10),
            summary_every: Span::HOUR,
            stall_limit: Span::secs(30),
            abort_on_stall: true,
            loop_silent: Span::secs(5),
            loop_silent_critical: Span::secs(15),
            loop_lag: Span::millis(500),
            stale_cadences: 2,
            lost_cadences: 5,
            unanswered: Span::secs(5),
            unanswered_critical: Span::secs(30),
            unknown: Span::secs(10),
            unknown_critical: Span::secs(120),
            unprotected: Span::secs(3),
            unprotected_critical: Span::secs(10),
            commit_latency: Span::millis(250),
            commit_latency_critical: Span::secs(5),
            notifier_backlog: 50,
            disk_free_mib: 1_024,
            disk_free_critical_mib: 64,
            resident_mib: 512,
            clock_offset: Span::SECOND,
            clock_uncertainty: Span::millis(250),
            clock_uncertainty_critical: Span::SECOND,
        }
    }
}

impl Settings {
    /// Can these limits hold together?
    ///
    /// # Errors
    /// Names the first setting that cannot, its value, and what to write instead.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in self.spans() {
            if value <= Span::ZERO {
                return Err(format!("health.{name} is {value}; write a length of time above 0, like `5s`"));
            }
        }
        let beat = Span::from(BEAT_EVERY);
        if self.stall_limit < beat * 2 {
            return Err(format!(
                "health.stall_limit is {}; the loop beats every {beat} when it only waits, so write at least {}",
                self.stall_limit,
                beat * 2
            ));
        }
        for (name, first, second) in self.pairs() {
            if first > second {
                return Err(format!(
                    "health.{name} is {first}, above health.{name}_critical, which is {second}; write no more than {second}"
                ));
            }
        }
        if self.stale_cadences == 0 || self.stale_cadences > self.lost_cadences {
            return Err(format!(
                "health.stale_cadences is {}; write a number from 1 to health.lost_cadences, which is {}",
                self.stale_cadences, self.lost_cadences
            ));
        }
        if self.disk_free_mib < self.disk_free_critical_mib {
            return Err(format!(
                "health.disk_free_mib is {}, below health.disk_free_critical_mib; write at least {}",
                self.disk_free_mib, self.disk_free_critical_mib
            ));
        }
        if self.resident_mib == 0 {
            return Err("health.resident_mib is 0; write a number of MiB above 0, like `512`".to_owned());
        }
        Ok(())
    }

    /// Every length of time with its name.
    fn spans(&self) -> [(&'static str, Span); 18] {
        [
            ("interval", self.interval),
            ("window", self.window),
            ("summary_every", self.summary_every),
            ("stall_limit", self.stall_limit),
            ("loop_silent", self.loop_silent),
            ("loop_silent_critical", self.loop_silent_critical),
            ("loop_lag", self.loop_lag),
            ("unanswered", self.unanswered),
            ("unanswered_critical", self.unanswered_critical),
            ("unknown", self.unknown),
            ("unknown_critical", self.unknown_critical),
            ("unprotected", self.unprotected),
            ("unprotected_critical", self.unprotected_critical),
            ("commit_latency", self.commit_latency),
            ("commit_latency_critical", self.commit_latency_critical),
            ("clock_offset", self.clock_offset),
            ("clock_uncertainty", self.clock_uncertainty),
            ("clock_uncertainty_critical", self.clock_uncertainty_critical),
        ]
    }

    /// Limits that come in two steps: the name of the first, its value, and that of the second.
    fn pairs(&self) -> [(&'static str, Span, Span); 6] {
        [
            ("loop_silent", self.loop_silent, self.loop_silent_critical),
            ("unanswered", self.unanswered, self.unanswered_critical),
            ("unknown", self.unknown, self.unknown_critical),
            ("unprotected", self.unprotected, self.unprotected_critical),
            ("commit_latency", self.commit_latency, self.commit_latency_critical),
            ("clock_uncertainty", self.clock_uncertainty, self.clock_uncertainty_critical),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_cannot_hold_are_named_with_their_value() {
        assert_eq!(Settings::default().check(), Ok(()));
        type Spoil = fn(&mut Settings);
        let table: [(Spoil, &str); 7] = [
            (|s| s.interval = Span::ZERO, "health.interval is 0ms"),
            (|s| s.window = Span::secs(-1), "health.window is -1s"),
            (|s| s.stall_limit = Span::SECOND, "health.stall_limit is 1s"),
            (|s| s.unprotected = Span::MINUTE, "health.unprotected is 1m, above health.unprotected_critical"),
            (|s| s.stale_cadences = 6, "health.stale_cadences is 6"),
            (|s| s.disk_free_mib = 1, "health.disk_free_mib is 1"),
            (|s| s.resident_mib = 0, "health.resident_mib is 0"),
        ];
        for (spoil, expect) in table {
            let mut settings = Settings::default();
            spoil(&mut settings);
            let error = settings.check().expect_err(expect);
            assert!(error.starts_with(expect) && error.contains("write"), "{error}");
        }
    }

    #[test]
    fn unknown_settings_are_refused() {
        let error = toml::from_str::<Settings>("intervall = \"5s\"").expect_err("misspelt").to_string();
        assert!(error.contains("intervall"), "{error}");
        let read: Settings = toml::from_str("interval = \"10s\"").unwrap();
        assert_eq!(read, Settings { interval: Span::secs(10), ..Settings::default() });
    }
}
