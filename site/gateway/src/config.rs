//! The configuration file: TOML, unknown keys refused, every default the safe one.
//!
//! In: a path. Out: [`Config`] with absolute paths, or an error that names file, key and what to write.
//! Never holds a secret: keys and passwords are paths to files.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use wire::Serial;

/// Default bound of the spool: 410,000 readings of 30 quantities, 47 days of one per 10 s.
pub const SPOOL_BYTES: u64 = 64 * 1024 * 1024;
/// Least bound: below this a few segments would be all there is.
pub const MIN_SPOOL_BYTES: u64 = 256 * 1024;
/// Largest bound: the spool is scanned at start, and its table of segments is in memory.
pub const MAX_SPOOL_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The inverter's serial number; the certificate's subject must be the same.
    pub serial: Serial,
    /// Where the spool and the clock are kept.
    pub data_dir: PathBuf,
    /// Most bytes the spool may take on disk.
    #[serde(default = "default_spool_bytes")]
    pub spool_bytes: u64,
    /// The serial line.
    pub port: Port,
    /// The way to the cloud.
    pub cloud: Cloud,
    /// What is sent when nothing changes.
    #[serde(default)]
    pub report: ReportRule,
    /// The gateway's own push-button, where it has one.
    pub button: Option<Button>,
}

/// `[button]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
// The subcommand that it is flattened into has the name of this group already.
#[group(skip)]
pub struct Button {
    /// The GPIO chip, for example `/dev/gpiochip0`.
    #[arg(long = "chip")]
    pub chip: PathBuf,
    /// Its line's number.
    #[arg(long = "line")]
    pub line: u32,
    /// Pressed is low: the button closes the line to ground.
    #[serde(default = "yes")]
    #[arg(long = "active-low")]
    pub active_low: bool,
    /// A contact's bouncing, milliseconds, 1 to 1000.
    #[serde(default = "default_debounce_ms")]
    #[arg(long = "debounce-ms", default_value_t = DEBOUNCE_MS)]
    pub debounce_ms: u32,
}

/// `[port]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Device, for example `/dev/ttyUSB0` or a `/dev/serial/by-id/…` name.
    pub path: PathBuf,
    /// What the inverter speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// Bits per second; 8 data bits, no parity, one stop bit.
    #[serde(default = "default_baud")]
    pub baud: u32,
    /// Control lines that power the cable.
    #[serde(default)]
    pub control_lines: ControlLines,
    /// MATE: the devices whose pages make one reading, by the first character of their pages.
    #[serde(default)]
    pub mate_addresses: Vec<char>,
}

/// What the inverter speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// The native push frame.
    #[default]
    Native,
    /// Victron VE.Direct TEXT.
    VeDirect,
    /// `OutBack` MATE.
    Mate,
}

/// Control lines that are raised; the others are lowered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ControlLines {
    /// Both low.
    #[default]
    None,
    /// DTR high.
    Dtr,
    /// RTS high.
    Rts,
    /// Both high.
    DtrRts,
}

impl ControlLines {
    /// As written in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Dtr => "dtr",
            Self::Rts => "rts",
            Self::DtrRts => "dtr-rts",
        }
    }

    /// (DTR, RTS).
    #[must_use]
    pub const fn levels(self) -> (bool, bool) {
        (matches!(self, Self::Dtr | Self::DtrRts), matches!(self, Self::Rts | Self::DtrRts))
    }
}

/// `[cloud]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    /// `wss://host:443/mqtt` (MQTT in a WebSocket) or `mqtts://host:443` (MQTT by ALPN).
    pub url: Url,
    /// The gateway's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The cloud's roots, PEM, one or two files: the active one and the spare.
    pub roots: Vec<PathBuf>,
    /// HTTP proxy, `http://host:port`.
    pub proxy: Option<Url>,
    /// File with `user:password` for the proxy.
    pub proxy_credentials: Option<PathBuf>,
    /// The name in the cloud's certificate, where it is not the URL's host.
    pub server_name: Option<String>,
}

/// `[report]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRule {
    /// Seconds between readings while nothing changes, 1 to 3600.
    pub interval_s: u32,
}

impl Default for ReportRule {
    fn default() -> Self {
        Self { interval_s: 10 }
    }
}

/// What a URL says, nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url {
    /// What is spoken.
    pub scheme: Scheme,
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path of the WebSocket.
    pub path: String,
}

/// The schemes the gateway knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// MQTT in a WebSocket in TLS.
    Wss,
    /// MQTT in TLS, chosen by ALPN.
    Mqtts,
    /// A proxy.
    Http,
}

