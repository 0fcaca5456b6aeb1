//! The TLS handshake of a device, step by step.
//!
//! In: a connection and its ClientHello. Out: an established connection and the fingerprint of its certificate, or a
//! refusal with its alert. The costly steps are taken a few at a time, so that five thousand devices that come back at
//! once do not stand between the others and their acknowledgements; no permit is held while waiting for a peer.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::server::Acceptor;
use rustls::{Error, ServerConfig, ServerConnection};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::tls::MQTT_PROTOCOLS;
use crate::device::{House, Speaks, Tls, Tried, limits};
use crate::registry::Fingerprint;

/// Costly steps (key exchange, signature, verification: about half a millisecond) at a time.
pub const AT_ONCE: usize = 4;

/// Fatal alert unrecognized_name (RFC 6066), as a record of its own.
const UNRECOGNISED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Reads the ClientHello.
pub async fn client_hello(tcp: TcpStream) -> Result<StartHandshake<TcpStream>, House> {
    LazyConfigAcceptor::new(Acceptor::default(), tcp).await.map_err(|_| House::TLS_HANDSHAKE)
}

/// Says that the name is not ours.
pub async fn unrecognised_name(mut tcp: TcpStream) -> House {
    let _ = tcp.write_all(&UNRECOGNISED_NAME).await;
    end(tcp).await;
    House::TLS_SERVER_NAME
}

/// Completes a device's handshake.
pub async fn device(
    start: StartHandshake<TcpStream>,
    config: Arc<ServerConfig>,
    crypto: &Semaphore,
) -> Result<(Tls, Fingerprint, Speaks), House> {
    let StartHandshake { accepted, io: tcp, .. } = start;
    let permit = crypto.acquire().await;
    let connection = accepted.into_connection(config);
    drop(permit);
    let mut tls = match connection {
        Ok(tls) => tls,
        Err((error, mut alert)) => {
            let _ = alert.write_all(&mut Tried(&tcp));
            end(tcp).await;
            return Err(cause(&error));
        }
    };
    match shake(&tcp, &mut tls, crypto).await {
        Ok(()) => {}
        Err(house) => {
            let _ = flush(&tcp, &mut tls).await;
            end(tcp).await;
            return Err(house);
        }
    }
    let fingerprint = fingerprint(&tls).ok_or(House::TLS_CERTIFICATE)?;
    let speaks = speaks(tls.alpn_protocol());
    Ok((Tls::new(tcp, tls), fingerprint, speaks))
}

async fn shake(tcp: &TcpStream, tls: &mut ServerConnection, crypto: &Semaphore) -> Result<(), House> {
    loop {
        flush(tcp, tls).await?;
        if !tls.is_handshaking() {
            return Ok(());
        }
        tcp.readable().await.map_err(|_| House::TLS_HANDSHAKE)?;
        match tls.read_tls(&mut Tried(tcp)) {
            Ok(0) => return Err(House::TLS_HANDSHAKE),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return Err(House::TLS_HANDSHAKE),
        }
        let _permit = crypto.acquire().await;
        tls.process_new_packets().map_err(|error| cause(&error))?;
    }
}

async fn flush(tcp: &TcpStream, tls: &mut ServerConnection) -> Result<(), House> {
    while tls.wants_write() {
        match tls.write_tls(&mut Tried(tcp)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                tcp.writable().await.map_err(|_| House::TLS_HANDSHAKE)?;
            }
            Err(_) => return Err(House::TLS_HANDSHAKE),
        }
    }
    Ok(())
}

/// Closes after an alert, reading away what the peer still sends: a reset would eat the alert.
async fn end(mut tcp: TcpStream) {
    let _ = timeout(limits::LINGER, async {
        let _ = tcp.shutdown().await;
        crate::device::read_away(&tcp).await;
    })
    .await;
}

fn cause(error: &Error) -> House {
    match error {
        Error::NoCertificatesPresented | Error::InvalidCertificate(_) => House::TLS_CERTIFICATE,
        _ => House::TLS_HANDSHAKE,
    }
}

fn fingerprint(tls: &ServerConnection) -> Option<Fingerprint> {
    let certificate = tls.peer_certificates()?.first()?;
    digest::digest(&digest::SHA256, certificate).as_ref().try_into().ok()
}

fn speaks(alpn: Option<&[u8]>) -> Speaks {
    match alpn {
        None => Speaks::Unsaid,
        Some(protocol) if MQTT_PROTOCOLS.contains(&protocol) => Speaks::Mqtt,
        Some(_) => Speaks::Http,
    }
}
