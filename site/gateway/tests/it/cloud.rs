//! A cloud for tests: certificates, TLS with a client certificate, MQTT 5 by ALPN or WebSocket, and a memory of what
//! came. It acknowledges or withholds as told.

use std::collections::HashSet;
use std::fs::Permissions;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CipherSuite, RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use wire::mqtt::{
    self, ConnAck, Framing, FromClient, Place, Properties, PropertyList, PubAck, Reason, Sender, Version,
};
use wire::{BootId, Report, UtcMs};

/// A certificate authority and what it issued, as PEM files.
pub struct Pki {
    pub folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Years for which a certificate is valid.
pub const VALID: (i32, i32) = (2020, 2100);

impl Pki {
    pub fn new(folder: &Path) -> Self {
        Self::named(folder, "test roots")
    }

    pub fn named(folder: &Path, name: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("cloud-ca.crt"), issuer.pem()).unwrap();
        Self { folder: folder.to_owned(), issuer }
    }

    /// Writes NAME.crt and NAME.key.
    pub fn issue(
        &self,
        file: &str,
        common_name: &str,
        names: &[&str],
        years: (i32, i32),
        usage: ExtendedKeyUsagePurpose,
    ) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages.push(usage);
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.folder.join(format!("{file}.crt")), certificate.pem()).unwrap();
        let path = self.folder.join(format!("{file}.key"));
        std::fs::write(&path, key.serialize_pem()).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    pub fn server(&self, file: &str, names: &[&str], years: (i32, i32)) {
        self.issue(file, "cloud", names, years, ExtendedKeyUsagePurpose::ServerAuth);
    }

    pub fn device(&self, serial: &str) {
        self.issue("device", serial, &[], VALID, ExtendedKeyUsagePurpose::ClientAuth);
    }

    pub fn server_config(&self, file: &str) -> Arc<ServerConfig> {
        self.server_config_with(file, |_| true, &[&rustls::version::TLS13, &rustls::version::TLS12])
    }

    /// A server that speaks less than it could.
    pub fn server_config_with(
        &self,
        file: &str,
        suites: impl Fn(CipherSuite) -> bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.join("cloud-ca.crt")).unwrap()).unwrap();
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| suites(suite.suite()));
        let provider = Arc::new(provider);
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        let certificate = CertificateDer::from_pem_file(self.folder.join(format!("{file}.crt"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.folder.join(format!("{file}.key"))).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![b"mqtt".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// What came.
#[derive(Clone, Debug)]
pub struct Received {
    pub at: Instant,
    pub topic: String,
    pub bytes: usize,
    pub report: Report,
}

/// How it answers.
pub struct Behaviour {
    pub acknowledge: AtomicBool,
    pub server_time: Mutex<Option<UtcMs>>,
    /// A report with this reading is refused as of a bad format.
    pub refuse_sequence: Mutex<Option<u64>>,
    /// CONNACK's code; 0 accepts.
    pub connack: AtomicU8,
    pub receive_maximum: AtomicUsize,
    pub greatest_in_flight: AtomicUsize,
    pub connections: AtomicUsize,
}

pub struct Cloud {
    pub address: SocketAddr,
    pub behaviour: Arc<Behaviour>,
    received: Arc<Mutex<Vec<Received>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

pub fn now() -> UtcMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UtcMs(i64::try_from(since.as_millis()).unwrap())
}

impl Cloud {
    /// Listens on a free port, with FILE.crt.
    pub fn start(pki: &Pki, file: &str) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), pki, file)
    }

    pub fn on(listener: TcpListener, pki: &Pki, file: &str) -> Self {
        Self::with(listener, pki.server_config(file))
    }

    pub fn with(listener: TcpListener, config: Arc<ServerConfig>) -> Self {
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let behaviour = Arc::new(Behaviour {
            acknowledge: AtomicBool::new(true),
            server_time: Mutex::new(Some(UtcMs(0))),
            refuse_sequence: Mutex::new(None),
            connack: AtomicU8::new(0),
            receive_maximum: AtomicUsize::new(32),
            greatest_in_flight: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let (received, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (behaviour, received, stop) = (behaviour.clone(), received.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut sessions = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok((tcp, _)) => {
                            behaviour.connections.fetch_add(1, Ordering::Relaxed);
                            let (config, behaviour) = (config.clone(), behaviour.clone());
                            let (received, stop) = (received.clone(), stop.clone());
                            sessions.push(std::thread::spawn(move || {
                                let _ = serve(tcp, config, &behaviour, &received, &stop);
                            }));
                        }
                        Err(_) => std::thread::sleep(Duration::from_millis(5)),
                    }
                }
                drop(listener);
                sessions.into_iter().for_each(|session| session.join().unwrap());
            })
        };
        Self { address, behaviour, received, stop, thread: Some(thread) }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// (boot, sequence) of everything that came, in order, repetitions too.
    pub fn sequences(&self) -> Vec<(BootId, u64)> {
        let received = self.received();
        let of = |r: &Received| {
            let boot = r.report.boot.unwrap();
            let readings = r.report.readings.iter().map(|reading| reading.sequence.unwrap());
            let mut all: Vec<u64> =
                readings.chain(r.report.events.iter().map(|event| event.sequence.unwrap())).collect();
            all.sort_unstable();
            all.into_iter().map(move |sequence| (boot, sequence)).collect::<Vec<_>>()
        };
        received.iter().flat_map(of).collect()
    }

    pub fn distinct(&self) -> HashSet<(BootId, u64)> {
        self.sequences().into_iter().collect()
    }

    /// Waits until `met` says so.
    pub fn wait_until(&self, what: &str, seconds: u64, met: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            let received = self.received();
            if met(&received) {
                return received;
            }
            assert!(Instant::now() < end, "not within {seconds} s: {what}; {} reports came", received.len());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.end();
    }
}

