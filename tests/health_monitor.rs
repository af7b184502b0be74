//! The health monitor as it is shipped, on paused time: what a trading loop may rely on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use live_trading_launcher::clock::{Clock, SessionClock};
use live_trading_launcher::health::{HealthMonitor, STOP_WITHIN, Settings, Stopped, Wiring, systemd};
use live_trading_launcher::protocol::{Event, HealthStatus, Notice, NoticeKind, View};
use live_trading_launcher::pulse::{Pulses, Stage};
use live_trading_launcher::types::{InstrumentId, Span, Symbol, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const SYMBOLS: [&str; 3] = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];

/// A daemon of which only the monitor is real.
struct Bench {
    monitor: Arc<HealthMonitor>,
    pulses: Arc<Pulses>,
    clock: Clock,
    time: watch::Sender<Option<SessionClock>>,
    view: watch::Sender<Arc<View>>,
    events: mpsc::Receiver<Event>,
    notices: mpsc::Receiver<Notice>,
    _dir: tempfile::TempDir,
}

fn bench(settings: Settings, is_virtual: bool) -> Bench {
    bench_with(settings, is_virtual, systemd::Notifier::absent(), 16)
}

fn bench_with(settings: Settings, is_virtual: bool, systemd: systemd::Notifier, queue: usize) -> Bench {
    install_log();
    let symbols = SYMBOLS.map(|text| text.parse::<Symbol>().unwrap());
    let pulses = Pulses::new(&symbols, is_virtual);
    let clock = Clock::following_runtime(START);
    let (view, views) = watch::channel(Arc::new(View::default()));
    let (event, events) = mpsc::channel(queue);
    let (notice, notices) = mpsc::channel(queue);
    let dir = tempfile::tempdir().unwrap();
    let (time, times) = watch::channel(None);
    let wiring = Wiring {
        pulses: Arc::clone(&pulses),
        clock,
        time: times,
        view: views,
        state_dir: dir.path().to_owned(),
        events: Some(event),
        notices: Some(notice),
        systemd,
    };
    // The machine that runs the tests may be short of what a daemon needs.
    let settings = Settings { disk_free_mib: 1, disk_free_critical_mib: 0, resident_mib: 1 << 20, ..settings };
    let monitor = Arc::new(HealthMonitor::new(settings, wiring));
    Bench { monitor, pulses, clock, time, view, events, notices, _dir: dir }
}

fn every(interval: Span) -> Settings {
    Settings { interval, ..Settings::default() }
}

impl Bench {
    /// A loop that does its work every half second, for so long: it beats, and data of the given symbols arrives.
    async fn trade(&self, lasting: Duration, symbols: &[u16]) -> usize {
        let end = self.clock.uptime() + Span::from(lasting);
        let mut turns = 0;
        while self.clock.uptime() < end {
            self.pulses.beat(Stage::Idle, self.clock.uptime());
            self.pulses.session(self.clock.wall());
            for id in symbols {
                self.pulses.bar_closed(InstrumentId(*id), self.clock.wall());
            }
            turns += 1;
            sleep(Duration::from_millis(500)).await;
        }
        turns
    }

    fn live(&self, cadence: Span) {
        for id in 0..3 {
            self.pulses.expect(InstrumentId(id), cadence, Span::MINUTE);
        }
        self.pulses.live_from(self.clock.wall());
    }
}

/// Log lines of this thread with the clock's time at which each was written.
#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<(Span, String)>>>, Clock);

thread_local! {
    /// Where this thread's lines go. One subscriber serves all threads: with one for each, which lines it gets
    /// would depend on which test wrote a line first.
    static CAPTURED: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// Hands each line to the thread that wrote it.
struct PerThread;

fn install_log() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(PerThread)).unwrap();
    });
}

impl Lines {
    fn capture(clock: Clock) -> Lines {
        let lines = Lines(Arc::default(), clock);
        CAPTURED.set(Some(lines.clone()));
        lines
    }

    fn containing(&self, text: &str) -> Vec<(Span, String)> {
        self.0.lock().unwrap().iter().filter(|(_, line)| line.contains(text)).cloned().collect()
    }
}

