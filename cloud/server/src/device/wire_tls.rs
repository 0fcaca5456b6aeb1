//! TLS over a socket that is only ever tried, so that an idle connection holds no buffer of ours.
//!
//! In: readiness of the socket. Out: plaintext in rustls's own chunks, records to the peer. Never waits: the one who
//! calls decides what to wait for.

use std::io::{self, BufRead, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// An established TLS connection.
pub struct Tls {
    tcp: TcpStream,
    tls: ServerConnection,
}

/// What a look at the socket brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Records; there may be plaintext now.
    Records,
    /// Nothing now.
    Nothing,
    /// The peer sends no more.
    End,
    /// A record was bad, or the socket failed; an alert may wait to be sent.
    Broken,
}

impl Tls {
    /// Takes over a connection whose handshake is done.
    pub fn new(tcp: TcpStream, mut tls: ServerConnection) -> Self {
        // Bounded by what we write: we stop reading while the peer takes nothing.
        tls.set_buffer_limit(None);
        Self { tcp, tls }
    }

    /// Reads once from the socket and decrypts; nothing there: wakes `context` when there is.
    pub fn receive(&mut self, context: &mut Context<'_>) -> Received {
        match self.tls.read_tls(&mut Polled { tcp: &mut self.tcp, context }) {
            Ok(0) => Received::End,
            Ok(_) if self.tls.process_new_packets().is_ok() => Received::Records,
            Ok(_) => Received::Broken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Nothing,
            Err(_) => Received::Broken,
        }
    }

    /// Hands the next chunk of plaintext to `take`, which says how much of it is done with. Returns whether there was
    /// one; an end of the peer's stream is an error.
    pub fn plaintext(&mut self, take: impl FnOnce(&[u8]) -> usize) -> io::Result<bool> {
        let mut reader = self.tls.reader();
        match reader.fill_buf() {
            Ok([]) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(chunk) => {
                let taken = take(chunk);
                reader.consume(taken);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Encrypts bytes for [`Self::flush`]: one record for up to 16 KiB.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(bytes)
    }

    /// Says that nothing more will be written.
    pub fn close_notify(&mut self) {
        self.tls.send_close_notify();
    }

    /// Sends what waits; true if all of it left.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Tried(&self.tcp)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Ready once the socket may have bytes.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.tcp.poll_read_ready(context).map(drop)
    }

    /// Ready once the socket may take bytes.
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.tcp.poll_write_ready(context).map(drop)
    }

    /// The socket, to end it.
    pub fn into_socket(self) -> TcpStream {
        self.tcp
    }
}

/// A socket read through tokio's own poll, which knows that a short read has emptied it: one system call less.
struct Polled<'a, 'b> {
    tcp: &'a mut TcpStream,
    context: &'a mut Context<'b>,
}

impl Read for Polled<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.tcp).poll_read(self.context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// A socket read and written only as far as it goes without waiting.
pub struct Tried<'a>(pub &'a TcpStream);

impl Read for Tried<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Tried<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.try_write(buffer)
    }

    fn write_vectored(&mut self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
