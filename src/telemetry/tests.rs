//! The log, line by line; and with processes of their own, what becomes of it at a bad end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tracing::{debug, error, info, info_span, trace, warn};

use super::sink::in_chunks;
use super::*;
use crate::clock::Clock;
use crate::types::Span;

/// Collects lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Sink for Lines {
    fn write_lines(&mut self, lines: &[Vec<u8>]) -> u64 {
        in_chunks(lines, |chunk| {
            self.0.lock().expect("lines").extend_from_slice(chunk);
            Ok(())
        })
    }
}

/// What a subscriber of this format writes of what happens in `events`.
fn logged(format: LogFormat, colours: bool, secrets: Vec<SecretString>, events: impl FnOnce()) -> String {
    let lines = Lines::default();
    let spool = Spool::start(Box::new(lines.clone()), secrets, PATIENCE).expect("a thread");
    let layers = vec![layer(format, colours, spool.writer())];
    let filter = filter(LogLevel::Info, true, None).expect("a filter");
    tracing::subscriber::with_default(Registry::default().with(layers.with_filter(filter)), events);
    assert!(Flusher::of(&[spool]).flush(FLUSH_AT_END));
    let text = lines.0.lock().expect("lines").clone();
    String::from_utf8(text).expect("text")
}

#[test]
fn a_pretty_line_has_time_level_message_and_fields() {
    let text = logged(LogFormat::Pretty, false, Vec::new(), || {
        info!(status = "healthy", uptime_s = 5, reason = ?"two words", "💓 Heartbeat - Uptime: 5.0m, Status: healthy");
        let _span = info_span!("step", symbol = "BTC/USDT:USDT").entered();
        warn!("careful");
    });
    let lines: Vec<&str> = text.lines().collect();
    let (time, rest) = lines[0].split_once(' ').expect("a time");
    assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    assert_eq!(
        rest,
        " INFO 💓 Heartbeat - Uptime: 5.0m, Status: healthy status=\"healthy\" uptime_s=5 reason=\"two words\""
    );
    assert!(lines[1].ends_with("  WARN careful symbol=\"BTC/USDT:USDT\""), "{}", lines[1]);
}

#[test]
fn nothing_from_outside_forges_a_line_or_moves_the_cursor() {
    let events = || info!(reply = %"a\n2026-01-01T00:00:00Z ERROR forged\x1b[2J", "message\r\nwith breaks");
    let text = logged(LogFormat::Pretty, false, Vec::new(), events);
    assert_eq!(text.lines().count(), 1);
    assert!(!text.contains('\x1b') && !text.contains('\r'), "{text:?}");
    assert_eq!(logged(LogFormat::Json, false, Vec::new(), events).lines().count(), 1);
    let journal = logged(LogFormat::Journald, false, Vec::new(), events);
    assert_eq!(journal.lines().filter(|line| !line.contains('=')).count(), 0, "{journal}");
}

#[test]
fn colours_are_for_those_who_asked() {
    let coloured = logged(LogFormat::Pretty, true, Vec::new(), || error!("broken"));
    assert!(coloured.contains("\x1b[31mERROR\x1b[0m broken"), "{coloured:?}");
    assert!(!logged(LogFormat::Pretty, false, Vec::new(), || error!("broken")).contains('\x1b'));
    assert!(!logged(LogFormat::Json, true, Vec::new(), || error!("broken")).contains('\x1b'));
    assert!(!colours_wanted(Some("1")));
}

#[test]
fn a_json_line_is_an_object_with_the_fields() {
    let text = logged(LogFormat::Json, false, Vec::new(), || info!(lag_ms = 7, name = "x", "Tick"));
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((json["level"].as_str(), json["message"].as_str()), (Some("INFO"), Some("Tick")));
    assert_eq!((json["lag_ms"].as_i64(), json["name"].as_str()), (Some(7), Some("x")));
    assert!(json["timestamp"].as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok()), "{text}");
}

