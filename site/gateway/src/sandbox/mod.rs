//! The lock that each process puts on itself before it works.
//!
//! In: which process it is, what files and TCP ports it will still need. Out: a process without rights, under its own
//! seccomp policy (`policy/`, data) and Landlock rules, and proven to be; or the reason why not, and then it does not run.
//! Never loosens anything: every call here can only take away.

pub mod access;
pub mod policy;
mod proof;
mod rights;

use std::fmt;

use crate::config::Config;

pub use access::Access;

/// Which process. Each has a policy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Holds the port, starts the others.
    Supervisor,
    /// Starts the uplink.
    Starter,
    /// Reads the port.
    Reader,
    /// Watches the push-button.
    Button,
    /// Decodes, keeps, sends.
    Uplink,
}

impl Process {
    /// All of them, for tables.
    pub const ALL: [Self; 5] = [Self::Supervisor, Self::Starter, Self::Reader, Self::Button, Self::Uplink];

    /// As in the names of the processes and of their policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
            Self::Starter => "starter",
            Self::Reader => "reader",
            Self::Button => "button",
            Self::Uplink => "uplink",
        }
    }
}

/// How much of the sandbox this kernel can hold. Never silent: it is said in words at start and, below `Full`, again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// seccomp, and Landlock with rules for files and TCP ports (Linux 6.7 and later).
    Full,
    /// seccomp, and Landlock with rules for files alone.
    FilesOnly,
    /// seccomp.
    SeccompOnly,
    /// Nothing: `--unsandboxed`.
    Off,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "Every process is locked: seccomp, and Landlock for files and TCP ports.",
            Self::FilesOnly => "Every process is locked, but not as to TCP ports: seccomp, and Landlock for files; this kernel is older than Linux 6.7. Load deploy/inverter-gateway.nft.",
            Self::SeccompOnly => "Every process is locked by seccomp alone: this kernel has no Landlock. Load deploy/inverter-gateway.nft and keep the unit's rules for files.",
            Self::Off => "NOTHING IS LOCKED: this gateway was started with --unsandboxed. Whoever takes over one of its processes has all that its user has; start it without that.",
        })
    }
}

/// The lock does not hold; the process must not run.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Rights could not be given up.
    #[error("{0}")]
    Rights(&'static str, #[source] rustix::io::Errno),
    /// Landlock refuses.
    #[error("Landlock")]
    Landlock(#[source] landlock::RulesetError),
    /// The policy cannot be made into a filter.
    #[error(transparent)]
    Policy(#[from] policy::PolicyError),
    /// The kernel refuses the filter.
    #[error("seccomp")]
    Seccomp(#[source] seccompiler::Error),
    /// All calls succeeded, and the lock is not there.
    #[error("it was put up, but {0}")]
    Proof(&'static str),
}

/// The first half, which binds the calling thread and every thread and process that it starts: no rights, no new ones,
/// no /proc for others, files and ports by Landlock.
///
/// # Errors
/// [`LockError`].
pub fn confine(access: &Access, locked: bool) -> Result<Tier, LockError> {
    if !locked {
        return Ok(Tier::Off);
    }
    rights::give_up()?;
    let tier = access::restrict(access)?;
    proof::confined(access, tier)?;
    Ok(tier)
}

/// The second half, which binds all threads: the policy. From here on what it does not name ends the process.
///
/// # Errors
/// [`LockError`].
pub fn seal(process: Process, locked: bool) -> Result<(), LockError> {
    if !locked {
        return Ok(());
    }
    for program in policy::programs(process)? {
        seccompiler::apply_filter_all_threads(&program).map_err(LockError::Seccomp)?;
    }
    proof::sealed()
}

/// Both halves at once.
///
/// # Errors
/// [`LockError`].
pub fn lock(process: Process, access: &Access, locked: bool) -> Result<Tier, LockError> {
    let tier = confine(access, locked)?;
    seal(process, locked)?;
    Ok(tier)
}

/// What to say when the lock does not hold.
#[must_use]
pub fn refusal(process: Process, error: &LockError) -> String {
    format!(
        "The {} cannot be locked ({}) and does not run unlocked. This kernel needs seccomp; --unsandboxed starts the gateway all the same, without any lock.",
        process.name(),
        crate::status::chain(error)
    )
}

/// The TCP ports that the uplink may connect to: the cloud's or the proxy's, and that of names.
#[must_use]
pub fn ports(config: &Config) -> Vec<u16> {
    const NAMES: u16 = 53;
    vec![config.cloud.proxy.as_ref().unwrap_or(&config.cloud.url).port, NAMES]
}
