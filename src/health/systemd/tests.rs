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
