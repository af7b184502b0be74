//! How long an order takes inside the daemon: from the frame that closes a bar to the order's bytes in the socket, while so
//! many frames come in a second.
//!
//! ```text
//! cargo run --release --example latency -- --seconds 120
//! ```
//!
//! Everything on the way is the shipped code: the feed on its connections, the loop, the engine with a strategy, the recorder,
//! the ledger, and Binance's client with its signature, on the threads that the daemon has. A local sender plays the streams on
//! a schedule that waits for nobody; the exchange of this program is the venue, behind a relay. When a frame was read is the
//! stamp that the feed gave to what it said; when an order's bytes were in the socket the kernel tells. So the rows from
//! "frame read" on are the daemon's own time, and those from "frame written" on hold the way through the kernel and the waking of
//! the daemon too. A last row counts from when the frame was due. Session time runs ten times as fast as the wall's, so that
//! bars close often. How often and how long the machine itself holds a thread up that only looks at the clock is told as well:
//! nothing here can be steadier than that.

mod machine;
mod market;
mod relay;
mod still;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Parser;
use hdrhistogram::Histogram;
use live_trading_launcher::clock::{Clock, Pace, SessionClock};
use live_trading_launcher::coordinator::{self, Coordinator, Ends, Place, Plan};
use live_trading_launcher::engine::{self, Rooms};
use live_trading_launcher::feed::{Feed, FeedError, FeedRecord};
use live_trading_launcher::protocol::{Bar, Event, FeedShape, MarketData, MarketEvent, OrderKind, VenueRequest, View};
use live_trading_launcher::pulse::Pulses;
use live_trading_launcher::serve::{self, AccountSpec, Options};
use live_trading_launcher::strategy::{
    EmaCrossSettings, OversoldBounceSettings, RegimeSettings, Settings as StrategySettings, ShortTheRipSettings,
};
use live_trading_launcher::types::{InstrumentId, Instruments, Rate, Span, Timeframe, Timestamp, Usdt};
use live_trading_launcher::venue::binance::{BinanceFeed, BinanceVenue, Settings, Surroundings, Way, Wiring};
use live_trading_launcher::venue::{Venue, VenueError};
use live_trading_launcher::{exchange, market as market_room, orders, recorder, risk};
use secrecy::SecretString;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use market::{Closes, Market, aside, nanos};

/// Seconds of session time in one of the wall's.
const SPEED: f64 = 10.0;

/// Measures the way of an order through the daemon.
#[derive(Debug, Clone, Parser)]
struct Flags {
    /// How long
    #[arg(long, default_value = "60")]
    seconds: u64,
    /// Frames in a second
    #[arg(long, default_value = "10000")]
    rate: u64,
    /// Symbols; a bar of each closes every six seconds, and most such bars mean an order
    #[arg(long, default_value = "100")]
    symbols: usize,
    /// Where the ledger is to lie; without it in memory, if the machine has such a place, so that the disk is not measured
    #[arg(long)]
    ledger: Option<PathBuf>,
}

/// What is known of an order's way: nanoseconds of uptime.
#[derive(Debug, Clone, Copy)]
struct Way4 {
    due: u64,
    written: u64,
    received: u64,
    taken: u64,
    handed_over: u64,
    commit: u64,
}

/// The last bar of a symbol: when the feed had read it and when the loop took it, in nanoseconds of uptime, and the instant of
/// session time that it was stamped with on arrival, which is that of the step that it brings.
#[derive(Debug, Default)]
struct Taken {
    received: AtomicU64,
    when: AtomicU64,
    step: AtomicI64,
}

/// The feed, and the last bar of each symbol.
struct Watched {
    feed: BinanceFeed,
    time: SessionClock,
    taken: Arc<Vec<Taken>>,
}

