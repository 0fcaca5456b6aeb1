//! MQTT inside a WebSocket, without I/O: `/mqtt`, subprotocol `mqtt`, binary frames (MQTT section 6).
//!
//! In: plaintext of a connection: an HTTP request, then frames. Out: the bytes of MQTT in them, and the bytes to send
//! back. Bounded by the limits below; a text frame ends it ([MQTT-6.0.0-1]).

use std::io::{self, Read, Write};

use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Bytes, Error, Message};

use super::House;

/// Bytes of the HTTP request.
const REQUEST_BYTES: usize = 8 * 1024;
/// Bytes of one frame: one MQTT packet and a little.
const FRAME_BYTES: usize = 64 * 1024;
/// Bytes of one message in fragments; packets need not be aligned with messages ([MQTT-6.0.0-2]).
const MESSAGE_BYTES: usize = 2 * FRAME_BYTES;
/// Bytes read ahead: idle connections hold this much.
const READ_BUFFER_BYTES: usize = 512;

/// Path of the endpoint.
const PATH: &str = "/mqtt";
/// The subprotocol that the client must offer and the server must answer ([MQTT-6.0.0-3], [MQTT-6.0.0-4]).
const SUBPROTOCOL: &str = "mqtt";

/// A connection that speaks WebSocket, or is about to.
pub enum WebSocket {
    /// The request is not complete.
    Request(Vec<u8>),
    /// Frames.
    Open(Box<WebSocketContext>),
}

/// What the peer's bytes came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// More may come.
    More,
    /// The peer closed the WebSocket; the answer is in the bytes to send.
    Closed,
}

impl WebSocket {
    /// Before the request.
    #[must_use]
    pub const fn new() -> Self {
        Self::Request(Vec::new())
    }

    /// Takes bytes; appends MQTT to `inner` and what is to be sent to `out`.
    ///
    /// # Errors
    /// The request or a frame is refused; `out` then ends in what the peer is to be told.
    pub fn receive(&mut self, bytes: &[u8], inner: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<Heard, House> {
        let request = match self {
            Self::Open(context) => return read_frames(context, bytes, inner, out),
            Self::Request(request) => request,
        };
        request.extend_from_slice(bytes);
        let parsed = Request::try_parse(request);
        let Some((length, parsed)) = parsed.map_err(|_| refuse(out, "400 Bad Request", ""))? else {
            return if request.len() > REQUEST_BYTES {
                Err(refuse(out, "431 Request Header Fields Too Large", ""))
            } else {
                Ok(Heard::More)
            };
        };
        answer(&parsed, out)?;
        let early = request.split_off(length);
        let mut context = Box::new(WebSocketContext::new(Role::Server, Some(config())));
        let heard = read_frames(&mut context, &early, inner, out);
        *self = Self::Open(context);
        heard
    }

    /// Wraps bytes of MQTT into one binary frame.
    ///
    /// # Errors
    /// The WebSocket is not open.
    pub fn send(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), House> {
        let Self::Open(context) = self else {
            return Err(House::WEB_SOCKET);
        };
        let mut stream = Memory { input: &[], output: out };
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        context
            .write(&mut stream, message)
            .and_then(|()| context.flush(&mut stream))
            .map_err(|_| House::WEB_SOCKET)
    }

    /// Appends a closing frame, if the WebSocket is open.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        if let Self::Open(context) = self {
            // The peer may have closed before: then there is nothing to say.
            let _ = context.close(&mut Memory { input: &[], output: out }, None);
        }
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MESSAGE_BYTES)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(FRAME_BYTES))
}

fn read_frames(
    context: &mut WebSocketContext,
    bytes: &[u8],
    inner: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<Heard, House> {
    let mut stream = Memory { input: bytes, output: out };
    loop {
        match context.read(&mut stream) {
            Ok(Message::Binary(packet)) => inner.extend_from_slice(&packet),
            // Answered by the library with the next flush.
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
                let _ = context.flush(&mut stream);
                return Ok(Heard::Closed);
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                let _ = context.flush(&mut stream);
                return Ok(Heard::More);
            }
            Ok(Message::Text(_) | Message::Frame(_)) | Err(_) => return Err(House::WEB_SOCKET),
        }
    }
}

/// Checks the request and appends the answer.
fn answer(request: &Request, out: &mut Vec<u8>) -> Result<(), House> {
    if request.uri().path() != PATH {
        return Err(refuse(out, "404 Not Found", ""));
    }
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // A browser that holds a device's certificate and is led here by somebody's page.
    if let Some(origin) = header("Origin")
        && !is_own(origin, header("Host").unwrap_or_default())
    {
        return Err(refuse(out, "403 Forbidden", ""));
    }
    let offers = request.headers().get_all("Sec-WebSocket-Protocol");
    let offered = offers.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if !offered.into_iter().any(|name| name.trim() == SUBPROTOCOL) {
        return Err(refuse(out, "400 Bad Request", ""));
    }
    let mut response = create_response(request).map_err(|_| {
        refuse(out, "426 Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")
    })?;
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    write_response(out, &response).map_err(|_| House::HTTP_REQUEST)
}

/// Whether an Origin (RFC 6454) is of the host that was asked: some clients of MQTT send it.
fn is_own(origin: &str, host: &str) -> bool {
    let Some(("https" | "http" | "wss", from)) = origin.split_once("://") else { return false };
    let bare = |name: &str| name.strip_suffix(":443").unwrap_or(name).to_ascii_lowercase();
    bare(from) == bare(host)
}

/// Appends a refusal in HTTP.
fn refuse(out: &mut Vec<u8>, status: &str, headers: &str) -> House {
    let text = House::HTTP_REQUEST.rule().text;
    let length = text.len() + 1;
    let response = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: {length}\r\n\r\n{text}\n"
    );
    out.extend_from_slice(response.as_bytes());
    House::HTTP_REQUEST
}

