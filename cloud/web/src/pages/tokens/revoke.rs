//! `POST /me/tokens/{token}/revoke`: from the next request on it counts no more.

use axum::extract::{Path, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use store::state::TokenKey;

use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error};

/// `POST /me/tokens/{token}/revoke`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Redirect, Error> {
    fresh::require(&context, &caller)?;
    let key = TokenKey(token.parse().map_err(|_| Error::NotFound)?);
    let act = act::of(&context, &caller, Verb::TokenRevoke)?;
    let revoked = context.state().revoke_token(caller.account.key, key, context.now(), &act).await;
    let revoked = revoked.map_err(|error| Error::internal("revoke a token", error))?;
    // Somebody else's and one that ended are not there.
    if revoked { Ok(Redirect::to("/me/tokens")) } else { Err(Error::NotFound) }
}
