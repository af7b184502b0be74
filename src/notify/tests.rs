//! The notifier against a stand-in for the Bot API on this machine.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::ledger::{self, LedgerError, OutboxCounts, OutboxLimits, Pending, Put};
use crate::protocol::NoticeKind;
use crate::types::{Span, Timestamp};

const TOKEN: &str = "123456:AAAAAAAAAABBBBBBBBBBCCCCC";
const OK: &str = r#"{"ok":true,"result":{}}"#;
/// Longer than anything here takes; a test that runs into it has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the stand-in does with a request.
#[derive(Debug, Clone)]
enum Reply {
    Says(u16, String),
    Garbage,
    Hangs,
    Closes,
}

#[derive(Default)]
struct Seen {
    script: VecDeque<Reply>,
    /// Path and `text` of each request.
    requests: Vec<(String, String)>,
}

/// A Bot API that follows a script, and after its end takes everything.
#[derive(Clone)]
struct StandIn {
    address: String,
    seen: Arc<Mutex<Seen>>,
}

impl StandIn {
    async fn start(script: impl IntoIterator<Item = Reply>) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Seen { script: script.into_iter().collect(), requests: Vec::new() };
        let stand_in = StandIn { address, seen: Arc::new(Mutex::new(seen)) };
        let server = stand_in.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(server.clone().serve(stream));
            }
        });
        stand_in
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some((path, text)) = read_request(&mut stream).await {
            let reply = {
                let mut seen = self.seen.lock().expect("one thread");
                seen.requests.push((path, text));
                seen.script.pop_front().unwrap_or(Reply::Says(200, OK.to_owned()))
            };
            let answer = match reply {
                Reply::Says(status, body) => {
                    format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
                }
                Reply::Garbage => b"\x00\xff this is not HTTP\r\n\r\n".to_vec(),
                Reply::Hangs => return sleep(PATIENCE).await,
                Reply::Closes => return,
            };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }

    fn texts(&self) -> Vec<String> {
        self.seen.lock().expect("one thread").requests.iter().map(|(_, text)| text.clone()).collect()
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())?;
        if body.len() >= length {
            let json: serde_json::Value = serde_json::from_str(body).ok()?;
            let path = head.split(' ').nth(1)?.to_owned();
            assert_eq!((json["chat_id"].as_str(), json["parse_mode"].as_str()), (Some("-42"), Some("HTML")));
            return Some((path, json["text"].as_str()?.to_owned()));
        }
    }
}

fn says(status: u16, body: &str) -> Reply {
    Reply::Says(status, body.to_owned())
}

fn settings(base_url: &str) -> Settings {
    let telegram = TelegramSettings {
        chat_id: "-42".parse().ok(),
        base_url: base_url.to_owned(),
        timeout: Span::millis(300),
        retry_first: Span::millis(10),
        retry_max: Span::millis(40),
        ..TelegramSettings::default()
    };
    Settings { telegram, ..Settings::default() }
}

fn notice(key: &str) -> Notice {
    Notice { kind: NoticeKind::Alarm, key: key.into(), text: format!("text of {key}") }
}

fn sent(key: &str) -> String {
    format!("<b>🚨 Alarm</b>\ntext of {key}")
}

