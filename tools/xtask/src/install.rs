//! Fetches what tests and gates need beside the Rust toolchain, into `target/tools` where it can.
//! In: which set is wanted. Out: programs that are there, or one sentence that says what to install.
//! Never changes the system except through the system's own package manager, and only as root.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::shell;

/// A program and the Debian package that has it.
struct Program {
    name: &'static str,
    package: &'static str,
    why: &'static str,
}

/// What a build and the gates need. One line adds one.
const BUILD: &[Program] = &[
    Program { name: "python3", package: "python3-venv", why: "linters, paho-mqtt" },
    Program { name: "node", package: "nodejs", why: "page assets, MQTT.js, Playwright" },
    Program { name: "npm", package: "npm", why: "page assets, MQTT.js, Playwright" },
    Program { name: "cc", package: "gcc", why: "SQLite, aws-lc" },
];

/// What the tests start.
const TESTS: &[Program] = &[
    Program { name: "mosquitto_pub", package: "mosquitto-clients", why: "a foreign publisher" },
    Program { name: "exim4", package: "exim4-daemon-light", why: "a real mail server" },
    Program { name: "strace", package: "strace", why: "delays and fails fsync, traces ioctls" },
    Program { name: "chromium", package: "chromium", why: "browser flows" },
    Program { name: "ip", package: "iproute2", why: "the gateway in networks of its own" },
    Program { name: "tc", package: "iproute2", why: "slow lines" },
    Program { name: "nft", package: "nftables", why: "narrow networks and lossy lines" },
    Program { name: "systemd-analyze", package: "systemd", why: "reads the unit file" },
];

/// What `bench` compares with. Missing ones are skipped there, with a line.
const PEERS: &[Program] = &[
    Program { name: "mosquitto", package: "mosquitto", why: "P2, P4, P11" },
    Program { name: "rabbitmq-server", package: "rabbitmq-server", why: "P1, P2" },
    Program { name: "victoria-metrics", package: "victoria-metrics", why: "P6, P9" },
];

/// What `audit` runs, and what those need.
const AUDIT: &[Program] = &[
    Program { name: "testssl", package: "testssl.sh", why: "TLS of both doors" },
    Program { name: "nmap", package: "nmap", why: "open ports of the gateway" },
    Program { name: "openssl", package: "openssl", why: "testssl.sh" },
    Program { name: "hexdump", package: "bsdextrautils", why: "testssl.sh" },
    Program { name: "ip", package: "iproute2", why: "networks of their own for demo and tools" },
    Program { name: "unshare", package: "util-linux", why: "as ip" },
];

/// Python environments of `audit`: folder below `target/tools`, list in `tools/xtask`. Apart from the tests' and from
/// each other, since what they need differs.
const AUDIT_PYTHON: &[(&str, &str)] =
    &[("venv-audit", "requirements-audit.txt"), ("venv-audit-wapiti", "requirements-audit-wapiti.txt")];

/// Makes everything that `test` and `ci` start be there.
pub fn for_tests(place: &Place) -> Result<()> {
    for_gates(place)?;
    apt(TESTS, true)?;
    npm(&place.root.join("e2e"))?;
    // Foreign clients of the device door, where that room keeps a list of them.
    for folder in ["cloud/server/tests/clients", "cloud/server/tests/it/clients"] {
        let folder = place.root.join(folder);
        if folder.join("package-lock.json").is_file() {
            npm(&folder)?;
        }
    }
    Ok(())
}

/// Makes the linters be there, and what compiling needs; enough for the gates of `ci`.
pub fn for_gates(place: &Place) -> Result<()> {
    apt(BUILD, true)?;
    venv(place, "requirements.txt")
}

/// Installs the benchmark peers that can be installed; a missing one is no error.
pub fn for_bench(place: &Place) -> Result<()> {
    if let Err(error) = apt(PEERS, false) {
        println!("some peers are missing and will be skipped: {error:#}");
    }
    venv(place, "requirements-bench.txt")
}

