//! A gateway as it is shipped, with a simulated inverter on a pseudo-terminal and a cloud to talk to.
//!
//! In: the run's identities. Out: the gateway's processes, to be measured. They end with the returned value.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivateKeyDer;

use crate::cloud::{Cloud, program};
use crate::devices::Identities;
use crate::process::Process;

/// From the start of the simulator to its pseudo-terminal.
const PTY_WITHIN: Duration = Duration::from_secs(10);

/// A gateway and what it needs.
pub struct Gateway {
    /// The gateway's supervisor; the others are below it.
    pub process: Process,
    _inverter: Process,
    /// What it talks to.
    pub cloud: Process,
}

/// Starts inverter, cloud and gateway in `folder`.
///
/// # Errors
/// When one does not start.
pub fn start(folder: &Path, identities: &Identities) -> Result<Gateway> {
    let folder = folder.join("gateway");
    std::fs::create_dir_all(&folder)?;
    let cloud = Cloud::prepare(&folder.join("cloud"), identities, Duration::ZERO)?;
    let (cloud_process, _) = cloud.start()?;
    let device = identities.devices.first().context("a device")?;
    let serial = device.serial.as_str();

    let pty = folder.join("pty");
    let mut simulator = Command::new(program("inverter-simulator")?);
    simulator.args(["inverter", "--serial", serial, "--pty"]).arg(&pty);
    let inverter = Process::start("inverter-simulator", &mut simulator, &folder)?;
    let begin = Instant::now();
    while !pty.exists() {
        if begin.elapsed() > PTY_WITHIN {
            bail!("the simulator made no pseudo-terminal:\n{}", inverter.last_lines());
        }
        std::thread::sleep(Duration::from_millis(20));
    }

    let certificate = device.certificates.first().context("a certificate")?;
    std::fs::write(folder.join("device.crt"), pem("CERTIFICATE", certificate.as_ref()))?;
    let PrivateKeyDer::Pkcs8(key) = &device.key else { bail!("the device's key is not PKCS #8") };
    std::fs::write(folder.join("device.key"), pem("PRIVATE KEY", key.secret_pkcs8_der()))?;
    let text = format!(
        "serial = \"{serial}\"\ndata_dir = \"{data}\"\n\n[port]\npath = \"{pty}\"\nprotocol = \"native\"\n\n\
         [cloud]\nurl = \"mqtts://{address}\"\ncertificate = \"{folder}/device.crt\"\nkey = \"{folder}/device.key\"\nroots = [\"{root}\"]\n",
        data = folder.join("data").display(),
        pty = pty.display(),
        address = cloud.address,
        folder = folder.display(),
        root = identities.file("ca.pem").display(),
    );
    let config = folder.join("gateway.toml");
    std::fs::write(&config, text)?;
    let mut command = Command::new(program("inverter-gateway")?);
    command.arg("--config").arg(&config);
    let process = Process::start("inverter-gateway", &mut command, &folder)?;
    Ok(Gateway { process, _inverter: inverter, cloud: cloud_process })
}

/// DER as PEM.
fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> =
        body.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
