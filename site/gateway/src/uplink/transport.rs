//! MQTT packets on the connection: bare in TLS, or as binary messages of a WebSocket in TLS.
//!
//! In: packets. Out: the cloud's bytes. Never blocks after the handshake; what the socket does not take waits here,
//! at most one packet because the session adds none while something waits.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use tungstenite::client::client_with_config;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{ClientRequestBuilder, HandshakeError, Message, WebSocket};

use super::link::Link;
use super::proxy::Credentials;
use super::tls::{self, Tls};
use super::{ConnectError, plain_io};
use crate::config::{Config, Scheme};

/// Largest message from the cloud: it has nothing long to say.
const MAX_INCOMING_BYTES: usize = 16 * 1024;

type TlsStream = StreamOwned<ClientConnection, Link>;

/// See the module.
pub enum Transport {
    /// MQTT in TLS.
    Bare {
        /// The connection.
        stream: Box<TlsStream>,
        /// What waits to be written.
        out: Vec<u8>,
    },
    /// MQTT in a WebSocket in TLS.
    Web(Box<WebSocket<TlsStream>>),
}

impl Transport {
    /// Connects and shakes hands, all before the deadline.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        config: &Config,
        tls: &Tls,
        proxy_credentials: Option<&Credentials>,
        deadline_ms: u64,
    ) -> Result<Self, ConnectError> {
        let mut link = Link::connect(&config.cloud, proxy_credentials, deadline_ms)?;
        let name = ServerName::try_from(config.server_name().to_owned())
            .map_err(|_| ConnectError::Resolve(config.server_name().to_owned()))?;
        let mut connection = ClientConnection::new(tls.config.clone(), name).map_err(ConnectError::Tls)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut link).map_err(|error| told(tls, from_io(error)))?;
        }
        let stream = StreamOwned::new(connection, link);
        match config.cloud.url.scheme {
            Scheme::Wss => Self::web(config, stream),
            _ => Ok(Self::Bare { stream: Box::new(stream), out: Vec::new() }),
        }
    }

    fn web(config: &Config, stream: TlsStream) -> Result<Self, ConnectError> {
        let url = format!("wss://{}{}", config.cloud.url, config.cloud.url.path);
        let uri = url.parse().map_err(|_| ConnectError::WebSocket(format!("{url} is not a URL")))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
        let limits = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_INCOMING_BYTES))
            .max_frame_size(Some(MAX_INCOMING_BYTES));
        match client_with_config(request, stream, Some(limits)) {
            Ok((socket, _)) => Ok(Self::Web(Box::new(socket))),
            Err(HandshakeError::Failure(tungstenite::Error::Io(error))) => Err(from_io(error)),
            Err(HandshakeError::Failure(error)) => Err(ConnectError::WebSocket(error.to_string())),
            Err(HandshakeError::Interrupted(_)) => Err(ConnectError::Connect(io::ErrorKind::TimedOut.into())),
        }
    }

    /// TLS version and way, for the status.
    #[must_use]
    pub fn describe(&self) -> String {
        let version = match self.tls().conn.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS 1.3",
        };
        let way = if matches!(self, Self::Web(_)) { "WebSocket" } else { "ALPN mqtt" };
        format!("{way} in {version}")
    }

    fn tls(&self) -> &TlsStream {
        match self {
            Self::Bare { stream, .. } => stream,
            Self::Web(socket) => socket.get_ref(),
        }
    }

    /// Ends the waiting of the handshakes.
    pub fn stop_waiting(&mut self) {
        match self {
            Self::Bare { stream, .. } => stream.sock.stop_waiting(),
            Self::Web(socket) => socket.get_mut().sock.stop_waiting(),
        }
    }

    /// Adds a packet to what is written by [`Transport::flush`].
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn queue(&mut self, packet: Vec<u8>) -> io::Result<()> {
        match self {
            Self::Bare { out, .. } => {
                out.extend_from_slice(&packet);
                Ok(())
            }
            Self::Web(socket) => match socket.write(Message::binary(packet)) {
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                other => other.map_err(to_io),
            },
        }
    }

    /// Writes what the socket takes. `true`: nothing waits any more.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn flush(&mut self) -> io::Result<bool> {
        let result = match self {
            Self::Bare { stream, out } => flush_bare(stream, out),
            Self::Web(socket) => socket.flush().map_err(to_io),
        };
        match result {
            Ok(()) => Ok(!self.tls().conn.wants_write()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Appends what has come to `inbox`; returns at once.
    ///
    /// # Errors
    /// When the connection is gone, or the cloud does not speak binary WebSocket messages.
    pub fn receive(&mut self, inbox: &mut Vec<u8>) -> io::Result<()> {
        // The deadline of the handshake phase makes this wait for the first bytes.
        let start = inbox.len();
        loop {
            let result = match self {
                Self::Bare { stream, .. } => {
                    let mut buffer = [0; 1024];
                    stream.read(&mut buffer).map(|length| {
                        inbox.extend_from_slice(buffer.get(..length).unwrap_or_default());
                        length > 0
                    })
                }
                Self::Web(socket) => match socket.read() {
                    Ok(Message::Binary(bytes)) => {
                        inbox.extend_from_slice(&bytes);
                        Ok(true)
                    }
                    Ok(Message::Ping(_) | Message::Pong(_)) => Ok(true),
                    Ok(Message::Close(_)) => Ok(false),
                    Ok(_) => Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a WebSocket message that is not binary",
                    )),
                    Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                        Ok(false)
                    }
                    Err(error) => Err(to_io(error)),
                },
            };
            match result {
                Ok(true) if self.waits() && inbox.len() > start => return Ok(()),
                Ok(true) if inbox.len() < MAX_INCOMING_BYTES => {}
                Ok(true) => return Ok(()),
                Ok(false) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the cloud closed the connection",
                    ));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn waits(&self) -> bool {
        self.tls().sock.waits()
    }

    /// Says goodbye on this layer; whatever happens, the connection is over.
    pub fn close(&mut self) {
        match self {
            Self::Bare { stream, .. } => {
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
            Self::Web(socket) => {
                let _ = socket.close(None);
                let _ = socket.flush();
            }
        }
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tls().sock.as_fd()
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

fn flush_bare(stream: &mut TlsStream, out: &mut Vec<u8>) -> io::Result<()> {
    while !out.is_empty() {
        let written = stream.write(out)?;
        out.drain(..written);
    }
    // A packet of the size of a full backlog report should not be kept allocated.
    out.shrink_to(4096);
    stream.flush()
}

fn to_io(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}

/// An I/O error of the handshakes, with the TLS error that it may wrap.
fn from_io(error: io::Error) -> ConnectError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => ConnectError::Tls(error.clone()),
        None => ConnectError::Connect(error),
    }
}

fn told(tls: &Tls, error: ConnectError) -> ConnectError {
    match error {
        ConnectError::Tls(error) => tls.validity.told(error),
        other => other,
    }
}

/// The same for an established connection, in words.
#[must_use]
pub fn words(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => tls::plain(error),
        None => plain_io(error),
    }
}