/// Installs what `bench pages` needs: the browser, and Lighthouse in a folder of its own.
pub fn for_pages(place: &Place) -> Result<()> {
    for_tests(place)?;
    npm(&place.root.join("e2e/pages"))
}

/// Installs what `audit` runs, beside what the tests need: its checks use the linters and the browser too.
pub fn for_audit(place: &Place) -> Result<()> {
    for_tests(place)?;
    apt(AUDIT, true)?;
    for (folder, list) in AUDIT_PYTHON {
        venv_in(&place.target.join("tools").join(folder), place, list)?;
    }
    // Without scripts: one of its packages would fetch certificates of others, another compile a database driver.
    npm_with(&place.root.join("tools/xtask/audit/observatory"), &["--ignore-scripts"])
}

fn apt(programs: &[Program], needed: bool) -> Result<()> {
    let missing: Vec<_> = programs.iter().filter(|program| shell::find(program.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: std::collections::BTreeSet<_> = missing.iter().map(|program| program.package).collect();
    let packages: Vec<_> = packages.into_iter().collect();
    for program in &missing {
        println!("missing: {} (package {}), for {}", program.name, program.package, program.why);
    }
    let by_hand = format!("install them: apt-get install {}", packages.join(" "));
    if !rustix::process::geteuid().is_root() || shell::find("apt-get").is_none() {
        bail!("{} programs are missing and this is not root on Debian; {by_hand}", missing.len());
    }
    let quiet = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(["-qq", "-y", "--no-install-recommends"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        shell::output(&mut command)
    };
    quiet(&["update"]).context("apt-get update")?;
    let no_services = NoServices::begin()?;
    quiet(&[&["install"], packages.as_slice()].concat()).with_context(|| by_hand.clone())?;
    drop(no_services);
    let still: Vec<_> = missing
        .iter()
        .filter(|program| shell::find(program.name).is_none())
        .map(|program| program.name)
        .collect();
    if needed && !still.is_empty() {
        bail!("after apt-get these are still missing: {}; {by_hand}", still.join(", "));
    }
    Ok(())
}

/// Asked by Debian's packages before they start what they bring.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While it lives, no package starts a service: tests start their own, in folders of their own. A policy that is there
/// already is the machine's own and stays.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<Self> {
        let policy = File::options().write(true).create_new(true).mode(0o755).open(POLICY);
        match policy.and_then(|mut file| file.write_all(b"#!/bin/sh\nexit 101\n")) {
            Ok(()) => Ok(Self { ours: true }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Self { ours: false }),
            Err(error) => Err(error).with_context(|| format!("cannot write {POLICY}")),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _ = std::fs::remove_file(POLICY);
        }
    }
}

/// Installs a list of `tools/xtask` into `target/tools/venv`, once per content of that list.
fn venv(place: &Place, list: &str) -> Result<()> {
    venv_in(&place.venv(), place, list)
}

fn venv_in(folder: &Path, place: &Place, list: &str) -> Result<()> {
    let wanted_path = place.root.join("tools/xtask").join(list);
    let wanted = std::fs::read_to_string(&wanted_path)
        .with_context(|| format!("reading {}", wanted_path.display()))?;
    let stamp = folder.join(list);
    let python = folder.join("bin/python3");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if !python.exists() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(folder))
            .context("a Python environment is needed: apt-get install python3-venv")?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&wanted_path);
    shell::run(&mut pip).with_context(|| format!("pip could not install tools/xtask/{list}"))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

/// `npm ci` in a folder, once per content of its lock file.
fn npm(folder: &Path) -> Result<()> {
    npm_with(folder, &[])
}

fn npm_with(folder: &Path, options: &[&str]) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = std::fs::read_to_string(&lock).with_context(|| format!("reading {}", lock.display()))?;
    let stamp = folder.join("node_modules/.installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    shell::run(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .args(options)
            .current_dir(folder),
    )?;
    std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}
