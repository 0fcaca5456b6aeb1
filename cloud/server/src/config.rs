//! The configuration file: TOML, unknown keys refused, every default the safe one.
//!
//! In: the path of a file. Out: [`Config`] with absolute paths, or an error that names the file, the key and what to
//! write. Relative paths count from the file's own folder. Never opens the files it names: `serve --check` does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::device::limits;

/// What `inverter-connect` works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Everything the server keeps is below this folder.
    pub data_dir: PathBuf,
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

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}. Write one and name it with --config FILE", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML of this shape; the text names line and key.
    #[error("{}: {text}", file.display())]
    Toml {
        /// Which.
        file: PathBuf,
        /// What the parser says.
        text: String,
    },
    /// A key is missing.
    #[error("{}: `{key}` is missing. Write for example: {example}", file.display())]
    Missing {
        /// Which.
        file: PathBuf,
        /// Dotted.
        key: &'static str,
        /// A line that would do.
        example: &'static str,
    },
    /// A value does not fit.
    #[error("{}: `{key}` = {value:?} does not fit: {why}. Write for example: {example}", file.display())]
    Value {
        /// Which.
        file: PathBuf,
        /// Dotted.
        key: &'static str,
        /// As written.
        value: String,
        /// What is wrong with it.
        why: String,
        /// A line that would do.
        example: &'static str,
    },
}

