//! `admin device add`: registers an inverter and issues a certificate for its gateway.
//!
//! In: the serial number and, normally, a request made in the cabinet. Out: a folder to carry there: certificate, the
//! cloud's roots, a configuration to complete; without a request also a key (a lab's way). For a registered serial
//! number it issues another certificate; the server revokes the others at the first use of the new one.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use fleet::audit::Verb;
use store::state::{Certificate, InverterEdit, NewInverter, SiteKey, StateStore};
use wire::{Serial, UtcMs};

use super::act;
use super::authority::{self, Made};
use super::files::{Readable, read, write_new};
use super::secret;
use crate::config::Config;
use crate::secret_file::{self, SecretFileError};

/// What to register.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Its serial number.
    serial: Serial,
    /// Sign this request (PEM, subject CN = serial number) instead of making a key here.
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// Folder for the bundle; `bundle-SERIAL` here unless given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    /// Where it stands: the name of a site.
    #[arg(long)]
    site: Option<String>,
    /// Its model.
    #[arg(long)]
    model: Option<String>,
    /// Minutes its battery must last, where they are not 90.
    #[arg(long)]
    required_minutes: Option<u32>,
}

/// Registers, issues, writes the bundle.
///
/// # Errors
/// What happened, where, and what to do.
pub async fn run(
    arguments: Arguments,
    config: &Config,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let serial = arguments.serial;
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("bundle-{serial}")));
    if folder.join("device.crt").exists() {
        bail!(
            "{} holds a bundle already and is not overwritten. Name another folder with --out",
            folder.display()
        );
    }
    let made = issue(&arguments, config, now)?;
    let roots = read(&config.device.roots, "Put the roots of the device door's certificate there (PEM)")?;
    let inverter = register(&arguments, state, now).await?;
    // The store knows the certificate before anyone holds it: a bundle that was written is a bundle that works.
    let sha256 = secret::sha256(&made.der);
    let issued = Certificate { sha256, inverter, issued_at: now, revoked_at: None };
    state.add_certificate(issued, &act::on_the_command_line(Verb::DeviceIssue, now)?).await?;
    write(&folder, serial, &made, &roots, config)?;
    println!("{serial}: bundle in {}", folder.display());
    if made.key.is_none() {
        println!("device.key stays where the request was made; put the bundle beside it");
    }
    Ok(())
}

fn issue(arguments: &Arguments, config: &Config, now: UtcMs) -> anyhow::Result<authority::DeviceMade> {
    const HINT: &str = "Make the roots with: inverter-connect admin ca init --config FILE";
    let root = Made { certificate: read(&config.device.ca, HINT)?, key: ca_key(config, HINT)? };
    let request = match &arguments.csr {
        Some(path) => {
            Some(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let made = authority::device(&root, arguments.serial, request.as_deref(), now);
    made.with_context(|| arguments.csr.as_ref().map_or_else(String::new, |path| path.display().to_string()))
}

fn ca_key(config: &Config, hint: &str) -> anyhow::Result<String> {
    let path = &config.device.ca_key;
    let named = format!("{}: `device.ca_key` = {:?}", config.file.display(), path.display().to_string());
    secret_file::read(path).map_err(|error| match error {
        SecretFileError::Read(source) => {
            anyhow::Error::new(source).context(format!("{named} cannot be read. {hint}"))
        }
        error => anyhow::anyhow!("{named} {error}"),
    })
}

async fn register(
    arguments: &Arguments,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<fleet::InverterKey> {
    let site = match &arguments.site {
        Some(name) => Some(site(name, state).await?),
        None => None,
    };
    if let Some(known) = state.inverter_by_serial(arguments.serial).await? {
        let edit = InverterEdit {
            name: arguments.name.clone(),
            place: None,
            model: arguments.model.clone(),
            site: site.map(Some),
            required_minutes: arguments.required_minutes.map(Some),
        };
        let act = act::on_the_command_line(Verb::DeviceEdit, now)?.on_inverter(known.key);
        state.edit_inverter(known.key, edit, &act).await?;
        return Ok(known.key);
    }
    let new = NewInverter {
        public_id: &secret::public_id()?,
        serial: arguments.serial,
        name: arguments.name.as_deref().unwrap_or(""),
        model: arguments.model.as_deref().unwrap_or(""),
        site,
        required_minutes: arguments.required_minutes,
        registered_at: now,
    };
    Ok(state.register_inverter(new, &act::on_the_command_line(Verb::DeviceRegister, now)?).await?)
}

async fn site(name: &str, state: &StateStore) -> anyhow::Result<SiteKey> {
    // The command line stands above owners: it takes a name that only one of them uses.
    let all = state.sites().await?;
    let mut named = all.into_iter().filter(|site| site.name == name);
    match (named.next(), named.next()) {
        (Some(site), None) => Ok(site.key),
        (Some(_), Some(_)) => bail!("several owners have a site {name:?}; choose it on the inverter's page"),
        (None, _) => bail!(
            "there is no site {name:?}. Make it first: inverter-connect admin site add {name:?} --time-zone America/Chicago"
        ),
    }
}

fn write(
    folder: &Path,
    serial: Serial,
    made: &authority::DeviceMade,
    roots: &str,
    config: &Config,
) -> anyhow::Result<()> {
    if let Some(key) = &made.key {
        write_new(&folder.join("device.key"), key, Readable::ByOwner)?;
    }
    write_new(&folder.join("device.crt"), &made.certificate, Readable::ByAll)?;
    write_new(&folder.join("cloud-ca.crt"), roots, Readable::ByAll)?;
    write_new(&folder.join("gateway.toml"), &gateway_toml(serial, &config.device.url), Readable::ByAll)
}

/// What the gateway beside the inverter starts from.
fn gateway_toml(serial: Serial, url: &str) -> String {
    format!(
        "serial = \"{serial}\"\n\
         data_dir = \"/var/lib/inverter-gateway\"\n\
         \n\
         [port]\n\
         path = \"/dev/ttyUSB0\"\n\
         protocol = \"native\"\n\
         baud = 19200\n\
         control_lines = \"none\"\n\
         \n\
         [cloud]\n\
         url = \"{url}\"\n\
         certificate = \"device.crt\"\n\
         key = \"device.key\"\n\
         roots = [\"cloud-ca.crt\"]\n\
         \n\
         [report]\n\
         interval_s = 10\n"
    )
}
