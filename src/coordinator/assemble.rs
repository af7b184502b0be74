//! Puts a session together from its parts, and finds where a restart goes on.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

use super::{Crank, RunError};
use crate::clock::{Clock, SessionClock};
use crate::engine::{Engine, Identity, Rooms};
use crate::exchange::{AccountConfig, MarginMode};
use crate::feed::Feed;
use crate::ledger::{self, EpochRule, Ledger, SessionStart};
use crate::protocol::{Recovered, SCHEMA_VERSION};
use crate::pulse::Pulses;
use crate::recorder::{self, Header, Overflow, Recorder, RecorderThread};
use crate::session::Session;
use crate::shadow::Shadow;
use crate::types::{Instruments, Span, Timestamp, Usdt};
use crate::venue::Venue;
use crate::venue::paper::{MarketPosition, PaperVenue};

/// The account part of client order ids on paper.
const PAPER_ACCOUNT: [u8; 4] = *b"papr";

/// What a session is made of.
pub struct Plan<'a> {
    /// The state directory, locked by the caller.
    pub dir: &'a Path,
    /// Where market data comes from.
    pub feed: Box<dyn Feed>,
    /// Where orders go.
    pub place: Place,
    /// The engine's rooms.
    pub rooms: Rooms,
    /// Of everything random.
    pub seed: u64,
    /// The black box; none if it is switched off.
    pub recorder: Option<recorder::Settings>,
    /// The effective configuration, secrets redacted.
    pub config: String,
    /// What every stage stamps.
    pub pulses: Arc<Pulses>,
    /// Session time beside a market that does not wait; none if the feed says what time it is.
    pub time: Option<SessionClock>,
    /// Told by feed and venue when something has arrived.
    pub arrivals: Arc<Notify>,
}

/// Where orders go.
pub enum Place {
    /// To the simulated exchange, in this process.
    Paper {
        /// How it works.
        exchange: Box<crate::exchange::Settings>,
        /// What goes wrong at it.
        faults: Box<crate::exchange::faults::Settings>,
    },
    /// To a real one.
    Live {
        /// The way to it, which stands.
        venue: Box<dyn Venue>,
        /// The account's name there.
        account: String,
        /// The two characters in client order ids, if the ledger is made now.
        instance: [u8; 2],
        /// How the exchange works that each order is put to as well.
        shadow: Box<crate::exchange::Settings>,
    },
}

/// A session that is ready to be started.
pub struct Assembled {
    /// The session's machinery.
    pub crank: Crank,
    /// What the ledger knew.
    pub recovered: Recovered,
    /// The engine's limits, for the banner.
    pub limits: Vec<(&'static str, String)>,
    /// Where the recording is, if there is one.
    pub recording: Option<std::path::PathBuf>,
}

/// Opens everything that a session needs.
///
/// # Errors
/// If the ledger or the paper venue's file is damaged, of another session, or cannot be written.
pub fn assemble(mut plan: Plan<'_>, clock: Clock) -> Result<Assembled, RunError> {
    let instruments = plan.feed.instruments().clone();
    let wall = clock.wall();
    let epoch = if plan.time.is_some() { EpochRule::Minutes } else { EpochRule::Counted };
    let mut start = SessionStart {
        wall,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config_hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(plan.config.as_bytes())),
        seed: plan.seed,
        instance: instance_of(plan.seed),
        epoch,
    };
    let real_money = matches!(plan.place, Place::Live { .. });
    let (ledger, recovered, venue, begin, account, beside) = match plan.place {
        Place::Paper { exchange, faults } => {
            let capital = (plan.rooms.risk.capital_usdt, plan.rooms.risk.leverage);
            let mut venue = open_venue(plan.dir, plan.feed.as_ref(), *exchange, *faults, plan.seed, capital)?;
            let identity = identity_of(ledger::PAPER, "paper", &String::from_utf8_lossy(&PAPER_ACCOUNT));
            let (ledger, recovered) = Ledger::open(plan.dir, &identity, &instruments, &start)?;
            let begin = match plan.time {
                None => resume(plan.feed.as_mut(), &mut venue, &recovered)?,
                Some(time) => recovered.last_at.into_iter().chain(known(venue.position())).fold(time.now(), Ord::max),
            };
            (ledger, recovered, Box::new(venue) as Box<dyn Venue>, begin, PAPER_ACCOUNT, None)
        }
        Place::Live { venue, account, instance, shadow } => {
            start.instance = instance;
            let identity = identity_of(ledger::LIVE, venue.name(), &account);
            let (ledger, recovered) = Ledger::open(plan.dir, &identity, &instruments, &start)?;
            let now = plan.time.map_or(wall, |time| time.now());
            let begin = recovered.last_at.map_or(now, |last| last.max(now));
            (ledger, recovered, venue, begin, tag_of(&account), Some(shadow))
        }
    };
    let shape = plan.feed.shape();
    let shadow = beside.map(|exchange| Shadow::new(*exchange, &instruments, shape, plan.seed, begin, &recovered));
    let ids = Identity { account, instance: ledger.instance() };
    let engine = Engine::new(plan.rooms, ids, &instruments, plan.feed.shape());
    let engine = if real_money { engine.capped_to_capital() } else { engine };
    let limits = engine.limits();
    let overflow = if plan.time.is_some() { Overflow::Gap } else { Overflow::Wait };
    let recorder = match plan.recorder {
        Some(settings) => {
            Some(open_recorder(plan.dir, settings, overflow, &plan.config, &engine, &instruments, &ledger)?)
        }
        None => None,
    };
    let recording = recorder.as_ref().map(|recorder| recorder.folder().to_path_buf());
    expect_cadences(&plan.pulses, &instruments, plan.feed.shape().mark);
    let session = Session::new(engine, begin, 0);
    let mut crank = Crank::new(session, plan.feed, venue, ledger, recorder, plan.pulses, clock);
    (crank.time, crank.arrivals, crank.shadow) = (plan.time, plan.arrivals, shadow);
    Ok(Assembled { crank, recovered, limits, recording })
}

