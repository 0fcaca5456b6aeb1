//! A request's body under deadlines, and what becomes of one that nobody reads.
//!
//! In: a body as it arrives. Out: the same for the router, whose pieces must follow each other and end in time. Where the router answers
//! without having read all of it, the rest is read and dropped, some of it: an HTTP/1.1 connection would be closed while its peer still
//! writes, and the peer would hear of a broken connection instead of the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use hyper::Version;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// Between two pieces of a request's body.
const BODY_TIME: Duration = Duration::from_secs(10);
/// All of a request's body: nothing here is larger than a form.
const WHOLE_BODY_TIME: Duration = Duration::from_secs(30);
/// Of a body that was answered before it was read, so much is taken from the peer, bytes: some times the largest form.
const LEFT_BYTES: usize = 64 * 1024;
/// And for so long.
const LEFT_TIME: Duration = Duration::from_secs(3);

/// A request's body.
pub struct RequestBody {
    incoming: Body,
    /// What is left is to be read: the connection is one of HTTP/1.1. Of HTTP/2 each request ends by itself.
    reads_rest: bool,
    /// Of the next piece.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Of the last one.
    end: Instant,
}

impl RequestBody {
    /// Of a request of `version` whose header has come.
    pub fn new(incoming: Incoming, version: Version) -> Self {
        let reads_rest = version < Version::HTTP_2;
        let end = Instant::now() + WHOLE_BODY_TIME;
        Self { incoming: Body::new(incoming), reads_rest, deadline: None, end }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.reads_rest && !self.incoming.is_end_stream() {
            let rest = std::mem::take(&mut self.incoming);
            tokio::spawn(timeout(LEFT_TIME, drop_rest(rest)));
        }
    }
}

async fn drop_rest(mut rest: Body) {
    let mut bytes = 0;
    while bytes <= LEFT_BYTES
        && let Some(Ok(frame)) = rest.frame().await
    {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            self.deadline = None;
            // One byte each few seconds would hold its place for hours.
            if frame.is_some() && Instant::now() > self.end {
                return self.late();
            }
            self.reads_rest &= matches!(frame, Some(Ok(_)));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(BODY_TIME)));
        ready!(deadline.as_mut().poll(context));
        self.late()
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl RequestBody {
    /// Nothing more is taken from a peer that is this slow.
    fn late(&mut self) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        self.reads_rest = false;
        let error = io::Error::new(io::ErrorKind::TimedOut, "the request's body did not arrive in time");
        Poll::Ready(Some(Err(error.into())))
    }
}
