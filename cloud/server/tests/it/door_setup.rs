//! A running door with a registry and a journal of its own, and a raw TLS client to knock with.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fleet::InverterKey;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use server::config::Limits;
use server::device::Counters;
use server::door::{self, DeviceDoor, DoorConfig, PeopleDoor, tls};
use server::ingest::{self, Ingest};
use server::registry::{self, Registered, Registry};
use store::journal::{self, Body};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use wire::Serial;
use wire::mqtt::{self, Connect, Delivery, Framing, PacketId, Publish, Sender, Version};

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A door that is open until dropped.
pub struct House {
    pub address: SocketAddr,
    pub registry: Arc<Registry>,
    pub counters: Arc<Counters>,
    pub shutdown: CancellationToken,
    /// Kept until the end: the journal is in it.
    _folder: tempfile::TempDir,
    pub server_roots: RootCertStore,
    authority: Authority,
    rows: Mutex<Vec<Registered>>,
    committed: Store,
    running: Mutex<Option<tokio::task::JoinHandle<()>>>,
    runtime: Option<Runtime>,
}

/// A registered device's certificate and key.
#[derive(Clone)]
pub struct Device {
    pub serial: Serial,
    pub key: InverterKey,
    pub chain: Vec<CertificateDer<'static>>,
    pub private_key: Arc<PrivateKeyDer<'static>>,
    pub certificate_pem: String,
    pub private_key_pem: String,
}

pub struct Authority {
    pub pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        roots
    }

    fn server(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::new(["localhost", "people.example"].map(String::from)).unwrap();
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    /// Certificate and key for servers of that name that read files.
    pub fn server_pem(&self, name: &str) -> (String, String) {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    pub fn device(&self, serial: &str, key: InverterKey) -> Device {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, serial);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.issuer).unwrap();
        Device {
            serial: Serial::parse(serial).unwrap(),
            key,
            chain: vec![certificate.der().clone()],
            private_key: Arc::new(PrivateKeyDer::try_from(pair.serialize_der()).unwrap()),
            certificate_pem: certificate.pem(),
            private_key_pem: pair.serialize_pem(),
        }
    }
}

impl House {
    pub fn open() -> Self {
        Self::with_limits(Limits { connections_per_address: 10_000, ..Limits::default() })
    }

    pub fn with_limits(limits: Limits) -> Self {
        Self::build(limits, true)
    }

    /// A house whose journal commits and never says so.
    pub fn stuck() -> Self {
        Self::build(Limits::default(), false)
    }