impl Feed for Watched {
    fn shape(&self) -> FeedShape {
        self.feed.shape()
    }
    fn instruments(&self) -> &Instruments {
        self.feed.instruments()
    }
    fn identity(&self) -> String {
        self.feed.identity()
    }
    fn describe(&self) -> String {
        self.feed.describe()
    }
    fn start_at(&self) -> Timestamp {
        self.feed.start_at()
    }
    fn next_at(&mut self) -> Option<Timestamp> {
        self.feed.next_at()
    }
    fn has_ended(&mut self) -> bool {
        self.feed.has_ended()
    }
    fn behind(&self) -> Span {
        self.feed.behind()
    }
    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        let record = self.feed.next();
        if let Some(Ok(FeedRecord { at, event: MarketEvent { instrument, data: MarketData::Bar(_) } })) = &record {
            let taken = &self.taken[instrument.index()];
            let (now, waited) = (nanos(&self.time.clock()), self.time.wall_span(self.time.now() - *at));
            taken.received.store(now.saturating_sub(waited.as_nanos() as u64), Relaxed);
            taken.when.store(now, Relaxed);
            taken.step.store(at.as_nanos(), Relaxed);
        }
        record
    }
    fn history(&mut self, id: InstrumentId, of: Timeframe, bars: usize, at: Timestamp) -> Result<Vec<Bar>, FeedError> {
        self.feed.history(id, of, bars, at)
    }
    fn backfill(&mut self, id: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        self.feed.backfill(id, from, until)
    }
    fn ask_history(
        &mut self,
        id: InstrumentId,
        of: Timeframe,
        bars: usize,
        at: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.feed.ask_history(id, of, bars, at)
    }
    fn ask_backfill(
        &mut self,
        id: InstrumentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.feed.ask_backfill(id, from, until)
    }
    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        self.feed.seek(at)
    }
    fn restart(&mut self, id: InstrumentId) {
        self.feed.restart(id);
    }
}

type Ways = Arc<Mutex<BTreeMap<String, Way4>>>;

/// The venue, and when it was handed each market order.
struct Handed {
    venue: BinanceVenue,
    clock: Clock,
    pulses: Arc<Pulses>,
    closes: Arc<Closes>,
    taken: Arc<Vec<Taken>>,
    ways: Ways,
}

impl Venue for Handed {
    fn name(&self) -> &str {
        self.venue.name()
    }
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent) -> Result<(), VenueError> {
        self.venue.on_market(at, event)
    }
    fn send(&mut self, at: Timestamp, request: VenueRequest) -> Result<(), VenueError> {
        // Orders that something else brought about, such as the fill that an entry waited for, are no answer to a frame.
        if let VenueRequest::Submit(order) = &request
            && order.kind == OrderKind::Market
            && self.taken[order.instrument.index()].step.load(Relaxed) == at.as_nanos()
        {
            let place = order.instrument.index();
            let way = Way4 {
                due: self.closes.due[place].load(Relaxed),
                written: self.closes.written[place].load(Relaxed),
                received: self.taken[place].received.load(Relaxed),
                taken: self.taken[place].when.load(Relaxed),
                handed_over: nanos(&self.clock),
                commit: self.pulses.snapshot().ledger.latency_last.map_or(0, |span| span.as_nanos() as u64),
            };
            self.ways.lock().unwrap_or_else(PoisonError::into_inner).insert(order.client_id.to_string(), way);
        }
        self.venue.send(at, request)
    }
    fn next_due(&self) -> Option<Timestamp> {
        self.venue.next_due()
    }
    fn poll(&mut self, until: Timestamp) -> Result<Option<(Timestamp, Event)>, VenueError> {
        self.venue.poll(until)
    }
}

fn main() {
    let flags = Flags::parse();
    let folder = match &flags.ledger {
        Some(place) => tempfile::tempdir_in(place),
        None if Path::new("/dev/shm").is_dir() => tempfile::tempdir_in("/dev/shm"),
        None => tempfile::tempdir(),
    };
    let folder = folder.expect("a folder");
    let clock = Clock::start();
    let machine = machine::look(clock);
    let venue = venue(flags.symbols, clock);
    let orders = relay::Orders::default();
    let relay = relay::start(venue, clock, Arc::clone(&orders)).expect("a relay");
    let beside = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let loop_thread = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let trading = trade(&flags, folder.path(), (venue, relay), clock, beside.handle().clone());
    let (ways, sent) = loop_thread.block_on(trading);
    let orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
    report(&machine, &ways, &orders, &sent);
    beside.shutdown_timeout(Duration::from_secs(2));
}

/// The exchange of this program on threads of its own.
fn venue(symbols: usize, clock: Clock) -> std::net::SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        aside();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut account = AccountSpec::demo();
            account.config.balance = Usdt::whole(10_000_000);
            let options = Options { accounts: vec![account], speed: SPEED, limits: false, ..Options::default() };
            let feed = Box::new(still::Still::new(symbols, clock.wall()));
            let server = serve::start(options, exchange::Settings::default(), feed, clock).await.expect("a server");
            sender.send(server.address()).expect("somebody waits");
            server.run().await.expect("it serves");
        });
    });
    receiver.recv().expect("an address")
}

