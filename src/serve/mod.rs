//! `exchange`: the simulated exchange behind the protocol of Binance USDⓈ-M futures, over HTTP and WebSocket, for
//! anybody's client.
//!
//! One task owns the `world`: the exchange, the feed that moves it, the books and the streams. Connections send it
//! commands over a bounded queue; streams are fanned out as bytes that were written once. `routes` is the table of
//! everything that can be asked.

mod accept;
mod auth;
mod books;
mod call;
mod control;
mod faults;
mod http;
mod hub;
mod keyring;
mod limits;
mod listen;
mod market;
mod owner;
mod rest;
mod route;
mod routes;
mod server;
mod shift;
mod socket;
mod state;
mod streams;
mod time;
mod topic;
mod wire;
mod world;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use keyring::AccountSpec;
pub use server::{Options, Server, start};

use crate::feed::FeedError;
use crate::types::Timestamp;

/// Why the server cannot go on, or cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An account cannot be opened.
    #[error("{0}")]
    Account(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The feed is damaged.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The state file cannot be used.
    #[error("--state {0}")]
    State(String),
}

/// What every connection has a hand on.
#[derive(Debug)]
struct Shared {
    commands: mpsc::Sender<owner::Command>,
    keyring: keyring::Keyring,
    limits: limits::Limits,
    faults: faults::Faults,
    time: time::ServerTime,
    connections: AtomicU64,
    control: bool,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Shared {
    /// The time that rate limits are counted in: the wall's, however fast the market goes.
    fn limits_now(&self) -> Timestamp {
        self.time.clock().wall()
    }
}

/// A handle that connections share.
type Handle = Arc<Shared>;
