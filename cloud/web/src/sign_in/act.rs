//! An act of a caller, for the audit log.
//!
//! In: who, what. Out: an [`Act`] with when and from where; what it concerns is added by who calls. The store writes it
//! in the transaction of the act itself.

use fleet::audit::Verb;
use store::state::{Act, By};

use crate::caller::Caller;
use crate::{Context, Error, random};

/// The caller does `verb` now.
///
/// # Errors
/// [`Error::Internal`]: no randomness.
pub fn of(context: &Context, caller: &Caller, verb: Verb) -> Result<Act, Error> {
    let salt = random::bytes32().map_err(|error| Error::internal("write to the audit log", error))?;
    let by = By::Account(caller.account.key);
    Ok(Act::new(verb, by, context.now(), salt).from_address(caller.address))
}
