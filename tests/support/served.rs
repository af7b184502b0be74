//! An exchange that is served by another process, and a client of it that is not the daemon's: what the server holds is
//! read over REST, and faults are switched over its control endpoint.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use serde_json::Value;

use super::Daemon;

/// The account that the server opens unless it is told of others.
pub const KEY: &str = "demo-key";
pub const SECRET: &str = "demo-secret";
/// A server on this machine answers within this time, or not at all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// A running server.
pub struct Served {
    pub process: Daemon,
    pub address: SocketAddr,
}

impl Served {
    /// Starts it, and waits until it says where it listens.
    pub fn start(command: Command) -> Served {
        let mut process = Daemon::start(command);
        let line = process.hear("http://");
        let address = line.rsplit("http://").next().and_then(|text| text.trim().parse().ok()).expect("an address");
        Served { process, address }
    }

    /// Throws a switch.
    pub fn switch(&self, name: &str, body: &Value) {
        let (status, reply) = self.send("POST", &format!("/control/{name}"), &body.to_string());
        assert_eq!(status, 200, "{name}: {reply}");
    }

    /// Asks what only the account may.
    pub fn ask(&self, path: &str, params: &str) -> Value {
        let (_, time) = self.send("GET", "/fapi/v1/time", "");
        let time: Value = serde_json::from_str(&time).expect("the time");
        let now = time["serverTime"].as_i64().expect("an instant");
        let form = format!("{params}{}timestamp={now}&recvWindow=60000", if params.is_empty() { "" } else { "&" });
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), form.as_bytes());
        let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let (status, reply) = self.send("GET", &format!("{path}?{form}&signature={signature}"), "");
        assert_eq!(status, 200, "{path}: {reply}");
        serde_json::from_str(&reply).expect("JSON")
    }

    /// One list, for every symbol.
    pub fn list(&self, path: &str, symbols: &[&str], params: &str) -> Vec<Value> {
        let of = |symbol: &&str| match self.ask(path, &format!("symbol={symbol}&{params}")) {
            Value::Array(rows) => rows,
            other => panic!("{path}: no list: {other}"),
        };
        symbols.iter().flat_map(of).collect()
    }

    fn send(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWERS_WITHIN).expect("the server listens");
        stream.set_read_timeout(Some(ANSWERS_WITHIN)).expect("a deadline");
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}\r\nX-MBX-APIKEY: {KEY}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("it takes a request");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a reply has a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, unchunked(head, body))
    }
}

/// A body as it was meant, if it came in chunks.
fn unchunked(head: &str, body: &str) -> String {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut text, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || size > after.len() {
            break;
        }
        text.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    text
}

/// How late this machine wakes a thread up: the ninety-ninth percentile of many short sleeps.
#[expect(clippy::disallowed_methods, reason = "the machine's own delay is what is measured")]
pub fn scheduling_delay() -> Duration {
    const SLEEPS: usize = 400;
    let nap = Duration::from_millis(1);
    let mut late: Vec<Duration> = (0..SLEEPS)
        .map(|_| {
            let from = SystemTime::now();
            std::thread::sleep(nap);
            from.elapsed().unwrap_or_default().saturating_sub(nap)
        })
        .collect();
    late.sort_unstable();
    late[SLEEPS * 99 / 100]
}
