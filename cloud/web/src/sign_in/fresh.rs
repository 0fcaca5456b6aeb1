//! What is dangerous asks again who one is.
//!
//! In: a caller. Out: nothing, or [`Error::Reauthenticate`], which brings a page to `/confirm` and back and tells a
//! program so. Factors, address, password, shares, pairing, tokens, members, deletion and all of an operator's acts ask
//! here first; call it for the form's page as well as for what the form sends, so that nobody types in vain.

use fleet::session::{FRESH_MS, Standing};
use http::Method;

use crate::caller::Caller;
use crate::{Context, Error};

/// The caller must have proved who they are within the last quarter of an hour.
///
/// # Errors
/// [`Error::Reauthenticate`].
pub fn require(context: &Context, caller: &Caller) -> Result<(), Error> {
    let fresh = |at| context.now().since(at) < FRESH_MS;
    if caller.standing == Standing::Active && caller.confirmed_at.is_some_and(fresh) {
        Ok(())
    } else {
        Err(Error::Reauthenticate)
    }
}

/// Unsafe requests of a remembered device that are answered (decision 31); everything else that changes something
/// asks for a proof first.
const REMEMBERED_MAY: [&str; 5] = [
    "/confirm",
    "/confirm/passkey",
    "/alarms/{id}/acknowledge",
    "/alarms/{id}/shelve",
    "/alarms/{id}/unshelve",
];

/// Whether a remembered device is answered.
pub(crate) fn remembered_may(method: &Method, path: &str) -> bool {
    method.is_safe() || REMEMBERED_MAY.contains(&path)
}
