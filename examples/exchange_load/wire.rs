//! The clients' side of the protocols, as thin as it can be: frames are counted where they lie in the buffer.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest head of a reply that is read.
const MAX_HEAD: usize = 16 << 10;

/// Opcodes of WebSocket frames.
pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;

/// Microseconds since the epoch.
pub fn wall_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Connects and upgrades to a WebSocket.
pub async fn websocket(address: SocketAddr, path: &str) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut head = Vec::new();
    // Byte by byte, so that nothing of the first frame is taken.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MAX_HEAD {
            return Err("the reply to the upgrade has no end".to_owned());
        }
        head.push(stream.read_u8().await.map_err(|error| format!("at the upgrade: {error}"))?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(format!("no upgrade: {}", String::from_utf8_lossy(&head).lines().next().unwrap_or_default()));
    }
    Ok(stream)
}

/// Goes through the whole frames of a buffer; gives how many bytes they take.
pub fn frames(buffer: &[u8], mut each: impl FnMut(u8, &[u8])) -> usize {
    let mut at = 0;
    while let Some([first, second]) = buffer.get(at..at + 2) {
        let (head, length) = match second & 0x7f {
            126 => match buffer.get(at + 2..at + 4) {
                Some(bytes) => (4, usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))),
                None => break,
            },
            127 => match buffer.get(at + 2..at + 10).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
                Some(bytes) => (10, usize::try_from(u64::from_be_bytes(bytes)).unwrap_or(usize::MAX)),
                None => break,
            },
            short => (2, usize::from(short)),
        };
        let Some(payload) = buffer.get(at + head..(at + head).saturating_add(length)) else { break };
        each(first & 0x0f, payload);
        at += head + length;
    }
    at
}

/// A pong with this payload, masked by zeros as clients' frames have to be masked.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len().min(125)).unwrap_or(125);
    let mut frame = vec![0x8a, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(&payload[..usize::from(length)]);
    frame
}

/// The event time of a message, in milliseconds.
pub fn event_ms(payload: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"E\":";
    /// The event time is the second or third field.
    const WITHIN: usize = 96;
    let head = &payload[..payload.len().min(WITHIN)];
    let at = head.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// A kept HTTP connection.
pub struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Http {
    pub async fn connect(address: SocketAddr) -> Result<Http, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Http { stream, buffer: Vec::new() })
    }

    /// Sends a request and gives the status and the body of its reply.
    pub async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8]), String> {
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await.map_err(|error| error.to_string())? == 0 {
                return Err("the server closed the connection".to_owned());
            }
            let Some(head) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&self.buffer[..head]).map_err(|error| error.to_string())?;
            let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or("a reply without status")?;
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).ok_or("a reply without length")?;
            let body = head + 4;
            if self.buffer.len() >= body + length {
                return Ok((status, &self.buffer[body..body + length]));
            }
        }
    }
}
