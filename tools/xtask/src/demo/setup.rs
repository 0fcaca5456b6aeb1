//! Builds the programs and makes the cloud's data: configuration, certificates, sites, devices, account, grants.
//!
//! In: a folder and a port. Out: [`Cloud`], everything the other rooms need to know. Uses the same commands as an
//! operator would.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::fleet::{INVERTERS, SITES, SPARE, UNPAIRED};
use crate::{place::Place, shell};

/// Port that is tried first when none is asked for.
const USUAL_PORT: u16 = 8443;
/// The account of the demo.
pub const EMAIL: &str = "dana.okafor@example.com";
const PERSON: &str = "Dana Okafor";
/// The maker's operator of the demo.
pub const OPERATOR: &str = "riley.tran@example.com";
const OPERATOR_NAME: &str = "Riley Tran";
/// May only look at what the organization holds; the same password.
pub const COLLEAGUE: &str = "mei.tanaka@example.com";
const COLLEAGUE_NAME: &str = "Mei Tanaka";
const ORGANIZATION: &str = "Harborview Properties";
/// Commands of an operator that run at a time.
const AT_A_TIME: usize = 4;

/// The three programs.
pub struct Programs {
    pub cloud: PathBuf,
    pub gateway: PathBuf,
    pub simulator: PathBuf,
}

/// Builds them, unless they are `built` already. Cargo's own output tells how far it is.
pub fn build(place: &Place, release: bool, built: bool) -> Result<Programs> {
    if !built {
        compile(place, release)?;
    }
    let binary = |name| place.binary(if release { "release" } else { "debug" }, name);
    Ok(Programs {
        cloud: binary("inverter-connect"),
        gateway: binary("inverter-gateway"),
        simulator: binary("inverter-simulator"),
    })
}

fn compile(place: &Place, release: bool) -> Result<()> {
    if shell::find("node").is_none() || shell::find("npm").is_none() {
        bail!("Node.js and npm make the page's assets: apt-get install nodejs npm");
    }
    let mut cargo = shell::cargo(&place.root);
    cargo.args(["build", "-p", "server", "-p", "gateway", "-p", "simulator", "--bins"]);
    if release {
        cargo.arg("--release");
    }
    shell::run(&mut cargo).context("the programs do not build")
}

/// A port on 127.0.0.1: the one asked for or the usual one, else any that is free.
pub fn port(asked: Option<u16>) -> Result<u16> {
    let free =
        |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    if let Some(port) = asked {
        let address = free(port).with_context(|| {
            format!("port {port} on 127.0.0.1 cannot be used; choose another with --port, or leave it out")
        })?;
        return Ok(address.port());
    }
    let address = free(USUAL_PORT).or_else(|_| free(0)).context("no port on 127.0.0.1 is free")?;
    Ok(address.port())
}

/// The cloud as set up.
pub struct Cloud {
    pub program: PathBuf,
    pub folder: PathBuf,
    pub config: PathBuf,
    pub port: u16,
    pub password: String,
    pub token: String,
    /// Of the operator's authenticator app, in groups of four; the password is the same.
    pub operator_secret: String,
    /// Code of the organization that holds what the account manages.
    organization: String,
}

