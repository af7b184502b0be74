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
mod watch;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::rest::Rest;
use super::settings::Settings;
use crate::clock::SessionClock;
use crate::protocol::{Event, MarketEvent, VenueRequest};
use crate::types::{Instruments, Timestamp};
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

/// What a way to the venue is made of.
pub(crate) struct Wiring<'a> {
    pub settings: &'a Settings,
    pub rest: Rest,
    pub instruments: Instruments,
    /// The leverage that every symbol is set to.
    pub leverage: u32,
    pub clock: SessionClock,
    /// Rung when something has arrived for the loop.
    pub arrivals: Arc<Notify>,
    pub tracker: TaskTracker,
}

/// The way to Binance. What runs for it ends when it is dropped.
pub struct BinanceVenue {
    desk: Arc<Desk>,
    room: Arc<Semaphore>,
    tracker: TaskTracker,
    runtime: Handle,
    cancel: CancellationToken,
}

impl BinanceVenue {
    /// Opens the user stream, then checks the account and sets what has to be set. Gives the venue's name for the account
    /// with it.
    ///
    /// # Errors
    /// If the venue cannot be reached, will not have the key, or the account is not as it must be.
    pub(crate) async fn open(wiring: Wiring<'_>) -> Result<(BinanceVenue, String), VenueError> {
        let Wiring { settings, rest, instruments, leverage, clock, arrivals, tracker } = wiring;
        let unreachable = |what: &str| VenueError::Unreachable(what.to_owned());
        let measured = rest.sync_clock().await;
        let measured = measured.map_err(|failure| VenueError::Unreachable(format!("the venue's clock: {failure}")))?;
        let inbox = Inbox::new(INBOX, clock, arrivals);
        inbox.answer(Event::Clock { offset: measured.offset, uncertainty: measured.uncertainty });
        let desk = Arc::new(Desk {
            rest,
            instruments,
            inbox,
            clock,
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
            runtime: Handle::current(),
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
        tracker.spawn(Keeper { desk, noticed, leverage, clock_refresh: settings.clock_refresh, cancel }.run());
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
            self.desk.turn_away(&request);
            return Ok(());
        };
        let desk = Arc::clone(&self.desk);
        let work = async move {
            desk.perform(request).await;
            drop(place);
        };
        self.tracker.spawn_on(work, &self.runtime);
        Ok(())
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.desk.inbox.head()
    }

    fn poll(&mut self, until: Timestamp) -> Result<Option<(Timestamp, Event)>, VenueError> {
        Ok(self.desk.inbox.take(until))
    }
}