fn rooms() -> Rooms {
    let all = StrategySettings::default();
    let strategy = StrategySettings {
        oversold_bounce: OversoldBounceSettings { enabled: false, ..all.oversold_bounce },
        short_the_rip: ShortTheRipSettings { enabled: false, ..all.short_the_rip },
        ema_cross: EmaCrossSettings {
            enabled: true,
            timeframe: Timeframe::M1,
            fast: 2,
            slow: 3,
            stop_min: Rate::percent(2),
            trail: false,
            ..all.ema_cross
        },
        ..all
    };
    let risk = risk::Settings {
        capital_usdt: Usdt::whole(10_000_000),
        position_usdt: Some(Usdt::whole(1_000)),
        open_positions: 1_000,
        daily_loss: Rate::percent(100),
        drawdown: Rate::percent(100),
        stop_out_pause: Span::ZERO,
        cooldown: Span::ZERO,
        orders_per_minute: 100_000,
        orders_per_day: 10_000_000,
        ..risk::Settings::default()
    };
    Rooms {
        engine: engine::Settings::default(),
        market: market_room::Settings { quote_cadence: Some(Span::secs(10)), ..market_room::Settings::default() },
        orders: orders::Settings::default(),
        strategy,
        regime: RegimeSettings::demo(),
        risk,
    }
}

async fn trade(
    flags: &Flags,
    dir: &Path,
    (venue, relay): (std::net::SocketAddr, std::net::SocketAddr),
    clock: Clock,
    beside: Handle,
) -> (BTreeMap<String, Way4>, market::Sent) {
    let (tracker, cancel, arrivals) = (TaskTracker::new(), CancellationToken::new(), Arc::new(Notify::new()));
    let of_venue = Settings {
        rest_url: format!("http://{relay}"),
        account_url: format!("http://{relay}"),
        stream_url: format!("ws://{venue}"),
        ..Settings::default()
    };
    let (since, wall) = (clock.uptime(), clock.wall());
    let guess = SessionClock::running(clock, wall, since, SPEED);
    let offset = Way::new(&of_venue, None, guess, None).expect("a way").measure().await.expect("its time");
    let time = SessionClock::running(clock, wall + offset, since, SPEED);
    let market = Arc::new(Market::new(clock, flags.symbols, flags.rate).expect("a market"));
    let stop = Arc::new(AtomicBool::new(false));
    let sending = {
        let (market, stop) = (Arc::clone(&market), Arc::clone(&stop));
        let connections = market.listen(time);
        std::thread::spawn(move || market.send(&connections, time, &stop))
    };
    let address = market.address;
    let of_market = Settings {
        rest_url: format!("http://{address}"),
        stream_url: format!("ws://{address}"),
        ..Settings::default()
    };
    let around =
        Surroundings::without_keys(&of_market, time, Arc::clone(&arrivals), tracker.clone(), cancel.child_token());
    let mut around = around.expect("a client");
    around.beside = beside.clone();
    let feed = BinanceFeed::open(&of_market, &still::symbols(flags.symbols), around).await.expect("a feed");
    let (key, secret) = (SecretString::from("demo-key".to_owned()), SecretString::from("demo-secret".to_owned()));
    let rooms = rooms();
    let wiring = Wiring {
        settings: &of_venue,
        way: Way::new(&of_venue, Some((&key, &secret)), time, Some(dir)).expect("a way"),
        instruments: feed.instruments().clone(),
        leverage: rooms.risk.leverage,
        clock: time,
        answer_deadline: rooms.orders.answer_deadline,
        arrivals: Arc::clone(&arrivals),
        tracker: tracker.clone(),
        beside: beside.clone(),
    };
    let (venue, account) = BinanceVenue::open(wiring).await.expect("a venue");
    let pulses = Pulses::new(&still::symbols(flags.symbols), false);
    let taken: Arc<Vec<Taken>> = Arc::new((0..flags.symbols).map(|_| Taken::default()).collect());
    let ways = Ways::default();
    let venue = Handed {
        venue,
        clock,
        pulses: Arc::clone(&pulses),
        closes: Arc::clone(&market.closes),
        taken: Arc::clone(&taken),
        ways: Arc::clone(&ways),
    };
    let plan = Plan {
        dir,
        feed: Box::new(Watched { feed, time, taken }),
        place: Place::Live { venue: Box::new(venue), account, instance: *b"00", shadow: Box::default() },
        rooms,
        seed: 1,
        recorder: Some(recorder::Settings::default()),
        config: String::new(),
        pulses,
        time: Some(time),
        arrivals,
    };
    let assembled = coordinator::assemble(plan, clock).expect("a session");
    let mut crank = assembled.crank;
    coordinator::start(&mut crank, assembled.recovered, Span::secs(60), |_| {}).await.expect("a start");
    let (_commands, commands) = mpsc::channel(1);
    let (_health, health) = mpsc::channel(1);
    let ended = CancellationToken::new();
    let ends = Ends {
        commands,
        health,
        stop: ended.clone(),
        view: watch::channel(Arc::new(View::default())).0,
        notify: Box::new(|_| {}),
    };
    let mut loop_ = Coordinator::new(crank, Pace::real(time), ends, coordinator::Settings::default());
    let (began, length) = (nanos(&clock), Duration::from_secs(flags.seconds));
    tracker.spawn(async move {
        tokio::time::sleep(length).await;
        ended.cancel();
    });
    loop_.run().await.expect("it trades to the end");
    stop.store(true, Relaxed);
    let sent = sending.join().expect("the sender ends").unwrap_or_else(|error| {
        eprintln!("the sender: {error}; the daemon gave a connection up");
        market::Sent::default()
    });
    let view = loop_.into_parts().0.session.engine().view();
    println!("{} signals acted on, {} fills, rejected {:?}", view.signals_accepted, view.fills, view.signals_rejected);
    cancel.cancel();
    let mut ways = std::mem::take(&mut *ways.lock().unwrap_or_else(PoisonError::into_inner));
    // Frames that came during the start waited for its end.
    ways.retain(|_, way| way.written >= began);
    (ways, sent)
}

