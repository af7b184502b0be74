//! Clients that send too much: each kind of it is refused or ends the connection, and costs nobody else anything.

use std::path::Path;

use crate::client::{CLOSE, CONTINUATION, FIN, PING, Silence, TEXT, Wire, frame, request, signature, websocket};
use crate::server::{PROGRAM, Served};

#[test]
fn signatures_that_are_none_are_refused() {
    let mut served = Served::shipped(&[]);
    let mut wire = Wire::connect(served.address);
    let form = "symbol=BTCUSDT&timestamp=1";
    let right = signature(form.as_bytes());
    let long = "a".repeat(10_000);
    for wrong in ["", "0", "zz", &right[1..], &right.replace(['a', 'b', 'c'], "d"), "%ff%fe", "%00", &long, "🦀"] {
        for (query, body) in [(form, ""), ("", form)] {
            let signed = |part: &str| match part {
                "" => String::new(),
                part => format!("{part}&signature={wrong}"),
            };
            wire.send(&request(
                "DELETE",
                "/fapi/v1/order",
                &signed(query).replace('🦀', "%F0%9F%A6%80"),
                &signed(body),
            ));
            let reply = wire.reply().expect("an answer");
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            assert!(reply.status == 400 && text.starts_with("{\"code\":-1"), "{wrong}: {} {text}", reply.status);
        }
    }
    served.serves();
}

#[test]
fn what_is_too_long_is_refused() {
    let mut served = Served::shipped(&[]);
    let mut wire = Wire::connect(served.address);
    wire.send(b"POST /fapi/v1/order HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
    wire.send(&vec![b'a'; 100_000]);
    assert_eq!(wire.reply().expect("an answer").status, 413);
    let mut wire = Wire::connect(served.address);
    wire.send(&request("GET", "/fapi/v1/klines", &"a=1&".repeat(5_000), ""));
    assert_eq!(wire.reply().expect("an answer").status, 414);
    let mut wire = Wire::connect(served.address);
    wire.send(b"GET /fapi/v1/time HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    wire.send(&vec![b'a'; 1 << 20]);
    // It may be gone before its answer is read.
    assert!(matches!(wire.reply().map(|reply| reply.status), Ok(431) | Err(Silence::Closed)));
    served.serves();
}

#[test]
fn a_connection_for_which_there_is_no_place_is_refused() {
    /// Files that the server may open; most of them are connections.
    const FILES: usize = 128;
    const ROOM: usize = FILES - 64;
    let script = format!("ulimit -n {FILES}; exec {PROGRAM} \"$@\"");
    let mut served = Served::start(Path::new("/bin/sh"), &["-c", &script, "sh"], &[]);
    let mut places: Vec<Wire> = (0..ROOM / 2).map(|_| websocket(served.address, "/ws")).collect();
    for _ in ROOM / 2..ROOM {
        let mut wire = Wire::connect(served.address);
        wire.send(&request("GET", "/fapi/v1/time", "", ""));
        assert_eq!(wire.reply().expect("an answer").status, 200);
        places.push(wire);
    }
    let mut over = Wire::connect(served.address);
    assert_eq!(over.reply().expect("an answer").status, 503);
    assert_eq!(over.until_closed(), Silence::Closed);
    drop(places);
    crate::support::until("there are places again", || {
        let mut wire = Wire::connect(served.address);
        wire.send(&request("GET", "/fapi/v1/time", "", ""));
        wire.reply().ok().filter(|reply| reply.status == 200)
    });
    served.serves();
}

#[test]
fn frames_without_measure_end_the_connection() {
    let mut served = Served::shipped(&[]);
    let before = served.resident_mib();
    let part = vec![b' '; 30_000];
    let tiny = frame(CONTINUATION, b" ").repeat(100_000);
    let empty = frame(CONTINUATION, b"").repeat(100_000);
    let mut claims = vec![FIN | TEXT, 0xff];
    claims.extend_from_slice(&(1_u64 << 30).to_be_bytes());
    claims.extend_from_slice(&[b' '; 10_000]);
    let begun = |more: &[u8]| [frame(TEXT, b"{"), more.to_vec()].concat();
    let kinds: [(&str, Vec<u8>); 8] = [
        ("a message of 200 KB", frame(FIN | TEXT, &[b' '; 200_000])),
        ("a frame that claims a gigabyte", claims),
        ("fragments that add up", begun(&frame(CONTINUATION, &part).repeat(5))),
        ("fragments of a byte", begun(&tiny)),
        ("fragments of nothing", begun(&empty)),
        ("a continuation of nothing", frame(FIN | CONTINUATION, b"x")),
        ("bytes that mean nothing", vec![0xff; 1_000]),
        ("a frame that is not masked", vec![FIN | TEXT, 2, b'{', b'}']),
    ];
    for path in ["/ws", "/ws-fapi/v1"] {
        for (kind, bytes) in &kinds {
            let mut wire = websocket(served.address, path);
            // The server may close before all is sent.
            wire.send(bytes);
            assert_eq!(wire.until_closed(), Silence::Closed, "{path}: {kind}");
        }
        served.serves();
    }
    let grown = served.resident_mib().saturating_sub(before);
    assert!(grown < 64, "it grew by {grown} MiB");
}

#[test]
fn floods_of_messages_end_the_connection() {
    let mut served = Served::shipped(&[]);
    let list = frame(FIN | TEXT, br#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
    let ping = frame(FIN | PING, b"are you there");
    for (kind, path, one, many) in
        [("pings", "/ws", &ping, 100), ("requests", "/ws", &list, 100), ("pings", "/ws-fapi/v1", &ping, 50_000)]
    {
        let mut wire = websocket(served.address, path);
        let sent = wire.send(&one.repeat(many));
        // A client that goes on sending after the close may have its connection reset before it has read why.
        let code = loop {
            match wire.frame() {
                Ok((CLOSE, payload)) => break Some(payload),
                Ok(_) => {}
                Err(silence) => {
                    assert_eq!(silence, Silence::Closed, "{path}: {kind}");
                    break None;
                }
            }
        };
        assert!(code.is_none_or(|code| code.starts_with(&1_008_u16.to_be_bytes())), "{path}: {kind}, sent: {sent}");
        served.serves();
    }
}

#[test]
fn floods_of_subscriptions_are_refused() {
    let mut served = Served::shipped(&[]);
    let mut wire = websocket(served.address, "/ws");
    let subscribe = |wire: &mut Wire, names: Vec<String>| -> serde_json::Value {
        let ask = serde_json::json!({"method": "SUBSCRIBE", "params": names, "id": 1});
        wire.send(&frame(FIN | TEXT, ask.to_string().as_bytes()));
        loop {
            let (opcode, payload) = wire.frame().expect("an answer");
            let told: serde_json::Value = serde_json::from_slice(&payload).unwrap_or_default();
            if opcode == TEXT && told.get("id").is_some() {
                return told;
            }
        }
    };
    let names = |from: usize, count: usize| (from..from + count).map(|n| format!("{n}@trade")).collect();
    assert!(subscribe(&mut wire, names(0, 1_025))["error"]["msg"].is_string(), "more than a connection may have");
    assert!(subscribe(&mut wire, names(0, 1_000))["error"].is_null());
    assert!(subscribe(&mut wire, names(1_000, 100))["error"]["msg"].is_string(), "more than there is room for");
    assert!(subscribe(&mut wire, vec!["a".repeat(10_000)])["error"]["msg"].is_string(), "a name that is none");
    assert!(subscribe(&mut wire, names(0, 10))["error"].is_null(), "what stands there needs no room");
    served.serves();
}
