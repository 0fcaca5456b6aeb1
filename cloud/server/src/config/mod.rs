//! The configuration file: TOML, unknown keys refused, every default the safe one.
//!
//! In: the path of a file. Out: [`Config`] with absolute paths, or an error that names the file, the key and what to
//! write. Relative paths count from the file's own folder. Never opens the files it names: `serve --check` does.

mod channels;
mod error;
mod mail;
mod reader;
mod watchdog;
mod written;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use channels::{HttpApi, OutboundRules, SnsApi, TextProvider, TextService};
pub use error::ConfigError;
pub use mail::{Encryption, Login, Mail, MailServer, MailSink};
pub use watchdog::Watchdog;

use crate::device::limits;

/// What `inverter-connect` works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Everything the server keeps is below this folder.
    pub data_dir: PathBuf,
    /// The key of second factors: not in the database, so that the database alone opens none.
    pub factors_key: PathBuf,
    /// Folder of the keys of days; apart from the data where the installation says so.
    pub day_keys: PathBuf,
    /// The one port for devices and people.
    pub listen: SocketAddr,
    /// Plain-text counters for Prometheus and `/health`; a loopback address. Off unless set.
    pub metrics_listen: Option<SocketAddr>,
    /// The people's door.
    pub people: People,
    /// The device door.
    pub device: Device,
    /// Bounds of the doors.
    pub limits: Limits,
    /// How mails are sent; unless set, they wait.
    pub mail: Option<Mail>,
    /// Where requests to addresses that customers named may go.
    pub outbound: OutboundRules,
    /// How text messages are sent; unless set, none are.
    pub text: Option<TextService>,
    /// What is told outside that the service is well; unless set, nothing is.
    pub watchdog: Option<Watchdog>,
    /// The key of push messages, made at the first start.
    pub push_key: PathBuf,
    /// Waited before each commit; plays a slower disk in benchmarks.
    pub added_commit_delay: Duration,
}

/// The people's door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    /// Server names by which people reach it; never an IP address.
    pub names: Vec<String>,
    /// Where pages say they live, `https://name[:port]`, where that is not the first name and the port listened on.
    pub origin: Option<String>,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// The device door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Server name by which gateways reach it.
    pub name: String,
    /// Where bundles tell gateways to connect.
    pub url: String,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Roots of device certificates, PEM: the active one, then the spare.
    pub ca: PathBuf,
    /// Private key of the active one; only `admin` reads it.
    pub ca_key: PathBuf,
    /// Roots of the device door's own certificate, PEM, for bundles.
    pub roots: PathBuf,
}

/// Bounds of the doors that an installation may need to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address: a site behind one router has few.
    pub connections_per_address: usize,
    /// New connections a second from one address.
    pub handshakes_per_second_per_address: u32,
    /// Reports a second of one device, over time; beyond, it is not read.
    pub reports_per_second: u32,
    /// Reports of one device that may come at once.
    pub report_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reports_per_second: limits::REPORTS_PER_S,
            report_burst: limits::REPORT_BURST,
            connections: 16_000,
            connections_per_address: 1_000,
            handshakes_per_second_per_address: 1_000,
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let text = std::fs::read_to_string(&file)
            .map_err(|source| ConfigError::Read { file: file.clone(), source })?;
        Self::parse(&file, &text)
    }

    /// Reads the text of `file`.
    ///
    /// # Errors
    /// [`ConfigError`] but for [`ConfigError::Read`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let written = toml::from_str(text)
            .map_err(|error| ConfigError::Toml { file: file.to_owned(), text: error.to_string() })?;
        reader::Reader { file }.config(written)
    }

    /// Folder of the journal.
    #[must_use]
    pub fn journal_dir(&self) -> PathBuf {
        self.data_dir.join("journal")
    }

    /// Folder of the history's day files.
    #[must_use]
    pub fn history_dir(&self) -> PathBuf {
        self.data_dir.join("history")
    }

    /// The key of backups.
    #[must_use]
    pub fn backup_key(&self) -> PathBuf {
        self.data_dir.join("keys/backup.key")
    }

    /// The key that logbooks and reports are signed with.
    #[must_use]
    pub fn logbook_key(&self) -> PathBuf {
        self.data_dir.join("keys/logbook.key")
    }

    /// File of the state store.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        self.data_dir.join("state.sqlite")
    }
}