fn identity_of(mode: &str, venue: &str, account: &str) -> ledger::Identity {
    ledger::Identity { mode: mode.to_owned(), venue: venue.to_owned(), account: account.to_owned() }
}

fn open_venue(
    dir: &Path,
    feed: &dyn Feed,
    exchange: crate::exchange::Settings,
    faults: crate::exchange::faults::Settings,
    seed: u64,
    (balance, leverage): (Usdt, u32),
) -> Result<PaperVenue, RunError> {
    let account = AccountConfig { balance, leverage, hedge: false, margin: MarginMode::Cross };
    let mut venue = PaperVenue::open(dir, &feed.identity(), exchange, feed.instruments(), feed.shape(), seed, account)?;
    venue.rehearse(faults, feed.start_at());
    Ok(venue)
}

/// Goes on from the later of the venue's market position and the ledger's last instant; the venue first works through
/// what lies between.
fn resume(feed: &mut dyn Feed, venue: &mut PaperVenue, recovered: &Recovered) -> Result<Timestamp, RunError> {
    let position = venue.position();
    let Some(last) = recovered.last_at.into_iter().chain(known(position)).max() else {
        return Ok(feed.start_at());
    };
    if let Some(at) = known(position) {
        feed.seek(at - Span::nanos(1))?;
        skip(feed, position)?;
    }
    while feed.next_at().is_some_and(|at| at <= last) {
        if let Some(record) = feed.next() {
            let record = record?;
            venue.on_market(record.at, &record.event)?;
        }
    }
    Ok(last)
}

fn known(position: MarketPosition) -> Option<Timestamp> {
    (position.records > 0).then_some(position.at)
}

/// Drops the records of the position's instant that the venue has already seen.
fn skip(feed: &mut dyn Feed, position: MarketPosition) -> Result<(), RunError> {
    for _ in 0..position.records {
        if feed.next_at() != Some(position.at) {
            break;
        }
        if let Some(record) = feed.next() {
            record?;
        }
    }
    Ok(())
}

fn open_recorder(
    dir: &Path,
    settings: recorder::Settings,
    overflow: Overflow,
    config: &str,
    engine: &Engine,
    instruments: &Instruments,
    ledger: &Ledger,
) -> Result<RecorderThread, RunError> {
    let header = Header {
        schema: SCHEMA_VERSION,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        session: format!("{:05}", ledger.session()),
        config: config.to_owned(),
        instruments: instruments.clone(),
        snapshot: engine.snapshot(),
        first_seq: 1,
    };
    let recorder = Recorder::open(dir, settings, header)?;
    Ok(RecorderThread::spawn(recorder, overflow)?)
}

/// A virtual session's instance comes from its seed, so that equal runs have equal ids.
fn instance_of(seed: u64) -> [u8; 2] {
    let [first, second, ..] = digits(xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes()));
    [first, second]
}

/// Four letters or digits that stand for an account in client order ids.
fn tag_of(account: &str) -> [u8; 4] {
    digits(xxhash_rust::xxh3::xxh3_64(account.as_bytes()))
}

fn digits(mut mixed: u64) -> [u8; 4] {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    std::array::from_fn(|_| {
        let digit = DIGITS[(mixed % 36) as usize];
        mixed /= 36;
        digit
    })
}

fn expect_cadences(pulses: &Arc<Pulses>, instruments: &Instruments, has_mark: bool) {
    let data = if has_mark { Span::SECOND } else { Span::MINUTE };
    instruments.ids().for_each(|id| pulses.expect(id, data, Span::MINUTE));
}
