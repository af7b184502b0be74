//! Puts a virtual session together from its parts, and finds where a restart goes on.

use std::path::Path;
use std::sync::Arc;

use super::{Crank, RunError};
use crate::clock::Clock;
use crate::engine::{Engine, Identity, Rooms};
use crate::exchange::{AccountConfig, MarginMode};
use crate::feed::Feed;
use crate::ledger::{self, EpochRule, Ledger, SessionStart};
use crate::protocol::{Recovered, SCHEMA_VERSION};
use crate::pulse::Pulses;
use crate::recorder::{self, Header, Overflow, Recorder, RecorderThread};
use crate::session::Session;
use crate::types::{Instruments, Span, Timestamp};
use crate::venue::Venue;
use crate::venue::paper::{MarketPosition, PaperVenue};

/// The account part of client order ids on paper.
const PAPER_ACCOUNT: [u8; 4] = *b"papr";

/// What a virtual session is made of.
pub struct Plan<'a> {
    /// The state directory, locked by the caller.
    pub dir: &'a Path,
    /// Where market data comes from.
    pub feed: Box<dyn Feed>,
    /// The engine's rooms.
    pub rooms: Rooms,
    /// The simulated exchange.
    pub exchange: crate::exchange::Settings,
    /// What goes wrong at it.
    pub faults: crate::exchange::faults::Settings,
    /// Of everything random.
    pub seed: u64,
    /// The black box; none if it is switched off.
    pub recorder: Option<recorder::Settings>,
    /// The effective configuration, secrets redacted.
    pub config: String,
    /// What every stage stamps.
    pub pulses: Arc<Pulses>,
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

/// Opens everything that a virtual session needs.
///
/// # Errors
/// If the ledger or the paper venue's file is damaged, of another session, or cannot be written.
pub fn assemble(mut plan: Plan<'_>, clock: Clock) -> Result<Assembled, RunError> {
    let instruments = plan.feed.instruments().clone();
    let identity = ledger::Identity {
        mode: ledger::PAPER.to_owned(),
        venue: "paper".to_owned(),
        account: String::from_utf8_lossy(&PAPER_ACCOUNT).into_owned(),
    };
    let mut venue = open_venue(&plan, &instruments)?;
    let start = SessionStart {
        wall: clock.wall(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config_hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(plan.config.as_bytes())),
        seed: plan.seed,
        instance: instance_of(plan.seed),
        epoch: EpochRule::Counted,
    };
    let (ledger, recovered) = Ledger::open(plan.dir, &identity, &instruments, &start)?;
    let begin = resume(&mut plan, &mut venue, &recovered)?;
    let ids = Identity { account: PAPER_ACCOUNT, instance: ledger.instance() };
    let engine = Engine::new(plan.rooms, ids, &instruments, plan.feed.shape());
    let limits = engine.limits();
    let recorder = match plan.recorder {
        Some(settings) => Some(open_recorder(plan.dir, settings, &plan.config, &engine, &instruments, &ledger)?),
        None => None,
    };
    let recording = recorder.as_ref().map(|recorder| recorder.folder().to_path_buf());
    expect_cadences(&plan.pulses, &instruments, plan.feed.shape().mark);
    let session = Session::new(engine, begin, 0);
    let crank = Crank::new(session, plan.feed, Box::new(venue), ledger, recorder, plan.pulses, clock);
    Ok(Assembled { crank, recovered, limits, recording })
}

fn open_venue(plan: &Plan<'_>, instruments: &Instruments) -> Result<PaperVenue, RunError> {
    let account = AccountConfig {
        balance: plan.rooms.risk.capital_usdt,
        leverage: plan.rooms.risk.leverage,
        hedge: false,
        margin: MarginMode::Cross,
    };
    let (market, shape) = (plan.feed.identity(), plan.feed.shape());
    let mut venue = PaperVenue::open(plan.dir, &market, plan.exchange.clone(), instruments, shape, plan.seed, account)?;
    venue.rehearse(plan.faults.clone(), plan.feed.start_at());
    Ok(venue)
}

/// Goes on from the later of the venue's market position and the ledger's last instant; the venue first works through
/// what lies between.
fn resume(plan: &mut Plan<'_>, venue: &mut PaperVenue, recovered: &Recovered) -> Result<Timestamp, RunError> {
    let position = venue.position();
    let Some(last) = recovered.last_at.into_iter().chain(known(position)).max() else {
        return Ok(plan.feed.start_at());
    };
    if let Some(at) = known(position) {
        plan.feed.seek(at - Span::nanos(1))?;
        skip(plan.feed.as_mut(), position)?;
    }
    while plan.feed.next_at().is_some_and(|at| at <= last) {
        if let Some(record) = plan.feed.next() {
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
    Ok(RecorderThread::spawn(recorder, Overflow::Wait)?)
}

/// A virtual session's instance comes from its seed, so that equal runs have equal ids.
fn instance_of(seed: u64) -> [u8; 2] {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mixed = xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes());
    [DIGITS[(mixed % 36) as usize], DIGITS[(mixed / 36 % 36) as usize]]
}

fn expect_cadences(pulses: &Arc<Pulses>, instruments: &Instruments, has_mark: bool) {
    let data = if has_mark { Span::SECOND } else { Span::MINUTE };
    instruments.ids().for_each(|id| pulses.expect(id, data, Span::MINUTE));
}
