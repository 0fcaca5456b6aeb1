//! What each process may still reach: files and TCP ports, by Landlock.
//!
//! In: paths and ports by kind of access. Out: rules that this process and all that it starts never lose. A path that
//! is not there gives no rule. Never trusts that the kernel took them: see `proof`, and the [`Tier`] it returns.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use super::{LockError, Tier};
use crate::config::Config;

/// The newest rules that were tested here; an older kernel takes what it knows.
const NEWEST: ABI = ABI::V7;
/// The first with rules for TCP: Linux 6.7.
const WITH_TCP: ABI = ABI::V4;

/// The loader and its libraries, where distributions keep them.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];
const LIBRARIES: [&str; 6] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload"];
/// What the C library's resolver reads. Files, not their folder: keys lie in folders below it.
const RESOLVER: [&str; 5] =
    ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"];

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Access {
    execute: Vec<PathBuf>,
    read: Vec<PathBuf>,
    /// Write, make, remove, below these folders.
    keep: Vec<PathBuf>,
    /// Open for reading, and set up by ioctl.
    devices: Vec<PathBuf>,
    write: Vec<PathBuf>,
    ports: Vec<u16>,
    /// Signal whom its user may signal, and not only what it started from here on.
    signal: bool,
}

impl Access {
    /// The reader's and the button's: nothing. They have their descriptors.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The supervisor's: our own binary to start, ports to open for reading. It must be able to end the starter, which was
    /// there before this.
    #[must_use]
    pub fn supervisor() -> Self {
        let mut access = Self { devices: vec!["/dev".into()], signal: true, ..Self::parent() };
        // The button's process has its chip's name from here.
        access.read.push("/sys".into());
        access
    }

    /// The starter's: what the uplink will need, from its start on.
    #[must_use]
    pub fn starter(config: &Config, config_path: &Path) -> Self {
        let uplink = Self::uplink(config);
        let mut access = Self { keep: uplink.keep, ports: uplink.ports, ..Self::parent() };
        let cloud = &config.cloud;
        let files = [&cloud.certificate, &cloud.key].into_iter().chain(&cloud.roots);
        let files =
            files.map(PathBuf::as_path).chain(cloud.proxy_credentials.as_deref()).chain([config_path]);
        // Their folders: a bundle that is carried to the cabinet takes the old one's place by name.
        access.read.extend(files.filter_map(|file| file.parent().map(Path::to_owned)));
        access.read.extend(["/etc".into(), "/dev/urandom".into()]);
        access.read.extend(uplink.read);
        access
    }

    /// The uplink's, once its files are read: its folder, names, its ports. Not its key.
    #[must_use]
    pub fn uplink(config: &Config) -> Self {
        let mut read: Vec<PathBuf> = RESOLVER.iter().map(PathBuf::from).collect();
        // Where resolv.conf is a link, whoever owns it replaces it there by name.
        let real = std::fs::canonicalize("/etc/resolv.conf").ok();
        let folder = real.as_deref().and_then(Path::parent).filter(|folder| !folder.starts_with("/etc"));
        read.extend(folder.map(Path::to_owned));
        Self { read, keep: vec![config.data_dir.clone()], ports: super::ports(config), ..Self::default() }
    }

    /// What starts our own binary needs, and nothing that starts another.
    fn parent() -> Self {
        let own = PathBuf::from("/proc/self/exe");
        let execute = std::iter::once(own.clone()).chain(LOADERS.iter().map(PathBuf::from)).collect();
        let libraries = LIBRARIES.iter().map(PathBuf::from);
        let read = libraries.chain([own, "/proc".into()]).collect();
        let access = Self { execute, read, write: vec!["/dev/null".into()], ..Self::default() };
        #[cfg(feature = "simulated")]
        let access = access.with_what_tests_drive();
        access
    }

    #[cfg(feature = "simulated")]
    fn with_what_tests_drive(mut self) -> Self {
        self.read.extend(crate::simulated::paths());
        self.write.extend(crate::simulated::paths());
        self
    }

    /// Whether the root folder itself may be listed: then that is no proof of anything.
    pub(super) fn names_the_root(&self) -> bool {
        self.read.iter().chain(&self.keep).any(|path| path == Path::new("/"))
    }
}

/// Restricts the calling thread and all that it starts.
pub fn restrict(access: &Access) -> Result<Tier, LockError> {
    #[cfg(feature = "simulated")]
    let newest = crate::simulated::landlock().unwrap_or(NEWEST);
    #[cfg(not(feature = "simulated"))]
    let newest = NEWEST;
    enforce(access, newest).map_err(LockError::Landlock)
}

fn enforce(access: &Access, newest: ABI) -> Result<Tier, landlock::RulesetError> {
    if newest == ABI::Unsupported {
        return Ok(Tier::SeccompOnly);
    }
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write: BitFlags<AccessFs> = AccessFs::WriteFile.into();
    let keep =
        read | make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir});
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(newest))?;
    if newest >= WITH_TCP {
        rules = rules.handle_access(AccessNet::from_all(newest))?;
    }
    if newest >= ABI::V6 {
        let all = Scope::from_all(newest);
        rules = rules.scope(if access.signal { all & !BitFlags::from(Scope::Signal) } else { all })?;
    }
    let mut rules = rules
        .create()?
        .add_rules(path_beneath_rules(&access.execute, AccessFs::Execute | AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(&access.read, read))?
        .add_rules(path_beneath_rules(&access.keep, keep & AccessFs::from_all(newest)))?
        .add_rules(path_beneath_rules(
            &access.devices,
            (read | AccessFs::IoctlDev) & AccessFs::from_all(newest),
        ))?
        .add_rules(path_beneath_rules(&access.write, write | AccessFs::ReadFile))?;
    if newest >= WITH_TCP {
        rules = rules.add_rules(
            access
                .ports
                .iter()
                .map(|port| Ok::<_, landlock::RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp))),
        )?;
    }
    let status = rules.restrict_self()?;
    let has_tcp = newest >= WITH_TCP
        && matches!(status.landlock, LandlockStatus::Available { effective_abi, .. } if effective_abi >= WITH_TCP);
    Ok(match status.ruleset {
        RulesetStatus::NotEnforced => Tier::SeccompOnly,
        _ if has_tcp => Tier::Full,
        _ => Tier::FilesOnly,
    })
}
