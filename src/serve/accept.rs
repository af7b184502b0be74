//! Taking connections in: how many there may be, and how long one may take to ask for something.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::wire::Wire;
use super::{Handle, http};

/// Connections at once, WebSockets included; each costs a task and some buffers.
const MAX_CONNECTIONS: usize = 4_096;
/// Files that the process needs besides: the log, the state, the feed, the runtime's own.
const OTHER_FILES: usize = 64;
/// A connection that has not asked for anything within this time is cut off.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// Kept connections may idle for as long, as at Binance; headers that began to come may take as long.
const HEADERS_WITHIN: Duration = Duration::from_secs(75);
/// What is kept of a request's head: the longest path and query, and headers. It is some ten times what clients send.
const MAX_HEAD: usize = 32 << 10;
/// What a connection hears for which there is no place.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// After a connection could not be taken, which happens when the system has no room for it.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until the server ends.
pub(crate) async fn run(shared: Handle, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(room()));
    loop {
        let accepted = tokio::select! {
            () = shared.cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            // Its buffer is empty, so this does not wait; if it cannot be told, it sees that it was closed.
            let _ = stream.try_write(FULL);
            continue;
        };
        // Small messages leave at once.
        let _ = stream.set_nodelay(true);
        shared.tracker.spawn(serve(shared.clone(), Wire::new(stream, place), peer));
    }
}

/// Connections that there is room for. The system's limit of open files is raised as far as it goes, since the usual
/// one is lower than what a server needs.
fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (MAX_CONNECTIONS + OTHER_FILES) as u64;
    let allowed = limit.maximum.unwrap_or(wanted).min(wanted);
    if limit.current.is_some_and(|current| current < allowed) {
        // Where it may not be raised, the limit as it is counts below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum });
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(wanted).min(wanted);
    let room = usize::try_from(files).unwrap_or(MAX_CONNECTIONS).saturating_sub(OTHER_FILES).max(1);
    if room < MAX_CONNECTIONS {
        tracing::warn!(connections = room, "the limit of open files (ulimit -n) leaves room for fewer connections");
    }
    room
}

async fn serve(shared: Handle, wire: Wire, peer: SocketAddr) {
    let cancel = shared.cancel.clone();
    let asked = Arc::new(AtomicBool::new(false));
    let has_asked = asked.clone();
    let service = service_fn(move |request| {
        asked.store(true, Ordering::Relaxed);
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(http::answer(shared, peer, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    tokio::pin!(connection);
    let patience = tokio::time::sleep(FIRST_REQUEST_WITHIN);
    tokio::pin!(patience);
    let mut patient = true;
    loop {
        tokio::select! {
            // A client that breaks off is no error of ours.
            _ = connection.as_mut() => return,
            () = cancel.cancelled() => return connection.as_mut().graceful_shutdown(),
            () = patience.as_mut(), if patient => {
                if !has_asked.load(Ordering::Relaxed) {
                    return;
                }
                patient = false;
            }
        }
    }
}