impl People {
    /// Where pages say they live, when the server listens on `address`: links and the check of `Origin` use it.
    #[must_use]
    pub fn origin(&self, address: SocketAddr) -> String {
        let name = self.names.first().map_or("", String::as_str);
        match (&self.origin, address.port()) {
            (Some(origin), _) => origin.clone(),
            (None, 443) => format!("https://{name}"),
            (None, port) => format!("https://{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        data_dir = "data"
        listen = "127.0.0.1:8443"
        [people]
        names = ["Localhost"]
        [device]
        name = "device.localhost"
    "#;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("/etc/ic/cloud.toml"), text)
    }

    #[test]
    fn what_is_not_written_has_a_safe_default_below_the_data_folder() {
        let config = parse(GOOD).unwrap();
        assert_eq!(config.data_dir, Path::new("/etc/ic/data"));
        assert_eq!(config.people.names, ["localhost"]);
        assert_eq!(config.people.origin(config.listen), "https://localhost:8443");
        assert_eq!(config.people.key, Path::new("/etc/ic/data/tls/people.key"));
        assert_eq!(config.device.url, "wss://device.localhost:8443/mqtt");
        assert_eq!(config.device.ca, Path::new("/etc/ic/data/ca/device-ca.crt"));
        assert_eq!(config.factors_key, Path::new("/etc/ic/data/keys/factors.key"));
        assert_eq!(config.day_keys, Path::new("/etc/ic/data/keys/days"));
        assert_eq!(config.metrics_listen, None);
        assert_eq!(config.mail, None);
        assert_eq!(config.added_commit_delay, Duration::ZERO);
    }

    /// ASVS 5.0: 13.4.5.
    #[test]
    fn every_error_names_the_file_the_key_and_what_to_write() {
        let check = |from: &str, to: &str, expect: &[&str]| {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            let error = parse(&text).unwrap_err().to_string();
            for part in ["/etc/ic/cloud.toml"].iter().chain(expect) {
                assert!(error.contains(part), "{error}\ndoes not say {part}");
            }
        };
        check("data_dir = \"data\"", "", &["`data_dir` is missing", "data_dir = \"/var/lib"]);
        check("listen = \"127.0.0.1:8443\"", "", &["`listen` is missing", "listen = \"0.0.0.0:443\""]);
        check("127.0.0.1:8443", "localhost", &["`listen`", "localhost", "IP address and a port"]);
        check("names = [\"Localhost\"]", "names = []", &["`people.names` is missing", "[people]"]);
        check("Localhost", "127.0.0.1", &["`people.names`", "device door"]);
        check("Localhost", "a b", &["`people.names`", "host name"]);
        check("name = \"device.localhost\"", "", &["`device.name` is missing"]);
        check("[device]", "lisen = 1\n[device]", &["unknown field `lisen`", "names"]);
        check("[device]", "[devise]", &["unknown field `devise`", "device"]);
        check("[people]", "metrics_listen = \"0.0.0.0:9\"\n[people]", &["`metrics_listen`", "loopback"]);
        check("[people]", "[people]\norigin = \"http://x\"", &["`people.origin`", "https://"]);
        check("[device]", "[device]\nurl = \"http://x\"", &["`device.url`", "wss://"]);
        check("[device]", "[limits]\nconnections = 0\n[device]", &["`limits`", "connections = 16000"]);
        check("\"data\"", "7", &["data_dir", "path"]);
        check("[device]", "[device", &["TOML parse error"]);
    }

    /// ASVS 5.0: 13.1.1.
    #[test]
    fn the_example_is_good_and_every_line_of_it_says_the_default() {
        let example = include_str!("../../cloud.example.toml");
        let config = parse(example).unwrap();
        let setting = |line: &str| line.starts_with("# ") && line.contains(" = ");
        let uncommented: Vec<_> =
            example.lines().map(|line| if setting(line) { &line[2..] } else { line }).collect();
        let mut every = parse(&uncommented.join("\n")).unwrap();
        assert_eq!(every.people.origin.take().as_deref(), Some("https://connect.example.com"));
        assert!(every.metrics_listen.take().is_some());
        assert!(every.mail.take().is_some_and(|mail| mail.to_string().starts_with("smtps://")));
        assert!(
            every.text.take().is_some_and(|text| text.to_string().starts_with("by api.twilio.com to +1"))
        );
        assert_eq!(every.outbound.ca_file.take().as_deref(), Some(Path::new("/etc/ssl/example-ca.crt")));
        assert_eq!(std::mem::take(&mut every.outbound.allow_addresses).len(), 1);
        assert!(every.watchdog.take().is_some_and(|watchdog| watchdog.failing_url.is_some()));
        assert_eq!(every, config);
    }

    #[test]
    fn a_missing_file_says_how_to_name_one() {
        let error = Config::load(Path::new("/nowhere/cloud.toml")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/cloud.toml") && error.contains("--config FILE"), "{error}");
    }
}
