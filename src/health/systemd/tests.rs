use std::os::unix::net::UnixDatagram;

use super::*;

fn manager() -> (tempfile::TempDir, UnixDatagram, Notifier) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let notifier = Notifier::to(path.as_os_str()).unwrap();
    (dir, socket, notifier)
}

fn received(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 512];
    let mut lines = Vec::new();
    while let Ok(len) = socket.recv(&mut buffer) {
        lines.extend(String::from_utf8_lossy(&buffer[..len]).lines().map(str::to_owned));
    }
    lines
}

#[test]
fn each_call_is_the_protocols_word_and_ready_and_stopping_come_once() {
    let (_dir, socket, notifier) = manager();
    let other = notifier.clone();
    notifier.extend(Duration::from_secs(60));
    notifier.ready();
    other.ready();
    notifier.status("💓 Heartbeat - Uptime: 5.0m,\nStatus: healthy");
    notifier.progress();
    notifier.progress();
    notifier.stopping();
    other.stopping();
    let expect = [
        "EXTEND_TIMEOUT_USEC=60000000",
        "READY=1",
        "STATUS=💓 Heartbeat - Uptime: 5.0m, Status: healthy",
        "WATCHDOG=1",
        "WATCHDOG=1",
        "STOPPING=1",
    ];
    assert_eq!(received(&socket), expect);
}

#[test]
fn an_abstract_socket_is_one_too() {
    let name = format!("ltl-notify-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    Notifier::to(OsStr::new(&format!("@{name}"))).unwrap().ready();
    assert_eq!(received(&socket), ["READY=1"]);
}

#[test]
fn without_a_manager_nothing_happens_and_a_wrong_socket_is_an_error() {
    let nobody = Notifier::absent();
    nobody.ready();
    nobody.status("well");
    nobody.progress();
    nobody.extend(Duration::MAX);
    nobody.stopping();
    assert!(!nobody.is_present());
    assert!(Notifier::to(OsStr::new("/nowhere/notify")).is_err());
}

#[test]
fn a_manager_that_does_not_read_or_is_gone_holds_nobody_up() {
    let (dir, socket, notifier) = manager();
    for _ in 0..10_000 {
        notifier.progress();
    }
    drop(socket);
    drop(dir);
    notifier.progress();
}

const UNIT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/live_trading_launcher.service"));

/// The values of a directive, in their order.
fn values<'a>(directive: &'a str) -> impl Iterator<Item = &'static str> + 'a {
    UNIT.lines().filter_map(move |line| line.strip_prefix(directive)?.strip_prefix('='))
}

#[test]
fn the_unit_says_what_the_daemon_relies_on() {
    for (directive, expect) in [
        ("Type", "notify"),
        ("Restart", "on-failure"),
        ("RestartPreventExitStatus", "2 77 78 79"),
        ("StateDirectory", "live_trading_launcher"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
    ] {
        assert_eq!(values(directive).collect::<Vec<_>>(), [expect], "{directive}");
    }
    for name in ["BINANCE_KEY", "BINANCE_SECRET", "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"] {
        assert!(values("LoadCredential").any(|value| value == name), "{name}");
    }
    for directive in ["WatchdogSec", "StartLimitIntervalSec", "StartLimitBurst", "TimeoutStopSec", "ExecStart"] {
        assert_eq!(values(directive).count(), 1, "{directive}");
    }
}

#[test]
fn the_units_watchdog_leaves_ours_the_time_to_name_the_stage() {
    let seconds: i64 = values("WatchdogSec").next().unwrap().parse().unwrap();
    let ours = crate::health::Settings::default().stall_limit.as_secs();
    assert!(seconds >= ours + 10, "{seconds} s against {ours} s");
}

#[test]
fn the_unit_restarts_what_a_restart_can_mend() {
    use crate::types::Exit;
    let kept_down: Vec<u8> = values("RestartPreventExitStatus")
        .flat_map(str::split_ascii_whitespace)
        .map(|code| code.parse().unwrap())
        .collect();
    for exit in [Exit::Failed, Exit::Contradiction, Exit::LedgerUnwritable, Exit::TryLater] {
        assert!(!kept_down.contains(&exit.code()), "{exit:?}");
    }
    for exit in [Exit::Usage, Exit::KeysRefused, Exit::Configuration, Exit::HaltedByRisk] {
        assert!(kept_down.contains(&exit.code()), "{exit:?}");
    }
}

#[test]
fn systemd_itself_finds_nothing_wrong_with_the_unit() {
    const NAME: &str = "live_trading_launcher.service";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    // The binary need not be installed where the test runs.
    let unit: Vec<&str> =
        UNIT.lines().map(|line| if line.starts_with("ExecStart=") { "ExecStart=/bin/true" } else { line }).collect();
    std::fs::write(&path, unit.join("\n")).unwrap();
    let Ok(output) = std::process::Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output()
    else {
        println!("skipped: no systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains(NAME)).collect();
    assert!(output.status.success() && about_ours.is_empty(), "{said}");
}
