//! One planned connection, for as long as the feed lives: connected → subscribed, once the venue has acknowledged every
//! stream → live, with the first payload. A connection that is silent, lost or old is replaced; an old one only once its
//! successor is live, so that nothing is missed between them.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::read::stream::{MarketEvent, Message, parse};
use super::super::rest::Rest;
use super::super::socket::{Frame, Socket, SocketError};
use super::desk::{Desk, Full};
use super::plan::{Lane, Route};
use crate::protocol::ConnectionState;
use crate::types::Timestamp;

/// Acknowledgements and the first payload come within this time, or the connection is given up.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(10);
/// Waits between attempts: first, and at most. With the planned connections these stay below the venue's 300 attempts
/// in five minutes.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Best prices may stand still where nobody trades; a quiet connection for them is replaced ever more seldom.
const LONGEST_QUIET: Duration = Duration::from_secs(60);
/// A connection that could not be renewed is tried again after so long: before the venue ends it, an hour is left.
const RENEW_AGAIN: Duration = Duration::from_secs(300);
/// Unreadable messages of one connection that are told of; the rest are counted.
const TOLD_UNREADABLE: u32 = 3;

/// What all connections of a feed share.
#[derive(Debug)]
pub(super) struct Line {
    pub base: String,
    pub silence: Duration,
    pub renew_after: Duration,
    pub desk: Desk,
    pub tracker: TaskTracker,
    pub cancel: CancellationToken,
    /// Knows the venue's clock.
    pub rest: Rest,
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("{0}")]
    Socket(#[from] SocketError),
    #[error("the venue refused the streams: {0}")]
    Refused(String),
    #[error("nothing was acknowledged and sent within {SUBSCRIBE_WITHIN:?}")]
    NotSubscribed,
    #[error("connected and silent for {0:?}")]
    Silent(Duration),
    #[error("the loop does not keep up")]
    Overrun,
}

impl From<Full> for End {
    fn from(Full: Full) -> End {
        End::Overrun
    }
}

/// A connection at work.
struct Running {
    stage: watch::Receiver<ConnectionState>,
    end: tokio::task::JoinHandle<End>,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Keeps the lane served until the feed ends. `stage` shows how far its connection has come.
pub(super) async fn keep(
    lane: std::sync::Arc<Lane>,
    line: std::sync::Arc<Line>,
    restart: std::sync::Arc<Notify>,
    stage: watch::Sender<ConnectionState>,
) {
    let mut pause = FIRST_PAUSE;
    let mut quiet = line.silence;
    while !line.cancel.is_cancelled() {
        let mut running = begin(&lane, &line, quiet);
        let mut renew_after = line.renew_after;
        loop {
            let renewed = tokio::time::sleep(renew_after);
            tokio::select! {
                () = line.cancel.cancelled() => return,
                Ok(()) = running.stage.changed() => {
                    let now = *running.stage.borrow_and_update();
                    stage.send_replace(now);
                    if now == ConnectionState::Live {
                        pause = FIRST_PAUSE;
                    }
                    continue;
                }
                end = &mut running.end => {
                    stage.send_replace(ConnectionState::Lost);
                    quiet = tell(&lane, &line, end, quiet);
                    break;
                }
                () = renewed => {}
                () = restart.notified() => {}
            }
            match succeed(&lane, &line, quiet).await {
                Some(successor) => {
                    (running, renew_after) = (successor, line.renew_after);
                    stage.send_replace(ConnectionState::Live);
                }
                None => renew_after = RENEW_AGAIN.min(line.renew_after),
            }
        }
        tokio::select! {
            () = line.cancel.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A successor of the connection at work, once it is live; none if it does not come so far.
async fn succeed(lane: &std::sync::Arc<Lane>, line: &std::sync::Arc<Line>, quiet: Duration) -> Option<Running> {
    let mut successor = begin(lane, line, quiet);
    let live = successor.stage.wait_for(|stage| *stage == ConnectionState::Live);
    match tokio::time::timeout(SUBSCRIBE_WITHIN * 2, live).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) | Err(_) => {
            tracing::warn!(route = ?lane.route, "a connection could not be renewed; the old one is kept");
            return None;
        }
    }
    tracing::debug!(route = ?lane.route, streams = lane.streams.len(), "a connection was renewed");
    Some(successor)
}

/// Logs an end; gives the silence that the next connection may keep.
fn tell(lane: &Lane, line: &Line, end: Result<End, tokio::task::JoinError>, quiet: Duration) -> Duration {
    let streams = lane.streams.len();
    match end {
        Ok(End::Silent(after)) if lane.route == Route::Public => {
            tracing::info!(route = ?lane.route, streams, ?after, "no best price has moved; the connection is replaced");
            return (quiet * 2).min(LONGEST_QUIET);
        }
        Ok(end) => tracing::warn!(route = ?lane.route, streams, %end, "a market connection is replaced"),
        Err(error) => tracing::error!(route = ?lane.route, %error, "a market connection failed"),
    }
    line.silence
}

fn begin(lane: &std::sync::Arc<Lane>, line: &std::sync::Arc<Line>, quiet: Duration) -> Running {
    let (sender, stage) = watch::channel(ConnectionState::Lost);
    let stop = line.cancel.child_token();
    let (lane, line, stopped) = (lane.clone(), line.clone(), stop.clone());
    let tracker = line.tracker.clone();
    let end = tracker.spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => End::Socket(SocketError::Ended("it was replaced".to_owned())),
            end = serve(&lane, &line, quiet, &sender) => end,
        }
    });
    Running { stage, end, stop }
}

