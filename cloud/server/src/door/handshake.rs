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
use tokio_rustls::StartHandshake;

use super::tls::MQTT_PROTOCOLS;
use crate::device::{House, Speaks, Tls, Tried, limits};
use crate::registry::Fingerprint;

/// Costly steps (key exchange, signature, verification: about half a millisecond) at a time.
pub const AT_ONCE: usize = 4;

/// Fatal alert unrecognized_name (RFC 6066), as a record of its own.
const UNRECOGNISED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Content type of a handshake's record (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// Bytes of a record's header, and of the longest record without encryption.
const HEADER: usize = 5;
const LONGEST: usize = 16 * 1024;

/// Reads the ClientHello.
///
/// Whole records are handed to rustls and no less: a rustls that waits holds a buffer of 8 KiB, while a connection that
/// announced much and sent little is to cost what it sent.
pub async fn client_hello(tcp: TcpStream) -> Result<StartHandshake<TcpStream>, House> {
    let mut acceptor: Option<Box<Acceptor>> = None;
    loop {
        let record = record(&tcp).await?;
        let acceptor = acceptor.get_or_insert_default();
        let mut rest = record.as_slice();
        while !rest.is_empty() {
            acceptor.read_tls(&mut rest).map_err(|_| House::TLS_HANDSHAKE)?;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(StartHandshake::from_parts(accepted, tcp)),
            // A ClientHello may lie in several records.
            Ok(None) => {}
            Err((_, mut alert)) => {
                let _ = alert.write_all(&mut Tried(&tcp));
                end(tcp).await;
                return Err(House::TLS_HANDSHAKE);
            }
        }
    }
}

/// One record; of what is no record of a handshake only the header, for rustls to say so.
async fn record(tcp: &TcpStream) -> Result<Vec<u8>, House> {
    let mut record = Vec::new();
    loop {
        let missing = record_length(&record).saturating_sub(record.len());
        if missing == 0 {
            return Ok(record);
        }
        tcp.readable().await.map_err(|_| House::TLS_HANDSHAKE)?;
        // Not held while waiting.
        let mut chunk = [0; 1024];
        match tcp.try_read(chunk.get_mut(..missing.min(1024)).unwrap_or_default()) {
            Ok(0) => return Err(House::TLS_HANDSHAKE),
            Ok(count) => record.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(House::TLS_HANDSHAKE),
        }
    }
}

/// How many bytes the record has that begins so.
fn record_length(begin: &[u8]) -> usize {
    match begin {
        [HANDSHAKE, _, _, high, low, ..] => match usize::from(u16::from_be_bytes([*high, *low])) {
            length if length <= LONGEST => HEADER + length,
            _ => HEADER,
        },
        _ => HEADER,
    }
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

#[cfg(test)]
mod tests {
    use super::record_length;

    /// ASVS 5.0: 4.1.2, 12.2.1.
    #[test]
    fn a_record_is_as_long_as_it_says_and_what_is_none_is_not_waited_for() {
        let check = |begin: &[u8], expect: usize| assert_eq!(record_length(begin), expect, "{begin:02x?}");
        check(&[], 5);
        check(&[22, 3, 1, 0x40], 5);
        check(&[22, 3, 1, 0, 0], 5);
        check(&[22, 3, 1, 2, 1, 1, 0], 5 + 513);
        check(&[22, 3, 1, 0x40, 0], 5 + 16_384);
        check(&[22, 3, 1, 0x40, 1], 5);
        check(b"GET / HTTP/1.1", 5);
    }
}
