//! From the settings to a session: where its data comes from, where its orders go, and whose time it keeps.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::daemon::open_feed;
use crate::clock::{Clock, SessionClock, Speed};
use crate::config::{Config, SecretName, Settings};
use crate::coordinator::{self, Assembled, Place, Plan, RunError};
use crate::engine::Rooms;
use crate::feed::{self, Feed, FeedSpec};
use crate::ledger;
use crate::protocol::FeedShape;
use crate::pulse::Pulses;
use crate::venue::VenueError;
use crate::venue::binance::{self, BinanceFeed, BinanceVenue, OpenError, Surroundings, Way};

/// With what a session trades, as it is named everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The simulated exchange.
    Paper,
    /// A real venue, with real money.
    Live,
}

impl Mode {
    /// The name in logs, in the summary and in the ledger.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Mode::Paper => ledger::PAPER,
            Mode::Live => ledger::LIVE,
        }
    }

    /// The name of the venue.
    pub(super) const fn venue(self) -> &'static str {
        match self {
            Mode::Paper => "paper",
            Mode::Live => binance::NAME,
        }
    }
}

/// What a session is assembled from.
pub(super) struct Parts<'a> {
    pub mode: Mode,
    pub config: &'a Config,
    pub rooms: &'a Rooms,
    pub dir: &'a Path,
    pub clock: Clock,
    pub pulses: &'a Arc<Pulses>,
    /// A feed that was opened before, for the first run to take.
    pub opened: &'a RefCell<Option<Box<dyn Feed>>>,
    /// Joins the tasks of connections.
    pub tracker: &'a TaskTracker,
    /// Ends them, if the session has not.
    pub cancel: &'a CancellationToken,
    /// Where everything runs that the loop does not wait for; streams and orders are on its own thread.
    pub beside: &'a Handle,
}

/// A session that is ready to be started.
pub(super) struct Session {
    pub assembled: Assembled,
    /// What the feed says of itself.
    pub feed: String,
    pub shape: FeedShape,
    /// Session time beside a market that does not wait.
    pub time: Option<SessionClock>,
}

/// Does the market of these settings go by itself, so that session time is real?
pub(super) fn is_real(settings: &Settings) -> bool {
    matches!(FeedSpec::parse(&settings.feed.source), Ok(FeedSpec::Binance))
}

/// What is wrong with trading real money by these settings, if anything is.
pub(super) fn check_live(config: &Config) -> Result<(), VenueError> {
    if !is_real(&config.settings) {
        let why = format!(
            "feed.source = {}: real money is traded on the venue's own market; leave --feed out, or write `binance`",
            config.settings.feed.source
        );
        return Err(VenueError::Settings(why));
    }
    for name in [SecretName::BinanceKey, SecretName::BinanceSecret] {
        if config.secrets.get(name).is_none() {
            let variable = name.variable();
            let why = format!("{variable} is not set; set it, or {variable}_FILE, or give it as a systemd credential");
            return Err(VenueError::Keys(why));
        }
    }
    Ok(())
}

/// What is wrong with the pace, if anything is: a real market has its own.
pub(super) fn check_pace(settings: &Settings) -> Result<(), VenueError> {
    let here = settings.venue.binance.rest_url.starts_with("http://");
    match settings.run.speed {
        Some(Speed::Max) => Err(VenueError::Settings("run.speed = max: a market in real time has its own pace".into())),
        Some(Speed::X(factor)) if factor != 1.0 && !here => {
            let why = format!("run.speed = {factor}: only an exchange that is served on this machine runs faster");
            Err(VenueError::Settings(why))
        }
        Some(Speed::X(_)) | None => Ok(()),
    }
}