const SCHEMES: [(&str, Scheme, u16); 3] =
    [("wss", Scheme::Wss, 443), ("mqtts", Scheme::Mqtts, 443), ("http", Scheme::Http, 3128)];

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("`{text}` {why}; write wss://device.example:443/mqtt or mqtts://device.example:443")
        };
        let uri: tungstenite::http::Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
        let (_, scheme, default_port) = SCHEMES
            .into_iter()
            .find(|(name, ..)| uri.scheme_str() == Some(name))
            .ok_or_else(|| wrong("has an unknown scheme"))?;
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err("a URL must not hold a password; name a file in `proxy_credentials`".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong("has no host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().ends_with(':') => return Err(wrong("has no port after the colon")),
            None => default_port,
        };
        let path = match (scheme, uri.path()) {
            (Scheme::Wss, "" | "/") => "/mqtt".to_owned(),
            (_, path) => path.to_owned(),
        };
        Ok(Self { scheme, host, port, path })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read; give the path of the gateway's TOML file with --config", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown or missing key, or a wrong type.
    #[error("{}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What the parser says, with line and key.
        message: String,
    },
    /// A value that cannot be.
    #[error("{}: key `{key}`: {message}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong and what to write.
        message: String,
    },
}

impl Config {
    /// Reads and judges the file; relative paths are taken from the file's own folder.
    ///
    /// # Errors
    /// [`ConfigError`]; it names file and key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), message: error.to_string() })?;
        config.judge().map_err(|(key, message)| ConfigError::Value {
            path: path.to_owned(),
            key,
            message,
        })?;
        config.anchor(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    fn judge(&self) -> Result<(), (&'static str, String)> {
        let wrong = |key, message: &str| Err((key, message.to_owned()));
        if !(MIN_SPOOL_BYTES..=MAX_SPOOL_BYTES).contains(&self.spool_bytes) {
            return wrong("spool_bytes", "write 262144 (256 KiB) to 4294967296 (4 GiB)");
        }
        if !(300..=4_000_000).contains(&self.port.baud) {
            return wrong("port.baud", "write 300 to 4000000; most inverters speak 19200");
        }
        if self.port.protocol == Protocol::Mate && self.port.mate_addresses.is_empty() {
            return wrong(
                "port.mate_addresses",
                "name the addresses, for example [\"1\", \"A\"]; `protocol = \"mate\"` needs them",
            );
        }
        if self.port.mate_addresses.iter().any(|c| wire::mate::Address::from_char(*c).is_none()) {
            return wrong(
                "port.mate_addresses",
                "an address is one of 0 to 9, `:`, A to K, a to k, as the page's first character",
            );
        }
        if self.port.protocol != Protocol::Mate && !self.port.mate_addresses.is_empty() {
            return wrong("port.mate_addresses", "leave it out; only `protocol = \"mate\"` has addresses");
        }
        if self.button.as_ref().is_some_and(|button| !(1..=1000).contains(&button.debounce_ms)) {
            return wrong("button.debounce_ms", "write 1 to 1000; 50 is usual");
        }
        if !(1..=3600).contains(&self.report.interval_s) {
            return wrong("report.interval_s", "write 1 to 3600; 10 is usual");
        }
        if !matches!(self.cloud.url.scheme, Scheme::Wss | Scheme::Mqtts) {
            return wrong("cloud.url", "write wss://device.example:443/mqtt or mqtts://device.example:443");
        }
        if self.cloud.proxy.as_ref().is_some_and(|proxy| proxy.scheme != Scheme::Http) {
            return wrong("cloud.proxy", "write http://proxy.example:3128; TLS runs inside its tunnel");
        }
        if self.cloud.proxy.is_none() && self.cloud.proxy_credentials.is_some() {
            return wrong("cloud.proxy_credentials", "leave it out, or name the `proxy` it belongs to");
        }
        if self.cloud.roots.is_empty() {
            return wrong(
                "cloud.roots",
                "name the cloud's root certificates, for example [\"cloud-ca.crt\"]",
            );
        }
        let name = self.cloud.server_name.as_deref().unwrap_or(&self.cloud.url.host);
        if rustls_pki_types::ServerName::try_from(name).is_err() {
            return wrong("cloud.server_name", "write the DNS name or address in the cloud's certificate");
        }
        Ok(())
    }

    fn anchor(&mut self, folder: &Path) {
        let anchor = |path: &mut PathBuf| *path = folder.join(&*path);
        anchor(&mut self.data_dir);
        anchor(&mut self.cloud.certificate);
        anchor(&mut self.cloud.key);
        self.cloud.roots.iter_mut().for_each(anchor);
        self.cloud.proxy_credentials.iter_mut().for_each(anchor);
    }

    /// The name that the cloud's certificate must bear.
    #[must_use]
    pub fn server_name(&self) -> &str {
        self.cloud.server_name.as_deref().unwrap_or(&self.cloud.url.host)
    }
}

const fn default_spool_bytes() -> u64 {
    SPOOL_BYTES
}

/// Longer than a push-button bounces, shorter than two presses.
const DEBOUNCE_MS: u32 = 50;

const fn yes() -> bool {
    true
}

const fn default_debounce_ms() -> u32 {
    DEBOUNCE_MS
}

const fn default_baud() -> u32 {
    19_200
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
serial = "2311-00421"
data_dir = "data"
[port]
path = "/dev/ttyUSB0"
[cloud]
url = "wss://device.example"
certificate = "device.crt"
key = "device.key"
roots = ["cloud-ca.crt", "/etc/spare.crt"]
"#;

    fn load(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path).map_err(|e| e.to_string()).map(|mut config| {
            config.data_dir =
                config.data_dir.strip_prefix(folder.path()).unwrap_or(&config.data_dir).to_owned();
            config
        })
    }

