//! What has to be done again and again beside the orders: the clock measured, the countdown over resting entries renewed,
//! movements of money looked up, and modes checked when somebody has changed them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::rest::calls::orders::countdown_cancel_all;
use super::desk::{Desk, lock};
use super::setup;
use crate::protocol::{Event, TradingState};
use crate::types::{Span, Timestamp};

/// How long the venue waits for us before it cancels resting entries.
const COUNTDOWN: Span = Span::secs(120);
/// How often it hears from us while there are any: four times as often.
const RENEWED_EVERY: Span = Span::secs(30);
/// How often there is a look at what is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The machine's clock was set if it has moved by more than this against the time since the start.
const JUMP: Span = Span::SECOND;
/// A failed task is tried again after this long.
const AGAIN_AFTER: Span = Span::secs(5);

/// What the stream has noticed for the keeper.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    pub money_moved: AtomicBool,
    pub settings_changed: AtomicBool,
}

/// The keeper. Times are the process's uptime.
pub(super) struct Keeper {
    pub desk: Arc<Desk>,
    pub noticed: Arc<Noticed>,
    /// The leverage that was set at the start.
    pub leverage: u32,
    pub clock_refresh: Span,
    pub cancel: CancellationToken,
}

/// When things are due.
struct Times {
    clock: Span,
    renew: Span,
    money: Span,
    settings: Span,
    /// Session time less uptime at the last look.
    drift: Span,
}

impl Keeper {
    pub(super) async fn run(self) {
        let now = self.uptime();
        let clock = now + self.clock_refresh;
        let mut times = Times { clock, renew: now, money: now, settings: now, drift: self.drift() };
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = self.desk.bell.notified() => times.renew = self.uptime(),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            self.look(&mut times).await;
        }
    }

    async fn look(&self, times: &mut Times) {
        let now = self.uptime();
        let drift = self.drift();
        let jumped = drift - times.drift > JUMP || times.drift - drift > JUMP;
        times.drift = drift;
        if now >= times.clock || jumped {
            times.clock = now + if self.measure_clock().await { self.clock_refresh } else { AGAIN_AFTER };
        }
        if now >= times.renew {
            self.count_down().await;
            times.renew = now + self.desk.clock.wall_span(RENEWED_EVERY);
        }
        if now >= times.money
            && self.noticed.money_moved.swap(false, Ordering::AcqRel)
            && let Err(failure) = self.desk.tell_movements().await
        {
            tracing::debug!(%failure, "movements of money could not be looked up; tried again");
            self.noticed.money_moved.store(true, Ordering::Release);
            times.money = now + AGAIN_AFTER;
        }
        if now >= times.settings && self.noticed.settings_changed.swap(false, Ordering::AcqRel) {
            match setup::differences(&self.desk.rest, &self.desk.instruments, self.leverage).await {
                Ok(found) if found.is_empty() => {}
                Ok(found) => {
                    self.desk.raise(TradingState::Paused, format!("changed at the venue: {}", found.join("; ")))
                }
                Err(_) => {
                    self.noticed.settings_changed.store(true, Ordering::Release);
                    times.settings = now + AGAIN_AFTER;
                }
            }
        }
    }

    /// Measures the venue's clock, and tells how certain it is.
    async fn measure_clock(&self) -> bool {
        match self.desk.rest.sync_clock().await {
            Ok(measured) => {
                let (offset, uncertainty) = (measured.offset, measured.uncertainty);
                self.desk.inbox.answer(Event::Clock { offset, uncertainty });
                true
            }
            Err(failure) => {
                tracing::warn!(%failure, "the venue's clock could not be measured");
                false
            }
        }
    }

    async fn count_down(&self) {
        let (resting, over) = lock(&self.desk.resting).wanted();
        let all = resting.into_iter().map(|id| (id, COUNTDOWN)).chain(over.into_iter().map(|id| (id, Span::ZERO)));
        for (instrument, countdown) in all {
            let call = countdown_cancel_all(self.desk.symbol(instrument), countdown);
            match self.desk.rest.call(call).await {
                Ok(_) => lock(&self.desk.resting).set(instrument, countdown > Span::ZERO),
                Err(failure) => tracing::warn!(%failure, "the countdown over resting entries could not be set"),
            }
        }
    }

    fn uptime(&self) -> Span {
        self.desk.clock.clock().uptime()
    }

    fn drift(&self) -> Span {
        self.desk.clock.clock().wall().since(Timestamp::EPOCH) - self.uptime()
    }
}
