use super::*;
use crate::pulse::{Pulses, Stage};
use crate::types::InstrumentId;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// All is well, at an uptime and a session time of a hundred seconds: three symbols, the third by bars alone.
struct Scene {
    pulses: std::sync::Arc<Pulses>,
    machine: Option<Machine>,
    lag: Span,
    commit: Span,
    new: Counted,
    machine_silent: Span,
    live_from: Option<Timestamp>,
}

const NOW: Timestamp = Timestamp::from_secs(1_700_000_100);
const UPTIME: Span = Span::secs(100);

impl Scene {
    fn well() -> Scene {
        let symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT"].map(|text| text.parse().unwrap());
        let pulses = Pulses::new(&symbols, true);
        pulses.beat(Stage::Idle, UPTIME - Span::SECOND);
        for id in [0, 1] {
            pulses.expect(InstrumentId(id), Span::SECOND, Span::MINUTE);
            pulses.market_data(InstrumentId(id), NOW);
            pulses.bar_closed(InstrumentId(id), START + Span::MINUTE);
        }
        pulses.bar_closed(InstrumentId(2), START + Span::MINUTE);
        Scene {
            pulses,
            machine: Some(Machine { disk_free: Ok(1 << 40), resident: Ok(20 << 20) }),
            lag: Span::millis(2),
            commit: Span::millis(4),
            new: Counted::default(),
            machine_silent: Span::ZERO,
            live_from: Some(START),
        }
    }

    fn findings(&self, uptime: Span, now: Timestamp) -> Vec<Finding> {
        let pulses = self.pulses.snapshot();
        let evidence = Evidence {
            pulses: &pulses,
            uptime,
            now,
            live_from: self.live_from,
            lag: self.lag,
            commit_latency: self.commit,
            new: self.new,
            machine: self.machine.as_ref(),
            machine_silent: self.machine_silent,
        };
        examine(&evidence, &Settings::default())
    }

    fn now(&self) -> Vec<Finding> {
        self.findings(UPTIME, NOW)
    }
}

#[test]
fn all_is_well_when_all_is_well() {
    assert_eq!(Scene::well().now(), []);
}

type Spoil = fn(&mut Scene);

