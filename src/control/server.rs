//! The daemon's end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::socket;
use super::wire::{Answer, HealthLine, MAX_REQUEST, Request, Status};
use crate::clock::Clock;
use crate::protocol::{Command, View};
use crate::types::{InstrumentId, Symbol};

/// Connections at a time. People and scripts come one by one.
const MAX_CONNECTIONS: usize = 8;
/// What is read, and thrown away, of a request that is too long.
const MAX_REST: u64 = 1 << 20;
/// How long a connection may take to say its line, or to take its answer.
const LINE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a command may wait for a place before the engine.
const COMMAND_PATIENCE: Duration = Duration::from_secs(2);
/// Rest after an `accept` that failed: out of file descriptors, most likely, which passes.
const ACCEPT_REST: Duration = Duration::from_millis(250);

/// What the answers come from, and where commands go.
pub struct Sources {
    /// `paper` or `live`.
    pub mode: String,
    /// The venue's name.
    pub venue: String,
    /// Where market data comes from.
    pub feed: String,
    /// The instruments' symbols, in the order of their ids.
    pub symbols: Vec<Symbol>,
    /// The process's clock.
    pub clock: Clock,
    /// The engine's picture.
    pub view: watch::Receiver<Arc<View>>,
    /// The monitor's judgement.
    pub health: Box<dyn Fn() -> HealthLine + Send + Sync>,
    /// The door. Bounded.
    pub commands: mpsc::Sender<Command>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be made: {source}; make the state directory writable, or give another --state-dir")]
pub struct ControlError {
    /// Where it should be.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Makes the socket and answers until cancelled; then it is removed. The caller holds the lock of the state directory,
/// so that a socket which is there already is left over.
///
/// # Errors
/// If the socket cannot be made.
pub fn serve(
    state_dir: &Path,
    sources: Sources,
    tracker: &TaskTracker,
    cancel: CancellationToken,
) -> Result<(), ControlError> {
    let path = state_dir.join(socket::SOCKET_FILE);
    let listener = socket::bind(state_dir).map_err(|source| ControlError { path: path.clone(), source })?;
    tracker.spawn(accept(listener, path, Arc::new(sources), tracker.clone(), cancel));
    Ok(())
}

async fn accept(
    listener: UnixListener,
    path: PathBuf,
    sources: Arc<Sources>,
    tracker: TaskTracker,
    cancel: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let serve_all = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => match places.clone().try_acquire_owned() {
                    Ok(place) => {
                        let talk = talk(stream, sources.clone(), place);
                        let cancel = cancel.clone();
                        tracker.spawn(async move { cancel.run_until_cancelled(talk).await });
                    }
                    Err(_) => debug!("too many control connections; one was closed"),
                },
                Err(error) => {
                    warn!(%error, "the control socket cannot take connections");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    };
    cancel.run_until_cancelled(serve_all).await;
    // What is left behind is replaced at the next start.
    let _ = std::fs::remove_file(path);
}

async fn talk(stream: UnixStream, sources: Arc<Sources>, _place: OwnedSemaphorePermit) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(MAX_REQUEST);
        let answer = match timeout(LINE_PATIENCE, bounded.read_until(b'\n', &mut line)).await {
            Err(_) | Ok(Err(_)) | Ok(Ok(0)) => return,
            Ok(Ok(_)) if !line.ends_with(b"\n") => refused("a request is one line of at most 16 KiB"),
            Ok(Ok(_)) => match serde_json::from_slice(&line) {
                Ok(request) => sources.answer(request).await,
                Err(error) => refused(&format!("not a request: {error}")),
            },
        };
        let refused = matches!(answer, Answer::Refused { .. });
        let mut text = serde_json::to_vec(&answer).unwrap_or_default();
        text.push(b'\n');
        let written = timeout(LINE_PATIENCE, writer.write_all(&text)).await;
        if refused {
            // What was not read would reset the connection, and the answer with it.
            let rest = async {
                writer.shutdown().await?;
                tokio::io::copy(&mut (&mut reader).take(MAX_REST), &mut tokio::io::sink()).await
            };
            let _ = timeout(LINE_PATIENCE, rest).await;
            return;
        }
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

impl Sources {
    async fn answer(&self, request: Request) -> Answer {
        let command = match request {
            Request::Status => return Answer::Status(Box::new(self.status())),
            Request::Pause => Command::Pause,
            Request::Resume => Command::Resume,
            Request::Stop { reason } => Command::Shutdown { flatten: false, reason },
            Request::Rearm { reason } if reason.trim().is_empty() => return refused("say why it is safe again"),
            Request::Rearm { reason } => Command::Rearm { reason },
            Request::Close { symbol: None } => Command::Close { instrument: None },
            Request::Close { symbol: Some(symbol) } => match self.instrument(&symbol) {
                Some(instrument) => Command::Close { instrument: Some(instrument) },
                None => return refused(&format!("{symbol} is not traded in this session")),
            },
        };
        info!(?command, "a command came by the control socket");
        match self.commands.send_timeout(command, COMMAND_PATIENCE).await {
            Ok(()) => Answer::Accepted,
            Err(_) => refused("the loop does not take commands now: it is starting, ending, or stalled"),
        }
    }

    fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime: self.clock.uptime(),
            mode: self.mode.clone(),
            venue: self.venue.clone(),
            feed: self.feed.clone(),
            health: (self.health)(),
            view: self.view.borrow().as_ref().clone(),
        }
    }

    fn instrument(&self, symbol: &Symbol) -> Option<InstrumentId> {
        let at = self.symbols.iter().position(|one| one == symbol)?;
        u16::try_from(at).ok().map(InstrumentId)
    }
}

fn refused(reason: &str) -> Answer {
    Answer::Refused { reason: reason.to_owned() }
}