struct Rig {
    notifier: Notifier,
    pulses: Arc<Pulses>,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Rig {
    fn start(settings: &Settings, outbox: Box<dyn Outbox>) -> Rig {
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let pulses = Pulses::new(&[], false);
        let wiring = Wiring {
            outbox,
            pulses: pulses.clone(),
            clock: Clock::start(),
            tracker: tracker.clone(),
            cancel: cancel.clone(),
        };
        let notifier = Notifier::start(settings, Some(&SecretString::from(TOKEN)), wiring).expect("a notifier");
        Rig { notifier, pulses, tracker, cancel }
    }

    fn in_memory(settings: &Settings) -> Rig {
        Rig::start(settings, Box::new(MemoryOutbox::new(settings.outbox_limits())))
    }

    /// Waits until so many messages were delivered and none waits.
    async fn delivered(&self, count: u64) {
        let done = async {
            loop {
                let seen = self.pulses.snapshot().notifier;
                if seen.delivered >= count && seen.backlog == 0 {
                    return;
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        let in_time = timeout(PATIENCE, done).await;
        assert!(in_time.is_ok(), "{:?}", self.pulses.snapshot().notifier);
    }

    async fn stop(self) {
        self.cancel.cancel();
        self.tracker.close();
        timeout(PATIENCE, self.tracker.wait()).await.expect("the task ends");
    }
}

/// Runs a test on one thread, where everything it logs can be collected; the token must not be in it.
fn on_one_thread<F: Future<Output = ()>>(test: impl FnOnce() -> F) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("lines").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _guard = tracing::subscriber::set_default(subscriber);
    tokio::task::LocalSet::new().block_on(&runtime, test());
    let log = String::from_utf8_lossy(&lines.0.lock().expect("lines")).into_owned();
    assert!(!log.contains(TOKEN) && !log.contains("AAAAAAAAAABBBBB"), "{log}");
    log
}

#[test]
fn a_message_is_delivered_once_and_in_order() {
    on_one_thread(|| async {
        let server = StandIn::start([]).await;
        let rig = Rig::in_memory(&settings(&server.address));
        ["a", "b", "a", "c"].into_iter().for_each(|key| rig.notifier.send(notice(key)));
        rig.delivered(3).await;
        assert_eq!(server.texts(), ["a", "b", "c"].map(sent));
        let path = server.seen.lock().expect("one thread").requests[0].0.clone();
        assert_eq!(path, format!("/bot{TOKEN}/sendMessage"));
        rig.stop().await;
    });
}

#[test]
fn an_alert_channel_that_is_down_holds_nobody_up_and_gets_its_messages_later() {
    let log = on_one_thread(|| async {
        let refused = says(500, "oops");
        let server =
            StandIn::start([Reply::Closes, Reply::Garbage, Reply::Hangs, refused, says(200, "nonsense")]).await;
        let rig = Rig::in_memory(&settings(&server.address));
        rig.notifier.send(notice("a"));
        rig.delivered(1).await;
        assert_eq!(server.texts().len(), 6, "five failures, then success");
        let seen = rig.pulses.snapshot().notifier;
        assert_eq!((seen.failed, seen.dropped, seen.backlog), (5, 0, 0));
        rig.stop().await;
    });
    assert_eq!(log.matches("messages cannot be delivered; they wait").count(), 1, "one warning an outage: {log}");
    assert_eq!(log.matches("messages are delivered again").count(), 1, "{log}");
}

#[test]
fn the_server_says_how_long_to_wait() {
    on_one_thread(|| async {
        let busy = says(429, r#"{"ok":false,"error_code":429,"description":"slow","parameters":{"retry_after":1}}"#);
        let server = StandIn::start([busy]).await;
        let rig = Rig::in_memory(&settings(&server.address));
        let clock = Clock::start();
        rig.notifier.send(notice("a"));
        rig.delivered(1).await;
        assert!(clock.uptime() >= Span::millis(990), "{}", clock.uptime());
        assert_eq!(server.texts().len(), 2);
        rig.stop().await;
    });
}

#[test]
fn a_refusal_is_final_and_does_not_hold_up_the_next() {
    let log = on_one_thread(|| async {
        // A server that repeats the address must not bring the token into the log.
        let words = format!(r#"{{"ok":false,"description":"Bad Request: /bot{TOKEN}/\nsendMessage"}}"#);
        let server = StandIn::start([says(400, &words), says(302, "")]).await;
        let rig = Rig::in_memory(&settings(&server.address));
        rig.notifier.send(notice("bad"));
        rig.notifier.send(notice("good"));
        rig.delivered(1).await;
        assert_eq!(server.texts(), ["bad", "good", "good"].map(sent));
        assert_eq!(rig.pulses.snapshot().notifier.dropped, 1);
        rig.stop().await;
    });
    assert!(log.contains("message given up") && log.contains("400 Bad Request: /bot[token]/"), "{log}");
}

#[test]
fn a_message_that_only_brings_trouble_is_given_up_in_the_end() {
    on_one_thread(|| async {
        let mut settings = settings(&StandIn::start(vec![says(500, OK); 12]).await.address);
        settings.telegram.retry_max = Span::millis(10);
        let rig = Rig::in_memory(&settings);
        rig.notifier.send(notice("bad"));
        rig.notifier.send(notice("good"));
        rig.delivered(1).await;
        assert_eq!(rig.pulses.snapshot().notifier.dropped, 1);
        rig.stop().await;
    });
}

#[test]
fn a_long_message_goes_on_where_it_was_interrupted() {
    on_one_thread(|| async {
        let server = StandIn::start([says(200, OK), says(500, OK)]).await;
        let rig = Rig::in_memory(&settings(&server.address));
        rig.notifier.send(Notice { text: "a".repeat(6_000), ..notice("long") });
        rig.delivered(1).await;
        let texts = server.texts();
        assert_eq!(texts.len(), 3, "the first piece is not sent again");
        assert!(texts.iter().all(|text| text.encode_utf16().count() <= 4_096));
        assert_eq!(texts[1], texts[2]);
        assert_eq!(texts[0].len() + texts[1].len(), 6_000 + "<b>🚨 Alarm</b>\n".len());
        rig.stop().await;
    });
}

#[test]
fn what_is_not_delivered_survives_a_restart() {
    on_one_thread(|| async {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Box::new(ledger::Outbox::open(folder.path(), OutboxLimits::default()).expect("an outbox"));
        let mut dead = settings("http://127.0.0.1:9");
        dead.drain = Span::millis(20);
        let rig = Rig::start(&dead, open());
        rig.notifier.send(notice("a"));
        rig.notifier.send(notice("b"));
        rig.stop().await;
        let server = StandIn::start([]).await;
        let rig = Rig::start(&settings(&server.address), open());
        rig.delivered(2).await;
        assert_eq!(server.texts(), ["a", "b"].map(sent));
        rig.stop().await;
    });
}

#[test]
fn the_end_waits_for_messages_but_not_for_long() {
    on_one_thread(|| async {
        let server = StandIn::start([]).await;
        let rig = Rig::in_memory(&settings(&server.address));
        ["a", "b", "c"].into_iter().for_each(|key| rig.notifier.send(notice(key)));
        rig.stop().await;
        assert_eq!(server.texts(), ["a", "b", "c"].map(sent), "delivered before leaving");
        let server = StandIn::start(vec![Reply::Hangs; 9]).await;
        let mut settings = settings(&server.address);
        (settings.drain, settings.telegram.timeout) = (Span::millis(100), Span::secs(60));
        let rig = Rig::in_memory(&settings);
        rig.notifier.send(notice("a"));
        let clock = Clock::start();
        rig.stop().await;
        assert!((Span::millis(90)..Span::secs(2)).contains(&clock.uptime()), "{}", clock.uptime());
    });
}

/// A disk that is full, or fails to note that a message was delivered.
struct FullDisk;

fn full() -> LedgerError {
    LedgerError::Unwritable { path: "outbox.sqlite".into(), why: "disk full".into() }
}

impl Outbox for FullDisk {
    fn put(&mut self, _: Timestamp, _: &Notice) -> Result<Put, LedgerError> {
        Err(full())
    }
    fn peek(&self) -> Result<Option<Pending>, LedgerError> {
        let at = Timestamp::EPOCH;
        Ok(Some(Pending { id: 7, notice: notice("old"), queued: at, attempts: 0, not_before: at }))
    }
    fn delivered(&mut self, _: i64, _: Timestamp) -> Result<(), LedgerError> {
        Err(full())
    }
    fn failed(&mut self, _: i64, _: Timestamp, _: &str) -> Result<(), LedgerError> {
        Err(full())
    }
    fn give_up(&mut self, _: i64) -> Result<(), LedgerError> {
        Err(full())
    }
    fn counts(&self) -> Result<OutboxCounts, LedgerError> {
        Err(full())
    }
}

#[test]
fn a_full_disk_is_told_of_and_repeats_nothing() {
    on_one_thread(|| async {
        let server = StandIn::start([]).await;
        let rig = Rig::start(&settings(&server.address), Box::new(FullDisk));
        rig.delivered(1).await;
        rig.notifier.send(notice("disk full"));
        rig.delivered(2).await;
        sleep(Duration::from_millis(50)).await;
        assert_eq!(server.texts(), ["old", "disk full"].map(sent));
        rig.stop().await;
    });
}

#[test]
fn handing_over_never_waits() {
    on_one_thread(|| async {
        let rig = Rig::in_memory(&settings("http://127.0.0.1:9"));
        // The task has had no chance to run, so that the channel fills.
        (0..300).for_each(|n| rig.notifier.send(notice(&n.to_string())));
        assert_eq!(rig.pulses.snapshot().notifier.dropped, 300 - 256);
        rig.cancel.cancel();
    });
}

#[tokio::test]
async fn without_token_or_chat_nobody_is_told() {
    let rig = |settings: &Settings, token: Option<&SecretString>| {
        let wiring = Wiring {
            outbox: Box::new(MemoryOutbox::new(OutboxLimits::default())),
            pulses: Pulses::new(&[], false),
            clock: Clock::start(),
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
        };
        let tracker = wiring.tracker.clone();
        let notifier = Notifier::start(settings, token, wiring).expect("a notifier");
        notifier.send(notice("a"));
        (notifier.sender().is_none(), tracker.len())
    };
    let (token, with_chat) = (SecretString::from(TOKEN), settings("http://127.0.0.1:9"));
    assert_eq!(rig(&with_chat, None), (true, 0));
    assert_eq!(rig(&Settings::default(), Some(&token)), (true, 0));
    let mut off = with_chat;
    off.telegram.enabled = false;
    assert_eq!(rig(&off, Some(&token)), (true, 0));
}
