//! Starting and ending the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::books::Books;
use super::keyring::{AccountSpec, Keyring};
use super::limits::Limits;
use super::owner::{self, Owner};
use super::shift::ShiftedFeed;
use super::state::{self, Keeper, Kept, Revived};
use super::time::ServerTime;
use super::world::World;
use super::{Handle, ServeError, Shared, accept, faults};
use crate::clock::Clock;
use crate::exchange::{self, Exchange};
use crate::feed::Feed;
use crate::types::{Span, Timestamp};

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port; 0 takes any that is free.
    pub port: u16,
    /// Accounts and their keys; at least one.
    pub accounts: Vec<AccountSpec>,
    /// Seconds of server time in a second of the wall's.
    pub speed: f64,
    /// Seed of the exchange's randomness and of the keys that it gives out.
    pub seed: u64,
    /// Where the state is kept, if it is.
    pub state: Option<PathBuf>,
    /// Are rate limits held?
    pub limits: bool,
    /// Is there a control endpoint?
    pub control: bool,
    /// Do streams of `/market` stay away from the entrance without a part, as at Binance since April 2026?
    pub strict_routes: bool,
    /// Server time at the start, if it is not the wall's.
    pub starts_at: Option<Timestamp>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            accounts: vec![AccountSpec::demo()],
            speed: 1.0,
            seed: 1,
            state: None,
            limits: true,
            control: false,
            strict_routes: false,
            starts_at: None,
        }
    }
}

/// A server that listens and has not begun to work.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Handle,
    stop: CancellationToken,
    listener: TcpListener,
    owner: OwnerCell,
}

/// The owner, which cannot be shown.
struct OwnerCell(Owner);

impl std::fmt::Debug for OwnerCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Owner")
    }
}

/// Prepares a server: its market is wound to now, its accounts are open, and its port is bound.
///
/// # Errors
/// If an account, the feed, the state file or the address cannot be used.
pub async fn start(
    options: Options,
    settings: exchange::Settings,
    feed: Box<dyn Feed>,
    clock: Clock,
) -> Result<Server, ServeError> {
    let keyring = Keyring::new(&options.accounts)?;
    let wall = clock.wall();
    let market = format!("{}; accounts of {}", feed.identity(), options.accounts.len());
    let opened = options.state.as_deref().map(|path| state::open(path, &market)).transpose()?;
    let (connection, revived) = match opened {
        Some((connection, revived)) => (Some(connection), revived),
        None => (None, None),
    };
    let origin = match &revived {
        Some(revived) => resumed(&revived.kept, wall),
        None => options.starts_at.unwrap_or(wall),
    };
    let time = ServerTime::new(clock, origin, options.speed);
    let (mut exchange, books, mut feed, kept) = match revived {
        Some(revived) => revive(revived, feed, &options)?,
        None => begin(feed, &options, settings, origin, wall),
    };
    catch_up(&mut exchange, &mut feed, time.now())?;
    let mut world = World::new(exchange, books, feed, options.seed, time.now())?;
    world.restore_deadlines();
    world.rights = world
        .exchange
        .accounts()
        .zip(&options.accounts)
        .map(|(id, spec)| (id, (spec.may_trade, spec.may_withdraw)))
        .collect();
    let keeper = match (connection, options.state.as_deref()) {
        (Some(connection), Some(path)) => {
            world.unkept = Some(Vec::new());
            let kept = Kept { origin, wall, speed: millionths(options.speed), ..kept };
            Some(Keeper::new(connection, path, market, kept))
        }
        _ => None,
    };
    world.tell();
    let (commands, queue) = mpsc::channel(owner::QUEUE);
    let stop = CancellationToken::new();
    let shared = Arc::new(Shared {
        commands,
        keyring,
        limits: Limits::new(options.limits),
        faults: faults::Faults::default(),
        time: time.clone(),
        connections: AtomicU64::new(1),
        control: options.control,
        tracker: TaskTracker::new(),
        cancel: CancellationToken::new(),
    });
    let owner =
        Owner { world, commands: queue, time, stop: stop.clone(), keeper, strict_routes: options.strict_routes };
    let wanted = SocketAddr::new(options.bind, options.port);
    let failed = |error: std::io::Error| ServeError::Listen { address: wanted.to_string(), reason: error.to_string() };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Server { address, shared, stop, listener, owner: OwnerCell(owner) })
}