/// The file as written. Every key is optional here so that a missing one gets our sentence.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    data_dir: Option<PathBuf>,
    listen: Option<String>,
    metrics_listen: Option<String>,
    people: WrittenPeople,
    device: WrittenDevice,
    limits: WrittenLimits,
    journal: WrittenJournal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenPeople {
    names: Option<Vec<String>>,
    origin: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenDevice {
    name: Option<String>,
    url: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    ca_key: Option<PathBuf>,
    roots: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenLimits {
    connections: Option<usize>,
    connections_per_address: Option<usize>,
    handshakes_per_second_per_address: Option<u32>,
    reports_per_second: Option<u32>,
    report_burst: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenJournal {
    added_commit_delay_us: Option<u64>,
}

const LISTEN: &str = "listen = \"0.0.0.0:443\"";
const METRICS: &str = "metrics_listen = \"127.0.0.1:9464\"";
const NAMES: &str = "names = [\"connect.example.com\"] under [people]";
const DEVICE_NAME: &str = "name = \"device.example.com\" under [device]";
const ORIGIN: &str = "origin = \"https://connect.example.com\" under [people]";
const URL: &str = "url = \"wss://device.example.com:443/mqtt\" under [device]";
const CONNECTIONS: &str = "connections = 16000 under [limits]";

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
        let written: Written = toml::from_str(text)
            .map_err(|error| ConfigError::Toml { file: file.to_owned(), text: error.to_string() })?;
        Reader { file }.config(written)
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

struct Reader<'a> {
    file: &'a Path,
}

impl Reader<'_> {
    fn config(&self, written: Written) -> Result<Config, ConfigError> {
        let data_dir = written
            .data_dir
            .ok_or_else(|| self.missing("data_dir", "data_dir = \"/var/lib/inverter-connect\""))?;
        let data_dir = self.absolute(data_dir);
        let listen = written.listen.ok_or_else(|| self.missing("listen", LISTEN))?;
        let listen = self.address("listen", listen, LISTEN)?;
        let metrics_listen =
            written.metrics_listen.map(|text| self.address("metrics_listen", text, METRICS)).transpose()?;
        if let Some(address) = metrics_listen.filter(|address| !address.ip().is_loopback()) {
            let why = "counters are not protected, so only a loopback address will do";
            return Err(self.value("metrics_listen", address, why, METRICS));
        }
        Ok(Config {
            file: self.file.to_owned(),
            people: self.people(written.people, &data_dir)?,
            device: self.device(written.device, &data_dir, listen)?,
            limits: self.limits(&written.limits)?,
            added_commit_delay: Duration::from_micros(written.journal.added_commit_delay_us.unwrap_or(0)),
            data_dir,
            listen,
            metrics_listen,
        })
    }

    fn people(&self, written: WrittenPeople, data_dir: &Path) -> Result<People, ConfigError> {
        let names = written
            .names
            .filter(|names| !names.is_empty())
            .ok_or_else(|| self.missing("people.names", NAMES))?;
        let names = names
            .into_iter()
            .map(|name| self.name("people.names", name, NAMES))
            .collect::<Result<Vec<_>, _>>()?;
        let origin = written.origin.map(|origin| self.origin(origin)).transpose()?;
        let at = |path: Option<PathBuf>, name: &str| self.path(path, &data_dir.join("tls"), name);
        Ok(People {
            names,
            origin,
            certificate: at(written.certificate, "people.crt"),
            key: at(written.key, "people.key"),
        })
    }

    fn device(
        &self,
        written: WrittenDevice,
        data_dir: &Path,
        listen: SocketAddr,
    ) -> Result<Device, ConfigError> {
        let name = written.name.ok_or_else(|| self.missing("device.name", DEVICE_NAME))?;
        let name = self.name("device.name", name, DEVICE_NAME)?;
        let url = match written.url {
            Some(url) if url.starts_with("wss://") || url.starts_with("mqtts://") => url,
            Some(url) => {
                return Err(self.value("device.url", url, "it begins with neither wss:// nor mqtts://", URL));
            }
            None => format!("wss://{name}:{}/mqtt", listen.port()),
        };
        let tls = |path: Option<PathBuf>, name: &str| self.path(path, &data_dir.join("tls"), name);
        let ca = |path: Option<PathBuf>, name: &str| self.path(path, &data_dir.join("ca"), name);
        Ok(Device {
            name,
            url,
            certificate: tls(written.certificate, "device.crt"),
            key: tls(written.key, "device.key"),
            ca: ca(written.ca, "device-ca.crt"),
            ca_key: ca(written.ca_key, "device-ca.key"),
            roots: ca(written.roots, "cloud-ca.crt"),
        })
    }

    fn limits(&self, written: &WrittenLimits) -> Result<Limits, ConfigError> {
        let default = Limits::default();
        let limits = Limits {
            connections: written.connections.unwrap_or(default.connections),
            connections_per_address: written
                .connections_per_address
                .unwrap_or(default.connections_per_address),
            handshakes_per_second_per_address: written
                .handshakes_per_second_per_address
                .unwrap_or(default.handshakes_per_second_per_address),
            reports_per_second: written.reports_per_second.unwrap_or(default.reports_per_second),
            report_burst: written.report_burst.unwrap_or(default.report_burst),
        };
        let bounds = [
            limits.connections.min(limits.connections_per_address) as u64,
            u64::from(limits.handshakes_per_second_per_address),
            u64::from(limits.reports_per_second.min(limits.report_burst)),
        ];
        if bounds.contains(&0) {
            return Err(self.value("limits", 0, "a limit of nothing lets nobody in", CONNECTIONS));
        }
        Ok(limits)
    }

    fn address(
        &self,
        key: &'static str,
        text: String,
        example: &'static str,
    ) -> Result<SocketAddr, ConfigError> {
        text.parse().map_err(|_| self.value(key, text, "it is not an IP address and a port", example))
    }

    fn name(&self, key: &'static str, name: String, example: &'static str) -> Result<String, ConfigError> {
        let label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if name.parse::<std::net::IpAddr>().is_ok() {
            return Err(self.value(key, name, "an IP address always means the device door", example));
        }
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(self.value(key, name, "it is not a host name", example));
        }
        Ok(name.to_ascii_lowercase())
    }

    fn origin(&self, origin: String) -> Result<String, ConfigError> {
        let host = origin.strip_prefix("https://").unwrap_or("");
        if host.is_empty() || host.contains('/') {
            return Err(self.value(
                "people.origin",
                origin,
                "it is not https:// and a host, without a path",
                ORIGIN,
            ));
        }
        Ok(origin)
    }

    fn path(&self, written: Option<PathBuf>, folder: &Path, name: &str) -> PathBuf {
        written.map_or_else(|| folder.join(name), |path| self.absolute(path))
    }

    fn absolute(&self, path: PathBuf) -> PathBuf {
        self.file.parent().map_or(path.clone(), |folder| folder.join(path))
    }

    fn missing(&self, key: &'static str, example: &'static str) -> ConfigError {
        ConfigError::Missing { file: self.file.to_owned(), key, example }
    }

    fn value(
        &self,
        key: &'static str,
        value: impl ToString,
        why: &str,
        example: &'static str,
    ) -> ConfigError {
        ConfigError::Value {
            file: self.file.to_owned(),
            key,
            value: value.to_string(),
            why: why.to_owned(),
            example,
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
        assert_eq!(config.metrics_listen, None);
        assert_eq!(config.added_commit_delay, Duration::ZERO);
    }

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

    #[test]
    fn the_example_is_good_and_every_line_of_it_says_the_default() {
        let example = include_str!("../cloud.example.toml");
        let config = parse(example).unwrap();
        let setting = |line: &str| line.starts_with("# ") && line.contains(" = ");
        let uncommented: Vec<_> =
            example.lines().map(|line| if setting(line) { &line[2..] } else { line }).collect();
        let mut every = parse(&uncommented.join("\n")).unwrap();
        assert_eq!(every.people.origin.take().as_deref(), Some("https://connect.example.com"));
        assert!(every.metrics_listen.take().is_some());
        assert_eq!(every, config);
    }

    #[test]
    fn a_missing_file_says_how_to_name_one() {
        let error = Config::load(Path::new("/nowhere/cloud.toml")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/cloud.toml") && error.contains("--config FILE"), "{error}");
    }
}
