//! The people's door over a pipe in memory, with short deadlines: peers that ask and then take nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use hyper::StatusCode;
use hyper::body::{Body as HttpBody, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Deadlines, serve};

const SHORT: Deadlines = Deadlines {
    first: Duration::from_millis(300),
    look: Duration::from_millis(50),
    idle: Duration::from_millis(500),
    stall: Duration::from_millis(900),
    leave: Duration::from_millis(300),
};

/// Longer than any of them; a connection that is still open then stays open.
const LONG: Duration = Duration::from_millis(2_500);

/// So many pieces, or pieces for ever; then nothing more without an end.
struct Pieces(usize);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Pending;
        }
        self.0 = self.0.saturating_sub(1);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
    }
}

fn open() -> DuplexStream {
    let (ours, theirs) = duplex(16 * 1024);
    let router = Router::new()
        .route("/whole", get(|| async { "x".repeat(200 * 1024) }))
        .route("/endless", get(|| async { Body::new(Pieces(usize::MAX)) }))
        .route("/refuses", post(|| async { StatusCode::FORBIDDEN }))
        .route("/quiet", get(|| async { Body::new(Pieces(1)) }));
    tokio::spawn(async move {
        serve(theirs, ([127, 0, 0, 1], 1).into(), router, &CancellationToken::new(), SHORT).await;
    });
    ours
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, _, _, _, _, high, middle, low] = payload.len().to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The preface with a window of so many bytes for each answer, and a request.
fn asks(path: &str, window: u32) -> Vec<u8> {
    let window = [&[0, 4][..], &window.to_be_bytes()].concat();
    let path = [&[0x82, 0x87, 0x04, path.len() as u8], path.as_bytes()].concat();
    let authority = [&[0x01, 1][..], b"x"].concat();
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &window),
        frame(1, 0x05, 1, &[path, authority].concat()),
    ]
    .concat()
}

/// Reads what comes; how long the connection lived, none if it still does.
async fn lives(mut client: DuplexStream) -> Option<Duration> {
    let start = Instant::now();
    let mut chunk = vec![0; 16 * 1024];
    let until_closed = async { while !matches!(client.read(&mut chunk).await, Ok(0) | Err(_)) {} };
    timeout(LONG, until_closed).await.ok().map(|()| start.elapsed())
}

#[tokio::test]
async fn who_opens_no_window_for_an_answer_is_cut() {
    // CVE-2019-9517 and its like: the request is complete, TCP flows, pings are answered; only the answer is not taken.
    for (path, from_ms) in [("/endless", 850), ("/whole", 750)] {
        let mut client = open();
        client.write_all(&asks(path, 0)).await.unwrap();
        let lived = lives(client).await.unwrap_or_else(|| panic!("{path} is held for ever"));
        assert!(lived > Duration::from_millis(from_ms), "{path} {lived:?}");
    }
}

#[tokio::test]
async fn who_reads_nothing_of_an_answer_is_cut() {
    let mut client = open();
    client.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(LONG).await;
    // What was in the pipe is there, and then its end.
    assert!(lives(client).await.is_some_and(|lived| lived < Duration::from_millis(500)));
}

#[tokio::test]
async fn who_takes_an_answer_and_who_waits_for_a_quiet_one_is_not_cut() {
    for request in [asks("/quiet", 65_535), b"GET /quiet HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()] {
        let mut client = open();
        client.write_all(&request).await.unwrap();
        assert_eq!(lives(client).await, None);
    }
    let mut client = open();
    client.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(lives(client).await, None);
}

/// Reads until `end` has come, or the connection ends; how often.
async fn answers(client: &mut DuplexStream, end: &str, count: usize) -> usize {
    let (mut read, mut chunk) = (String::new(), vec![0; 1024]);
    while read.matches(end).count() < count {
        match timeout(LONG, client.read(&mut chunk)).await {
            Ok(Ok(length)) if length > 0 => read.push_str(std::str::from_utf8(&chunk[..length]).unwrap()),
            _ => break,
        }
    }
    read.matches(end).count()
}

#[tokio::test]
async fn who_is_refused_before_the_body_has_come_hears_it_and_goes_on() {
    let mut client = open();
    let header = "POST /refuses HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n";
    client.write_all(header.as_bytes()).await.unwrap();
    assert_eq!(answers(&mut client, "403 Forbidden", 1).await, 1);
    // As a client does that writes header and body apart.
    client.write_all(&[b'x'; 20_000]).await.unwrap();
    client.write_all(header.as_bytes()).await.unwrap();
    assert_eq!(answers(&mut client, "403 Forbidden", 1).await, 1, "the connection is there still");
}

#[tokio::test]
async fn who_sends_without_end_what_nobody_reads_is_cut() {
    let mut client = open();
    let header = "POST /refuses HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write_all(header.as_bytes()).await.unwrap();
    let piece = [b"400\r\n".as_slice(), &[b'x'; 1024], b"\r\n"].concat();
    let mut written = 0;
    let writing = async {
        while client.write_all(&piece).await.is_ok() {
            written += piece.len();
        }
    };
    timeout(LONG, writing).await.unwrap();
    assert!((64 * 1024..200 * 1024).contains(&written), "{written}");
}

#[tokio::test]
async fn who_asks_nothing_and_who_has_nothing_more_to_ask_is_told_to_go() {
    for bytes in [b"".as_slice(), b"GET /qui", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = open();
        client.write_all(bytes).await.unwrap();
        let lived = lives(client).await.expect("nobody keeps a place without asking");
        assert!(lived > Duration::from_millis(250) && lived < Duration::from_millis(900), "{lived:?}");
    }
    let mut client = open();
    client.write_all(b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let lived = lives(client).await.expect("idle");
    assert!(lived > Duration::from_millis(450), "{lived:?}");
}
