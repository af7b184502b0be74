//! A client's connection, below HTTP and WebSocket: its place among the others, and what it may keep waiting.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

/// A client that takes nothing of what is written for as long is gone.
const TAKES_WITHIN: Duration = Duration::from_secs(10);

/// A connection. Dropping it gives its place to another.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What the client may still send before it has said something whole; none if that is bounded elsewhere.
    allowance: Option<usize>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Wire {
        Wire { stream, _place: place, stalled: None, allowance: None }
    }

    /// The client has said something whole, and may send so many bytes until it has done so again. That ends whoever
    /// sends frames without an end, or such that mean nothing.
    pub(crate) fn allow(&mut self, bytes: usize) {
        self.allowance = Some(bytes);
    }

    /// Passes a result of writing on; fails if the client has taken nothing for too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(TAKES_WITHIN)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if let Some(left) = &mut self.allowance {
            let read = buffer.filled().len() - before;
            *left = left.checked_sub(read).ok_or_else(|| io::Error::other("more was sent than a message takes"))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
