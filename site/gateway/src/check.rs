//! `--check`: says what the gateway would do, and whether it could.
//!
//! In: the configuration. Out: sentences on stdout, an exit code. Reads files, looks at the port's entry; opens
//! neither port nor connection, writes nothing.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

use wire::UtcMs;

use crate::config::{Config, Protocol, Scheme};
use crate::uplink::proxy::Credentials;
use crate::uplink::tls::{self, Tls};
use crate::{clock, exit, status};

/// Prints the findings.
#[must_use]
pub fn run(config: &Config) -> ExitCode {
    let mut findings = Findings::default();
    port(config, &mut findings);
    button(config, &mut findings);
    cloud(config, &mut findings);
    secrets(config, &mut findings);
    folder(config, &mut findings);
    if findings.problems.is_empty() {
        println!("Everything is in order.");
        return ExitCode::SUCCESS;
    }
    for problem in &findings.problems {
        println!("PROBLEM: {problem}");
    }
    exit::CONFIG.into()
}

#[derive(Debug, Default)]
struct Findings {
    problems: Vec<String>,
}

impl Findings {
    fn problem(&mut self, text: String) {
        self.problems.push(text);
    }
}

fn port(config: &Config, findings: &mut Findings) {
    let port = &config.port;
    let protocol = match port.protocol {
        Protocol::Native => "the native frame",
        Protocol::VeDirect => {
            "VE.Direct TEXT (tests and outages are recognised only as far as this stream tells)"
        }
        Protocol::Mate => "OutBack MATE (tests and outages are not recognised on this stream)",
    };
    println!("Inverter {}: reads {} at {} baud, {protocol}.", config.serial, port.path.display(), port.baud);
    println!("The port is opened for reading only; control lines: {}.", port.control_lines.name());
    match std::fs::metadata(&port.path) {
        Ok(meta) if !meta.file_type().is_char_device() => {
            findings.problem(format!("key `port.path`: {} is not a serial port", port.path.display()));
        }
        Ok(_) if rustix::fs::access(&port.path, rustix::fs::Access::READ_OK).is_err() => {
            findings.problem(format!(
                "key `port.path`: {} may not be read by this user; add it to the port's group (dialout)",
                port.path.display()
            ));
        }
        Ok(_) => {}
        Err(error) => findings.problem(format!(
            "key `port.path`: {}: {error}; plug the adapter in, or write its path (ls /dev/serial/by-id)",
            port.path.display()
        )),
    }
}

fn button(config: &Config, findings: &mut Findings) {
    let Some(button) = &config.button else { return };
    let level = if button.active_low { "low" } else { "high" };
    println!(
        "Pairs by its own push-button too: line {} of {}, pressed is {level}, asked for as an input only.",
        button.line,
        button.chip.display()
    );
    if rustix::fs::access(&button.chip, rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK).is_err() {
        findings.problem(format!(
            "key `button.chip`: {} is not there or may not be used by this user; write its path (ls /dev/gpiochip*), and add the user to the chip's group (gpio)",
            button.chip.display()
        ));
    }
}

fn cloud(config: &Config, findings: &mut Findings) {
    let cloud = &config.cloud;
    let way = if cloud.url.scheme == Scheme::Wss { "MQTT in a WebSocket" } else { "MQTT by ALPN" };
    let proxy = cloud.proxy.as_ref().map_or(String::new(), |proxy| format!(" through the proxy {proxy}"));
    println!(
        "Sends to {} as {way} in TLS 1.2 or 1.3, AES-256 only{proxy}; the cloud must be {}.",
        cloud.url,
        config.server_name()
    );
    if let Err(error) = Tls::load(cloud, clock::built_at()) {
        findings.problem(status::chain(&error));
        return;
    }
    if let Some(Err(problem)) = cloud.proxy_credentials.as_deref().map(Credentials::load) {
        findings.problem(problem);
    }
    let own = tls::certificates("cloud.certificate", &cloud.certificate).unwrap_or_default();
    if let Some(Ok((_, certificate))) = own.first().map(|der| x509_parser::parse_x509_certificate(der)) {
        let names: Vec<&str> =
            certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).collect();
        if !names.iter().any(|name| name.eq_ignore_ascii_case(config.serial.as_str())) {
            findings.problem(format!(
                "key `cloud.certificate`: it names {names:?}, not {}; take the bundle of this inverter or correct `serial`",
                config.serial
            ));
        }
        let end = UtcMs(certificate.validity().not_after.timestamp().saturating_mul(1000));
        println!("Our certificate is valid until {end}.");
        if end < clock::built_at() {
            findings.problem(format!("key `cloud.certificate`: it expired at {end}; ask for a new bundle"));
        }
    }
}

/// What lets in is for the gateway's user and group: whoever reads the key can report in this inverter's name.
fn secrets(config: &Config, findings: &mut Findings) {
    let credentials = config.cloud.proxy_credentials.as_ref();
    let secrets = [("cloud.key", Some(&config.cloud.key)), ("cloud.proxy_credentials", credentials)];
    for (key, path) in secrets.into_iter().filter_map(|(key, path)| Some((key, path?))) {
        let others = std::fs::metadata(path).map(|meta| meta.permissions().mode() & 0o007);
        if others.is_ok_and(|others| others != 0) {
            findings.problem(format!(
                "key `{key}`: everybody on this machine may use {0}; take that away (chmod o= {0})",
                path.display()
            ));
        }
    }
}

fn folder(config: &Config, findings: &mut Findings) {
    println!(
        "Keeps at most {} MiB in {} until the cloud has acknowledged; a reading each {} s, every second on battery, in tests and around changes.",
        config.spool_bytes / (1024 * 1024),
        config.data_dir.display(),
        config.report.interval_s
    );
    // The folder itself, or the first one above it that exists: the gateway makes the rest.
    let exists = config.data_dir.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty());
    let folder = exists.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err() || !folder.is_dir() {
        findings.problem(format!("key `data_dir`: {} cannot be written by this user", folder.display()));
    }
}
