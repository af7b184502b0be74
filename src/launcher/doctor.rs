//! The `doctor` command: whether the daemon would run, and what somebody should look at.

mod venue;

use std::path::Path;

use super::{Failure, commands, configuration, state_dir};
use crate::cli::{self, Finding, Invocation, Verdict};
use crate::clock::Clock;
use crate::config::Environment;
use crate::ledger::{self, StateLock};
use crate::types::{Exit, Timestamp};

/// Looks at everything, and changes nothing.
pub(super) fn run(asked: &Invocation, environment: &Environment, clock: Clock) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    examine_settings(asked, environment, &mut findings);
    match state_dir(asked, environment) {
        Ok(dir) => examine_dir(&dir, &mut findings),
        Err(failure) => note(&mut findings, "state directory", Verdict::Bad(failure.exit), failure.message),
    }
    let wall = clock.wall();
    let verdict = if wall > SANE_CLOCK { Verdict::Good } else { Verdict::Bad(Exit::TryLater) };
    note(&mut findings, "clock", verdict, wall.to_string());
    venue::examine(asked, environment, clock, &mut findings);
    let socket = environment.get("NOTIFY_SOCKET").ok().flatten();
    note(&mut findings, "systemd", Verdict::Good, socket.unwrap_or("not started by systemd"));
    commands::print(&cli::doctor_table(&findings))?;
    Ok(cli::doctor_exit(&findings))
}

/// A clock before this has lost its battery: 2024-01-01 UTC.
const SANE_CLOCK: Timestamp = Timestamp::from_secs(1_704_067_200);
/// Room on the disk below which a day's recording may not fit, in MiB.
const LITTLE_ROOM_MIB: u64 = 512;

fn note(findings: &mut Vec<Finding>, subject: &str, verdict: Verdict, detail: impl ToString) {
    findings.push(Finding { subject: subject.to_owned(), verdict, detail: detail.to_string() });
}

fn examine_settings(asked: &Invocation, environment: &Environment, findings: &mut Vec<Finding>) {
    let config = match configuration(asked, environment) {
        Ok(config) => config,
        Err(failure) => return note(findings, "configuration", Verdict::Bad(failure.exit), failure.message),
    };
    let settings = &config.settings;
    note(findings, "configuration", Verdict::Good, format!("{} settings are not defaults", config.sources.len()));
    let symbols: Vec<_> = settings.run.symbols.iter().map(ToString::to_string).collect();
    note(findings, "symbols", Verdict::Good, symbols.join(", "));
    if settings.feed.source == "binance" {
        return note(findings, "feed", Verdict::Good, "the market of Binance, in real time");
    }
    let feed = settings.feed.range().and_then(|range| {
        crate::feed::open(&settings.feed, &settings.feed.source, &settings.run.symbols, range, settings.run.seed)
    });
    match feed {
        Ok(feed) => note(findings, "feed", Verdict::Good, feed.describe()),
        Err(error) => note(findings, "feed", Verdict::Bad(Exit::Configuration), error),
    }
}

fn examine_dir(dir: &Path, findings: &mut Vec<Finding>) {
    if !dir.exists() {
        return note(findings, "state directory", Verdict::Good, format!("{} will be made", dir.display()));
    }
    match StateLock::acquire(dir) {
        Ok(_) => note(findings, "state directory", Verdict::Good, format!("{} is free", dir.display())),
        Err(error) => note(findings, "state directory", Verdict::Bad(error.exit()), error),
    }
    if dir.join(ledger::LEDGER_FILE).exists() {
        match ledger::audit(dir) {
            Ok(audit) if audit.agrees() => {
                note(findings, "ledger", Verdict::Good, format!("{} fills, and the books add up", audit.fills));
            }
            Ok(audit) => note(findings, "ledger", Verdict::Doubtful, format!("the books do not add up: {audit:?}")),
            Err(error) => note(findings, "ledger", Verdict::Bad(error.exit()), error),
        }
    }
    match rustix::fs::statvfs(dir) {
        Ok(stat) => {
            let mib = stat.f_bavail.saturating_mul(stat.f_frsize) / (1 << 20);
            let verdict = if mib < LITTLE_ROOM_MIB { Verdict::Doubtful } else { Verdict::Good };
            note(findings, "disk", verdict, format!("{mib} MiB free"));
        }
        Err(error) => note(findings, "disk", Verdict::Doubtful, error),
    }
}
