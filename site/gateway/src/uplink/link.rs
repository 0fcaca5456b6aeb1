//! The TCP connection to the cloud, straight or through an HTTP proxy.
//!
//! In: the configuration. Out: a stream that waits until a deadline while the handshakes run, and never waits after.
//! Names are resolved by the C library, every address is tried; the cloud's own name is the proxy's affair where there is
//! one.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::proxy::{self, Credentials};
use super::{ConnectError, plain_io};
use crate::clock;
use crate::config::{Cloud, Url};

/// For one address: a firewall that drops packets must not hide the next address for long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
        let tcp = match &cloud.proxy {
            None => connect_any(&cloud.url)?,
            Some(proxy) => connect_any(proxy).map_err(|error| unreached(proxy, error))?,
        };
        tcp.set_nodelay(true).and_then(|()| tcp.set_nonblocking(true)).map_err(ConnectError::Connect)?;
        let mut link = Self { tcp, deadline_ms: Some(deadline_ms) };
        if let Some(proxy) = &cloud.proxy {
            proxy::tunnel(&mut link, &cloud.url, credentials)
                .map_err(|why| ConnectError::Proxy { proxy: proxy.to_string(), why })?;
        }
        Ok(link)
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

/// A name that cannot be resolved stays that: it is the machine's resolver that is asked for it.
fn unreached(proxy: &Url, error: ConnectError) -> ConnectError {
    match error {
        ConnectError::Connect(error) => ConnectError::Proxy {
            proxy: proxy.to_string(),
            why: format!("it cannot be reached, {}", plain_io(&error)),
        },
        other => other,
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