    fn build(limits: Limits, acknowledges: bool) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Test device CA");
        let (chain, key) = authority.server();
        let config = DoorConfig {
            people_names: vec!["people.example".into()],
            // The only name that foreign clients can resolve.
            device_name: "localhost".into(),
            device_tls: tls::device(chain.clone(), key.clone_key(), authority.roots()).unwrap(),
            people_tls: tls::people(chain, key).unwrap(),
            limits,
        };
        let committed = Arc::new(Mutex::new(Vec::new()));
        let ingest =
            Ingest::new(open_journal(folder.path().join("journal"), Arc::clone(&committed), acknowledges));
        let registry = Arc::new(Registry::default());
        let counters = Arc::new(Counters::default());
        let device = DeviceDoor {
            registry: Arc::clone(&registry),
            ingest,
            contacts: Arc::default(),
            counters: Arc::clone(&counters),
            clock: server::clock::wall(),
        };
        let router = axum::Router::new()
            .route("/", axum::routing::get(|| async { "hello" }))
            .route(
                "/panic",
                axum::routing::get(|| async {
                    if true {
                        panic!("as asked for")
                    }
                }),
            )
            .route("/echo", axum::routing::post(|body: String| async { body }));
        let people = PeopleDoor { router, runtime: runtime.handle().clone() };
        let shutdown = CancellationToken::new();
        let listener = runtime.block_on(async { door::listen(([127, 0, 0, 1], 0).into()).unwrap() });
        let address = listener.local_addr().unwrap();
        let running = runtime.spawn(door::run(listener, config, device, people, shutdown.clone()));
        Self {
            address,
            registry,
            counters,
            shutdown,
            _folder: folder,
            server_roots: authority.roots(),
            authority,
            rows: Mutex::default(),
            committed,
            running: Mutex::new(Some(running)),
            runtime: Some(runtime),
        }
    }

    /// Issues and registers a certificate.
    pub fn device(&self, serial: &str) -> Device {
        self.devices([serial.to_owned()]).remove(0)
    }

    /// Issues and registers certificates.
    pub fn devices(&self, serials: impl IntoIterator<Item = String>) -> Vec<Device> {
        let mut rows = self.rows.lock().unwrap();
        let mut devices = Vec::new();
        for serial in serials {
            let key = InverterKey(u32::try_from(rows.len()).unwrap() + 1);
            let device = self.authority.device(&serial, key);
            rows.push(Registered {
                fingerprint: fingerprint(&device),
                device: registry::Device { key, serial: device.serial },
                issued_at: wire::UtcMs(0),
                revoked: false,
            });
            devices.push(device);
        }
        self.registry.replace(rows.clone());
        devices
    }

    /// A certificate of the right CA that is not registered.
    pub fn stranger(&self, serial: &str) -> Device {
        self.authority.device(serial, InverterKey(0))
    }

    pub fn revoke(&self, device: &Device) {
        let mut rows = self.rows.lock().unwrap();
        for row in rows.iter_mut().filter(|row| row.fingerprint == fingerprint(device)) {
            row.revoked = true;
        }
        self.registry.replace(rows.clone());
    }

    /// Payloads committed for this device, in order.
    pub fn stored(&self, device: &Device) -> Vec<Vec<u8>> {
        let committed = self.committed.lock().unwrap();
        committed.iter().filter(|(key, _)| *key == device.key).map(|(_, payload)| payload.clone()).collect()
    }

    /// The server's certificate authority, for clients that read files.
    pub fn authority_pem(&self) -> &str {
        &self.authority.pem
    }

    /// Stops the door; says how long that took.
    pub fn stop(&self) -> Duration {
        let start = Instant::now();
        self.shutdown.cancel();
        if let Some(running) = self.running.lock().unwrap().take() {
            self.runtime.as_ref().unwrap().block_on(running).unwrap();
        }
        start.elapsed()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(100));
        }
    }
}

/// Payloads in the order of their commits.
type Store = Arc<Mutex<Vec<(InverterKey, Vec<u8>)>>>;

fn open_journal(folder: PathBuf, committed: Store, acknowledges: bool) -> journal::Appender<ingest::Ticket> {
    let on_commit = move |mut batch: ingest::Batch| {
        // Kept before it is acknowledged, so that a test that saw the PUBACK finds the payload.
        let mut store = committed.lock().unwrap();
        for (entry, _) in &batch.entries {
            match &entry.body {
                Body::Report { inverter, payload } | Body::Quarantined { inverter, payload, .. } => {
                    store.push((*inverter, payload.clone()));
                }
                _ => {}
            }
        }
        drop(store);
        if acknowledges {
            ingest::acknowledge(&mut batch);
        }
    };
    journal::open(journal::Config::new(folder), on_commit, |error| panic!("{error}")).unwrap()
}

pub fn fingerprint(device: &Device) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &device.chain[0]).as_ref().try_into().unwrap()
}

/// How a client knocks.
#[derive(Clone)]
pub struct Knock<'a> {
    pub name: ServerName<'static>,
    pub alpn: &'a [&'a [u8]],
    pub versions: &'static [&'static rustls::SupportedProtocolVersion],
    pub device: Option<&'a Device>,
}

impl<'a> Knock<'a> {
    /// By IP, with ALPN mqtt.
    pub fn mqtt(device: &'a Device) -> Self {
        Self {
            name: ServerName::try_from("127.0.0.1").unwrap(),
            alpn: &[b"mqtt"],
            versions: rustls::ALL_VERSIONS,
            device: Some(device),
        }
    }

    pub fn named(self, name: &'static str) -> Self {
        Self { name: ServerName::try_from(name).unwrap(), ..self }
    }
}