fn report(
    machine: &machine::Machine,
    ways: &BTreeMap<String, Way4>,
    orders: &BTreeMap<String, u64>,
    sent: &market::Sent,
) {
    let told: Vec<(Way4, u64)> = ways
        .iter()
        .filter_map(|(id, way)| Some((*way, *orders.get(id)?)))
        .filter(|(way, arrived)| way.written > 0 && way.taken >= way.written && arrived >= &way.handed_over)
        .collect();
    println!(
        "{} frames, {:.0} a second; {} orders whose way is known, of {}",
        sent.frames,
        sent.frames as f64 / sent.seconds.max(1.0),
        told.len(),
        ways.len()
    );
    println!("{:52} {:>9} {:>9} {:>9} {:>9}", "microseconds", "p50", "p99", "p99.9", "most");
    let line = |name: &str, of: &dyn Fn(&(Way4, u64)) -> u64| row(name, told.iter().map(of));
    line("frame written → read by the feed", &|(way, _)| way.received.saturating_sub(way.written));
    line("read by the feed → taken by the loop", &|(way, _)| way.taken - way.received);
    line("taken → handed to the venue, without the commit", &|(way, _)| {
        (way.handed_over - way.taken).saturating_sub(way.commit)
    });
    line("the commit", &|(way, _)| way.commit);
    line("handed to the venue → bytes in the socket", &|(way, arrived)| arrived - way.handed_over);
    line("frame read → bytes, without the commit", &|(way, arrived)| {
        (arrived - way.received).saturating_sub(way.commit)
    });
    line("frame read → bytes, with the commit", &|(way, arrived)| arrived - way.received);
    line("frame written → bytes, without the commit", &|(way, arrived)| {
        (arrived - way.written).saturating_sub(way.commit)
    });
    line("frame written → bytes, with the commit", &|(way, arrived)| arrived - way.written);
    line("frame due → bytes, with the commit", &|(way, arrived)| arrived - way.due);
    row("how late the sender wrote", sent.late.iter().copied());
    let held_up = format!("the machine: a thread held up, {} times a second", machine.per_second);
    row(&held_up, machine.held_up.iter().copied());
    row("the machine: from waking a thread until it runs", machine.until_it_ran.iter().copied());
    row("the machine: what that takes from who wakes it", machine.waking.iter().copied());
}

fn row(name: &str, values: impl Iterator<Item = u64>) {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("bounds");
    values.for_each(|value| histogram.saturating_record(value.max(1)));
    let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
    println!("{name:52} {:9.1} {:9.1} {:9.1} {:9.1}", at(0.5), at(0.99), at(0.999), histogram.max() as f64 / 1e3);
}
