//! A WebSocket connection, with bounds on what it takes and a deadline on how long it may take.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// A connection that does not stand within this time will not.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A small message that is not taken within this time meets a connection that is dead.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// Largest message and frame: the venue's largest are book snapshots of some tens of kilobytes.
const MOST_BYTES: usize = 4 << 20;
/// Bytes read at once. A larger buffer costs more to keep clean than it saves.
const READ_BUFFER: usize = 8 << 10;

/// A connection.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What comes over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A message.
    Text(Utf8Bytes),
    /// A sign of life without content.
    Alive,
}

/// Why there is no connection, or none any more. No address is in it: it may hold a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error("no connection within {CONNECT_WITHIN:?}")]
    Late,
    #[error("the address cannot be used")]
    Address,
    #[error("the connection ended: {0}")]
    Ended(String),
}

impl Socket {
    /// Connects, encrypted where the address says `wss`.
    ///
    /// # Errors
    /// If it does not stand in time.
    pub(crate) async fn connect(url: &str) -> Result<Socket, SocketError> {
        tokio::time::timeout(CONNECT_WITHIN, Socket::dial(url)).await.map_err(|_| SocketError::Late)?
    }

    async fn dial(url: &str) -> Result<Socket, SocketError> {
        let request = url.into_client_request().map_err(|_| SocketError::Address)?;
        let uri = request.uri();
        let usual_port = if uri.scheme_str() == Some("wss") { 443 } else { 80 };
        let (host, port) = (uri.host().ok_or(SocketError::Address)?, uri.port_u16().unwrap_or(usual_port));
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(ended)?;
        stream.set_nodelay(true).map_err(ended)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(MOST_BYTES))
            .max_frame_size(Some(MOST_BYTES));
        let (socket, _) = client_async_tls_with_config(request, stream, Some(config), None).await.map_err(lost)?;
        Ok(Socket(socket))
    }

    /// What comes next.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) async fn next(&mut self) -> Result<Frame, SocketError> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(Frame::Text(text)),
            Some(Ok(Message::Close(_))) | None => Err(SocketError::Ended("the venue closed it".to_owned())),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => Ok(Frame::Alive),
            Some(Err(error)) => Err(lost(error)),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) async fn send(&mut self, text: String) -> Result<(), SocketError> {
        self.put(Message::text(text)).await
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) async fn ping(&mut self) -> Result<(), SocketError> {
        self.put(Message::Ping(Vec::new().into())).await
    }

    async fn put(&mut self, message: Message) -> Result<(), SocketError> {
        let sent = tokio::time::timeout(SEND_WITHIN, self.0.send(message)).await;
        sent.map_err(|_| SocketError::Late)?.map_err(lost)
    }
}

fn ended(error: std::io::Error) -> SocketError {
    SocketError::Ended(error.to_string())
}

fn lost(error: Error) -> SocketError {
    // The library's words on a refused handshake can hold the address.
    SocketError::Ended(match error {
        Error::Http(response) => format!("HTTP {}", response.status()),
        other => other.to_string(),
    })
}
