//! Clients that are slow, on purpose or not: they are cut off, and nobody else notices.

use std::time::Duration;

use crate::client::{PATIENCE, Silence, TEXT, Wire, frame, request, upgrade, websocket};
use crate::server::Served;
use crate::support::{pause, until};

#[test]
fn connections_that_ask_for_nothing_are_cut_off() {
    /// Ten times what a few clients need, so that a server that is not bounded shows.
    const MANY: usize = 200;
    /// What each sends of a head that never ends.
    const HEAD: usize = 30 << 10;
    let mut served = Served::shipped(&[]);
    let before = served.resident_mib();
    let mut silent = Wire::connect(served.address);
    let mut half = Wire::connect(served.address);
    half.send(b"GET /fapi/v1/time HTTP/1.1\r\nHost:");
    let mut hello = Wire::connect(served.address);
    hello.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let mut dribble = Wire::connect(served.address);
    let dribbled = std::thread::spawn(move || {
        let head = b"GET /fapi/v1/time HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
        let endless = head.iter().chain(std::iter::repeat(&b'a'));
        let gone = endless.take(1_000).any(|byte| {
            pause(Duration::from_millis(100));
            !dribble.send(&[*byte])
        });
        assert!(gone, "it dribbled for a hundred seconds");
    });
    let many: Vec<Wire> = (0..MANY)
        .map(|_| {
            let mut wire = Wire::connect(served.address);
            wire.send(b"GET / HTTP/1.1\r\nX-Long: ");
            wire.send(&[b'a'; HEAD]);
            wire
        })
        .collect();
    served.serves();
    let grown = served.resident_mib().saturating_sub(before);
    assert!(grown < 64, "{MANY} heads of 30 KiB took {grown} MiB");
    for wire in [&mut silent, &mut half, &mut hello].into_iter().chain(&mut many.into_iter().collect::<Vec<_>>()) {
        assert_eq!(wire.until_closed(), Silence::Closed);
    }
    dribbled.join().expect("the dribbling client was cut off");
    served.serves();
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let mut served = Served::shipped(&[]);
    let mut wire = Wire::connect(served.address);
    wire.send(b"POST /fapi/v1/order HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nsymbol=");
    assert_eq!(wire.reply().expect("an answer").status, 408);
    assert_eq!(wire.until_closed(), Silence::Closed);
    served.serves();
}

#[test]
fn who_asks_and_does_not_read_is_cut_off() {
    let mut served = Served::shipped(&["--no-rate-limits"]);
    let mut wire = Wire::connect(served.address);
    wire.patience(Duration::from_secs(2));
    let ask = request("GET", "/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=1500", "").repeat(50);
    // Until the buffers of both sides are full.
    while wire.send(&ask) {}
    served.serves();
    wire.patience(PATIENCE);
    // Nothing is taken for longer than the server waits.
    pause(Duration::from_secs(15));
    assert_eq!(wire.until_closed(), Silence::Closed);
    served.serves();
}

#[test]
fn a_websocket_that_is_not_read_is_cut_off() {
    /// A list of so many names of so many bytes is a long answer.
    const NAMES: usize = 1_000;
    let mut served = Served::shipped(&["--control"]);
    let mut wire = websocket(served.address, "/ws");
    for part in 0..4 {
        let names: Vec<String> = (0..NAMES / 4).map(|n| format!("{:a>100}@{}", n, part)).collect();
        let ask = serde_json::json!({"method": "SUBSCRIBE", "params": names, "id": part});
        wire.send(&frame(0x80 | TEXT, ask.to_string().as_bytes()));
    }
    until("it is there", || (served.connections() == 1).then_some(()));
    wire.patience(Duration::from_secs(2));
    let list = frame(0x80 | TEXT, br#"{"method":"LIST_SUBSCRIPTIONS","id":7}"#);
    until("the connection is cut off", || {
        // Below what a client may send in a second.
        pause(Duration::from_millis(200));
        wire.send(&list);
        (served.connections() == 0).then_some(())
    });
    served.serves();
}

#[test]
fn a_websocket_without_its_upgrade_is_no_burden() {
    let mut served = Served::shipped(&["--control"]);
    // It breaks off in the middle of its first frame.
    let mut wire = Wire::connect(served.address);
    wire.send(&upgrade("/ws/btcusdt@aggTrade"));
    assert_eq!(wire.reply().expect("an answer").status, 101);
    wire.send(&frame(0x80 | TEXT, b"{\"method\":\"SUBSCRIBE\"}")[..9]);
    until("it is there", || (served.connections() == 1).then_some(()));
    drop(wire);
    until("it is gone", || (served.connections() == 0).then_some(()));
    served.serves();
}
