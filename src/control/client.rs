//! The command's end.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::{sleep, timeout};

use super::socket;
use super::wire::{Answer, MAX_ANSWER, Request};

/// How long the daemon may take to answer. It answers from what it has, in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between two looks for a socket that is to go.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no daemon runs on {}: {why}; start one, or give the --state-dir of the one you mean", .state_dir.display())]
    NotRunning {
        /// Where it was looked for.
        state_dir: PathBuf,
        /// How that is known.
        why: String,
    },
    /// The socket belongs to somebody else.
    #[error("{} cannot be opened: {why}; only the daemon's user may speak to it", .path.display())]
    NotAllowed {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It listens, and says nothing.
    #[error("the daemon on {} does not answer: {why}; look at its log", .state_dir.display())]
    NoAnswer {
        /// Where it is.
        state_dir: PathBuf,
        /// What happened in place of an answer.
        why: String,
    },
    /// It will not.
    #[error("the daemon refuses: {0}")]
    Refused(String),
}

/// Asks the daemon of a state directory.
///
/// # Errors
/// If none runs there, none answers in time, or it refuses.
pub async fn ask(state_dir: &Path, request: &Request) -> Result<Answer, ClientError> {
    let no_answer = |why: String| ClientError::NoAnswer { state_dir: state_dir.to_owned(), why };
    let stream = match timeout(PATIENCE, socket::connect(state_dir)).await {
        Ok(connected) => connected.map_err(|error| not_connected(state_dir, &error))?,
        Err(_) => return Err(no_answer("it takes no connections".to_owned())),
    };
    let talk = async {
        let (reader, mut writer) = stream.into_split();
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        writer.write_all(&line).await?;
        let mut answer = Vec::new();
        BufReader::new(reader).take(MAX_ANSWER).read_until(b'\n', &mut answer).await?;
        if answer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection"));
        }
        Ok(serde_json::from_slice(&answer)?)
    };
    match timeout(PATIENCE, talk).await {
        Ok(Ok(Answer::Refused { reason })) => Err(ClientError::Refused(reason)),
        Ok(answer) => answer.map_err(|error| no_answer(error.to_string())),
        Err(_) => Err(no_answer(format!("nothing came for {PATIENCE:?}"))),
    }
}

/// Waits until the daemon of a state directory has gone. Says whether it has.
pub async fn wait_until_gone(state_dir: &Path, within: Duration) -> bool {
    let gone = async {
        while socket::connect(state_dir).await.is_ok() {
            sleep(LOOK_EVERY).await;
        }
    };
    timeout(within, gone).await.is_ok()
}

fn not_connected(state_dir: &Path, error: &io::Error) -> ClientError {
    let path = state_dir.join(socket::SOCKET_FILE);
    match error.kind() {
        io::ErrorKind::PermissionDenied => ClientError::NotAllowed { path, why: error.to_string() },
        io::ErrorKind::ConnectionRefused => ClientError::NotRunning {
            state_dir: state_dir.to_owned(),
            why: format!("nobody listens on the {} that one has left behind", socket::SOCKET_FILE),
        },
        _ => ClientError::NotRunning {
            state_dir: state_dir.to_owned(),
            why: format!("{}: {error}", socket::SOCKET_FILE),
        },
    }
}
