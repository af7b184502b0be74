use std::os::unix::net::UnixDatagram;
use std::sync::mpsc;

use super::*;

const LIMIT: Span = Span::secs(10);
const LOOK: Span = Span::secs(1);

#[test]
fn looks_tell_progress_from_standing() {
    use Seen::{Moves, MovesAgain, Stalled, Stands};
    let mut sight = Sight::new(LIMIT, LOOK, 0, Span::ZERO);
    for (second, beats, expect) in [
        (1, 1, Moves),
        (2, 1, Stands),
        (3, 2, Moves),
        (10, 2, Stands),
        (11, 2, Stands),
        (12, 2, Stands),
        (13, 2, Stands),
        (14, 2, Stands),
        (15, 2, Stands),
        (16, 2, Stands),
        (17, 2, Stalled(Span::secs(9))),
        (18, 2, Stands),
        (19, 3, MovesAgain),
        (20, 4, Moves),
    ] {
        assert_eq!(sight.look(beats, Span::secs(second)), expect, "at {second} s");
    }
}

#[test]
fn a_process_that_was_stopped_and_continued_is_no_stall() {
    let mut sight = Sight::new(LIMIT, LOOK, 0, Span::ZERO);
    assert_eq!(sight.look(1, Span::secs(1)), Seen::Moves);
    assert_eq!(sight.look(1, Span::secs(3_601)), Seen::Stands, "an hour went by for both");
    assert_eq!(sight.look(2, Span::secs(3_602)), Seen::Moves);
}

#[test]
fn a_stall_is_never_seen_later_than_the_limit() {
    // The last beat comes just after a look; from there to the finding no more than the limit may pass.
    for limit in [Span::millis(200), Span::secs(2), Span::secs(30), Span::MINUTE] {
        let every = look_every(limit);
        let mut sight = Sight::new(limit, every, 0, Span::ZERO);
        let last_beat = Span::millis(1);
        let mut now = Span::ZERO;
        let found = loop {
            now = now + every;
            if let Seen::Stalled(_) = sight.look(1, now) {
                break now;
            }
        };
        let after = found - last_beat;
        assert!(after <= limit && after >= limit - every * 2, "{limit}: after {after}");
    }
}

struct Ends {
    stalls: mpsc::Receiver<Stall>,
    flushes: mpsc::Receiver<()>,
}

fn guard(pulses: &Arc<Pulses>, limit: Span, systemd: Notifier) -> (Guard, Ends) {
    let (stalled, stalls) = mpsc::channel();
    let (flushed, flushes) = mpsc::channel();
    let guard = Guard {
        pulses: Arc::clone(pulses),
        clock: Clock::start(),
        stall_limit: limit,
        abort_on_stall: true,
        systemd,
        flush: Box::new(move || flushed.send(()).unwrap_or_default()),
        abort: Box::new(move |stall| stalled.send(stall.clone()).unwrap_or_default()),
    };
    (guard, Ends { stalls, flushes })
}

/// Generous for a busy machine; a test that passes waits for none of it.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_runtime_frozen_by_a_blocking_call_is_ended_and_the_stage_named() {
    let pulses = Pulses::new(&["BTC/USDT".parse().unwrap()], false);
    let (guard, ends) = guard(&pulses, Span::millis(200), Notifier::absent());
    let watchdog = Watchdog::start(guard).unwrap();
    let (release, blocked) = mpsc::channel::<()>();
    let of_loop = Arc::clone(&pulses);
    let frozen = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            of_loop.beat(Stage::Idle, Span::ZERO);
            tokio::task::yield_now().await;
            of_loop.beat(Stage::Commit, Span::ZERO);
            // The blocking call: no timer of this runtime fires any more.
            let _ = blocked.recv();
        });
    });
    let stall = ends.stalls.recv_timeout(SOON).expect("the watchdog sees it");
    assert_eq!((stall.stage, stall.pulses.production_loop.beats), (Stage::Commit, 2));
    assert!(stall.to_string().ends_with("at stage commit"), "{stall}");
    ends.flushes.recv_timeout(SOON).expect("the log was flushed first");
    release.send(()).unwrap();
    frozen.join().unwrap();
    watchdog.stop();
}

#[test]
fn an_ordinary_back_off_that_beats_is_left_alone() {
    let pulses = Pulses::new(&[], false);
    let (guard, ends) = guard(&pulses, Span::millis(600), Notifier::absent());
    let watchdog = Watchdog::start(guard).unwrap();
    for _ in 0..45 {
        pulses.beat(Stage::Backoff, Span::ZERO);
        let wait = ends.stalls.recv_timeout(Duration::from_millis(20));
        assert_eq!(wait.map(|stall| stall.to_string()), Err(RecvTimeoutError::Timeout));
    }
    watchdog.stop();
    assert!(ends.stalls.try_recv().is_err());
}

#[test]
fn without_abort_a_stall_is_reported_once_and_the_watch_goes_on() {
    let pulses = Pulses::new(&[], false);
    let (mut guard, ends) = guard(&pulses, Span::millis(100), Notifier::absent());
    guard.abort_on_stall = false;
    let watchdog = Watchdog::start(guard).unwrap();
    ends.flushes.recv_timeout(SOON).expect("the first stall is reported");
    assert!(ends.flushes.recv_timeout(Duration::from_millis(300)).is_err(), "once");
    pulses.beat(Stage::Idle, Span::ZERO);
    ends.flushes.recv_timeout(SOON).expect("and the second, after it had moved");
    watchdog.stop();
    assert!(ends.stalls.try_recv().is_err(), "nothing was ended");
}

#[test]
fn a_log_that_hangs_does_not_save_the_process() {
    let pulses = Pulses::new(&[], false);
    let (mut guard, ends) = guard(&pulses, Span::millis(100), Notifier::absent());
    let (held, hang) = mpsc::channel::<()>();
    let hang = std::sync::Mutex::new(hang);
    guard.flush = Box::new(move || {
        let _ = hang.lock().unwrap().recv();
    });
    let watchdog = Watchdog::start(guard).unwrap();
    ends.stalls.recv_timeout(SOON).expect("ended though the flush never came back");
    drop(held);
    watchdog.stop();
}

#[test]
fn systemd_is_fed_by_progress_alone_and_asked_for_time_in_long_stages() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let pulses = Pulses::new(&[], false);
    let (mut guard, _ends) = guard(&pulses, Span::millis(200), Notifier::to(path.as_os_str()).unwrap());
    guard.abort_on_stall = false;
    let watchdog = Watchdog::start(guard).unwrap();
    let receive = || {
        let mut buffer = [0; 128];
        socket.recv(&mut buffer).ok().map(|len| String::from_utf8_lossy(&buffer[..len]).trim().to_owned())
    };
    assert_eq!(receive(), None, "no progress, no word");
    pulses.beat(Stage::Warmup, Span::ZERO);
    assert_eq!(receive().as_deref(), Some("WATCHDOG=1"));
    assert_eq!(receive().as_deref(), Some("EXTEND_TIMEOUT_USEC=60000000"));
    assert_eq!(receive(), None, "one beat feeds once");
    pulses.beat(Stage::Idle, Span::ZERO);
    assert_eq!(receive().as_deref(), Some("WATCHDOG=1"));
    assert_eq!(receive(), None);
    watchdog.stop();
}
