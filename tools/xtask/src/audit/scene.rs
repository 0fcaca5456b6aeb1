//! What every check needs to know: the running demo, where tools lie, how long they may take.
//! In: the file that the demo wrote. Out: addresses and credentials of a demo that goes away with the assessment.
//! Never an address outside of 127.0.0.0/8.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::place::Place;
use crate::shell;

/// What is assessed, and with what.
pub struct Scene<'a> {
    /// The repository.
    pub place: &'a Place,
    /// The running demo; none where no chosen check asks anything of it.
    demo: Option<Demo>,
    /// How thorough.
    pub budget: Budget,
    /// A checkout of the RustSec advisory database, if one was named.
    pub advisory_db: Option<PathBuf>,
    /// Whether nothing outside can be reached, so that namespaces of our own can be made too.
    pub cut_off: bool,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// For each fuzz target.
    pub fuzz_s: u64,
    /// For the crawler and its attacks in all.
    pub crawl_s: u64,
    /// Cases of each operation of the API.
    pub examples: u32,
}

/// The demo as it told of itself.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Its own file.
    pub json: PathBuf,
    /// The port that both doors share.
    pub port: u16,
    /// `https://localhost:PORT`
    pub url: String,
    /// Its account.
    pub email: String,
    /// Of all its accounts.
    pub password: String,
    /// An API token that may read and change.
    pub token: String,
    /// The root that its certificates are signed by.
    pub roots: PathBuf,
    /// Its programs' data.
    pub folder: PathBuf,
    /// The cloud's configuration.
    pub config: PathBuf,
    /// A device's certificate and key.
    pub device: (PathBuf, PathBuf),
    /// A device that is registered and has no gateway.
    pub spare_serial: String,
}

impl<'a> Scene<'a> {
    /// Reads what the demo wrote.
    pub fn new(
        place: &'a Place,
        demo: Option<&Path>,
        budget: Budget,
        advisory_db: Option<PathBuf>,
        cut_off: bool,
    ) -> Result<Self> {
        let demo = demo.map(Demo::read).transpose()?;
        Ok(Self { place, demo, budget, advisory_db, cut_off })
    }

    /// The demo; an error where none runs.
    pub fn demo(&self) -> Result<&Demo> {
        self.demo.as_ref().context("no demo runs for this check")
    }

    /// One command of an operator of the demo; what it printed.
    pub fn admin(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.place.binary("debug", "inverter-connect"));
        command.arg("--config").arg(&self.demo()?.config).arg("admin").args(arguments);
        shell::output(&mut command)
    }

    /// A program of one of the assessment's Python environments.
    pub fn python(&self, environment: &str, program: &str) -> Command {
        let mut command =
            Command::new(self.place.target.join("tools").join(environment).join("bin").join(program));
        // The tools' own caches and settings stay in the target folder, whoever runs this.
        command.env("HOME", self.place.target.join("tools/audit-home")).env("NO_COLOR", "1");
        command.current_dir(self.place.target.join("tools"));
        command
    }
}

impl Demo {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(path, &serde_json::from_str(&text)?)
    }

    fn parse(path: &Path, told: &Value) -> Result<Self> {
        let text = |name: &str| {
            told.get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .with_context(|| format!("the demo told no {name}"))
        };
        let device_url = text("device_url")?;
        let (host, port) =
            device_url.trim_start_matches("mqtts://").rsplit_once(':').context("device_url")?;
        if !host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback()) {
            bail!("the demo is at {host}, and nothing but loopback is ever assessed");
        }
        let port = port.parse().context("the demo's port")?;
        let url = text("url")?;
        if url != format!("https://localhost:{port}") {
            bail!("the demo is at {url}, and nothing but loopback is ever assessed");
        }
        Ok(Self {
            json: path.to_path_buf(),
            port,
            url,
            email: text("email")?,
            password: text("password")?,
            token: text("token")?,
            roots: text("ca_file")?.into(),
            folder: text("data_dir")?.into(),
            config: text("config")?.into(),
            device: (text("device_cert")?.into(), text("device_key")?.into()),
            spare_serial: text("device_serial")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_but_loopback_is_assessed() {
        let told = |url: &str, device: &str| {
            json!({ "url": url, "device_url": device, "email": "", "password": "", "token": "", "ca_file": "", "data_dir": "", "config": "",
                    "device_cert": "", "device_key": "", "device_serial": "" })
        };
        let read = |url, device| Demo::parse(Path::new("demo.json"), &told(url, device));
        assert_eq!(read("https://localhost:8443", "mqtts://127.0.0.1:8443").unwrap().port, 8443);
        assert!(read("https://localhost:8443", "mqtts://192.0.2.1:8443").is_err());
        assert!(read("https://inverters.example", "mqtts://127.0.0.1:8443").is_err());
    }
}