/// A stream in memory: reading ends in "would block", writing appends.
struct Memory<'a> {
    input: &'a [u8],
    output: &'a mut Vec<u8>,
}

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 4.4.2.
    #[test]
    fn a_page_of_somebody_else_opens_nothing() {
        let ask = |headers: &str| {
            let (mut inner, mut out) = (Vec::new(), Vec::new());
            let request = REQUEST.replace("Connection:", &format!("{headers}Connection:"));
            let heard = WebSocket::new().receive(request.as_bytes(), &mut inner, &mut out);
            (heard.is_ok(), String::from_utf8(out).unwrap())
        };
        for own in ["", "Origin: https://device.example\r\n", "Origin: https://DEVICE.example:443\r\n"] {
            assert!(ask(own).0, "{own}");
        }
        for other in [
            "https://evil.example",
            "null",
            "https://device.example.evil.example",
            "file://device.example",
            "",
        ] {
            let (opened, said) = ask(&format!("Origin: {other}\r\n"));
            assert!(!opened && said.starts_with("HTTP/1.1 403 "), "{other}: {said}");
            assert!(said.contains("nosniff"), "{said}");
        }
    }

    const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: device.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

    /// A client's frame with a zero mask.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        frame
    }

    fn open() -> WebSocket {
        let mut socket = WebSocket::new();
        let mut out = Vec::new();
        assert_eq!(socket.receive(REQUEST.as_bytes(), &mut Vec::new(), &mut out), Ok(Heard::More));
        let out = String::from_utf8(out).unwrap().to_ascii_lowercase();
        assert!(out.starts_with("http/1.1 101 "), "{out}");
        assert!(out.contains("sec-websocket-protocol: mqtt\r\n"), "{out}");
        assert!(out.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{out}");
        socket
    }

    #[test]
    fn any_split_of_request_and_frames_gives_the_same_mqtt() {
        let mut all = REQUEST.as_bytes().to_vec();
        all.extend(frame(0x82, &[0xc0]));
        all.extend(frame(0x02, &[0]));
        all.extend(frame(0x80, &[0xc0, 0]));
        all.extend(frame(0x89, b"hello"));
        for step in [1, 2, 7, 1_000] {
            let (mut socket, mut inner, mut out) = (WebSocket::new(), Vec::new(), Vec::new());
            for piece in all.chunks(step) {
                assert_eq!(socket.receive(piece, &mut inner, &mut out), Ok(Heard::More));
            }
            assert_eq!(inner, [0xc0, 0, 0xc0, 0]);
            assert!(out.ends_with(b"\x8a\x05hello"), "a ping is answered");
        }
    }

    proptest::proptest! {
        /// ASVS 5.0: 1.4.1.
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), before: bool) {
            let mut socket = if before { WebSocket::new() } else { open() };
            let (mut inner, mut out) = (Vec::new(), Vec::new());
            for piece in bytes.chunks(7) {
                if !matches!(socket.receive(piece, &mut inner, &mut out), Ok(Heard::More)) {
                    break;
                }
            }
            proptest::prop_assert!(inner.len() <= bytes.len());
        }
    }

    #[test]
    fn requests_that_are_refused() {
        let check = |request: &str, status: &str| {
            let mut out = Vec::new();
            let refused = WebSocket::new().receive(request.as_bytes(), &mut Vec::new(), &mut out);
            assert_eq!(refused, Err(House::HTTP_REQUEST), "{request}");
            assert!(String::from_utf8(out).unwrap().starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
        };
        check(&REQUEST.replace("/mqtt", "/"), "404");
        check(&REQUEST.replace("/mqtt", "/mqtt/x"), "404");
        check(&REQUEST.replace("Protocol: mqtt", "Protocol: mqttv3.1"), "400");
        check(&REQUEST.replace("Sec-WebSocket-Protocol: mqtt\r\n", ""), "400");
        check(&REQUEST.replace("Upgrade: websocket", "Upgrade: h2c"), "426");
        check(&REQUEST.replace("Version: 13", "Version: 12"), "426");
        check(&REQUEST.replace("GET", "POST"), "400");
        check("\u{16}\u{3}\u{1}\r\n\r\n", "400");
        check(&format!("GET /mqtt HTTP/1.1\r\nX: {}", "x".repeat(REQUEST_BYTES)), "431");
    }

    #[test]
    fn frames_that_are_refused() {
        let check = |frame: &[u8]| {
            let refused = open().receive(frame, &mut Vec::new(), &mut Vec::new());
            assert_eq!(refused, Err(House::WEB_SOCKET), "{:02x?}", &frame[..2]);
        };
        check(&frame(0x81, b"text"));
        check(&[0x82, 0x01, 0xc0]);
        check(&frame(0xc2, b"reserved bit"));
        check(&frame(0x83, b"reserved opcode"));
        check(&frame(0x80, b"continuation of nothing"));
        check(&frame(0x09, b"fragmented control"));
        check(&frame(0x82, &vec![0; FRAME_BYTES + 1]));
    }

    #[test]
    fn the_frame_limit_holds_at_n() {
        let mut inner = Vec::new();
        assert_eq!(
            open().receive(&frame(0x82, &vec![7; FRAME_BYTES]), &mut inner, &mut Vec::new()),
            Ok(Heard::More)
        );
        assert_eq!(inner.len(), FRAME_BYTES);
    }

    #[test]
    fn a_close_is_answered() {
        let mut out = Vec::new();
        assert_eq!(open().receive(&frame(0x88, &[]), &mut Vec::new(), &mut out), Ok(Heard::Closed));
        assert_eq!(out, [0x88, 0]);
    }
}