/// A TLS connection, read and written bytewise.
pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    version: Version,
    buffer: Vec<u8>,
}

impl Client {
    /// Completes the handshake, as far as a client can tell.
    pub fn knock(house: &House, knock: &Knock<'_>) -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(knock.versions)
            .unwrap()
            .with_root_certificates(house.server_roots.clone());
        let mut config = match knock.device {
            Some(device) => {
                builder.with_client_auth_cert(device.chain.clone(), device.private_key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = knock.alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let tcp = TcpStream::connect(house.address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        let mut tls = ClientConnection::new(Arc::new(config), knock.name.clone()).unwrap();
        let mut tcp = tcp;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Self { stream: StreamOwned::new(tls, tcp), version: Version::V5, buffer: Vec::new() })
    }

    /// Knocks, connects, and expects to be let in.
    pub fn enter(house: &House, device: &Device, version: Version) -> Self {
        let mut client = Self::knock(house, &Knock::mqtt(device)).unwrap();
        let ack = client.connect(&Connect::new(version, "test"));
        assert_eq!((ack[0], ack[3]), (0x20, 0), "{ack:02x?}");
        client
    }

    /// Sends CONNECT and returns the answer.
    pub fn connect(&mut self, connect: &Connect<'_>) -> Vec<u8> {
        self.version = connect.version;
        let mut packet = Vec::new();
        connect.encode(&mut packet).unwrap();
        self.send(&packet);
        self.packet().expect("an answer to CONNECT")
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // A server that closed already is found out by reading.
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    pub fn publish(&mut self, device: &Device, packet_id: u16, payload: &[u8]) {
        let topic = format!("inverters/{}/reports", device.serial);
        self.publish_to(&topic, packet_id, payload);
    }

    /// QoS 0 if the identifier is 0.
    pub fn publish_to(&mut self, topic: &str, packet_id: u16, payload: &[u8]) {
        let delivery = match PacketId::new(packet_id) {
            Some(packet_id) => Delivery::AtLeastOnce { packet_id, dup: false },
            None => Delivery::AtMostOnce,
        };
        let mut packet = Vec::new();
        Publish::new(topic, delivery, payload).encode(self.version, &mut packet).unwrap();
        self.send(&packet);
    }

    /// The next packet; none once the server closed.
    pub fn packet(&mut self) -> Option<Vec<u8>> {
        loop {
            match mqtt::frame(&self.buffer, Sender::Server, 64_000).unwrap() {
                Framing::Complete { length } => return Some(self.buffer.drain(..length).collect()),
                Framing::Incomplete { .. } => {
                    if !self.read_more() {
                        assert_eq!(self.buffer, b"", "half a packet");
                        return None;
                    }
                }
            }
        }
    }

    /// An HTTP header.
    pub fn header(&mut self) -> String {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                return String::from_utf8(self.buffer.drain(..at + 4).collect()).unwrap();
            }
            assert!(self.read_more(), "half a header");
        }
    }

    /// So many bytes out of WebSocket frames that are shorter than 126 bytes.
    pub fn web_socket_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            match self.buffer.get(1).map(|length| 2 + usize::from(*length)) {
                Some(length) if self.buffer.len() >= length => {
                    assert_eq!(self.buffer[0], 0x82, "binary frames [MQTT-6.0.0-1]");
                    bytes.extend(self.buffer.drain(..length).skip(2));
                }
                _ => assert!(self.read_more(), "half a frame"),
            }
        }
        bytes
    }

    /// Everything until the server closed; none if it did not.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if !self.read_more() {
                return Some(std::mem::take(&mut self.buffer));
            }
        }
        None
    }

    /// True if there were bytes; false if the server closed. Panics if neither happens.
    fn read_more(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                true
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("the server neither answered nor closed within {PATIENCE:?}")
            }
            // A reset and an alert are closings too.
            Err(_) => false,
        }
    }

    pub fn stream(&mut self) -> &mut StreamOwned<ClientConnection, TcpStream> {
        &mut self.stream
    }
}

/// Waits until it is so.
pub fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < 3 * PATIENCE, "not within {:?}: {what}", 3 * PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
}
