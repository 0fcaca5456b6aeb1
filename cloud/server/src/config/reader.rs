//! From what is written to what is meant: defaults, checks, absolute paths.
//!
//! In: the file as written. Out: a [`Config`] in which every value makes sense, or the first error.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::written::{Written, WrittenDevice, WrittenLimits, WrittenPeople};
use super::{Config, ConfigError, Device, Limits, People};

const LISTEN: &str = "listen = \"0.0.0.0:443\"";
const METRICS: &str = "metrics_listen = \"127.0.0.1:9464\"";
const NAMES: &str = "names = [\"connect.example.com\"] under [people]";
const DEVICE_NAME: &str = "name = \"device.example.com\" under [device]";
const ORIGIN: &str = "origin = \"https://connect.example.com\" under [people]";
const URL: &str = "url = \"wss://device.example.com:443/mqtt\" under [device]";
const CONNECTIONS: &str = "connections = 16000 under [limits]";

pub(super) struct Reader<'a> {
    /// The file, for its folder and for errors.
    pub(super) file: &'a Path,
}

impl Reader<'_> {
    pub(super) fn config(&self, written: Written) -> Result<Config, ConfigError> {
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
            mail: self.mail(written.mail)?,
            outbound: self.outbound(written.outbound)?,
            text: self.text(written.text)?,
            watchdog: self.watchdog(written.watchdog)?,
            push_key: data_dir.join("keys/push.key"),
            factors_key: self.path(written.factors_key, &data_dir.join("keys"), "factors.key"),
            day_keys: self.path(written.history.keys, &data_dir.join("keys"), "days"),
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
        if name.parse::<std::net::IpAddr>().is_ok() {
            return Err(self.value(key, name, "an IP address always means the device door", example));
        }
        if !is_host_name(&name) {
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

    pub(super) fn absolute(&self, path: PathBuf) -> PathBuf {
        self.file.parent().map_or(path.clone(), |folder| folder.join(path))
    }

    pub(super) fn missing(&self, key: &'static str, example: &'static str) -> ConfigError {
        ConfigError::Missing { file: self.file.to_owned(), key, example }
    }

    pub(super) fn value(
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

pub(super) fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
