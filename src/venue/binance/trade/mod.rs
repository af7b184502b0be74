//! Orders at Binance: [`BinanceVenue`] hands what the loop asks for to tasks, and the loop finds their answers, and what the
//! user-data stream tells, in one inbox. What the venue's words mean is decided in [`answers`] and [`hearing`], which do
//! nothing else.

mod answers;
mod desk;
mod ear;
mod hearing;
mod keeper;
mod money;
mod names;
mod polls;
mod resting;
mod setup;
#[cfg(test)]
mod tests;
mod warm;
mod watch;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::rest::{Credentials, Rest, RestError, START};
use super::settings::Settings;
use crate::clock::SessionClock;
use crate::protocol::{Event, MarketEvent, VenueRequest};
use crate::types::{Instruments, Span, Timestamp};
use crate::venue::inbox::Inbox;
use crate::venue::{Venue, VenueError};
use desk::Desk;
use ear::Ear;
use keeper::{Keeper, Noticed};

/// The venue's name in logs, in the banner and in the ledger.
pub const NAME: &str = "binance";
/// Requests on their way at once. The loop seldom has more than a handful; a venue that answers none within seconds meets
/// this bound before memory does.
const MOST_REQUESTS: usize = 64;
/// Events that may wait for the loop: some seconds of the busiest account, and far more than a loop that works ever meets.
const INBOX: usize = 8_192;
/// The user stream stands within this time, or the start ends.
const OPEN_WITHIN: Duration = Duration::from_secs(20);

/// The way to Binance's REST: signed if there are keys. What is asked over it keeps within one budget, whoever asks.
pub struct Way(Rest);

impl Way {
    /// Bans are remembered in `dir`.
    ///
    /// # Errors
    /// If an address or a key cannot be used.
    pub fn new(
        settings: &Settings,
        keys: Option<(&SecretString, &SecretString)>,
        clock: SessionClock,
        dir: Option<&Path>,
    ) -> Result<Way, VenueError> {
        let wrong = |error: RestError| VenueError::Settings(error.to_string());
        let credentials = keys.map(|(key, secret)| Credentials::new(key, secret)).transpose().map_err(wrong)?;
        Ok(Way(Rest::new(settings, credentials, clock, dir).map_err(wrong)?))
    }

    /// The venue's time less the session's.
    ///
    /// # Errors
    /// If the venue does not say.
    pub async fn measure(&self) -> Result<Span, VenueError> {
        let measured = self.0.with_room(START, async || self.0.sync_clock().await).await;
        measured.map(|measured| measured.offset).map_err(|failure| VenueError::Unreachable(failure.to_string()))
    }

    /// The client itself.
    pub(crate) fn rest(&self) -> Rest {
        self.0.clone()
    }
}

/// What trading at the venue needs.
pub struct Wiring<'a> {
    /// Where it is.
    pub settings: &'a Settings,
    /// The way there, with keys.
    pub way: Way,
    /// What is traded.
    pub instruments: Instruments,
    /// The leverage that every symbol is set to.
    pub leverage: u32,
    /// Session time.
    pub clock: SessionClock,
    /// Within how much session time a question is answered, or has failed.
    pub answer_deadline: Span,
    /// Rung when something has arrived for the loop.
    pub arrivals: Arc<Notify>,
    /// Joins what runs for it.
    pub tracker: TaskTracker,
    /// Where it is looked after. Requests are carried and the user stream is heard where the venue is opened, which is best the
    /// loop's own thread: no other has to be woken for them.
    pub beside: Handle,
}

/// Binance, as orders see it. What runs for it ends when it is dropped.
pub struct BinanceVenue {
    desk: Arc<Desk>,
    room: Arc<Semaphore>,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl BinanceVenue {
    /// Opens the user stream, then checks the account and sets what has to be set. Gives the venue's name for the account
    /// with it.
    ///
    /// # Errors
    /// If the venue cannot be reached, will not have the key, or the account is not as it must be.
    pub async fn open(wiring: Wiring<'_>) -> Result<(BinanceVenue, String), VenueError> {
        let Wiring {
            settings,
            way: Way(rest),
            instruments,
            leverage,
            clock,
            answer_deadline,
            arrivals,
            tracker,
            beside,
        } = wiring;
        let unreachable = |what: &str| VenueError::Unreachable(what.to_owned());
        let measured = rest.with_room(START, async || rest.sync_clock().await).await;
        let measured = measured.map_err(|failure| VenueError::Unreachable(format!("the venue's clock: {failure}")))?;
        let inbox = Inbox::new(INBOX, clock, arrivals);
        inbox.answer(Event::Clock { offset: measured.offset, uncertainty: measured.uncertainty });
        let orders = rest.for_orders().map_err(|error| VenueError::Settings(error.to_string()))?;
        let desk = Arc::new(Desk {
            rest,
            orders: orders.clone(),
            instruments,
            inbox,
            clock,
            answer_deadline,
            names: Mutex::default(),
            watch: Mutex::default(),
            movements: Mutex::default(),
            resting: Mutex::default(),
            bell: Notify::new(),
        });
        let (cancel, noticed) = (CancellationToken::new(), Arc::<Noticed>::default());
        let venue = BinanceVenue {
            desk: Arc::clone(&desk),
            room: Arc::new(Semaphore::new(MOST_REQUESTS)),
            tracker: tracker.clone(),
            cancel: cancel.clone(),
        };
        let account = setup::prepare(&desk.rest, &desk.instruments, leverage).await?;
        let (open, opened) = oneshot::channel();
        let stream_url = settings.stream_url.trim_end_matches('/').to_owned();
        let ear = Ear { desk: Arc::clone(&desk), noticed: Arc::clone(&noticed), stream_url, cancel: cancel.clone() };
        tracker.spawn(ear.run(open));
        match tokio::time::timeout(OPEN_WITHIN, opened).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(unreachable("the user stream could not be opened")),
        }
        let keeper = Keeper { desk, noticed, leverage, clock_refresh: settings.clock_refresh, cancel: cancel.clone() };
        tracker.spawn_on(keeper.run(), &beside);
        tracker.spawn(warm::keep(orders, cancel));
        Ok((venue, account))
    }
}

impl Drop for BinanceVenue {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Venue for BinanceVenue {
    fn name(&self) -> &str {
        NAME
    }

    fn on_market(&mut self, _: Timestamp, _: &MarketEvent) -> Result<(), VenueError> {
        Ok(())
    }

    fn send(&mut self, _: Timestamp, request: VenueRequest) -> Result<(), VenueError> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            self.desk.turn_away(&request, "too many requests are on their way");
            return Ok(());
        };
        let desk = Arc::clone(&self.desk);
        let mut work = Box::pin(async move {
            desk.perform(request).await;
            drop(place);
        });
        // What waits for nothing is done at once: when this returns, the bytes of an order are in its socket.
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.tracker.spawn(work);
        }
        Ok(())
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.desk.inbox.head()
    }

    fn poll(&mut self, until: Timestamp) -> Result<Option<(Timestamp, Event)>, VenueError> {
        Ok(self.desk.inbox.take(until))
    }
}
