//! A stream that is cut when its peer takes nothing, and that does not cut off what it said last.
//!
//! In: a connection. Out: the same, with a deadline on each write and an end that reads away what a refused peer is still
//! sending. Never reads for longer than that takes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::device::limits;

/// A stream that fails when its peer takes nothing for `stall`, and that reads away what a refused peer is still
/// sending: closing over unread bytes is a reset, which would eat the answer that says what was wrong.
pub struct Stalling<S> {
    stream: S,
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    leaving: Option<Leaving>,
}

/// Reading away after the end of writing.
struct Leaving {
    until: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stalling<S> {
    /// A stream that nobody stalls yet.
    pub fn new(stream: S, stall: Duration) -> Self {
        Self { stream, stall, stalled: None, leaving: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.stall)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ready once the peer has closed or is silent, or after [`limits::LINGER`] or [`limits::LINGER_BYTES`].
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { stream, leaving, .. } = self;
        let leaving =
            leaving.get_or_insert_with(|| Leaving { until: Box::pin(sleep(limits::LINGER)), bytes: 0 });
        let mut scratch = [0; 4096];
        while leaving.bytes < limits::LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => leaving.bytes += buffer.filled().len(),
                // Nothing more comes, or nothing came: an idle peer need not be waited for.
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if leaving.bytes == 0 => return Poll::Ready(()),
                Poll::Pending => return leaving.until.as_mut().poll(context),
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.leaving.is_none() {
            let result = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.watch(context, result))?;
        }
        self.poll_leave(context).map(Ok)
    }
}
