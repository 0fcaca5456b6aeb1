//! `admin ca init`: the roots, once per installation; with `--server-names` the doors' own certificates too.
//!
//! In: the paths of the configuration. Out: files there, never overwritten. The spare root's key belongs on a stick in
//! a safe: gateways trust it from the first day, so that a lost active root does not brick them.

use std::path::Path;

use wire::UtcMs;

use super::authority::{self, Made};
use super::files::{Readable, write_new};
use crate::config::Config;

/// Makes the device roots, and with `server_names` (`Some`, maybe empty) a lab's own server roots and certificates.
///
/// # Errors
/// A file exists or cannot be written.
pub fn run(config: &Config, server_names: Option<&[String]>, now: UtcMs) -> anyhow::Result<()> {
    let active = roots("Inverter Connect device root", &config.device.ca, &config.device.ca_key, now)?;
    drop(active);
    println!("device roots      {}", config.device.ca.display());
    println!("active key        {} (signs in `admin device add`)", config.device.ca_key.display());
    println!(
        "spare key         {} (move it to a safe place off this machine)",
        spare(&config.device.ca_key).display()
    );
    if let Some(names) = server_names {
        servers(config, names, now)?;
    } else {
        println!("next              certificates for both doors at the paths of [people] and [device],");
        println!("                  or for a lab: ca init --server-names localhost,127.0.0.1");
    }
    Ok(())
}

fn servers(config: &Config, extra: &[String], now: UtcMs) -> anyhow::Result<()> {
    let key = config.device.roots.with_extension("key");
    let root = roots("Inverter Connect cloud root", &config.device.roots, &key, now)?;
    let people = names(&config.people.names, extra);
    let device = names(std::slice::from_ref(&config.device.name), extra);
    for (names, certificate, key) in [
        (people, &config.people.certificate, &config.people.key),
        (device, &config.device.certificate, &config.device.key),
    ] {
        let made = authority::server(&root, &names, now)?;
        write_new(key, &made.key, Readable::ByOwner)?;
        write_new(certificate, &made.certificate, Readable::ByAll)?;
        println!("door certificate  {} for {}", certificate.display(), names.join(", "));
    }
    println!("cloud roots       {} (browsers and gateways trust these)", config.device.roots.display());
    Ok(())
}

/// Writes an active and a spare root: one file with both certificates, one key each. Returns the active one.
fn roots(name: &str, certificate: &Path, key: &Path, now: UtcMs) -> anyhow::Result<Made> {
    let active = authority::root(name, now)?;
    let spare_root = authority::root(&format!("{name}, spare"), now)?;
    // The keys first: a certificate without its key would be pinned and useless.
    write_new(key, &active.key, Readable::ByOwner)?;
    write_new(&spare(key), &spare_root.key, Readable::ByOwner)?;
    write_new(certificate, &format!("{}{}", active.certificate, spare_root.certificate), Readable::ByAll)?;
    Ok(active)
}

fn spare(key: &Path) -> std::path::PathBuf {
    let stem = key.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    key.with_file_name(format!("{stem}-spare.key"))
}

fn names(own: &[String], extra: &[String]) -> Vec<String> {
    let mut all = own.to_vec();
    all.extend(extra.iter().filter(|name| !own.contains(name)).cloned());
    all
}
