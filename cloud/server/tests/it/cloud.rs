//! The real binary with a configuration of its own, and a publisher that is honest about what was acknowledged.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use wire::mqtt::{
    self, Connect, Delivery, Framing, FromServer, PacketId, Place, PropertyList, Publish, Sender, Version,
};
use wire::{BootId, Quality, Quantity, Reading, Report, Serial, UtcMs};

use crate::door_setup::PATIENCE;

/// `inverter-connect` with its data, stopped when dropped.
pub struct Cloud {
    pub folder: tempfile::TempDir,
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    child: Option<Child>,
}

impl Cloud {
    /// Writes a configuration and makes certificates for it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (address, metrics) = (free_address(), free_address());
        let text = format!(
            "data_dir = \"data\"\nlisten = \"{address}\"\nmetrics_listen = \"{metrics}\"\n\
             [people]\nnames = [\"localhost\"]\n[device]\nname = \"device.localhost\"\n\
             [limits]\nreports_per_second = 100000\nreport_burst = 100000\n"
        );
        std::fs::write(folder.path().join("cloud.toml"), text).unwrap();
        let cloud = Self { folder, address, metrics, child: None };
        cloud.admin(&["ca", "init", "--server-names", "localhost,127.0.0.1"]);
        cloud
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("--config").arg(self.path("cloud.toml")).args(arguments).current_dir(self.folder.path());
        command
    }

    /// `serve` under the clock in the file `clock`; see [`Cloud::start_as`].
    pub fn driven(&self, clock: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inverter-connect-driven"));
        command.arg("--config").arg(self.path("cloud.toml")).args(["serve", "--clock"]).arg(clock);
        command.current_dir(self.folder.path());
        command
    }

    /// Runs `admin …` under the clock in the file `clock`; it must succeed; what it printed.
    pub fn driven_admin(&self, clock: &Path, arguments: &[&str]) -> String {
        let output = self.try_driven_admin(clock, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn try_driven_admin(&self, clock: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inverter-connect-driven"));
        command.arg("--config").arg(self.path("cloud.toml")).args(["admin", "--clock"]).arg(clock);
        command.args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// Runs `admin …`, which must succeed; what it printed.
    pub fn admin(&self, arguments: &[&str]) -> String {
        let output = self.try_admin(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn try_admin(&self, arguments: &[&str]) -> Output {
        self.command(&[&["admin"], arguments].concat()).output().unwrap()
    }

    /// Registers a device by the command line.
    pub fn device(&self, serial: &str) -> Bundle {
        let folder = self.path(&format!("bundle-{serial}"));
        self.admin(&["device", "add", serial, "--out", folder.to_str().unwrap()]);
        Bundle::load(serial, &folder)
    }

    /// Starts the server and waits until it says that it is ready.
    pub fn start(&mut self) {
        let command = self.command(&["serve"]);
        self.start_as(command);
    }

    pub fn start_as(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(self.path("serve.log")).unwrap();
        let ready = |log: String| log.matches(" ready ").count();
        let before = ready(self.log());
        self.child = Some(command.stderr(log.try_clone().unwrap()).stdout(log).spawn().unwrap());
        let began = Instant::now();
        while ready(self.log()) == before {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("it ended with {status} before it was ready:\n{}", self.log());
            }
            assert!(began.elapsed() < 3 * PATIENCE, "it is not ready:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn process_id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "{}", self.log());
    }

    /// Ends it in order; it must succeed.
    pub fn stop(&mut self) {
        terminate(self.process_id());
        let status = self.wait();
        assert!(status.success(), "{status}:\n{}", self.log());
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if began.elapsed() > 3 * PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("it does not end:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the separate program reads in the store: serial number, boot, sequence. The server must be stopped.
    pub fn ledger(&self) -> Vec<(String, String, u64)> {
        let output = self.try_admin(&["ledger"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        let numbers: Vec<u64> = told.split(' ').filter_map(|word| word.parse().ok()).collect();
        assert_eq!(numbers.first(), numbers.last(), "taken twice by fleet: {told}");
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            let mut next = || words.next().unwrap();
            (next(), next(), next().parse().unwrap_or(u64::MAX))
        };
        text.lines().map(line).collect()
    }

    /// A counter of `/metrics`.
    pub fn counter(&self, name: &str) -> u64 {
        counter(self.metrics, name)
    }
}

/// A counter of the `/metrics` at an address.
pub fn counter(metrics: SocketAddr, name: &str) -> u64 {
    let mut stream = TcpStream::connect(metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let name = format!("inverter_connect_{name} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |value| value.parse().unwrap())
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Writes a file for its owner alone.
pub fn keep_secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_inverter-connect")
}

/// A port that nobody listens on just now. It is below those that the kernel takes for connections (from 32,768), and no other test of
/// this process gets it: until somebody listens there nobody else does.
pub fn free_address() -> SocketAddr {
    const PORTS: std::ops::Range<u32> = 12_000..32_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(97));
        let port = PORTS.start + taken % (PORTS.end - PORTS.start);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap()));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Sends SIGTERM.
pub fn terminate(process_id: u32) {
    assert!(Command::new("kill").arg(process_id.to_string()).status().unwrap().success());
}

/// What `admin device add` wrote.
#[derive(Clone)]
pub struct Bundle {
    pub serial: Serial,
    config: Arc<ClientConfig>,
}

impl Bundle {
    pub fn load(serial: &str, folder: &Path) -> Self {
        let key = PrivateKeyDer::from_pem_file(folder.join("device.key")).unwrap();
        Self::with_key(serial, folder, key)
    }

    pub fn with_key(serial: &str, folder: &Path, key: PrivateKeyDer<'static>) -> Self {
        let certificates = |name: &str| -> Vec<CertificateDer<'static>> {
            CertificateDer::pem_file_iter(folder.join(name)).unwrap().map(Result::unwrap).collect()
        };
        let mut roots = RootCertStore::empty();
        let (added, ignored) = roots.add_parsable_certificates(certificates("cloud-ca.crt"));
        assert_eq!((added, ignored), (2, 0), "an active and a spare root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates("device.crt"), key)
            .unwrap();
        config.alpn_protocols = vec![b"mqtt".to_vec()];
        Self { serial: Serial::parse(serial).unwrap(), config: Arc::new(config) }
    }
}

impl Bundle {
    /// How this device speaks TLS.
    pub fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

/// One MQTT connection of a device, QoS 1 only.
pub struct Publisher {
    stream: StreamOwned<ClientConnection, TcpStream>,
    topic: String,
    buffer: Vec<u8>,
}

impl Publisher {
    /// Connects; fails if the server does not let it in.
    pub fn connect(address: SocketAddr, bundle: &Bundle) -> io::Result<Self> {
        let tcp = TcpStream::connect(address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(Arc::clone(&bundle.config), name).map_err(io::Error::other)?;
        let stream = StreamOwned::new(tls, tcp);
        let topic = format!("inverters/{}/reports", bundle.serial);
        let mut publisher = Self { stream, topic, buffer: Vec::new() };
        let mut packet = Vec::new();
        let said = PropertyList::new().user("version", "test 1");
        let properties = said.properties(Place::Connect).unwrap();
        Connect { properties, ..Connect::new(Version::V5, "") }.encode(&mut packet).unwrap();
        publisher.stream.write_all(&packet)?;
        let packet = publisher.packet()?;
        match mqtt::from_server(Version::V5, &packet) {
            Ok(FromServer::ConnAck(ack)) if ack.is_accepted() => Ok(publisher),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    /// Sends a PUBLISH; identifiers count from 1.
    pub fn send(&mut self, packet_id: u16, payload: &[u8]) -> io::Result<()> {
        let packet_id = PacketId::new(packet_id).unwrap();
        let delivery = Delivery::AtLeastOnce { packet_id, dup: false };
        let mut packet = Vec::new();
        Publish::new(&self.topic, delivery, payload).encode(Version::V5, &mut packet).unwrap();
        self.stream.write_all(&packet)
    }

    /// Waits for the next PUBACK; fails if the connection ends first.
    pub fn ack(&mut self) -> io::Result<u16> {
        let packet = self.packet()?;
        match mqtt::from_server(Version::V5, &packet) {
            Ok(FromServer::PubAck(ack)) if ack.reason.is_success() => Ok(ack.packet_id.get()),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    /// Sends and waits.
    pub fn publish(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send(1, payload)?;
        self.ack().map(drop)
    }

    fn packet(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Framing::Complete { length } = mqtt::frame(&self.buffer, Sender::Server, 64_000).unwrap() {
                return Ok(self.buffer.drain(..length).collect());
            }
            let mut chunk = [0; 4096];
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }
}

/// A report with one numbered reading, as CBOR.
pub fn report(boot: BootId, sequence: u64, time: UtcMs) -> Vec<u8> {
    reports(boot, [(sequence, time)])
}

/// A report with several numbered readings, as CBOR.
pub fn reports(boot: BootId, readings: impl IntoIterator<Item = (u64, UtcMs)>) -> Vec<u8> {
    let reading = |(sequence, time): (u64, UtcMs)| {
        let mut reading = Reading {
            sequence: Some(sequence),
            time: Some(time),
            quality: Quality::Synchronised,
            ..Reading::default()
        };
        let number = i64::try_from(sequence).unwrap();
        reading.sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_600 + number % 50);
        reading.sample.quantities.set(Quantity::LOAD, number % 100);
        reading
    };
    let report = Report {
        boot: Some(boot),
        readings: readings.into_iter().map(reading).collect(),
        ..Report::default()
    };
    let mut payload = Vec::new();
    wire::report::cbor::encode(&report, &mut payload);
    payload
}

/// Whether an external program is there. A missing one fails the test, unless only the core's tests are wanted
/// (`INVERTER_CONNECT_TESTS=core`).
#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
pub fn needs(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let core_only = std::env::var("INVERTER_CONNECT_TESTS").is_ok_and(|wanted| wanted == "core");
    assert!(found || core_only, "{program} is missing; `cargo xtask test` installs it");
    found
}
