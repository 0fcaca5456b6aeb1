//! HTTP for people: hyper under deadlines, the router behind.
//!
//! In: a TLS connection. Out: requests to the router, each with the peer's address as [`ConnectInfo`]. Every stage has
//! its deadline: first request, header, body, answer, idling, leaving. Never looks into a request.

mod activity;
mod request_body;
mod stalling;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at, timeout_at};
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::activity::{Activity, Tracked, Under, Verdict};
use self::request_body::RequestBody;
use self::stalling::Stalling;
use super::Doors;
use crate::device::{House, count, limits};

/// From the handshake to the first complete request header; later headers too.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's header.
const HEADER_BYTES: usize = 32 * 1024;
/// Requests of one HTTP/2 connection at a time: a page and its live stream need few.
const STREAMS: u32 = 64;
/// Silence after which an HTTP/2 peer must answer a ping.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time for open requests to end after a stop.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Requests that an HTTP/2 peer may take back before we have looked at them (CVE-2023-44487); beyond, it is cut.
const RESETS: usize = 20;
/// Requests of an HTTP/2 peer that break the protocol and are reset by us; beyond, it is cut. A browser that has not heard
/// of [`STREAMS`] yet may have some refused.
const ERRORS: usize = 128;

/// Deadlines of a connection that a look each few seconds holds.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    /// To the first complete request.
    first: Duration,
    /// How often the rest is looked at.
    look: Duration,
    /// A connection without a request or an answer under way is told to go.
    idle: Duration,
    /// A peer that takes no byte of an answer for this long is cut: TCP's window or HTTP/2's is shut.
    stall: Duration,
    /// A peer that was told to go and has not gone by then is cut.
    leave: Duration,
}

const DEADLINES: Deadlines = Deadlines {
    first: HEADER_TIME,
    look: Duration::from_secs(5),
    idle: Duration::from_secs(120),
    stall: Duration::from_secs(30),
    leave: Duration::from_secs(30),
};

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
            let router = doors.people.router.clone();
            Box::pin(serve(stream, peer, router, &doors.shutdown, DEADLINES)).await;
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
async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    shutdown: &CancellationToken,
    deadlines: Deadlines,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let service = service_fn({
        let activity = Arc::clone(&activity);
        move |request: Request<Incoming>| answer(request, peer, router.clone(), Under::way(&activity))
    });
    let builder = builder();
    let io = TokioIo::new(Stalling::new(stream, deadlines.stall));
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let mut look = interval_at(Instant::now() + deadlines.first, deadlines.look);
    let mut leaving: Option<Instant> = None;
    loop {
        tokio::select! {
            // The peer's faults are the peer's: there is nobody to tell.
            _ = connection.as_mut() => return,
            now = look.tick() => match activity.verdict(&deadlines) {
                Verdict::NeverSpoke | Verdict::TakesNothing => return,
                // What was told to go may hold answers that it does not take, and would for ever.
                _ if leaving.is_some_and(|since| now > since + deadlines.leave) => return,
                Verdict::Idle => {
                    leaving.get_or_insert(now);
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::Working => {}
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
        .max_header_list_size(HEADER_BYTES as u32)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS);
    builder
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    under_way: Under,
) -> Result<Response<Body>, Infallible> {
    let version = request.version();
    let mut request = request.map(|incoming| Body::new(RequestBody::new(incoming, version)));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(Tracked::new(body, under_way))))
}