fn begin(
    feed: Box<dyn Feed>,
    options: &Options,
    settings: exchange::Settings,
    origin: Timestamp,
    wall: Timestamp,
) -> (Exchange, Books, ShiftedFeed, Kept) {
    let feed = ShiftedFeed::starting_at(feed, origin);
    // The network brings its own delays.
    let settings = exchange::Settings { request_latency: Vec::new(), report_latency: Vec::new(), ..settings };
    let instruments = feed.feed().instruments().clone();
    let mut exchange = Exchange::new(settings, instruments, feed.feed().shape(), options.seed);
    exchange.advance(feed.start_at());
    for spec in &options.accounts {
        exchange.open_account(spec.config);
    }
    let keys = options.accounts.iter().map(|spec| spec.key.clone()).collect();
    let kept = Kept { shift: feed.shift(), origin, wall, speed: millionths(options.speed), keys };
    (exchange, Books::default(), feed, kept)
}

fn revive(
    revived: Revived,
    feed: Box<dyn Feed>,
    options: &Options,
) -> Result<(Exchange, Books, ShiftedFeed, Kept), ServeError> {
    let Revived { exchange, journal, kept } = revived;
    let keys: Vec<String> = options.accounts.iter().map(|spec| spec.key.clone()).collect();
    if keys != kept.keys {
        let what = format!("it holds the accounts {}; give the same, in the same order", kept.keys.join(", "));
        let path = options.state.as_deref().unwrap_or(std::path::Path::new("")).display().to_string();
        return Err(ServeError::State(format!("{path}: {what}")));
    }
    let mut feed = ShiftedFeed::with_shift(feed, kept.shift);
    feed.seek(exchange.now())?;
    let mut books = Books::default();
    books.learn(&journal);
    Ok((exchange, books, feed, kept))
}

/// Server time now, if it had gone on as it was.
fn resumed(kept: &Kept, wall: Timestamp) -> Timestamp {
    let passed = wall.since(kept.wall).as_nanos().max(0) as f64 * (kept.speed as f64 / 1e6);
    kept.origin + Span::nanos(passed as i64)
}

fn millionths(speed: f64) -> u64 {
    (speed * 1e6).round() as u64
}

/// Works through what the market did before anybody could ask.
fn catch_up(exchange: &mut Exchange, feed: &mut ShiftedFeed, now: Timestamp) -> Result<(), ServeError> {
    while feed.next_at().is_some_and(|at| at <= now) {
        match feed.next() {
            Some(Ok((at, Some(event)))) => exchange.advance_market(at, &event),
            Some(Ok((_, None))) => {}
            Some(Err(error)) => return Err(error.into()),
            None => break,
        }
    }
    exchange.advance(now);
    Ok(())
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it once it runs: connections are closed, and [`Server::run`] returns.
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Are rate limits held?
    pub fn has_limits(&self) -> bool {
        self.shared.limits.are_on()
    }

    /// What the market is.
    pub fn describe(&self) -> String {
        self.owner.0.world.feed().feed().describe()
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// If the feed turns out damaged, or the state cannot be kept.
    pub async fn run(self) -> Result<(), ServeError> {
        /// Connections that do not end within this time are left.
        const JOIN_WITHIN: Duration = Duration::from_secs(2);
        let Server { shared, listener, owner, stop, .. } = self;
        shared.tracker.spawn(accept::run(shared.clone(), listener));
        // On a thread of the pool, the connections that it wakes are next to it.
        let done = match shared.tracker.spawn(owner.0.run()).await {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        stop.cancel();
        shared.cancel.cancel();
        shared.tracker.close();
        if tokio::time::timeout(JOIN_WITHIN, shared.tracker.wait()).await.is_err() {
            tracing::warn!(connections = shared.tracker.len(), "connections would not end and are left");
        }
        done
    }
}
