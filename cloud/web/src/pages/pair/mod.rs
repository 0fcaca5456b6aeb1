//! Adding an inverter: its serial number, the button in its cabinet, its name. One verb per file.
//!
//! In: a caller, a serial number, an attempt. Out: pages. An attempt lives on the server: the page may be closed, loaded
//! again or opened elsewhere. A number that nobody registered, somebody else's inverter and one's own look the same until
//! the button was pressed. Beginning asks for a fresh proof; nothing here decides who is paired, `fleet::pairing` does.

pub mod attempt;
pub mod cancel;
pub mod name;
pub mod serial;

use fleet::{Action, Actor, Decision, Object, authorize};
use store::state::Pairing;

use crate::caller::Caller;
use crate::{Context, Error};

/// Longest id of an attempt that is looked up.
const MAX_ID: usize = 43;

/// An attempt of the caller.
///
/// # Errors
/// [`Error::NotFound`] for a missing one and for somebody else's.
pub(crate) async fn own(context: &Context, caller: &Caller, id: &str) -> Result<Pairing, Error> {
    if id.len() != MAX_ID {
        return Err(Error::NotFound);
    }
    let key = caller.account.key;
    let found = context.state().pairing(key, id).await;
    let found = found.map_err(|error| Error::internal("look up an attempt at pairing", error))?;
    let attempt = found.ok_or(Error::NotFound)?;
    let actor = Actor::account(key, caller.account.operator, [], context.now());
    match authorize(&actor, Action::OwnAccount, &Object::Account(attempt.account)) {
        Decision::Allowed => Ok(attempt),
        _ => Err(Error::NotFound),
    }
}

/// The page of an attempt.
pub(crate) fn address(attempt: &Pairing) -> String {
    format!("/pair/{}", attempt.public_id)
}