impl<S: tracing::Subscriber> Layer<S> for PerThread {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0.insert_str(0, &format!("{value:?}"));
                } else {
                    write!(self.0, " {}={value:?}", field.name()).unwrap();
                }
            }
        }
        CAPTURED.with_borrow(|captured| {
            let Some(Lines(lines, clock)) = captured else { return };
            let mut text = Text(String::new());
            event.record(&mut text);
            lines.lock().unwrap().push((clock.uptime(), text.0));
        });
    }
}

#[tokio::test(start_paused = true)]
async fn health_monitor_non_blocking() {
    let bench = bench(every(Span::secs(1)), false);
    let lines = Lines::capture(bench.clock);
    // Not a future: there is nothing here that could be awaited in front of the loop.
    let handle = bench.monitor.start();
    assert_eq!(bench.clock.uptime(), Span::ZERO, "starting takes no time");
    assert_eq!(bench.monitor.report().evaluations, 0, "nothing of the task has run inside start");
    assert!(handle.is_running() && bench.monitor.is_running());
    assert_eq!(lines.containing("✓ Health monitor started in background").len(), 1);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(bench.monitor.report().evaluations, 1, "and it runs as soon as the caller waits for something");
}

#[tokio::test(start_paused = true)]
async fn health_monitor_concurrent_execution() {
    let bench = bench(every(Span::secs(2)), false);
    bench.monitor.start();
    let turns = bench.trade(Duration::from_millis(10_250), &[0, 1, 2]).await;
    assert_eq!(turns, 21, "the loop had its turn every half second");
    let report = bench.monitor.report();
    assert_eq!(report.heartbeats, 5, "and so had the heartbeats, every two seconds");
    assert_eq!(report.status, HealthStatus::Healthy, "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn health_monitor_idempotent_start() {
    let bench = bench(every(Span::secs(1)), false);
    let lines = Lines::capture(bench.clock);
    let first = bench.monitor.start();
    let second = bench.monitor.start();
    assert_eq!(first.id(), second.id(), "the same task");
    bench.trade(Duration::from_millis(3_500), &[0, 1, 2]).await;
    assert_eq!(bench.monitor.start().id(), first.id());
    assert_eq!(bench.monitor.report().heartbeats, 3, "one task beats, not two");
    assert_eq!(lines.containing("started in background").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn health_monitor_graceful_shutdown() {
    let bench = bench(every(Span::HOUR), false);
    let handle = bench.monitor.start();
    bench.trade(Duration::from_secs(3), &[0, 1, 2]).await;
    let asked = bench.clock.uptime();
    assert_eq!(bench.monitor.stop().await, Stopped::Gracefully);
    assert!(bench.clock.uptime() - asked < Span::from(STOP_WITHIN));
    assert!(!handle.is_running() && !bench.monitor.is_running());
    let seen = bench.monitor.report();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(bench.monitor.report(), seen, "nothing goes on behind the stop");
    assert_eq!(bench.monitor.stop().await, Stopped::NotRunning);
}

#[tokio::test(start_paused = true)]
async fn health_monitor_with_short_interval() {
    let bench = bench(every(Span::millis(100)), false);
    let lines = Lines::capture(bench.clock);
    bench.monitor.start();
    bench.trade(Duration::from_secs(2), &[0, 1, 2]).await;
    let beats = lines.containing("💓 Heartbeat - Uptime: 0.0m, Status: healthy");
    assert!((19..=20).contains(&beats.len()), "{}", beats.len());
    for (count, (at, line)) in (1..).zip(&beats) {
        assert_eq!(*at, Span::millis(100) * count, "{line}");
        for figure in ["beats=", "loop_lag_ms=", "commit_ms=", "unanswered=0", "unknown=0", "undelivered=0"] {
            assert!(line.contains(figure), "{figure} in {line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn health_monitor_stop_event() {
    let bench = bench(every(Span::secs(1)), false);
    assert!(bench.monitor.stop_event().is_none());
    let handle = bench.monitor.start();
    let stop = bench.monitor.stop_event().unwrap();
    sleep(Duration::from_millis(1_500)).await;
    assert!(!stop.is_cancelled() && handle.is_running());
    stop.cancel();
    sleep(Duration::from_millis(1)).await;
    assert!(!handle.is_running(), "the event alone ends the task");
    assert_eq!(bench.monitor.stop().await, Stopped::Gracefully, "and a stop finds it ended well");
    bench.monitor.start();
    assert!(!bench.monitor.stop_event().unwrap().is_cancelled(), "each start has an event of its own");
}

#[tokio::test(start_paused = true)]
async fn multiple_start_stop_cycles() {
    let bench = bench(every(Span::secs(1)), false);
    let mut ids = Vec::new();
    for cycle in 1..=5 {
        ids.push(bench.monitor.start().id());
        bench.trade(Duration::from_millis(2_500), &[0, 1, 2]).await;
        assert_eq!(bench.monitor.stop().await, Stopped::Gracefully);
        assert_eq!(bench.monitor.report().heartbeats, 2 * cycle, "the count goes on");
    }
    ids.dedup();
    assert_eq!(ids.len(), 5, "each start is a task of its own");
    assert_eq!(bench.monitor.report().worst, HealthStatus::Healthy);
}

#[tokio::test(start_paused = true)]
async fn health_monitor_does_not_block_trading_loop() {
    let run = async |monitored: bool| {
        let bench = bench(every(Span::millis(50)), false);
        if monitored {
            bench.monitor.start();
        }
        let first_turn = bench.clock.uptime();
        let turns = bench.trade(Duration::from_secs(60), &[0, 1, 2]).await;
        let lasted = bench.clock.uptime();
        (first_turn, turns, lasted, bench.monitor.report().heartbeats)
    };
    let (alone, monitored) = (run(false).await, run(true).await);
    assert_eq!((alone.0, alone.1, alone.2), (monitored.0, monitored.1, monitored.2), "the loop cannot tell");
    assert_eq!((monitored.0, monitored.1), (Span::ZERO, 120));
    assert!(alone.3 == 0 && monitored.3 >= 1_199, "{}", monitored.3);
}

#[tokio::test(start_paused = true)]
async fn concurrent_operations() {
    let bench = bench(every(Span::secs(1)), false);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..20_u64 {
        let monitor = Arc::clone(&bench.monitor);
        tasks.spawn(async move {
            for turn in 0..20 {
                match (task + turn) % 4 {
                    0 | 1 => drop(monitor.start()),
                    2 => assert!(monitor.report().worst <= HealthStatus::Critical),
                    _ => assert_ne!(monitor.stop().await, Stopped::Aborted),
                }
                sleep(Duration::from_millis(7 * task + turn)).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    bench.monitor.stop().await;
    assert!(!bench.monitor.is_running());
    let handle = bench.monitor.start();
    let before = bench.monitor.report().heartbeats;
    bench.trade(Duration::from_millis(3_500), &[0, 1, 2]).await;
    assert_eq!(bench.monitor.report().heartbeats, before + 3, "one task is left, not many");
    assert!(handle.is_running());
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_evidence_and_not_a_timer() {
    let bench = bench(every(Span::secs(5)), false);
    let lines = Lines::capture(bench.clock);
    bench.monitor.start();
    bench.trade(Duration::from_millis(5_500), &[0, 1, 2]).await;
    // The loop stands still; the monitor's timers do not.
    sleep(Duration::from_secs(20)).await;
    let words: Vec<_> = lines.containing("💓").into_iter().map(|(at, line)| (at.as_secs(), line)).collect();
    let status = |at: i64, expect: &str| {
        let (_, line) = words.iter().find(|(second, _)| *second == at).unwrap();
        assert!(line.contains(expect), "at {at} s: {line}");
    };
    status(5, "Status: healthy");
    status(10, "Status: degraded");
    status(10, "no progress of the loop for 5.0 s, at idle");
    status(20, "Status: critical");
    let told = lines.containing("Health changed");
    assert_eq!(told.iter().map(|(at, _)| at.as_secs()).collect::<Vec<_>>(), [10, 20], "said at once: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn with_one_symbols_feed_stalled_the_heartbeat_names_it_and_recovers() {
    let mut bench = bench(every(Span::secs(1)), false);
    let lines = Lines::capture(bench.clock);
    bench.live(Span::SECOND);
    bench.monitor.start();
    bench.trade(Duration::from_secs(10), &[0, 1, 2]).await;
    assert_eq!(bench.monitor.report().status, HealthStatus::Healthy, "{:?}", bench.monitor.report());
    bench.trade(Duration::from_secs(5), &[0, 2]).await;
    let (at, line) = lines.containing("Status: degraded").remove(0);
    assert!(at <= Span::millis(9_500) + Span::secs(5), "within five cadences: {at}");
    assert!(line.contains("ETH/USDT:USDT") && !line.contains("BTC/") && !line.contains("SOL/"), "{line}");
    bench.trade(Duration::from_secs(12), &[0, 1, 2]).await;
    let report = bench.monitor.report();
    assert_eq!((report.status, report.worst), (HealthStatus::Healthy, HealthStatus::Degraded));
    assert_eq!(report.reasons, Vec::<String>::new());
    assert_eq!(lines.containing("Health is good again").len(), 1);
    let told = |event: Event| match event {
        Event::Health { status, .. } => status,
        other => panic!("{other:?}"),
    };
    assert_eq!(told(bench.events.try_recv().unwrap()), HealthStatus::Degraded);
    assert_eq!(told(bench.events.try_recv().unwrap()), HealthStatus::Healthy);
    let notice = bench.notices.try_recv().unwrap();
    assert_eq!(notice.kind, NoticeKind::Health);
    assert!(notice.text.starts_with("Health is degraded.") && notice.text.contains("ETH/USDT:USDT"), "{notice:?}");
    let other = bench.notices.try_recv().unwrap();
    assert_eq!(other.text, "Health is healthy.");
    assert_ne!(other.key, notice.key, "two changes are two messages");
}

#[tokio::test(start_paused = true)]
async fn a_virtual_session_is_judged_in_its_own_time_and_only_reported() {
    let mut bench = bench(every(Span::secs(1)), true);
    bench.live(Span::MINUTE);
    bench.monitor.start();
    // A hundred session minutes in ten seconds of the wall; the second symbol falls silent after the fortieth.
    for minute in 1..=100_i64 {
        let at = START + Span::mins(minute);
        bench.pulses.beat(Stage::Feed, bench.clock.uptime());
        bench.pulses.session(at);
        for id in [0, 1, 2] {
            if id != 1 || minute <= 40 {
                bench.pulses.bar_closed(InstrumentId(id), at);
            }
        }
        sleep(Duration::from_millis(100)).await;
        if minute == 40 {
            assert_eq!(bench.monitor.report().status, HealthStatus::Healthy, "{:?}", bench.monitor.report());
        }
    }
    let report = bench.monitor.report();
    assert_eq!(report.status, HealthStatus::Degraded);
    assert!(report.reasons[0].starts_with("market data of ETH/USDT:USDT is lost"), "{:?}", report.reasons);
    assert!(bench.events.try_recv().is_err(), "nothing that the session could trade on");
    assert!(bench.notices.try_recv().is_ok(), "people are told all the same");
}

/// Beside an exchange whose time is its own, what is old is old by that time.
#[tokio::test(start_paused = true)]
async fn data_is_judged_by_the_venues_time_where_that_is_not_the_walls() {
    let bench = bench(every(Span::secs(1)), false);
    let time = SessionClock::running(bench.clock, START - Span::DAY * 700, bench.clock.uptime(), 10.0);
    bench.time.send_replace(Some(time));
    (0..3).for_each(|id| bench.pulses.expect(InstrumentId(id), Span::SECOND, Span::MINUTE));
    bench.pulses.live_from(time.now());
    bench.monitor.start();
    for turn in 0..600 {
        bench.pulses.beat(Stage::Idle, bench.clock.uptime());
        bench.pulses.session(time.now());
        for id in [0, 1, 2].into_iter().filter(|id| *id != 1 || turn < 300) {
            bench.pulses.bar_closed(InstrumentId(id), time.now());
        }
        sleep(Duration::from_millis(20)).await;
        if turn == 299 {
            assert_eq!(bench.monitor.report().status, HealthStatus::Healthy, "{:?}", bench.monitor.report());
        }
    }
    let reasons = bench.monitor.report().reasons;
    assert!(reasons[0].starts_with("market data of ETH/USDT:USDT is lost"), "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn risk_hears_of_the_last_change_though_its_queue_was_full() {
    let mut bench = bench_with(every(Span::HOUR), false, systemd::Notifier::absent(), 1);
    bench.monitor.start();
    bench.trade(Duration::from_secs(1), &[]).await;
    // Degraded after five seconds without progress, critical after fifteen: the second finds the queue full.
    sleep(Duration::from_secs(30)).await;
    assert!(matches!(bench.events.try_recv(), Ok(Event::Health { status: HealthStatus::Degraded, .. })));
    sleep(Duration::from_secs(2)).await;
    assert!(matches!(bench.events.try_recv(), Ok(Event::Health { status: HealthStatus::Critical, .. })));
    assert_eq!(bench.pulses.snapshot().notifier.dropped, 1, "the message that found no room is counted");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_their_distance_over_hours_though_the_loop_is_busy() {
    let bench = bench(every(Span::secs(10)), false);
    let lines = Lines::capture(bench.clock);
    bench.monitor.start();
    for _ in 0..7_200 {
        bench.pulses.beat(Stage::Engine, bench.clock.uptime());
        sleep(Duration::from_millis(999)).await;
    }
    let beats = lines.containing("💓");
    assert_eq!(beats.len(), 719);
    for (count, (at, line)) in (1..).zip(&beats) {
        let off = *at - Span::secs(10) * count;
        assert!(off >= Span::ZERO && off < Span::millis(500), "{line} {off}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_hourly_summary_goes_to_people() {
    let mut bench = bench(Settings { interval: Span::HOUR, summary_every: Span::HOUR, ..Settings::default() }, false);
    bench.monitor.start();
    bench.trade(Duration::from_secs(2 * 3_600 + 1), &[]).await;
    let first = bench.notices.try_recv().unwrap();
    assert_eq!(first.kind, NoticeKind::Summary);
    assert!(first.text.starts_with("Health: healthy. Up 1.0 h"), "{}", first.text);
    let second = bench.notices.try_recv().unwrap();
    assert_ne!(second.key, first.key);
    assert!(second.text.contains("Up 2.0 h"), "{}", second.text);
    assert!(bench.notices.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn systemd_hears_of_readiness_once_and_of_every_heartbeat() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let notifier = systemd::Notifier::to(path.as_os_str()).unwrap();
    let bench = bench_with(every(Span::secs(30)), false, notifier, 16);
    bench.monitor.start();
    let receive = || {
        let mut buffer = [0; 256];
        let mut lines = Vec::new();
        while let Ok(len) = socket.recv(&mut buffer) {
            lines.push(String::from_utf8_lossy(&buffer[..len]).trim().to_owned());
        }
        lines
    };
    bench.trade(Duration::from_secs(3), &[0, 1, 2]).await;
    assert_eq!(receive(), Vec::<String>::new(), "not before the session is ready");
    bench.view.send_replace(Arc::new(View { ready: true, at: bench.clock.wall(), ..View::default() }));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(receive(), ["READY=1"], "and then at once");
    bench.trade(Duration::from_secs(28), &[0, 1, 2]).await;
    assert_eq!(receive(), ["STATUS=💓 Heartbeat - Uptime: 0.5m, Status: healthy"]);
    bench.monitor.stop().await;
    bench.monitor.start();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(receive(), Vec::<String>::new(), "readiness is told once in a process");
}

#[tokio::test(start_paused = true)]
async fn once_ready_silence_counts_though_nobody_stamped_since_when() {
    let bench = bench(every(Span::HOUR), false);
    bench.view.send_replace(Arc::new(View { ready: true, at: bench.clock.wall(), ..View::default() }));
    bench.monitor.start();
    bench.trade(Duration::from_secs(130), &[0, 1]).await;
    let report = bench.monitor.report();
    assert_eq!(report.status, HealthStatus::Degraded);
    assert!(report.reasons[0].contains("SOL/USDT:USDT"), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_is_dropped_ends_its_task() {
    let bench = bench(every(Span::secs(1)), false);
    let handle = bench.monitor.start();
    sleep(Duration::from_secs(2)).await;
    drop(bench);
    sleep(Duration::from_millis(1)).await;
    assert!(!handle.is_running());
}
