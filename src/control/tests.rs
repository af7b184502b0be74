//! Both ends over a real socket in a temporary folder.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::clock::Clock;
use crate::protocol::{Command, HealthStatus, View};
use crate::types::{InstrumentId, Usdt};

struct Daemon {
    folder: tempfile::TempDir,
    commands: mpsc::Receiver<Command>,
    view: watch::Sender<Arc<View>>,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Daemon {
    fn start() -> Daemon {
        Daemon::start_in(tempfile::tempdir().expect("a folder"), 4)
    }

    fn start_in(folder: tempfile::TempDir, room: usize) -> Daemon {
        let (view, seen) = watch::channel(Arc::new(View::default()));
        let (sender, commands) = mpsc::channel(room);
        let sources = Sources {
            mode: "paper".into(),
            venue: "paper".into(),
            feed: "synthetic".into(),
            symbols: vec!["BTC/USDT".parse().expect("a symbol"), "ETH/USDT".parse().expect("a symbol")],
            clock: Clock::start(),
            view: seen,
            health: Box::new(|| HealthLine {
                status: HealthStatus::Degraded,
                reasons: vec!["disk".into()],
                worst: HealthStatus::Degraded,
                heartbeats: 7,
            }),
            commands: sender,
        };
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        serve(folder.path(), sources, &tracker, cancel.clone()).expect("a socket");
        Daemon { folder, commands, view, tracker, cancel }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.path().join(SOCKET_FILE)).await.expect("a connection");
        stream.write_all(bytes).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }
}

#[tokio::test]
async fn status_is_the_latest_picture_with_health() {
    let daemon = Daemon::start();
    let picture = View { iterations: 42, equity: Usdt::whole(10_000), ..View::default() };
    daemon.view.send(Arc::new(picture.clone())).expect("seen");
    let Ok(Answer::Status(status)) = ask(daemon.path(), &Request::Status).await else { panic!("no status") };
    assert_eq!((status.pid, status.mode.as_str()), (std::process::id(), "paper"));
    assert_eq!((status.health.status, status.health.heartbeats), (HealthStatus::Degraded, 7));
    assert_eq!(status.view, picture);
}

#[tokio::test]
async fn requests_that_act_become_commands() {
    let mut daemon = Daemon::start();
    let table = [
        (Request::Pause, Command::Pause),
        (Request::Resume, Command::Resume),
        (Request::Stop { reason: "done".into() }, Command::Shutdown { flatten: false, reason: "done".into() }),
        (Request::Rearm { reason: "mended".into() }, Command::Rearm { reason: "mended".into() }),
        (Request::Close { symbol: None }, Command::Close { instrument: None }),
        (Request::Close { symbol: "ETH/USDT".parse().ok() }, Command::Close { instrument: Some(InstrumentId(1)) }),
    ];
    for (request, command) in table {
        assert_eq!(ask(daemon.path(), &request).await.expect("accepted"), Answer::Accepted);
        assert_eq!(daemon.commands.recv().await, Some(command));
    }
    for request in [Request::Close { symbol: "SOL/USDT".parse().ok() }, Request::Rearm { reason: " ".into() }] {
        let error = ask(daemon.path(), &request).await.expect_err("refused");
        assert!(matches!(error, ClientError::Refused(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_takes_no_commands_is_said_to_be_busy() {
    let daemon = Daemon::start_in(tempfile::tempdir().expect("a folder"), 1);
    assert_eq!(ask(daemon.path(), &Request::Pause).await.expect("there is room for one"), Answer::Accepted);
    let error = ask(daemon.path(), &Request::Pause).await.expect_err("full").to_string();
    assert!(error.contains("does not take commands now"), "{error}");
    // The picture is still answered.
    assert!(ask(daemon.path(), &Request::Status).await.is_ok());
}

#[tokio::test]
async fn any_line_gets_an_answer_and_none_fills_memory() {
    let daemon = Daemon::start();
    let deep = [vec![b'['; 5_000], b"\n".to_vec()].concat();
    let long = vec![b'a'; 20 << 10];
    for line in [b"\n".as_slice(), b"nonsense\n", b"{\"request\":\"fly\"}\n", b"\xff\xfe\n", &deep, &long] {
        let answer = daemon.raw(line).await;
        assert!(answer.starts_with("{\"answer\":\"refused\""), "{answer}");
    }
    assert!(ask(daemon.path(), &Request::Status).await.is_ok());
}

#[tokio::test]
async fn connections_are_bounded_and_places_are_given_back() {
    let daemon = Daemon::start();
    let path = daemon.path().join(SOCKET_FILE);
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(UnixStream::connect(&path).await.expect("a connection"));
    }
    let error = ask(daemon.path(), &Request::Status).await.expect_err("no place").to_string();
    assert!(error.contains("does not answer"), "{error}");
    drop(idle);
    let served = async {
        while ask(daemon.path(), &Request::Status).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), served).await.expect("a place becomes free");
}

#[tokio::test]
async fn without_a_daemon_the_error_names_the_state_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = ask(folder.path(), &Request::Status).await.expect_err("nobody").to_string();
    assert!(error.starts_with(&format!("no daemon runs on {}", folder.path().display())), "{error}");
    assert!(error.contains("--state-dir"), "{error}");
    drop(std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET_FILE)).expect("a socket"));
    let error = ask(folder.path(), &Request::Status).await.expect_err("left behind").to_string();
    assert!(error.contains("left behind"), "{error}");
}

#[tokio::test]
async fn the_socket_is_private_replaces_a_stale_one_and_goes_in_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(SOCKET_FILE);
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a stale socket"));
    std::fs::create_dir(folder.path().join("control.new")).expect("a stale folder");
    let daemon = Daemon::start_in(folder, 4);
    let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let held = UnixStream::connect(&path).await.expect("a connection");
    daemon.cancel.cancel();
    daemon.tracker.close();
    tokio::time::timeout(Duration::from_secs(2), daemon.tracker.wait()).await.expect("all tasks have ended");
    assert!(!path.exists());
    assert!(wait_until_gone(daemon.path(), Duration::from_secs(1)).await);
    drop(held);
}

#[tokio::test]
async fn a_state_directory_with_a_long_path_has_its_socket_too() {
    let outer = tempfile::tempdir().expect("a folder");
    let deep = outer.path().join("d".repeat(100)).join("e".repeat(100));
    std::fs::create_dir_all(&deep).expect("folders");
    let daemon = Daemon::start_in(tempfile::tempdir_in(&deep).expect("a folder"), 4);
    assert!(ask(daemon.path(), &Request::Status).await.is_ok());
    assert!(daemon.path().join(SOCKET_FILE).exists());
}
