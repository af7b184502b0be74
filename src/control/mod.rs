//! The socket in the state directory, `control.sock`: a line of JSON asks, a line of JSON answers. Only the user that
//! runs the daemon can open it. The server reads the engine's picture and sends commands; it knows nothing else.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::protocol::{Command, View};

/// The socket's name.
pub const SOCKET: &str = "control.sock";
/// Longest request: a command with a reason fits many times.
const MAX_LINE: u64 = 16 * 1024;
/// People at a time: one, with some scripts beside.
const MAX_CLIENTS: usize = 8;
/// A client that does not ask or take its answer within this time is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How are you?
    Status,
    /// Do this.
    Do(Command),
    /// End in order.
    Stop,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The engine as it is now.
    Status(Box<View>),
    /// It will be done.
    Accepted,
    /// It will not be done.
    Refused(String),
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error("no daemon runs on {dir} ({source}); start it, or name its folder with --state-dir")]
    NotRunning {
        /// The state directory.
        dir: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It listened, and then it did not answer sensibly.
    #[error("the daemon on {dir} did not answer: {reason}")]
    NoAnswer {
        /// The state directory.
        dir: String,
        /// What went wrong.
        reason: String,
    },
}

/// The server's ends.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Takes commands to the loop.
    pub commands: mpsc::Sender<Command>,
    /// The engine's picture.
    pub view: watch::Receiver<Arc<View>>,
    /// Ends the process in order.
    pub stop: CancellationToken,
    /// Ends the server.
    pub cancel: CancellationToken,
}

/// Listens in `dir` until it is cancelled.
///
/// # Errors
/// If the socket cannot be made there.
pub async fn serve(dir: PathBuf, ends: Ends) -> std::io::Result<()> {
    let path = dir.join(SOCKET);
    // The state directory's lock is held, so that a socket found here belongs to a process that is gone.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let clients = tokio_util::task::TaskTracker::new();
    loop {
        let place = tokio::select! {
            () = ends.cancel.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        tokio::select! {
            () = ends.cancel.cancelled() => break,
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let ends = ends.clone();
                    clients.spawn(async move {
                        let _place = place;
                        let _ = tokio::time::timeout(PATIENCE, attend(stream, ends)).await;
                    });
                }
            }
        }
    }
    clients.close();
    let _ = tokio::time::timeout(PATIENCE, clients.wait()).await;
    let _ = std::fs::remove_file(&path);
    Ok(())
}

async fn attend(mut stream: UnixStream, ends: Ends) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(MAX_LINE)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => answer(request, &ends),
        Err(error) => Answer::Refused(format!("that is not a request: {error}")),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await
}

fn answer(request: Request, ends: &Ends) -> Answer {
    match request {
        Request::Status => Answer::Status(Box::new(ends.view.borrow().as_ref().clone())),
        Request::Do(command) => match ends.commands.try_send(command) {
            Ok(()) => Answer::Accepted,
            Err(error) => Answer::Refused(format!("the loop does not take it now: {error}")),
        },
        Request::Stop => {
            ends.stop.cancel();
            Answer::Accepted
        }
    }
}

/// Asks the daemon on a state directory.
///
/// # Errors
/// If none runs there, or it does not answer in time.
pub fn ask(dir: &Path, request: &Request) -> Result<Answer, ControlError> {
    let name = || dir.display().to_string();
    let stream = BlockingStream::connect(dir.join(SOCKET))
        .map_err(|source| ControlError::NotRunning { dir: name(), source })?;
    exchange(stream, request).map_err(|reason| ControlError::NoAnswer { dir: name(), reason: reason.to_string() })
}

fn exchange(mut stream: BlockingStream, request: &Request) -> std::io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_string(request)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_is_answered_and_garbage_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (commands, mut heard) = mpsc::channel(1);
        let (_view, view) = watch::channel(Arc::new(View { iterations: 7, ..View::default() }));
        let (stop, cancel) = (CancellationToken::new(), CancellationToken::new());
        let ends = Ends { commands, view, stop: stop.clone(), cancel: cancel.clone() };
        let server = tokio::spawn(serve(dir.path().to_owned(), ends));
        let path = dir.path().to_owned();
        let answers = tokio::task::spawn_blocking(move || {
            while !path.join(SOCKET).exists() {
                std::thread::yield_now();
            }
            let status = ask(&path, &Request::Status).unwrap();
            let pause = ask(&path, &Request::Do(Command::Pause)).unwrap();
            let full = ask(&path, &Request::Do(Command::Pause)).unwrap();
            let mut raw = BlockingStream::connect(path.join(SOCKET)).unwrap();
            raw.write_all(b"{nonsense\n").unwrap();
            let mut line = String::new();
            BufReader::new(raw).read_line(&mut line).unwrap();
            let stop = ask(&path, &Request::Stop).unwrap();
            (status, pause, full, line, stop)
        })
        .await
        .unwrap();
        assert!(matches!(answers.0, Answer::Status(view) if view.iterations == 7));
        assert_eq!(answers.1, Answer::Accepted);
        assert!(matches!(answers.2, Answer::Refused(_)), "a full queue refuses");
        assert!(answers.3.contains("refused"));
        assert_eq!(answers.4, Answer::Accepted);
        assert!(stop.is_cancelled());
        assert_eq!(heard.recv().await, Some(Command::Pause));
        cancel.cancel();
        server.await.unwrap().unwrap();
        let error = ask(dir.path(), &Request::Status).unwrap_err().to_string();
        assert!(error.contains("no daemon runs on"), "{error}");
    }
}
