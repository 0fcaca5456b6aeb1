//! HTTP for people: hyper under deadlines, the router behind.
//!
//! In: a TLS connection. Out: requests to the router, each with the peer's address as [`ConnectInfo`]. Every stage has
//! its deadline: first request, header, body, answer, idling. Never looks into a request.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, interval_at, sleep, timeout_at};
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Doors;
use crate::device::{House, count, limits};

/// From the handshake to the first complete request header; later headers too.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Between two pieces of a request's body.
const BODY_TIME: Duration = Duration::from_secs(10);
/// A peer that takes no byte of an answer for this long is cut.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// A connection without a request or an answer under way is closed.
const IDLE: Duration = Duration::from_secs(120);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Bytes of a request's header.
const HEADER_BYTES: usize = 32 * 1024;
/// Requests of one HTTP/2 connection at a time: a page and its live stream need few.
const STREAMS: u32 = 64;
/// Silence after which an HTTP/2 peer must answer a ping.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time for open requests to end after a stop.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// Completes the handshake before the deadline that began with the connection, then serves it until it ends. Must run
/// on the people's threads: from here on the socket is watched by their run time.
pub(super) async fn enter(
    start: StartHandshake<TcpStream>,
    peer: SocketAddr,
    doors: Arc<Doors>,
    accepted: Instant,
) {
    let tls = timeout_at(accepted + limits::CONNECT_TIME, shake(start, &doors)).await;
    match tls.unwrap_or(Err(House::CONNECT_TIME)) {
        Ok(stream) => {
            count(&doors.shared.counters.people);
            Box::pin(serve(stream, peer, doors.people.router.clone(), &doors.shutdown)).await;
        }
        Err(house) => doors.shared.counters.refuse(house.into()),
    }
}

async fn shake(start: StartHandshake<TcpStream>, doors: &Doors) -> Result<Box<TlsStream<TcpStream>>, House> {
    let StartHandshake { accepted, io: tcp, .. } = start;
    let tcp = tcp.into_std().and_then(TcpStream::from_std).map_err(|_| House::TLS_HANDSHAKE)?;
    let tls = StartHandshake::from_parts(accepted, tcp).into_stream(Arc::clone(&doors.config.people_tls));
    tls.await.map(Box::new).map_err(|_| House::TLS_HANDSHAKE)
}

/// Serves one connection until it ends.
async fn serve(
    stream: Box<TlsStream<TcpStream>>,
    peer: SocketAddr,
    router: Router,
    shutdown: &CancellationToken,
) {
    let activity = Arc::new(Activity { started: Instant::now(), ..Activity::default() });
    let service = service_fn({
        let activity = Arc::clone(&activity);
        move |request: Request<Incoming>| answer(request, peer, router.clone(), Under::way(&activity))
    });
    let builder = builder();
    let io = TokioIo::new(Stalling { stream, stalled: None, leaving: None });
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let mut look = interval_at(Instant::now() + HEADER_TIME, LOOK);
    loop {
        tokio::select! {
            // The peer's faults are the peer's: there is nobody to tell.
            _ = connection.as_mut() => return,
            _ = look.tick() => match activity.verdict() {
                Verdict::Working => {}
                Verdict::Idle => connection.as_mut().graceful_shutdown(),
                Verdict::NeverSpoke => return,
            },
            () = shutdown.cancelled() => break,
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(STOP_GRACE, connection).await;
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(HEADER_TIME)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32);
    builder
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    under_way: Under,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(|incoming| Body::new(TimedBody { incoming, deadline: None }));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(Tracked { body, _under_way: under_way })))
}

/// What a connection is doing.
#[derive(Debug)]
struct Activity {
    started: Instant,
    requests: AtomicU64,
    under_way: AtomicUsize,
    /// Milliseconds after `started` of the last end of an answer.
    last_ms: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            requests: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            last_ms: AtomicU64::new(0),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Working,
    Idle,
    NeverSpoke,
}

impl Activity {
    fn verdict(&self) -> Verdict {
        let idle = self
            .started
            .elapsed()
            .saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)));
        match (self.requests.load(Ordering::Relaxed), self.under_way.load(Ordering::Relaxed)) {
            (0, _) => Verdict::NeverSpoke,
            (_, 0) if idle > IDLE => Verdict::Idle,
            _ => Verdict::Working,
        }
    }
}

/// One request under way, until its answer's last byte.
struct Under(Arc<Activity>);

impl Under {
    fn way(activity: &Arc<Activity>) -> Self {
        activity.requests.fetch_add(1, Ordering::Relaxed);
        activity.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        let passed = u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_ms.store(passed, Ordering::Relaxed);
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request's body whose pieces must follow each other.
struct TimedBody {
    incoming: Incoming,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            self.deadline = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(BODY_TIME)));
        ready!(deadline.as_mut().poll(context));
        let late = io::Error::new(io::ErrorKind::TimedOut, "the request's body stopped arriving");
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// An answer's body that keeps its connection from counting as idle.
struct Tracked {
    body: Body,
    _under_way: Under,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that fails when its peer takes nothing for [`WRITE_STALL`], and that reads away what a refused peer is
/// still sending: closing over unread bytes is a reset, which would eat the answer that says what was wrong.
struct Stalling {
    stream: Box<TlsStream<TcpStream>>,
    stalled: Option<Pin<Box<Sleep>>>,
    leaving: Option<Leaving>,
}

/// Reading away after the end of writing.
struct Leaving {
    until: Pin<Box<Sleep>>,
    bytes: usize,
}

impl Stalling {
    fn watch<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(WRITE_STALL)));
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

impl AsyncRead for Stalling {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stalling {
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