impl Parts<'_> {
    /// Opens everything that the session needs.
    pub(super) async fn assemble(self) -> Result<Session, RunError> {
        if is_real(&self.config.settings) { self.real().await } else { self.virtual_() }
    }

    fn virtual_(self) -> Result<Session, RunError> {
        let settings = &self.config.settings;
        let feed = self.opened.take().map_or_else(|| open_feed(settings), Ok).map_err(RunError::NoFeed)?;
        let place = self.paper();
        self.put_together(feed, place, None, Arc::default())
    }

    async fn real(self) -> Result<Session, RunError> {
        let settings = &self.config.settings;
        check_pace(settings)?;
        let time = self.session_clock().await?;
        let arrivals = Arc::new(Notify::new());
        let way = self.way(time)?;
        let around = Surroundings {
            rest: way.rest(),
            time,
            arrivals: Arc::clone(&arrivals),
            tracker: self.tracker.clone(),
            cancel: self.cancel.child_token(),
            beside: self.beside.clone(),
        };
        let feed =
            BinanceFeed::open(&settings.venue.binance, &settings.run.symbols, around).await.map_err(|error| {
                RunError::Venue(match error {
                    OpenError::Unreachable(why) => VenueError::Unreachable(why),
                    OpenError::Symbols(why) => VenueError::Settings(why),
                })
            })?;
        let place = match self.mode {
            Mode::Paper => self.paper(),
            Mode::Live => self.live(way, &feed, time, &arrivals).await?,
        };
        self.put_together(Box::new(feed), place, Some(time), arrivals)
    }

    fn paper(&self) -> Place {
        let settings = &self.config.settings;
        Place::Paper { exchange: Box::new(settings.exchange.clone()), faults: Box::new(settings.faults.venue.clone()) }
    }

    async fn live(
        &self,
        way: Way,
        feed: &BinanceFeed,
        time: SessionClock,
        arrivals: &Arc<Notify>,
    ) -> Result<Place, RunError> {
        let wiring = binance::Wiring {
            settings: &self.config.settings.venue.binance,
            way,
            instruments: feed.instruments().clone(),
            leverage: self.rooms.risk.leverage,
            clock: time,
            answer_deadline: self.rooms.orders.answer_deadline,
            arrivals: Arc::clone(arrivals),
            tracker: self.tracker.clone(),
            beside: self.beside.clone(),
        };
        let (venue, account) = BinanceVenue::open(wiring).await?;
        let shadow = Box::new(self.config.settings.exchange.clone());
        Ok(Place::Live { venue: Box::new(venue), account, instance: draw_instance()?, shadow })
    }

    /// The way to the venue: with keys for real money, without them for its market alone.
    fn way(&self, time: SessionClock) -> Result<Way, RunError> {
        let secrets = &self.config.secrets;
        let keys = match self.mode {
            Mode::Paper => None,
            Mode::Live => secrets.get(SecretName::BinanceKey).zip(secrets.get(SecretName::BinanceSecret)),
        };
        Ok(Way::new(&self.config.settings.venue.binance, keys, time, Some(self.dir))?)
    }

    /// The wall's time; beside an exchange on this machine that runs faster, its time.
    async fn session_clock(&self) -> Result<SessionClock, RunError> {
        let factor = match self.config.settings.run.speed {
            Some(Speed::X(factor)) => factor,
            Some(Speed::Max) | None => 1.0,
        };
        if factor == 1.0 {
            return Ok(SessionClock::wall(self.clock));
        }
        let (since, wall) = (self.clock.uptime(), self.clock.wall());
        let guess = SessionClock::running(self.clock, wall, since, factor);
        let offset = Way::new(&self.config.settings.venue.binance, None, guess, None)?.measure().await?;
        Ok(SessionClock::running(self.clock, wall + offset, since, factor))
    }

    fn put_together(
        self,
        feed: Box<dyn Feed>,
        place: Place,
        time: Option<SessionClock>,
        arrivals: Arc<Notify>,
    ) -> Result<Session, RunError> {
        let settings = &self.config.settings;
        let (described, shape) = (feed.describe(), feed.shape());
        let seed = settings.run.seed;
        let feed: Box<dyn Feed> = if settings.faults.feed.is_quiet() {
            feed
        } else {
            Box::new(feed::faults::FaultyFeed::new(feed, &settings.faults.feed, seed)?)
        };
        let plan = Plan {
            dir: self.dir,
            feed,
            place,
            rooms: self.rooms.clone(),
            seed,
            recorder: Some(settings.recorder),
            config: crate::config::as_toml(self.config),
            pulses: Arc::clone(self.pulses),
            time,
            arrivals,
        };
        Ok(Session { assembled: coordinator::assemble(plan, self.clock)?, feed: described, shape, time })
    }
}

/// Two letters or digits by which this state directory's orders are told from another's.
fn draw_instance() -> Result<[u8; 2], VenueError> {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut drawn = [0; 2];
    SystemRandom::new()
        .fill(&mut drawn)
        .map_err(|_| VenueError::Settings("the system gives no random numbers".to_owned()))?;
    Ok(drawn.map(|byte| DIGITS[usize::from(byte) % DIGITS.len()]))
}
