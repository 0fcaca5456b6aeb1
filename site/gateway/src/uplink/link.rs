//! The TCP connection to the cloud, straight or through an HTTP proxy.
//!
//! In: the configuration. Out: a stream that waits until a deadline while the handshakes run, and never waits after.
//! Names are resolved by the C library, every address is tried.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use rustix::event::{PollFd, PollFlags, poll};

use super::ConnectError;
use crate::clock;
use crate::config::{Cloud, Url};

/// For one address: a firewall that drops packets must not hide the next address for long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer of a proxy before its blank line.
const MAX_PROXY_ANSWER_BYTES: usize = 8 * 1024;

/// `user:password` for the proxy. Cannot be printed.
pub struct Credentials(String);

impl Credentials {
    /// Reads the file.
    ///
    /// # Errors
    /// A sentence that names key and file.
    pub fn load(path: &Path) -> Result<Self, String> {
        let read = std::fs::read_to_string(path);
        match read.as_deref().map(str::trim) {
            Ok(text) if text.contains(':') && !text.contains(char::is_control) => Ok(Self(text.to_owned())),
            Ok(_) => Err(format!(
                "key `cloud.proxy_credentials`: {} must hold user:password in one line",
                path.display()
            )),
            Err(error) => {
                Err(format!("key `cloud.proxy_credentials`: {} cannot be read: {error}", path.display()))
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Link {
    tcp: TcpStream,
    deadline_ms: Option<u64>,
}

impl Link {
    /// Connects; all reads and writes end at the deadline until [`Link::stop_waiting`].
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        cloud: &Cloud,
        credentials: Option<&Credentials>,
        deadline_ms: u64,
    ) -> Result<Self, ConnectError> {
        let next_hop = cloud.proxy.as_ref().unwrap_or(&cloud.url);
        let tcp = connect_any(next_hop)?;
        tcp.set_nodelay(true).and_then(|()| tcp.set_nonblocking(true)).map_err(ConnectError::Connect)?;
        let mut link = Self { tcp, deadline_ms: Some(deadline_ms) };
        if cloud.proxy.is_some() {
            link.tunnel(&cloud.url, credentials)?;
        }
        Ok(link)
    }

    /// HTTP CONNECT, RFC 9110 section 9.3.6.
    fn tunnel(&mut self, target: &Url, credentials: Option<&Credentials>) -> Result<(), ConnectError> {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(Credentials(credentials)) = credentials {
            let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
            request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
        }
        request.push_str("\r\n");
        let fail = |error: io::Error| ConnectError::Proxy(super::plain_io(&error));
        self.write_all(request.as_bytes()).map_err(fail)?;
        // Byte by byte: what comes after the blank line belongs to TLS.
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_PROXY_ANSWER_BYTES {
            self.read_exact(&mut byte).map_err(fail)?;
            answer.extend_from_slice(&byte);
        }
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.split(' ').nth(1) {
            Some(code) if line.starts_with("HTTP/1.") && code.len() == 3 && code.starts_with('2') => Ok(()),
            Some("407") => Err(ConnectError::Proxy(
                "it wants a user and password; write user:password into a file and name it in `cloud.proxy_credentials`".to_owned(),
            )),
            _ => Err(ConnectError::Proxy(format!("it answered \"{line}\""))),
        }
    }

    /// From here on reads and writes return `WouldBlock` instead of waiting.
    pub const fn stop_waiting(&mut self) {
        self.deadline_ms = None;
    }

    /// Whether reads and writes still wait.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.deadline_ms.is_some()
    }

    /// Waits until the socket is ready; `false` when there is no deadline to wait for.
    fn wait(&self, flags: PollFlags) -> io::Result<bool> {
        let Some(deadline_ms) = self.deadline_ms else { return Ok(false) };
        let left_ms = deadline_ms.saturating_sub(clock::uptime_ms());
        if left_ms == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let timeout = clock::wait(left_ms);
        match poll(&mut [PollFd::new(&self.tcp, flags)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn retry<T>(
        &mut self,
        flags: PollFlags,
        mut call: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match call(&mut self.tcp) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.wait(flags)? {
                        return Err(error);
                    }
                }
                other => return other,
            }
        }
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.retry(PollFlags::IN, |tcp| tcp.read(buffer))
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(PollFlags::OUT, |tcp| tcp.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}

fn connect_any(hop: &Url) -> Result<TcpStream, ConnectError> {
    let addresses: Vec<SocketAddr> = (hop.host.as_str(), hop.port)
        .to_socket_addrs()
        .map_err(|_| ConnectError::Resolve(hop.host.clone()))?
        .collect();
    let mut last = ConnectError::Resolve(hop.host.clone());
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = ConnectError::Connect(error),
        }
    }
    Err(last)
}