#[test]
fn each_probe_names_what_is_beyond_its_limit_and_recovers() {
    use HealthStatus::{Critical, Degraded};
    let table: Vec<(Probe, HealthStatus, Spoil, &str)> = vec![
        (Probe::LoopLag, Degraded, |s| s.lag = Span::millis(1_500), "the loop came 1.5 s late to what was due"),
        (
            Probe::UnansweredOrders,
            Degraded,
            |s| s.pulses.unanswered(Some((2, NOW - Span::secs(5)))),
            "2 orders unanswered at the venue, the oldest for 5.0 s",
        ),
        (
            Probe::UnansweredOrders,
            Critical,
            |s| s.pulses.unanswered(Some((1, NOW - Span::secs(30)))),
            "1 order unanswered at the venue, the oldest for 30.0 s",
        ),
        (
            Probe::UnknownOrders,
            Degraded,
            |s| s.pulses.unknown(Some((1, NOW - Span::secs(10)))),
            "1 order in an unknown state, the oldest for 10.0 s",
        ),
        (
            Probe::UnknownOrders,
            Critical,
            |s| s.pulses.unknown(Some((1, NOW - Span::secs(120)))),
            "1 order in an unknown state, the oldest for 120.0 s",
        ),
        (
            Probe::Protection,
            Degraded,
            |s| s.pulses.unprotected(Some(NOW - Span::secs(3))),
            "a position has had no confirmed stop for 3.0 s",
        ),
        (
            Probe::Protection,
            Critical,
            |s| s.pulses.unprotected(Some(NOW - Span::secs(10))),
            "a position has had no confirmed stop for 10.0 s",
        ),
        (Probe::Ledger, Degraded, |s| s.commit = Span::millis(300), "a commit of the ledger took 300 ms"),
        (Probe::Ledger, Critical, |s| s.commit = Span::secs(6), "a commit of the ledger took 6.0 s"),
        (Probe::Ledger, Critical, |s| s.new.commit_failures = 1, "1 of the ledger's commits failed"),
        (Probe::Recorder, Degraded, |s| s.new.recorder_gaps = 2, "the recording has 2 more gaps: it could not keep up"),
        (Probe::Notifier, Degraded, |s| s.pulses.notifier_backlog(50), "messages do not get through: 50 waiting"),
        (
            Probe::Notifier,
            Degraded,
            |s| s.new = Counted { deliveries_failed: 3, messages_dropped: 1, ..Counted::default() },
            "messages do not get through: 1 given up, 3 attempts failed",
        ),
        (
            Probe::Disk,
            Degraded,
            |s| s.machine.as_mut().unwrap().disk_free = Ok(1_000 << 20),
            "1000 MiB left on the disk of the state directory",
        ),
        (
            Probe::Disk,
            Critical,
            |s| s.machine.as_mut().unwrap().disk_free = Ok(63 << 20),
            "63 MiB left on the disk of the state directory",
        ),
        (
            Probe::Disk,
            Degraded,
            |s| s.machine.as_mut().unwrap().disk_free = Err("gone".into()),
            "free disk space cannot be read: gone",
        ),
        (Probe::Disk, Degraded, |s| s.machine_silent = Span::secs(11), "the disk has not answered for 11.0 s"),
        (
            Probe::Memory,
            Degraded,
            |s| s.machine.as_mut().unwrap().resident = Ok(512 << 20),
            "512 MiB of memory are resident",
        ),
        (
            Probe::Memory,
            Degraded,
            |s| s.machine.as_mut().unwrap().resident = Err("gone".into()),
            "resident memory cannot be read: gone",
        ),
        (
            Probe::Clock,
            Degraded,
            |s| s.pulses.clock(Span::millis(-1_200), Span::millis(10)),
            "the venue's clock is 1.2 s behind ours",
        ),
        (
            Probe::Clock,
            Degraded,
            |s| s.pulses.clock(Span::ZERO, Span::millis(250)),
            "the venue's clock is known to 250 ms only",
        ),
        (
            Probe::Clock,
            Critical,
            |s| s.pulses.clock(Span::ZERO, Span::SECOND),
            "the venue's clock is known to 1.0 s only",
        ),
    ];
    for (probe, level, spoil, reason) in table {
        let mut scene = Scene::well();
        spoil(&mut scene);
        let expect = Finding { probe, symbol: None, level, reason: reason.to_owned() };
        assert_eq!(scene.now(), [expect]);
        scene.pulses.unanswered(None);
        scene.pulses.unknown(None);
        scene.pulses.unprotected(None);
        scene.pulses.notifier_backlog(0);
        scene.pulses.clock(Span::millis(999), Span::millis(249));
        let recovered = Scene { pulses: scene.pulses, ..Scene::well() };
        assert_eq!(recovered.now(), [], "after: {reason}");
    }
}

#[test]
fn a_value_just_within_its_limit_is_well() {
    let mut scene = Scene::well();
    scene.lag = Span::millis(499);
    scene.commit = Span::millis(249);
    scene.machine_silent = Span::secs(10);
    scene.machine = Some(Machine { disk_free: Ok(1_024 << 20), resident: Ok((512 << 20) - 1) });
    scene.pulses.unanswered(Some((9, NOW - Span::millis(4_999))));
    scene.pulses.unknown(Some((9, NOW - Span::millis(9_999))));
    scene.pulses.unprotected(Some(NOW - Span::millis(2_999)));
    scene.pulses.notifier_backlog(49);
    scene.pulses.clock(Span::millis(-999), Span::millis(249));
    assert_eq!(scene.now(), []);
}

#[test]
fn a_loop_without_progress_is_named_with_its_stage() {
    let scene = Scene::well();
    scene.pulses.beat(Stage::Commit, UPTIME);
    for (silent, expect) in [(4, None), (5, Some(HealthStatus::Degraded)), (15, Some(HealthStatus::Critical))] {
        let found = scene.findings(UPTIME + Span::secs(silent), NOW);
        assert_eq!(found.first().map(|one| one.level), expect);
        for one in found {
            assert_eq!(one.reason, format!("no progress of the loop for {silent}.0 s, at commit"));
        }
    }
    scene.pulses.beat(Stage::Idle, UPTIME + Span::secs(20));
    assert_eq!(scene.findings(UPTIME + Span::secs(21), NOW), []);
}