    #[test]
    fn the_shortest_file_has_the_safe_defaults() {
        let config = load(GOOD).unwrap();
        assert_eq!((config.port.baud, config.port.protocol), (19_200, Protocol::Native));
        assert_eq!(config.port.control_lines.levels(), (false, false));
        assert_eq!(config.cloud.url.to_string(), "device.example:443");
        assert_eq!(config.cloud.url.path, "/mqtt");
        assert_eq!(config.report.interval_s, 10);
        assert_eq!(config.data_dir, Path::new("data"));
        assert_eq!(config.cloud.roots[1], Path::new("/etc/spare.crt"));
        assert!(config.cloud.key.is_absolute());
    }

    fn refused(change: (&str, &str), expect: &[&str]) {
        let text = GOOD.replace(change.0, change.1);
        assert_ne!(text, GOOD);
        let error = load(&text).unwrap_err();
        for part in expect.iter().chain(&["gateway.toml"]) {
            assert!(error.contains(part), "{change:?}: {error}");
        }
    }

    #[test]
    fn errors_name_file_key_and_what_to_write() {
        refused(("[port]", "bauds = 3\n[port]"), &["bauds", "unknown field", "line 4"]);
        refused(("path = \"/dev/ttyUSB0\"", "path = \"/dev/ttyUSB0\"\nbaud = 9"), &["port.baud", "19200"]);
        refused(("serial = \"2311-00421\"", ""), &["missing field `serial`"]);
        refused(("2311-00421", "?"), &["4 to 32 of A-Z"]);
        refused(("wss://device.example", "ftp://device.example"), &["url", "unknown scheme", "wss://"]);
        refused(("wss://device.example", "http://device.example"), &["cloud.url", "wss://"]);
        refused(("wss://device.example", "wss://a:b@device.example"), &["password"]);
        refused(("[\"cloud-ca.crt\", \"/etc/spare.crt\"]", "[]"), &["cloud.roots", "cloud-ca.crt"]);
        refused(("data_dir = \"data\"", "data_dir = \"data\"\nspool_bytes = 1"), &["spool_bytes", "262144"]);
        refused(("[cloud]", "[report]\ninterval_s = 0\n[cloud]"), &["report.interval_s", "3600"]);
        refused(
            ("[cloud]", "[button]\nchip = \"/dev/gpiochip0\"\nline = 17\ndebounce_ms = 0\n[cloud]"),
            &["button.debounce_ms", "1000"],
        );
        refused(("[cloud]", "[button]\nchip = \"/dev/gpiochip0\"\n[cloud]"), &["missing field `line`"]);
        refused(("[cloud]", "protocol = \"mate\"\n[cloud]"), &["port.mate_addresses", "[\"1\", \"A\"]"]);
        refused(
            ("key = \"device.key\"", "key = \"k\"\nproxy = \"wss://p\""),
            &["cloud.proxy", "http://proxy"],
        );
    }

    #[test]
    fn the_example_in_deploy_is_a_configuration() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/gateway.example.toml");
        let config = Config::load(&path).unwrap();
        assert_eq!((config.spool_bytes, config.cloud.url.port), (SPOOL_BYTES, 443));
        // What is commented out is right as well.
        let text = std::fs::read_to_string(&path).unwrap();
        let keys = ["spool_bytes", "baud", "control_lines", "server_name", "proxy", "proxy_credentials"];
        let keys = keys.into_iter().chain(["chip", "line", "active_low", "debounce_ms"]);
        let text = text.replace("# [button]", "[button]");
        let all = keys.fold(text, |text, key| text.replace(&format!("# {key} = "), &format!("{key} = ")));
        let config = load(&all).unwrap();
        assert_eq!((config.spool_bytes, config.port.baud), (SPOOL_BYTES, 19_200));
        assert!(config.cloud.proxy.is_some() && config.cloud.proxy_credentials.is_some());
        assert!(load(&all.replace("\"native\"", "\"mate\"").replace("# mate_", "mate_")).is_ok());
    }

    #[test]
    fn urls_in_brackets_keep_their_port() {
        let url = Url::try_from("mqtts://[::1]:8883".to_owned()).unwrap();
        assert_eq!((url.host.as_str(), url.port, url.to_string().as_str()), ("::1", 8883, "[::1]:8883"));
    }
}