#[test]
fn the_journal_gets_priority_and_fields() {
    let text = logged(LogFormat::Journald, false, Vec::new(), || warn!(loop_lag = 7, detail = %"a", "careful"));
    for line in
        ["PRIORITY=4", "SYSLOG_IDENTIFIER=live_trading_launcher", "MESSAGE=careful", "LTL_LOOP_LAG=7", "LTL_DETAIL=a"]
    {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
}

#[test]
fn no_secret_is_written_whoever_logs_it() {
    let secret = || SecretString::from("123456:AAAAAAAAAABBBBBBBBBBCCCCC");
    let secrets = vec![secret(), SecretString::from("short")];
    let text = logged(LogFormat::Json, false, secrets, || {
        info!(url = "https://api/bot123456:AAAAAAAAAABBBBBBBBBBCCCCC/x", debug = ?secret(), "a short word, twice: short");
        error!("123456:AAAAAAAAAABBBBBBBBBBCCCCC123456:AAAAAAAAAABBBBBBBBBBCCCCC");
    });
    assert!(!text.contains("AAAA"), "{text}");
    assert_eq!(text.matches("[redacted]").count(), 3, "{text}");
    assert!(text.contains("a short word"), "what is too short to be a secret is left alone: {text}");
}

#[test]
fn levels_are_set_by_settings_debug_and_rust_log() {
    let table: [(LogLevel, bool, Option<&str>, [bool; 4]); 8] = [
        // Whether our INFO, our DEBUG, our TRACE and others' INFO are logged.
        (LogLevel::Info, false, None, [true, false, false, false]),
        (LogLevel::Warn, false, None, [false, false, false, false]),
        (LogLevel::Trace, false, None, [true, true, true, false]),
        (LogLevel::Info, true, None, [true, true, false, false]),
        (LogLevel::Info, false, Some(""), [true, false, false, false]),
        (LogLevel::Info, false, Some("info"), [true, false, false, true]),
        (LogLevel::Info, false, Some("live_trading_launcher=trace"), [true, true, true, false]),
        (LogLevel::Info, true, Some("info"), [true, true, false, true]),
    ];
    for (level, debug, rust_log, expect) in table {
        let lines = Lines::default();
        let spool = Spool::start(Box::new(lines.clone()), Vec::new(), PATIENCE).expect("a thread");
        let layers = vec![layer(LogFormat::Pretty, false, spool.writer())];
        let filter = filter(level, debug, rust_log).expect("a filter");
        tracing::subscriber::with_default(Registry::default().with(layers.with_filter(filter)), || {
            info!("our info");
            debug!("our debug");
            trace!("our trace");
            info!(target: "hyper", "their info");
        });
        Flusher::of(&[spool]).flush(FLUSH_AT_END);
        let text = String::from_utf8(lines.0.lock().expect("lines").clone()).expect("text");
        let seen = ["our info", "our debug", "our trace", "their info"].map(|part| text.contains(part));
        assert_eq!(seen, expect, "{level:?} {debug} {rust_log:?}");
    }
    let error = filter(LogLevel::Info, false, Some("live_trading_launcher=loud")).expect_err("no level").to_string();
    assert!(error.starts_with("RUST_LOG=`live_trading_launcher=loud`"), "{error}");
}

/// Writes a batch only when it is let go.
struct Gate {
    entered: SyncSender<usize>,
    go: Receiver<()>,
}

impl Sink for Gate {
    fn write_lines(&mut self, lines: &[Vec<u8>]) -> u64 {
        let _ = self.entered.send(lines.len());
        let _ = self.go.recv();
        0
    }
}

#[test]
fn a_stuck_reader_costs_a_moment_once_and_what_it_missed_is_counted() {
    let (entered, batches) = sync_channel(64);
    let (let_go, go) = sync_channel(64);
    let spool = Spool::start(Box::new(Gate { entered, go }), Vec::new(), PATIENCE).expect("a thread");
    let mut writer = spool.writer();
    let mut write =
        |count: usize| (0..count).for_each(|_| std::io::Write::write_all(&mut writer, b"line\n").expect("kept"));
    write(1);
    assert_eq!(batches.recv(), Ok(1), "the thread is in the sink now");
    write(8_192);
    let clock = Clock::start();
    write(1_000);
    assert!(clock.thread_uptime() < Span::SECOND, "{}", clock.thread_uptime());
    let flusher = Flusher::of(&[spool]);
    assert_eq!(flusher.lost(), 1_000);
    assert!(!flusher.flush(Duration::from_millis(10)), "it is stuck, and the flush does not wait for ever");
    let_go.send(()).expect("let go");
    assert_eq!(batches.recv(), Ok(8_192));
    let_go.send(()).expect("let go");
    assert!(flusher.flush(FLUSH_AT_END));
    assert_eq!(flusher.lost(), 1_000);
}

#[test]
fn a_busy_writer_loses_nothing() {
    let lines = Lines::default();
    let spool = Spool::start(Box::new(lines.clone()), Vec::new(), Duration::from_secs(60)).expect("a thread");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mut writer = spool.writer();
            std::thread::spawn(move || {
                (0..20_000)
                    .for_each(|_| std::io::Write::write_all(&mut writer, b"a line of some length\n").expect("kept"));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    let flusher = Flusher::of(&[spool]);
    assert!(flusher.flush(Duration::from_secs(60)) && flusher.lost() == 0);
    assert_eq!(lines.0.lock().expect("lines").iter().filter(|byte| **byte == b'\n').count(), 80_000);
}

#[test]
fn a_line_has_a_longest_length() {
    let text = logged(LogFormat::Pretty, false, Vec::new(), || info!("{}", "x".repeat(1 << 20)));
    assert!(text.len() < 65 << 10 && text.ends_with("…\n"), "{}", text.len());
}

#[test]
fn log_files_rotate_and_together_stay_below_their_cap() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/daemon.log");
    let write = |file: &mut RotatingFile, from: u32, until: u32| {
        for n in from..until {
            assert_eq!(file.write_lines(&[format!("{n:09}\n").into_bytes()]), 0);
        }
    };
    let mut file = RotatingFile::open(&path, 100, 3).expect("a file");
    write(&mut file, 0, 25);
    drop(file);
    // A second start goes on where the first one ended.
    write(&mut RotatingFile::open(&path, 100, 3).expect("a file"), 25, 45);
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("deep"))
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    assert_eq!(names, ["daemon.log", "daemon.log.1", "daemon.log.2"]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join("deep").join(name)).expect("a file");
    let all: String = ["daemon.log.2", "daemon.log.1", "daemon.log"].map(read).concat();
    let numbers: Vec<u32> = all.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(numbers, (20..45).collect::<Vec<_>>(), "the newest lines, none missing");
    assert!(names.iter().all(|name| read(name).len() <= 100));
    let mut single = RotatingFile::open(&folder.path().join("one.log"), 100, 1).expect("a file");
    write(&mut single, 0, 25);
    assert_eq!(std::fs::read_to_string(folder.path().join("one.log")).expect("a file").lines().count(), 5);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let settings = |file: &str| Settings { file: Some(file.into()), ..Settings::default() };
    let error = settings("/proc/nowhere/daemon.log").open_file().expect_err("no such folder").to_string();
    assert!(error.contains("--log-file") && error.contains("/proc/nowhere/daemon.log"), "{error}");
    assert!(settings("/").check().expect_err("no file").starts_with("telemetry.file"));
    assert!(
        Settings { file_size_mib: 0, ..Settings::default() }
            .check()
            .expect_err("0")
            .starts_with("telemetry.file_size_mib")
    );
    if !std::path::Path::new("/run/systemd/journal/socket").exists() {
        let error = main_sink(LogFormat::Journald).err().expect("no journal").to_string();
        assert!(error.contains("journald") && error.contains("/run/systemd/journal/socket"), "{error}");
    }
}

/// The environment variable that turns [`child`] into a process to look at from outside.
const CHILD: &str = "LTL_TEST_TELEMETRY_CHILD";

/// Not a test by itself: what a process does that one of the tests below starts.
#[test]
#[expect(clippy::disallowed_methods, reason = "a process of its own is told by a variable what to be")]
fn child() {
    let Ok(role) = std::env::var(CHILD) else { return };
    let settings = Settings { file: Some(role.into()), ..Settings::default() };
    let options = Options { settings: &settings, debug: false, rust_log: None, colours: false, secrets: Vec::new() };
    let telemetry = Telemetry::start(options).expect("a log");
    leave_on_panic(telemetry.flusher());
    info!("ready");
    telemetry.flusher().flush(FLUSH_AT_END);
    // Goes on when the other side closes its end.
    let _ = std::io::stdin().read(&mut [0]);
    (0..1_000).for_each(|n| info!(n, "before the end"));
    // On another thread, where nobody would look at the result.
    let _ =
        std::thread::Builder::new().name("worker".into()).spawn(|| panic!("two and two\nare five")).map(|t| t.join());
    std::process::exit(0);
}

fn run_child() -> (std::process::Child, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "telemetry::tests::child", "--nocapture"])
        .env(CHILD, folder.path().join("child.log"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    (child, folder)
}

#[test]
fn a_panic_is_logged_written_out_and_leaves_with_70() {
    let (mut child, folder) = run_child();
    drop(child.stdin.take());
    let mut out = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
    assert_eq!(child.wait().expect("an end").code(), Some(70));
    let file = std::fs::read_to_string(folder.path().join("child.log")).expect("the log file");
    for text in [&out, &file] {
        assert_eq!(text.lines().filter(|line| line.contains(" INFO before the end n=")).count(), 1_000);
        let last = text.lines().rfind(|line| line.contains("ERROR")).expect("the panic");
        for part in
            ["panic: our own contradiction", "two and two\\nare five", "telemetry/tests.rs", "worker", "exit=70"]
        {
            assert!(last.contains(part), "{part}\n{last}");
        }
    }
}

#[test]
fn a_closed_pipe_stops_nothing() {
    let (mut child, folder) = run_child();
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    assert!(out.lines().map_while(Result::ok).any(|line| line.ends_with("ready")), "it began");
    // The pipe is closed now, and only then the child goes on.
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("an end").code(), Some(70), "it came as far as its own panic");
    let file = std::fs::read_to_string(folder.path().join("child.log")).expect("the log file");
    assert_eq!(file.lines().count(), 1_002, "the file has every line though standard output is gone");
}
