//! A connection for streams: what the hub hands over goes out, what the client asks goes to the owner.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::Socket;
use crate::serve::Shared;
use crate::serve::hub::{Outgoing, QUEUE};
use crate::serve::owner::Command;
use crate::serve::topic::Entrance;

/// How often the server pings, how long it waits for the answer, and how long a connection lives: as at Binance.
const PING_EVERY: Duration = Duration::from_secs(180);
const PONG_WITHIN: Duration = Duration::from_secs(600);
const LIFE: Duration = Duration::from_secs(86_400);
/// A client that takes nothing for as long is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Messages that a client may send in a second.
const PER_SECOND: u32 = 10;
/// Messages that are written in one go.
const MOST_AT_ONCE: usize = 256;

/// Counts what a client sends, second by second.
#[derive(Debug)]
pub(super) struct Incoming {
    second: Instant,
    count: u32,
    most: u32,
}

impl Incoming {
    pub(super) fn new(now: Instant, most: u32) -> Incoming {
        Incoming { second: now, count: 0, most }
    }

    /// Counts one more; says whether that is too many.
    pub(super) fn is_too_much(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.count) = (now, 0);
        }
        self.count += 1;
        self.count > self.most
    }
}

/// Serves a connection until either side ends it.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut socket: Socket,
    entrance: Entrance,
    combined: bool,
    names: Vec<String>,
    listen: Option<(String, Vec<String>)>,
) {
    let id = shared.connections.fetch_add(1, Ordering::Relaxed);
    let (queue, mut outgoing) = mpsc::channel(QUEUE);
    let connect = Command::Connect { id, queue, combined, entrance, names };
    if shared.commands.send(connect).await.is_err() {
        return;
    }
    if let Some((key, events)) = listen
        && shared.commands.send(Command::Listen { id, key, events }).await.is_err()
    {
        return;
    }
    let code = serve(&shared, &mut socket, entrance, id, &mut outgoing).await;
    // The owner may be gone, and the client too.
    let _ = shared.commands.send(Command::Disconnect { id }).await;
    close(&mut socket, code).await;
}

async fn serve(
    shared: &Shared,
    socket: &mut Socket,
    entrance: Entrance,
    id: u64,
    outgoing: &mut mpsc::Receiver<Outgoing>,
) -> CloseCode {
    let clock = shared.time.clock();
    let now = || clock.instant_at(clock.uptime());
    let (born, mut heard) = (now(), now());
    let mut next_ping = born + PING_EVERY;
    let mut incoming = Incoming::new(born, PER_SECOND);
    loop {
        tokio::select! {
            () = shared.cancel.cancelled() => return CloseCode::Away,
            message = outgoing.recv() => {
                let Some(first) = message else { return CloseCode::Policy };
                if socket.feed(Message::Text(first)).await.is_err() {
                    return CloseCode::Abnormal;
                }
                for _ in 1..MOST_AT_ONCE {
                    match outgoing.try_recv() {
                        Ok(text) => {
                            if !matches!(timeout(WRITE_WITHIN, socket.feed(Message::Text(text))).await, Ok(Ok(()))) {
                                return CloseCode::Abnormal;
                            }
                        }
                        Err(_) => break,
                    }
                }
                if !matches!(timeout(WRITE_WITHIN, socket.flush()).await, Ok(Ok(()))) {
                    return CloseCode::Abnormal;
                }
            }
            message = socket.next() => {
                let Some(Ok(message)) = message else { return CloseCode::Abnormal };
                heard = now();
                match message {
                    Message::Text(text) => {
                        if incoming.is_too_much(heard) {
                            return CloseCode::Policy;
                        }
                        let request = RawValue::from_string(text.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned());
                        if shared.commands.send(Command::Ask { id, entrance, request }).await.is_err() {
                            return CloseCode::Away;
                        }
                    }
                    Message::Ping(_) | Message::Pong(_) => {
                        if incoming.is_too_much(heard) {
                            return CloseCode::Policy;
                        }
                    }
                    Message::Binary(_) => return CloseCode::Unsupported,
                    Message::Close(_) | Message::Frame(_) => return CloseCode::Normal,
                }
            }
            () = tokio::time::sleep_until(next_ping) => {
                let at = now();
                if at.saturating_duration_since(heard) > PONG_WITHIN || at.saturating_duration_since(born) > LIFE {
                    return CloseCode::Away;
                }
                next_ping = at + PING_EVERY;
                let payload = Bytes::from(shared.time.told().as_millis().to_string());
                if !matches!(timeout(WRITE_WITHIN, socket.send(Message::Ping(payload))).await, Ok(Ok(()))) {
                    return CloseCode::Abnormal;
                }
            }
        }
    }
}

/// Says why and ends; a client that does not take it is left.
pub(super) async fn close(socket: &mut Socket, code: CloseCode) {
    let frame = CloseFrame { code, reason: "".into() };
    if code != CloseCode::Abnormal {
        let _ = timeout(WRITE_WITHIN, socket.close(Some(frame))).await;
    }
}