pub type Tls = StreamOwned<ServerConnection, TcpStream>;

/// MQTT's bytes, bare or in a WebSocket.
pub enum Wire {
    Bare(Box<Tls>),
    Web(Box<tungstenite::WebSocket<Tls>>),
}

impl Wire {
    /// What carries it.
    pub fn beneath(&mut self) -> &mut Tls {
        match self {
            Self::Bare(tls) => tls,
            Self::Web(socket) => socket.get_mut(),
        }
    }

    pub fn receive(&mut self, inbox: &mut Vec<u8>) -> std::io::Result<bool> {
        match self {
            Self::Bare(tls) => {
                let mut buffer = [0; 65536];
                match tls.read(&mut buffer) {
                    Ok(0) => Ok(false),
                    Ok(length) => {
                        inbox.extend_from_slice(&buffer[..length]);
                        Ok(true)
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
                    Err(error) => Err(error),
                }
            }
            Self::Web(socket) => match socket.read() {
                Ok(tungstenite::Message::Binary(bytes)) => {
                    inbox.extend_from_slice(&bytes);
                    Ok(true)
                }
                Ok(tungstenite::Message::Close(_)) => Ok(false),
                Ok(_) => Ok(true),
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(true),
                Err(error) => Err(std::io::Error::other(error)),
            },
        }
    }

    pub fn send(&mut self, bytes: Vec<u8>) -> std::io::Result<()> {
        match self {
            Self::Bare(tls) => tls.write_all(&bytes).and_then(|()| tls.flush()),
            Self::Web(socket) => {
                socket.send(tungstenite::Message::binary(bytes)).map_err(std::io::Error::other)
            }
        }
    }
}

/// TLS, and a WebSocket where ALPN says so. Reads then wait 10 ms at most.
#[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
pub fn shake_hands(tcp: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<Wire> {
    use tungstenite::handshake::server::{Request, Response};
    tcp.set_nonblocking(false)?;
    tcp.set_nodelay(true)?;
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    let mut wire = if tls.conn.alpn_protocol() == Some(b"mqtt") {
        Wire::Bare(Box::new(tls))
    } else {
        let mqtt = |request: &Request, mut response: Response| {
            assert_eq!(request.uri().path(), "/mqtt");
            assert_eq!(request.headers()["sec-websocket-protocol"], "mqtt");
            response.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
            Ok(response)
        };
        Wire::Web(Box::new(tungstenite::accept_hdr(tls, mqtt).map_err(std::io::Error::other)?))
    };
    wire.beneath().sock.set_read_timeout(Some(Duration::from_millis(10)))?;
    Ok(wire)
}

fn serve(
    tcp: TcpStream,
    config: Arc<ServerConfig>,
    behaviour: &Behaviour,
    received: &Mutex<Vec<Received>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let mut wire = shake_hands(tcp, config)?;
    let (mut inbox, mut withheld) = (Vec::new(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        if !wire.receive(&mut inbox)? {
            return Ok(());
        }
        while let Framing::Complete { length } =
            mqtt::frame(&inbox, Sender::Client, mqtt::MAX_PACKET_BYTES).unwrap()
        {
            let packet: Vec<u8> = inbox.drain(..length).collect();
            let mut out = Vec::new();
            match mqtt::from_client(Version::V5, &packet).unwrap() {
                FromClient::Connect(connect) => {
                    assert_eq!(connect.version, Version::V5);
                    let maximum = behaviour.receive_maximum.load(Ordering::Relaxed);
                    let list = PropertyList::new()
                        .number(mqtt::Property::RECEIVE_MAXIMUM, u32::try_from(maximum).unwrap())
                        .number(mqtt::Property::MAXIMUM_PACKET_SIZE, 64_000);
                    // UtcMs(0): the true time.
                    let list = match *behaviour.server_time.lock().unwrap() {
                        Some(time) => {
                            let time = if time == UtcMs(0) { now() } else { time };
                            list.user(mqtt::SERVER_TIME, &time.to_rfc3339())
                        }
                        None => list,
                    };
                    let properties = list.properties(Place::ConnAck).unwrap();
                    let code = behaviour.connack.load(Ordering::Relaxed);
                    ConnAck { properties, ..ConnAck::refuse(code) }.encode(Version::V5, &mut out).unwrap();
                }
                FromClient::Publish(publish) => {
                    let report = wire::report::decode(publish.payload).unwrap();
                    let bad = *behaviour.refuse_sequence.lock().unwrap();
                    let refuse =
                        report.readings.iter().any(|reading| bad.is_some() && reading.sequence == bad);
                    if !refuse {
                        let topic = publish.topic.to_owned();
                        let bytes = packet.len();
                        received.lock().unwrap().push(Received { at: Instant::now(), topic, bytes, report });
                    }
                    let packet_id = publish.delivery.packet_id().unwrap();
                    withheld.push((
                        packet_id,
                        if refuse { Reason::PAYLOAD_FORMAT_INVALID } else { Reason::SUCCESS },
                    ));
                    behaviour.greatest_in_flight.fetch_max(withheld.len(), Ordering::Relaxed);
                }
                FromClient::PingReq => mqtt::ping_response(&mut out),
                FromClient::Disconnect(_) => return Ok(()),
                FromClient::Subscribe(_) => panic!("the gateway must never subscribe"),
            }
            if !out.is_empty() {
                wire.send(out)?;
            }
        }
        if behaviour.acknowledge.load(Ordering::Relaxed) {
            for (packet_id, reason) in withheld.drain(..) {
                let mut out = Vec::new();
                PubAck { packet_id, reason, properties: Properties::EMPTY }
                    .encode(Version::V5, &mut out)
                    .unwrap();
                wire.send(out)?;
            }
        }
    }
    Ok(())
}
