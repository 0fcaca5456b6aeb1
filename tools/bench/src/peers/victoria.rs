//! VictoriaMetrics: the time-series database that history is measured against.
//!
//! In: series of times and values. Out: a range query over HTTP, and the bytes on disk. Loopback only.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{first_line, program};
use crate::process::{Process, free_address};

/// Samples per imported line: a day at ten seconds.
const LINE: usize = 8_640;

/// A running database with a folder of its own.
pub struct Victoria {
    /// What it says of its version.
    pub version: String,
    address: SocketAddr,
    data: PathBuf,
    agent: ureq::Agent,
    _process: Process,
}

impl Victoria {
    /// Starts it, keeping everything it is given.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start(folder: &Path) -> Result<Self> {
        let program = program("victoria-metrics")?;
        let (address, data) = (free_address()?, folder.join("victoria"));
        let mut command = Command::new(&program);
        command
            .arg(format!("-httpListenAddr={address}"))
            .arg(format!("-storageDataPath={}", data.display()))
            .args(["-retentionPeriod=100y", "-search.latencyOffset=0s", "-search.disableCache"])
            .args(["-search.maxPointsPerTimeseries=100000", "-loggerLevel=ERROR"]);
        let mut process = Process::start("victoria-metrics", &mut command, folder)?;
        process.await_port(address, Duration::from_secs(20))?;
        // Debian's build does not say its own version.
        let package = first_line(Path::new("dpkg-query"), &["-W", "-f", "${Version}", "victoria-metrics"]);
        let version = format!("VictoriaMetrics {package}");
        Ok(Self { version, address, data, agent: ureq::Agent::new_with_defaults(), _process: process })
    }

    /// Takes one series; `values` and `times_ms` are as many.
    ///
    /// # Errors
    /// When it refuses them.
    pub fn import(&self, inverter: &str, name: &str, times_ms: &[i64], values: &[f64]) -> Result<()> {
        let mut body = String::new();
        for (times, values) in times_ms.chunks(LINE).zip(values.chunks(LINE)) {
            let line = serde_json::json!({
                "metric": {"__name__": name.replace('.', "_"), "inverter": inverter},
                "values": values,
                "timestamps": times,
            });
            body.push_str(&line.to_string());
            body.push('\n');
        }
        self.agent.post(self.url("/api/v1/import")).send(body).context("importing into VictoriaMetrics")?;
        Ok(())
    }

    /// Makes everything imported visible and merges it into as few parts as it will.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn settle(&self) -> Result<()> {
        for path in ["/internal/force_flush", "/internal/force_merge"] {
            self.agent.get(self.url(path)).call().with_context(|| path.to_owned())?;
        }
        let mut bytes = self.bytes()?;
        // The merge goes on after the answer: wait until the size stays.
        for _ in 0..60 {
            std::thread::sleep(Duration::from_secs(2));
            let now = self.bytes()?;
            if now == bytes {
                break;
            }
            bytes = now;
        }
        Ok(())
    }

    /// Bytes of its data and index on disk.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn bytes(&self) -> Result<u64> {
        folder_bytes(&self.data)
    }

    /// min, mean and max of series in steps: the length of the answer.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn query(
        &self,
        inverter: &str,
        names: &[&str],
        from_ms: i64,
        to_ms: i64,
        step_s: i64,
    ) -> Result<usize> {
        let names = names.iter().map(|name| name.replace('.', "_")).collect::<Vec<_>>().join("|");
        let rollup = format!("rollup({{__name__=~\"{names}\",inverter=\"{inverter}\"}}[{step_s}s])");
        let answer = self
            .agent
            .get(self.url("/api/v1/query_range"))
            .query("query", &rollup)
            .query("start", (from_ms / 1000).to_string())
            .query("end", (to_ms / 1000).to_string())
            .query("step", format!("{step_s}s"))
            .query("nocache", "1")
            .call()
            .context("querying VictoriaMetrics")?;
        let body = answer.into_body().read_to_vec()?;
        anyhow::ensure!(
            body.len() > 1_000,
            "VictoriaMetrics found nothing: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body.len())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Bytes of all files below `folder`.
///
/// # Errors
/// When it cannot be read.
pub fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.metadata()?;
        total += if kind.is_dir() { folder_bytes(&entry.path())? } else { kind.len() };
    }
    Ok(total)
}
