//! The end of a connection: the last bytes leave, and nothing eats them.
//!
//! In: a connection that is over. Out: its closing frame, close_notify and FIN. Never waits longer than
//! [`limits::LINGER`] for a peer.

use std::future::poll_fn;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::driver::Framing;
use super::limits;
use super::wire_tls::Tls;

/// Sends what waits and closes; with `linger`, reads away what the peer still sends.
pub async fn farewell(mut tls: Tls, framing: Framing, linger: bool) {
    let mut last = Vec::new();
    if let Framing::WebSocket(mut socket) = framing {
        socket.close(&mut last);
    }
    let _ = tls.write(&last);
    tls.close_notify();
    let _ = timeout(limits::LINGER, async {
        while let Ok(false) = tls.flush() {
            poll_fn(|context| tls.poll_writable(context)).await;
        }
        let mut tcp = tls.into_socket();
        let _ = tcp.shutdown().await;
        if linger {
            read_away(&tcp).await;
        }
    })
    .await;
}

/// Reads until the peer closes: bytes left unread would turn our close into a reset that eats our last answer.
pub async fn read_away(tcp: &TcpStream) {
    let mut buffer = [0; 1024];
    let mut left = limits::LINGER_BYTES;
    while left > 0 && tcp.readable().await.is_ok() {
        match tcp.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => left = left.saturating_sub(count),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
