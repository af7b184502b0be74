//! Messages to people, by Telegram.
//!
//! Trading never waits for a message: [`Notifier::send`] puts it into a bounded channel and returns. A task takes
//! it from there into an outbox that survives a restart, and from the outbox to the Bot API, in order, with
//! patience. A message that could not be delivered is counted, and health shows it.

mod message;
mod outbox;
mod settings;
mod task;
mod telegram;

use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::protocol::Notice;
use crate::pulse::Pulses;

pub use outbox::{MemoryOutbox, Outbox};
pub use settings::{ChatId, Settings, TelegramSettings};
pub use telegram::TelegramError;

/// Notices that wait for the task. It empties the channel faster than anything fills it; a burst at the start, with
/// one notice a symbol, still fits.
const CHANNEL: usize = 256;

/// What the notifier works with.
pub struct Wiring {
    /// Keeps what is not delivered yet.
    pub outbox: Box<dyn Outbox>,
    /// Told of the backlog, deliveries and failures.
    pub pulses: Arc<Pulses>,
    /// Says when an attempt is due.
    pub clock: Clock,
    /// Where the task is spawned.
    pub tracker: TaskTracker,
    /// Ends the task: it delivers what it can within the drain time of the settings, and leaves the rest to the
    /// next start.
    pub cancel: CancellationToken,
}

/// Whom to hand notices to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    sender: Option<mpsc::Sender<Notice>>,
    pulses: Arc<Pulses>,
}

impl Notifier {
    /// Starts the task. Without a token, a chat, or `notify.telegram.enabled` there is nobody to tell, and nothing
    /// is started.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn start(settings: &Settings, token: Option<&SecretString>, wiring: Wiring) -> Result<Notifier, TelegramError> {
        let pulses = wiring.pulses.clone();
        let (Some(token), Some(chat)) = (token, settings.telegram.receiver()) else {
            return Ok(Notifier::silent(pulses));
        };
        let bot = telegram::Bot::new(&settings.telegram, token.clone(), chat.clone())?;
        let (sender, notices) = mpsc::channel(CHANNEL);
        let tracker = wiring.tracker.clone();
        tracker.spawn(task::run(bot, settings.clone(), wiring, notices));
        Ok(Notifier { sender: Some(sender), pulses })
    }

    /// A notifier that tells nobody.
    pub fn silent(pulses: Arc<Pulses>) -> Notifier {
        Notifier { sender: None, pulses }
    }

    /// Hands a notice over. Never waits and never fails; a notice that finds the channel full is counted as dropped.
    pub fn send(&self, notice: Notice) {
        let Some(sender) = &self.sender else { return };
        if sender.try_send(notice).is_err() {
            self.pulses.notifier_dropped();
        }
    }

    /// The channel itself, for those who hand over notices on their own; none if nobody is told.
    pub fn sender(&self) -> Option<mpsc::Sender<Notice>> {
        self.sender.clone()
    }
}

#[cfg(test)]
mod tests;
