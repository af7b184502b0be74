//! The user-data stream: opened before anything is asked, kept open, opened anew before the venue ends it, and given up
//! when it is silent about what was answered. Nothing that it has missed is ever sent again, so that after each loss
//! everything is compared.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::super::read::user;
use super::super::rest::calls::account::{keep_listen_key, open_listen_key};
use super::super::rest::{Class, Failure};
use super::super::socket::{Frame, Socket, SocketError};
use super::desk::{Desk, lock};
use super::hearing::{Heard, hear};
use super::keeper::Noticed;
use crate::protocol::{ConnectionState, Event, Link, TradingState};
use crate::types::Span;

/// The key lasts an hour from its last use.
const KEEP_KEY_EVERY: Span = Span::mins(30);
/// After a failure to keep the key it is tried again.
const KEEP_KEY_AGAIN: Span = Span::MINUTE;
/// The venue ends a connection after 24 hours; ours ends before, with another in its place.
const RENEW_AFTER: Span = Span::secs(23 * 3_600);
/// How often there is a look at what is due.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A ping is sent after this long without a word, and the connection is dead without one for twice as long again.
const PING_AFTER: Span = Span::secs(10);
const DEAD_AFTER: Span = Span::secs(30);
/// What a connection that is replaced still holds comes within this time.
const DRAINED_WITHIN: Duration = Duration::from_secs(1);
/// Pauses between attempts to connect: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A connection that lasted so long was a good one: pauses begin anew.
const GOOD_AFTER: Span = Span::MINUTE;

/// Listens until it is told to stop.
pub(super) struct Ear {
    pub desk: Arc<Desk>,
    pub noticed: Arc<Noticed>,
    pub stream_url: String,
    pub cancel: CancellationToken,
}

/// Why a connection ended.
enum End {
    Cancelled,
    Lost(String),
}

/// When things are due; the process's uptime.
struct Times {
    opened: Span,
    heard: Span,
    pinged: Span,
    keep_key: Span,
}

impl Ear {
    /// Connects, says so, and listens; connects anew as often as the connection is lost.
    pub(super) async fn run(self, open: oneshot::Sender<()>) {
        let mut open = Some(open);
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = self.uptime();
            let end = match self.connect().await {
                Ok((key, socket)) => {
                    lock(&self.desk.watch).begin();
                    match open.take() {
                        // Who asked may have given up.
                        Some(open) => drop(open.send(())),
                        None => self.tell(ConnectionState::Live),
                    }
                    self.listen(key, socket).await
                }
                Err(why) => End::Lost(why),
            };
            let why = match end {
                End::Cancelled => return,
                End::Lost(why) => why,
            };
            tracing::warn!(why, "the user stream is lost and is opened anew");
            if open.is_none() {
                self.tell(ConnectionState::Lost);
            }
            pause = if self.uptime() - begun > GOOD_AFTER { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn connect(&self) -> Result<(String, Socket), String> {
        let key = self.desk.rest.call(open_listen_key()).await.map_err(|failure| failure.to_string())?.listen_key;
        let socket = self.open(&key).await.map_err(|error| error.to_string())?;
        Ok((key, socket))
    }

    async fn open(&self, key: &str) -> Result<Socket, SocketError> {
        Socket::connect(&format!("{}/private/ws/{key}", self.stream_url)).await
    }

    async fn listen(&self, key: String, mut socket: Socket) -> End {
        let now = self.uptime();
        let mut times = Times { opened: now, heard: now, pinged: now, keep_key: now + self.wall(KEEP_KEY_EVERY) };
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => return End::Cancelled,
                frame = socket.next() => {
                    times.heard = self.uptime();
                    match frame {
                        Ok(Frame::Text(text)) => if let Err(why) = self.take(text.as_bytes()) {
                            return End::Lost(why);
                        },
                        Ok(Frame::Alive) => {}
                        Err(error) => return End::Lost(error.to_string()),
                    }
                }
                _ = look.tick() => if let Err(why) = self.look(&key, &mut socket, &mut times).await {
                    return End::Lost(why);
                },
            }
        }
    }

    async fn look(&self, key: &str, socket: &mut Socket, times: &mut Times) -> Result<(), String> {
        let now = self.uptime();
        if lock(&self.desk.watch).is_dead(now) {
            return Err("it is silent about what the venue has answered".to_owned());
        }
        if now - times.heard > DEAD_AFTER {
            return Err(format!("nothing was heard for {}", now - times.heard));
        }
        if now - times.heard > PING_AFTER && now - times.pinged > PING_AFTER {
            times.pinged = now;
            socket.ping().await.map_err(|error| error.to_string())?;
        }
        if now >= times.keep_key {
            times.keep_key = now + self.keep_key().await?;
        }
        if now - times.opened > self.wall(RENEW_AFTER) {
            self.renew(key, socket).await?;
            (times.opened, times.heard) = (self.uptime(), self.uptime());
        }
        Ok(())
    }

    /// Makes the key last, and says when that is to be done next.
    async fn keep_key(&self) -> Result<Span, String> {
        match self.desk.rest.call(keep_listen_key()).await {
            Ok(_) => Ok(self.wall(KEEP_KEY_EVERY)),
            Err(failure) if failure.class() == Some(Class::ListenKeyGone) => Err(failure.to_string()),
            Err(Failure::NotSent { .. } | Failure::Unknown { .. } | Failure::Refused { .. }) => {
                Ok(self.wall(KEEP_KEY_AGAIN))
            }
        }
    }

    /// Puts a new connection in the place of an old one, which is heard out. What both say is the same, and is taken once.
    async fn renew(&self, key: &str, socket: &mut Socket) -> Result<(), String> {
        let fresh = self.open(key).await.map_err(|error| error.to_string())?;
        let mut old = std::mem::replace(socket, fresh);
        while let Ok(Ok(frame)) = tokio::time::timeout(DRAINED_WITHIN, old.next()).await {
            if let Frame::Text(text) = frame {
                self.take(text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Takes an event. Why the connection is to be given up, if it is.
    fn take(&self, bytes: &[u8]) -> Result<(), String> {
        let message = user::parse(bytes).map_err(|error| error.to_string())?;
        let heard = hear(&message, &self.desk.instruments, &mut lock(&self.desk.names), self.desk.rest.now());
        let Heard { reports, about, ended, money_moved, key_gone, settings_changed, margin_call } = heard;
        if let Some(id) = about {
            lock(&self.desk.watch).told(id, ended);
        }
        for report in reports {
            self.desk.hear(&report);
            self.desk.inbox.put(Event::Venue(report)).map_err(|_| "the loop does not keep up with it".to_owned())?;
        }
        if money_moved {
            self.noticed.money_moved.store(true, Ordering::Release);
            self.desk.bell.notify_one();
        }
        if settings_changed {
            self.noticed.settings_changed.store(true, Ordering::Release);
            self.desk.bell.notify_one();
        }
        if margin_call {
            let reason = "Binance warns that positions are close to liquidation (MARGIN_CALL)".to_owned();
            self.desk.raise(TradingState::ReduceOnly, reason);
        }
        if key_gone { Err("its key is over".to_owned()) } else { Ok(()) }
    }

    fn tell(&self, state: ConnectionState) {
        self.desk.inbox.answer(Event::Connection { link: Link::User, state });
    }

    fn uptime(&self) -> Span {
        self.desk.clock.clock().uptime()
    }

    fn wall(&self, span: Span) -> Span {
        self.desk.clock.wall_span(span)
    }
}
