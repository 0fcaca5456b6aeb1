//! Rights that a process gives up: capabilities, new ones through exec, and being looked into by others of its user.

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::LockError;

/// Gives up what can be given up. What the process never had is no error; what it keeps, is.
pub fn give_up() -> Result<(), LockError> {
    let fail = |what| move |error| LockError::Rights(what, error);
    match clear_ambient_capability_set() {
        // Kernels before 4.3 have no ambient ones.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(LockError::Rights("ambient capabilities cannot be given up", error)),
    }
    for capability in CapabilitySet::all().iter() {
        if capability_is_in_bounding_set(capability).unwrap_or(false) {
            match remove_capability_from_bounding_set(capability) {
                // Without CAP_SETPCAP it stays, and no_new_privs below makes it worth nothing.
                Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
                Err(error) => return Err(LockError::Rights("capabilities cannot be given up", error)),
            }
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(fail("capabilities cannot be given up"))?;
    set_no_new_privs(true).map_err(fail("no_new_privs cannot be set"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(fail("the process stays dumpable"))
}