#[test]
fn a_loop_that_never_began_is_seen_as_well() {
    let mut scene = Scene { pulses: Pulses::new(&[], false), ..Scene::well() };
    scene.live_from = None;
    assert_eq!(scene.findings(Span::secs(4), NOW), []);
    let found = scene.findings(Span::secs(6), NOW);
    assert_eq!(found[0].reason, "no progress of the loop for 6.0 s, at starting");
}

#[test]
fn one_symbols_stalled_feed_is_named_within_five_of_its_cadences_and_recovers() {
    let scene = Scene::well();
    let beat = |secs: i64| {
        let (uptime, now) = (UPTIME + Span::secs(secs), NOW + Span::secs(secs));
        scene.pulses.beat(Stage::Idle, uptime);
        scene.pulses.market_data(InstrumentId(0), now);
        scene.findings(uptime, now)
    };
    assert_eq!(beat(2), []);
    let found = beat(3);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].symbol, Some("ETH/USDT".parse().unwrap()));
    assert_eq!(found[0].level, HealthStatus::Degraded);
    assert_eq!(found[0].reason, "market data of ETH/USDT:USDT is stale: none for 3.0 s, expected every 1s");
    assert_eq!(beat(6)[0].reason, "market data of ETH/USDT:USDT is lost: none for 6.0 s, expected every 1s");
    assert_eq!(beat(6)[0].level, HealthStatus::Degraded, "one bad symbol never stops the others");
    scene.pulses.market_data(InstrumentId(1), NOW + Span::secs(7));
    assert_eq!(beat(7), []);
}

#[test]
fn with_every_symbol_lost_it_is_critical() {
    let scene = Scene::well();
    scene.pulses.beat(Stage::Idle, UPTIME + Span::secs(400));
    let found = scene.findings(UPTIME + Span::secs(400), NOW + Span::secs(400));
    let lost = found.iter().filter(|one| one.probe == Probe::MarketData && one.level == HealthStatus::Critical);
    assert_eq!(lost.count(), 3);
}

#[test]
fn bars_that_do_not_close_are_seen_though_data_comes() {
    let scene = Scene::well();
    // The last bars closed at START + 60 s; two minutes and a second later one is missing for sure.
    let now = START + Span::secs(181);
    for id in [0, 1] {
        scene.pulses.market_data(InstrumentId(id), now);
    }
    scene.pulses.bar_closed(InstrumentId(0), START + Span::secs(120));
    scene.pulses.bar_closed(InstrumentId(2), START + Span::secs(120));
    let found = scene.findings(UPTIME, now);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].reason, "no bar of ETH/USDT:USDT closed for 121.0 s");
    scene.pulses.bar_closed(InstrumentId(1), now);
    assert_eq!(scene.findings(UPTIME, now), []);
}

#[test]
fn market_data_is_not_expected_before_the_start_nor_after_the_end() {
    let late = NOW + Span::HOUR;
    let starting = Scene { live_from: None, ..Scene::well() };
    assert_eq!(starting.findings(UPTIME, late), []);
    let ending = Scene::well();
    for (stage, expected) in [(Stage::Shutdown, false), (Stage::Warmup, false), (Stage::Idle, true)] {
        ending.pulses.beat(stage, UPTIME);
        assert_eq!(!ending.findings(UPTIME, late).is_empty(), expected, "{stage:?}");
    }
    let resumed = Scene { live_from: Some(late), ..Scene::well() };
    assert_eq!(resumed.findings(UPTIME, late + Span::SECOND), [], "ages count from where data is expected again");
}

#[test]
fn counters_are_judged_by_what_was_added() {
    let pulses = Pulses::new(&[], true);
    pulses.commit_failed();
    pulses.notifier_failed();
    let before = Counted::of(&pulses.snapshot());
    assert_eq!(before.since(&before), Counted::default());
    pulses.commit_failed();
    pulses.recorder_gap();
    pulses.notifier_dropped();
    let new = Counted::of(&pulses.snapshot()).since(&before);
    assert_eq!(new, Counted { commit_failures: 1, recorder_gaps: 1, deliveries_failed: 0, messages_dropped: 1 });
}
