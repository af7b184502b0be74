//! WebSocket connections: the upgrade, and which kind of connection a path opens.

mod api;
mod connection;
mod life;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Shared;
use super::http::{Reply, refusal};
use super::topic::Entrance;
use super::wire::Wire;
use crate::venue::binance::error::ApiError;
use crate::venue::binance::form::Form;

/// Longest message of a client: a thousand names of streams.
const MAX_MESSAGE: usize = 64 << 10;
/// What is read at once. The usual 128 KiB a connection is far more than clients send.
const READ_BUFFER: usize = 8 << 10;
/// What may be written ahead of the network.
const WRITE_BUFFER: usize = 16 << 10;
const MAX_WRITE_BUFFER: usize = 1 << 20;

/// What a client may send before a message is whole: the longest message, in as many frames as it has bytes left for.
const ALLOWANCE: usize = 2 * MAX_MESSAGE;

/// An upgraded connection.
type Socket = WebSocketStream<Wire>;

/// What a path opens.
#[derive(Debug, PartialEq, Eq)]
enum Door {
    /// The WebSocket API; do its answers tell the rate limits?
    Api { limits: bool },
    /// Streams.
    Streams { entrance: Entrance, combined: bool, names: Vec<String>, listen: Option<(String, Vec<String>)> },
}

/// Opens a WebSocket connection, and leaves a task of its own with it.
pub(crate) fn upgrade(shared: Arc<Shared>, peer: SocketAddr, mut request: Request<Incoming>) -> Reply {
    let Some(door) = door(request.uri().path(), request.uri().query().unwrap_or_default()) else {
        return refusal(&ApiError::new(-5000, "There is no stream here.").with_status(404));
    };
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes())) else {
        return refusal(&ApiError::new(-1102, "A WebSocket needs a Sec-WebSocket-Key.").with_status(400));
    };
    let Ok(accept) = HeaderValue::from_str(&key) else {
        return refusal(&ApiError::of(-1000));
    };
    let upgraded = hyper::upgrade::on(&mut request);
    let tracker = shared.tracker.clone();
    tracker.spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(MAX_WRITE_BUFFER)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let Ok(parts) = upgraded.downcast::<TokioIo<Wire>>() else { return };
        let (mut wire, read) = (parts.io.into_inner(), parts.read_buf.to_vec());
        wire.allow(ALLOWANCE);
        let socket = WebSocketStream::from_partially_read(wire, read, Role::Server, Some(config)).await;
        match door {
            Door::Api { limits } => api::run(shared, peer, socket, limits).await,
            Door::Streams { entrance, combined, names, listen } => {
                connection::run(shared, socket, entrance, combined, names, listen).await;
            }
        }
    });
    let mut reply = Response::new(Full::new(Bytes::new()));
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    reply
}

/// Reads a path: `/ws/a/b`, `/stream?streams=a/b`, either below `/public`, `/market` or `/private`, a listen key in
/// the place of a stream's name or as `listenKey`, and `/ws-fapi/v1`. A name without `@`, which some clients put
/// there to tell their connections apart, subscribes to nothing.
fn door(path: &str, query: &str) -> Option<Door> {
    if path.trim_end_matches('/') == "/ws-fapi/v1" {
        let params = Form::parse(&[query.as_bytes()]).ok()?;
        return Some(Door::Api { limits: params.get("returnRateLimits") != Some("false") });
    }
    let (entrance, rest) =
        [("/public", Entrance::Public), ("/market", Entrance::Market), ("/private", Entrance::Private)]
            .into_iter()
            .find_map(|(prefix, entrance)| Some((entrance, path.strip_prefix(prefix)?)))
            .unwrap_or((Entrance::Any, path));
    let params = Form::parse(&[query.as_bytes()]).ok()?;
    let split = |text: &str| text.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (combined, mut names) = match rest.strip_prefix("/stream") {
        Some("" | "/") => (true, params.get("streams").map(split).unwrap_or_default()),
        Some(_) => return None,
        None => {
            let names = rest.strip_prefix("/ws")?;
            if !names.is_empty() && !names.starts_with('/') {
                return None;
            }
            (false, split(names))
        }
    };
    names.truncate(super::hub::MAX_STREAMS);
    let listen = params.get("listenKey").map(|key| {
        let events = params.get("events").map(split).unwrap_or_default();
        (key.to_owned(), events)
    });
    Some(Door::Streams { entrance, combined, names, listen })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_path_opens_its_door() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let streams = |entrance, combined, list: &[&str]| {
            Some(Door::Streams { entrance, combined, names: names(list), listen: None })
        };
        for (path, query, expect) in [
            ("/ws", "", streams(Entrance::Any, false, &[])),
            ("/ws/a@trade/b@trade", "", streams(Entrance::Any, false, &["a@trade", "b@trade"])),
            ("/stream", "streams=a@trade/b@trade", streams(Entrance::Any, true, &["a@trade", "b@trade"])),
            ("/market/stream", "", streams(Entrance::Market, true, &[])),
            ("/public/ws/0", "", streams(Entrance::Public, false, &["0"])),
            ("/ws-fapi/v1", "", Some(Door::Api { limits: true })),
            ("/ws-fapi/v1/", "returnRateLimits=false", Some(Door::Api { limits: false })),
            ("/", "", None),
            ("/wsx", "", None),
            ("/streams", "", None),
        ] {
            assert_eq!(door(path, query), expect, "{path}?{query}");
        }
        let listening = Door::Streams {
            entrance: Entrance::Private,
            combined: false,
            names: Vec::new(),
            listen: Some(("K".to_owned(), names(&["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]))),
        };
        assert_eq!(door("/private/ws", "listenKey=K&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"), Some(listening));
    }
}
