//! The test at start: not that the calls which lock succeeded, but that the lock holds.

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::thread::{SecureComputingMode, capabilities, no_new_privs, secure_computing_mode};

use super::{Access, LockError, Tier};

/// After the first half: no rights, no new ones, and the root folder, which no rule names, cannot be listed.
pub fn confined(access: &Access, tier: Tier) -> Result<(), LockError> {
    if !no_new_privs().unwrap_or(false) {
        return Err(LockError::Proof("new privileges could still be had"));
    }
    if !capabilities(None).is_ok_and(|held| held.permitted.is_empty() && held.effective.is_empty()) {
        return Err(LockError::Proof("capabilities are still held"));
    }
    if tier != Tier::SeccompOnly && !access.names_the_root() && std::fs::File::open("/").is_ok() {
        return Err(LockError::Proof("a folder that no rule names can still be opened"));
    }
    Ok(())
}

/// After the second half: the kernel says that a filter holds, and a call that every policy denies is denied.
pub fn sealed() -> Result<(), LockError> {
    if !matches!(secure_computing_mode(), Ok(SecureComputingMode::Filter)) {
        return Err(LockError::Proof("the kernel says that no filter holds"));
    }
    match socket(AddressFamily::UNIX, SocketType::STREAM, None) {
        Err(Errno::PERM) => Ok(()),
        _ => Err(LockError::Proof("a call that the policy denies was made")),
    }
}