impl Cloud {
    /// Makes everything below `folder`, which must be empty or not be there.
    pub fn set_up(programs: &Programs, folder: &Path, port: u16) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if std::fs::read_dir(folder)?.next().is_some() {
            bail!("{} is not empty; name a new folder with --keep", folder.display());
        }
        let folder = folder.canonicalize()?;
        for name in ["bundles", "gateways", "ports", "consoles", "logs"] {
            std::fs::create_dir(folder.join(name))?;
        }
        let config = folder.join("cloud.toml");
        std::fs::write(&config, configuration(port))?;
        let mut cloud = Self {
            program: programs.cloud.clone(),
            folder,
            config,
            port,
            password: password()?,
            token: String::new(),
            operator_secret: String::new(),
            organization: String::new(),
        };
        cloud.admin(&["ca", "init", "--server-names", "localhost,127.0.0.1"])?;
        cloud.people_and_sites()?;
        cloud.devices()?;
        Ok(cloud)
    }

    fn people_and_sites(&mut self) -> Result<()> {
        let file = self.folder.join("password");
        std::fs::write(&file, &self.password)?;
        let password = file.to_string_lossy().into_owned();
        for (email, name) in [(EMAIL, PERSON), (COLLEAGUE, COLLEAGUE_NAME)] {
            self.admin(&["account", "add", email, "--name", name, "--password-file", &password])?;
        }
        self.token = self.admin(&["token", "add", EMAIL, "--name", "demo"])?.trim().to_owned();
        let made = self.admin(&["organization", "add", ORGANIZATION, "--owner", EMAIL])?;
        let code = made.split_whitespace().next().context("`admin organization add` printed no code")?;
        code.clone_into(&mut self.organization);
        self.admin(&["organization", "member", code, COLLEAGUE, "viewer"])?;
        for site in &SITES {
            self.admin(&[
                "site",
                "add",
                site.name,
                "--time-zone",
                site.time_zone,
                "--address",
                site.address,
                "--organization",
                code,
            ])?;
        }
        self.admin(&[
            "account",
            "add",
            OPERATOR,
            "--name",
            OPERATOR_NAME,
            "--operator",
            "--password-file",
            &password,
        ])?;
        self.operator_secret = self.admin(&["account", "totp", OPERATOR])?.trim().to_owned();
        Ok(())
    }

    fn devices(&self) -> Result<()> {
        let played = INVERTERS.iter().map(|i| (i.serial, i.name, i.site, i.model, i.role)).chain([(
            SPARE,
            "Spare",
            super::fleet::LAKESHORE,
            "Your own publisher",
            "read-write",
        )]);
        let all: Vec<_> = played.collect();
        for some in all.chunks(AT_A_TIME) {
            std::thread::scope(|scope| {
                let threads: Vec<_> = some
                    .iter()
                    .map(|(serial, name, site, model, role)| {
                        scope.spawn(move || {
                            let bundle = self.bundle(serial);
                            let out = bundle.to_string_lossy();
                            self.admin(&[
                                "device", "add", serial, "--out", &out, "--name", name, "--site", site,
                                "--model", model,
                            ])?;
                            // What the organization manages is its own; what one only sees, somebody shared.
                            let holder = if *role == "read-write" { &self.organization } else { EMAIL };
                            self.admin(&["grant", "add", holder, serial, role])
                        })
                    })
                    .collect();
                threads.into_iter().try_for_each(|thread| match thread.join() {
                    Ok(result) => result.map(|_| ()),
                    Err(_) => bail!("a thread died while devices were being added"),
                })
            })?;
        }
        let (serial, out) = (UNPAIRED.serial, self.bundle(UNPAIRED.serial));
        let out = out.to_string_lossy();
        self.admin(&["device", "add", serial, "--out", &out, "--model", UNPAIRED.model]).map(drop)
    }

    /// One command of an operator; what it printed.
    fn admin(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config).arg("admin").args(arguments).stdin(Stdio::null());
        shell::output(&mut command)
    }

    /// Where a device's bundle is.
    pub fn bundle(&self, serial: &str) -> PathBuf {
        self.folder.join("bundles").join(serial)
    }

    /// Roots that browsers and gateways trust.
    pub fn roots(&self) -> PathBuf {
        self.folder.join("data/ca/cloud-ca.crt")
    }

    /// Where its mails go.
    pub fn mails(&self) -> PathBuf {
        self.folder.join("mail")
    }

    /// For people.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Code of the organization that holds what the account manages.
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// For devices.
    pub fn device_url(&self) -> String {
        format!("mqtts://127.0.0.1:{}", self.port)
    }
}

fn configuration(port: u16) -> String {
    format!(
        "# Written by `cargo xtask demo`.\n\
         data_dir = \"data\"\n\
         listen = \"127.0.0.1:{port}\"\n\
         [people]\n\
         names = [\"localhost\"]\n\
         origin = \"https://localhost:{port}\"\n\
         [device]\n\
         name = \"device.localhost\"\n\
         url = \"wss://127.0.0.1:{port}/mqtt\"\n\
         [mail]\n\
         maildir = \"mail\"\n\
         from = \"Inverter Connect <no-reply@inverter-connect.example>\"\n"
    )
}

/// Four groups of five characters without look-alikes, about 99 bits.
fn password() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let mut bytes = [0_u8; 20];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)
        .context("cannot read /dev/urandom")?;
    let letters: Vec<char> = bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).map(|c| char::from(*c)))
        .collect();
    Ok(letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}
