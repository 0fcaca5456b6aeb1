//! Server-sent events: the channel to one page.
//!
//! In: events from the page's task. Out: `text/event-stream` as HTML's section 9.2 has it. A page that takes nothing for
//! 30 s is given up; a comment every 15 s keeps what stands between awake.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use tokio::sync::mpsc;

/// A write that stalls this long cuts the stream.
const STALLED: Duration = Duration::from_secs(30);
/// Time between comments.
pub const COMMENT: Duration = Duration::from_secs(15);
/// Events that wait for a slow reader.
const WAITING: usize = 16;

/// The sending end.
#[derive(Debug)]
pub struct Events(mpsc::Sender<Bytes>);

/// The page is gone, or takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// An open channel: the task's end and the response.
#[must_use]
pub fn channel() -> (Events, Response) {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    let stream = futures_util::stream::poll_fn(move |task| {
        receiver.poll_recv(task).map(|next| next.map(Ok::<_, Infallible>))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    (Events(sender), response)
}

impl Events {
    /// Sends one event.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn send(&self, event: &str, data: &str) -> Result<(), Gone> {
        let mut text = String::with_capacity(data.len().saturating_add(64));
        text.push_str("event: ");
        text.push_str(event);
        for line in data.split(['\n', '\r']).filter(|line| !line.is_empty()) {
            text.push_str("\ndata: ");
            text.push_str(line);
        }
        text.push_str("\n\n");
        self.put(text).await
    }

    /// Sends a comment.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn comment(&self) -> Result<(), Gone> {
        self.put(": still here\n\n".to_owned()).await
    }

    /// Returns when the reader is gone.
    pub async fn closed(&self) {
        self.0.closed().await;
    }

    async fn put(&self, text: String) -> Result<(), Gone> {
        match tokio::time::timeout(STALLED, self.0.send(Bytes::from(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}
