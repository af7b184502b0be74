//! A connection for streams: what the hub hands over goes out, what the client asks goes to the owner.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::Socket;
use super::life::Life;
use crate::serve::Shared;
use crate::serve::hub::{Outgoing, QUEUE};
use crate::serve::owner::Command;
use crate::serve::streams;
use crate::serve::topic::Entrance;

/// A client that does not take what was written in one go within this time is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Messages that a client may send in a second, as at Binance.
const PER_SECOND: u32 = 10;
/// Messages that are written in one go.
const MOST_AT_ONCE: usize = 256;

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
    let mut life = Life::begin(shared.time.clock(), PER_SECOND);
    let mut pings = life.pings();
    let ended = shared.cancel.cancelled();
    tokio::pin!(ended);
    loop {
        let done = tokio::select! {
            () = ended.as_mut() => Err(CloseCode::Away),
            message = outgoing.recv() => match message {
                Some(first) => tell(socket, first, outgoing).await,
                // The hub has cut it off.
                None => Err(CloseCode::Policy),
            },
            message = socket.next() => match message {
                Some(Ok(message)) => match life.hear(socket) {
                    Ok(()) => hear(shared, entrance, id, message).await,
                    Err(code) => Err(code),
                },
                Some(Err(_)) | None => Err(CloseCode::Abnormal),
            },
            _ = pings.tick() => ping(shared, socket, &life).await,
        };
        if let Err(code) = done {
            return code;
        }
    }
}

/// Writes an event and those that wait behind it, in one go.
async fn tell(socket: &mut Socket, first: Outgoing, outgoing: &mut mpsc::Receiver<Outgoing>) -> Result<(), CloseCode> {
    let writing = async {
        socket.feed(Message::Text(first)).await?;
        for _ in 1..MOST_AT_ONCE {
            let Ok(text) = outgoing.try_recv() else { break };
            socket.feed(Message::Text(text)).await?;
        }
        socket.flush().await
    };
    written(timeout(WRITE_WITHIN, writing).await)
}

/// Passes on what the client asks for.
async fn hear(shared: &Shared, entrance: Entrance, id: u64, message: Message) -> Result<(), CloseCode> {
    match message {
        Message::Text(text) => {
            let asked = Box::new(streams::read(&text));
            shared.commands.send(Command::Ask { id, entrance, asked }).await.map_err(|_| CloseCode::Away)
        }
        Message::Ping(_) | Message::Pong(_) => Ok(()),
        Message::Binary(_) => Err(CloseCode::Unsupported),
        Message::Close(_) | Message::Frame(_) => Err(CloseCode::Normal),
    }
}

/// Looks whether the client is still there.
pub(super) async fn ping(shared: &Shared, socket: &mut Socket, life: &Life) -> Result<(), CloseCode> {
    if life.is_over() {
        return Err(CloseCode::Away);
    }
    let payload = Bytes::from(shared.time.told().as_millis().to_string());
    send(socket, Message::Ping(payload)).await
}

/// Writes a message.
pub(super) async fn send(socket: &mut Socket, message: Message) -> Result<(), CloseCode> {
    written(timeout(WRITE_WITHIN, socket.send(message)).await)
}

fn written<E>(done: Result<Result<(), E>, tokio::time::error::Elapsed>) -> Result<(), CloseCode> {
    match done {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(CloseCode::Abnormal),
    }
}

/// Says why and ends; a client that does not take it is left.
pub(super) async fn close(socket: &mut Socket, code: CloseCode) {
    let frame = CloseFrame { code, reason: "".into() };
    if code != CloseCode::Abnormal {
        let _ = timeout(WRITE_WITHIN, socket.close(Some(frame))).await;
    }
}
