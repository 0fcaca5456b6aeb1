//! What a connection of the people's door is doing: requests under way, answers that wait for the peer.
//!
//! In: the begin and end of requests, looks at the bodies of answers. Out: a verdict. Never reads a byte.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::Deadlines;

/// What a connection is doing.
#[derive(Debug)]
pub struct Activity {
    started: Instant,
    requests: AtomicU64,
    /// Milliseconds after `started` of the last end of an answer.
    last_ms: AtomicU64,
    under_way: Mutex<Vec<Arc<Waits>>>,
}

/// What became of a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Requests are under way, or were a moment ago.
    Working,
    /// Nothing for long.
    Idle,
    /// Not one request was ever complete.
    NeverSpoke,
    /// An answer is there of which the peer takes nothing.
    TakesNothing,
}

/// Since when an answer waits for its peer: milliseconds after the connection's start, or [`FOR_US`].
#[derive(Debug)]
struct Waits(AtomicU64);

/// The answer waits for us.
const FOR_US: u64 = u64::MAX;

impl Activity {
    /// A connection that begins now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            requests: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
            under_way: Mutex::default(),
        }
    }

    /// What it is doing.
    pub fn verdict(&self, deadlines: &Deadlines) -> Verdict {
        let now_ms = self.now_ms();
        let past = |since_ms: u64| Duration::from_millis(now_ms.saturating_sub(since_ms));
        let under_way = self.lock();
        let stalled = |waits: &Arc<Waits>| match waits.0.load(Ordering::Relaxed) {
            FOR_US => false,
            since_ms => past(since_ms) > deadlines.stall,
        };
        match self.requests.load(Ordering::Relaxed) {
            0 => Verdict::NeverSpoke,
            _ if under_way.iter().any(stalled) => Verdict::TakesNothing,
            _ if under_way.is_empty() && past(self.last_ms.load(Ordering::Relaxed)) > deadlines.idle => {
                Verdict::Idle
            }
            _ => Verdict::Working,
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(FOR_US - 1)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Waits>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request under way, until its answer's last byte was handed over.
pub struct Under {
    activity: Arc<Activity>,
    waits: Arc<Waits>,
}

impl Under {
    /// A request begins.
    pub fn way(activity: &Arc<Activity>) -> Self {
        let waits = Arc::new(Waits(AtomicU64::new(FOR_US)));
        activity.requests.fetch_add(1, Ordering::Relaxed);
        activity.lock().push(Arc::clone(&waits));
        Self { activity: Arc::clone(activity), waits }
    }

    fn waits_for_peer(&self) {
        self.waits.0.store(self.activity.now_ms(), Ordering::Relaxed);
    }

    fn waits_for_us(&self) {
        self.waits.0.store(FOR_US, Ordering::Relaxed);
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.activity.last_ms.store(self.activity.now_ms(), Ordering::Relaxed);
        self.activity.lock().retain(|waits| !Arc::ptr_eq(waits, &self.waits));
    }
}

/// An answer's body that knows for whom it waits: it is asked for its next piece only when the peer took the last one.
pub struct Tracked {
    body: Body,
    under_way: Under,
}

impl Tracked {
    /// An answer is there.
    pub fn new(body: Body, under_way: Under) -> Self {
        under_way.waits_for_peer();
        Self { body, under_way }
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(_) => self.under_way.waits_for_peer(),
            Poll::Pending => self.under_way.waits_for_us(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
