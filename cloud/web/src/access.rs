//! The only way from an account to inverters.
//!
//! In: a caller, a public id. Out: rows that `fleet::authorize` allowed. A row that is not there and a row that is
//! somebody else's are the same [`Error::NotFound`]. No other room asks the store for inverters.

use fleet::{AccountKey, Action, Actor, Decision, InverterKey, Object, authorize};
use store::state::VisibleInverter;
use wire::UtcMs;

use crate::caller::Caller;
use crate::{Context, Error};

/// Longest public id that is looked up; ids are 26 characters or fewer.
const MAX_ID: usize = 64;

/// Every inverter that the caller may see, by name.
///
/// # Errors
/// [`Error::SignIn`], [`Error::Internal`].
pub async fn fleet(context: &Context, caller: &Caller) -> Result<Vec<VisibleInverter>, Error> {
    let now = context.now();
    let rows = context.state().visible_inverters(caller.account.key, now).await;
    let rows = rows.map_err(|error| Error::internal("list inverters", error))?;
    let actor = actor(caller, &rows, now);
    allowed(authorize(&actor, Action::List, &Object::Fleet))?;
    let seen = |row: &VisibleInverter| {
        authorize(&actor, Action::View, &Object::Inverter(row.inverter.key)).is_allowed()
    };
    Ok(rows.into_iter().filter(seen).collect())
}

/// One inverter, if the caller may do `action` to it.
///
/// # Errors
/// [`Error::NotFound`] for a missing one and for somebody else's, [`Error::Forbidden`] where the caller may only look.
pub async fn inverter(
    context: &Context,
    caller: &Caller,
    public_id: &str,
    action: Action,
) -> Result<VisibleInverter, Error> {
    if public_id.is_empty() || public_id.len() > MAX_ID {
        return Err(Error::NotFound);
    }
    let now = context.now();
    let row = context.state().visible_inverter(caller.account.key, public_id, now).await;
    let row = row.map_err(|error| Error::internal("look up an inverter", error))?;
    let actor = actor(caller, row.as_slice(), now);
    let key = row.as_ref().map_or(InverterKey(0), |row| row.inverter.key);
    allowed(authorize(&actor, action, &Object::Inverter(key)))?;
    row.ok_or(Error::NotFound)
}

/// The caller is an operator.
///
/// # Errors
/// [`Error::NotFound`] for everybody else: nobody is told what there is.
pub fn operate(context: &Context, caller: &Caller) -> Result<(), Error> {
    let actor = Actor::account(caller.account.key, caller.account.operator, [], context.now());
    allowed(authorize(&actor, Action::Operate, &Object::Service))
}

/// The caller's own account.
///
/// # Errors
/// [`Error::SignIn`], [`Error::NotFound`].
pub fn own_account(context: &Context, caller: &Caller) -> Result<AccountKey, Error> {
    let own = caller.account.key;
    let actor = Actor::account(own, caller.account.operator, [], context.now());
    allowed(authorize(&actor, Action::OwnAccount, &Object::Account(own)))?;
    Ok(own)
}

fn actor(caller: &Caller, rows: &[VisibleInverter], now: UtcMs) -> Actor {
    let held = rows.iter().flat_map(|row| row.held.iter().copied());
    Actor::account(caller.account.key, caller.account.operator, held, now).by_token(caller.token.clone())
}

fn allowed(decision: Decision) -> Result<(), Error> {
    match decision {
        Decision::Allowed => Ok(()),
        Decision::SignIn => Err(Error::SignIn),
        Decision::NotFound => Err(Error::NotFound),
        Decision::Forbidden => Err(Error::Forbidden),
    }
}
