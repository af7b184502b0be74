//! A client that can do everything wrong: bytes in, bytes out.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;

/// How long an answer may take that takes a millisecond on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Longest reply that is read.
const MAX_REPLY: usize = 16 << 20;

/// The account of a server that was given none.
pub const KEY: &str = "demo-key";
const SECRET: &str = "demo-secret";

/// Opcodes of WebSocket frames.
pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
/// The bit of a message's last frame.
pub const FIN: u8 = 0x80;

/// A connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A reply over HTTP.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Silence {
    /// The server has closed the connection.
    Closed,
    /// Nothing came in time.
    Late,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket of ours");
        let wire = Wire { stream, buffer: Vec::new() };
        wire.patience(PATIENCE);
        wire
    }

    /// Sets how long to wait, for reading and writing.
    pub fn patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).expect("a socket of ours");
        self.stream.set_write_timeout(Some(patience)).expect("a socket of ours");
    }

    /// Sends bytes; says whether the server took them.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more will come.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Reads what is there, or waits for it.
    fn more(&mut self) -> Result<(), Silence> {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Silence::Closed),
            Ok(read) if self.buffer.len() < MAX_REPLY => {
                self.buffer.extend_from_slice(&chunk[..read]);
                Ok(())
            }
            Ok(_) => Err(Silence::Late),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(Silence::Late),
            Err(_) => Err(Silence::Closed),
        }
    }

    /// Waits for a reply over HTTP.
    pub fn reply(&mut self) -> Result<Reply, Silence> {
        loop {
            if let Some(head) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.buffer[..head]).to_lowercase();
                let status = text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
                let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
                let end = head + 4 + length;
                if self.buffer.len() >= end {
                    let body = self.buffer[head + 4..end].to_vec();
                    self.buffer.drain(..end);
                    return Ok(Reply { status, body });
                }
            }
            self.more()?;
        }
    }

    /// Waits for the next frame: its opcode and what is in it.
    pub fn frame(&mut self) -> Result<(u8, Vec<u8>), Silence> {
        loop {
            if let Some((opcode, payload, taken)) = whole_frame(&self.buffer) {
                self.buffer.drain(..taken);
                return Ok((opcode, payload));
            }
            self.more()?;
        }
    }

    /// Waits until the server closes the connection; whatever comes before is thrown away.
    pub fn until_closed(&mut self) -> Silence {
        loop {
            self.buffer.clear();
            if let Err(silence) = self.more() {
                return silence;
            }
        }
    }
}

/// Opens a WebSocket.
pub fn websocket(address: SocketAddr, path: &str) -> Wire {
    let mut wire = Wire::connect(address);
    wire.send(&upgrade(path));
    let reply = wire.reply().expect("an answer to the upgrade");
    assert_eq!(reply.status, 101, "{path}");
    wire
}

pub fn upgrade(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// A request with the key of the demo account.
pub fn request(method: &str, path: &str, query: &str, body: &str) -> Vec<u8> {
    let mark = if query.is_empty() { "" } else { "?" };
    format!(
        "{method} {path}{mark}{query} HTTP/1.1\r\nHost: localhost\r\nX-MBX-APIKEY: {KEY}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What requests are stamped with.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// The signature of the demo account.
pub fn signature(payload: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), payload);
    let mut hex = String::new();
    for byte in tag.as_ref() {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A client's frame, masked as it has to be. The first byte is the opcode with its bits.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        middle @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn whole_frame(buffer: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (first, second) = (*buffer.first()?, *buffer.get(1)?);
    let (head, length): (usize, usize) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let payload = buffer.get(head..head.checked_add(length)?)?;
    Some((first & 0x0f, payload.to_vec(), head + length))
}