async fn serve(lane: &Lane, line: &Line, quiet: Duration, stage: &watch::Sender<ConnectionState>) -> End {
    match listen(lane, line, quiet, stage).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

async fn listen(
    lane: &Lane,
    line: &Line,
    quiet: Duration,
    stage: &watch::Sender<ConnectionState>,
) -> Result<std::convert::Infallible, End> {
    let mut socket = Socket::connect(&format!("{}{}", line.base, lane.route.path())).await?;
    stage.send_replace(ConnectionState::Connected);
    let requests = lane.requests();
    let mut waiting = requests.len();
    for request in requests {
        socket.send(request).await?;
    }
    let mut unreadable = 0;
    let mut subscribed_by = std::pin::pin!(tokio::time::sleep(SUBSCRIBE_WITHIN));
    let mut heard = false;
    let mut silent = std::pin::pin!(tokio::time::sleep(quiet));
    loop {
        let live = *stage.borrow() == ConnectionState::Live;
        let frame = tokio::select! {
            biased;
            frame = socket.next() => frame?,
            () = &mut subscribed_by, if waiting > 0 => return Err(End::NotSubscribed),
            () = &mut silent => return Err(End::Silent(quiet)),
        };
        let Frame::Text(text) = frame else { continue };
        match parse(text.as_bytes()) {
            Ok(Message::Acknowledged(_)) => waiting = waiting.saturating_sub(1),
            Ok(Message::Refused { why, .. }) => return Err(End::Refused(why)),
            Ok(Message::Event(event)) => {
                heard = true;
                silent.as_mut().reset(later(quiet));
                take(line, &event)?;
            }
            Err(error) => {
                unreadable += 1;
                if unreadable <= TOLD_UNREADABLE {
                    tracing::warn!(%error, "a message of a market stream could not be read and is passed over");
                }
            }
        }
        if waiting == 0 && !live {
            stage.send_replace(if heard { ConnectionState::Live } else { ConnectionState::Subscribed });
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a timer is set anew, which reads no time that anybody sees")]
fn later(by: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + by
}

fn take(line: &Line, event: &MarketEvent<'_>) -> Result<(), Full> {
    let desk = &line.desk;
    match event {
        MarketEvent::BookTicker(quote) => desk.quote(quote),
        MarketEvent::AggTrade(trade) => desk.trade(trade),
        MarketEvent::Kline(kline) => desk.kline(kline),
        MarketEvent::Mark(mark) => {
            if let Some(made_at) = mark.E {
                desk.dated(line.rest.now() - Timestamp::from_millis(made_at));
            }
            desk.mark(mark)
        }
        MarketEvent::Other => Ok(()),
    }
}
