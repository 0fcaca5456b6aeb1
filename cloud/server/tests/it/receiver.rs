//! A receiver of requests over TLS that behaves as a test says, well or badly.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::door_setup::Authority;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

/// What is done about it.
pub enum Reply {
    /// Status, more headers (each with its line's end), body.
    Answer(u16, String, Vec<u8>),
    /// Nothing, for so long.
    Silence(Duration),
    /// A good head and a body without an end.
    EndlessBody,
    /// A head without an end.
    EndlessHead,
    /// The connection ends.
    HangUp,
}

type Behave = dyn Fn(usize, &Received) -> Reply + Send + Sync;

/// Stops when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Received>>>,
    over: Arc<AtomicBool>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Says yes.
pub fn yes(status: u16) -> Reply {
    Reply::Answer(status, String::new(), Vec::new())
}

impl Receiver {
    /// On 127.0.0.1, with a certificate of `authority` for `name`. `behave` gets the number of the request, from 0.
    pub fn start(
        authority: &Authority,
        name: &str,
        behave: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0", authority, name, behave)
    }

    pub fn start_at(
        at: &str,
        authority: &Authority,
        name: &str,
        behave: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (certificate, key) = authority.server_pem(name);
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind(at).unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
            over: Arc::default(),
        };
        let (connections, requests) = (Arc::clone(&receiver.connections), Arc::clone(&receiver.requests));
        let (over, behave): (_, Arc<Behave>) = (Arc::clone(&receiver.over), Arc::new(behave));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                connections.fetch_add(1, Ordering::Relaxed);
                let (config, requests, behave) =
                    (Arc::clone(&config), Arc::clone(&requests), Arc::clone(&behave));
                // Whoever hangs up in the middle is part of the test.
                std::thread::spawn(move || drop(answer(stream, config, &requests, &*behave)));
            }
        });
        receiver
    }

    /// An address of it under a name.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.address.port())
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    requests: &Mutex<Vec<Received>>,
    behave: &Behave,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut tls = StreamOwned::new(ServerConnection::new(config).map_err(std::io::Error::other)?, stream);
    let request = read(&mut tls)?;
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    match behave(number, &request) {
        Reply::Answer(status, headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
            tls.write_all(head.as_bytes())?;
            tls.write_all(&body)?;
        }
        Reply::Silence(time) => std::thread::sleep(time),
        Reply::EndlessBody => {
            tls.write_all(b"HTTP/1.1 200 X\r\n\r\n")?;
            loop {
                tls.write_all(&[b'x'; 4096])?;
            }
        }
        Reply::EndlessHead => {
            tls.write_all(b"HTTP/1.1 200 X\r\n")?;
            loop {
                tls.write_all(b"x-more: and more and more and more\r\n")?;
            }
        }
        Reply::HangUp => return Ok(()),
    }
    tls.conn.send_close_notify();
    tls.flush()
}

fn read(tls: &mut StreamOwned<ServerConnection, TcpStream>) -> std::io::Result<Received> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = tls.read(&mut chunk)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..count]);
        let Some(at) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let mut received = Received { head, body: bytes[at + 4..].to_vec() };
        let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
        if received.body.len() < length {
            let mut rest = vec![0; length - received.body.len()];
            tls.read_exact(&mut rest)?;
            received.body.extend_from_slice(&rest);
        }
        return Ok(received);
    }
}
