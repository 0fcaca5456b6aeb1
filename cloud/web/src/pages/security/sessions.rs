//! Ending sessions: one, or all but this one.
//!
//! In: a caller. Out: sessions that count no more, and whose live pages say so at once. Asks for no fresh proof: whoever
//! sees a stranger's device wants it out now, and nothing is opened by it. Somebody else's session is not there.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::audit::Verb;
use http::header;

use super::back;
use crate::caller::Caller;
use crate::sign_in::session;
use crate::{Context, Error};

/// `POST /me/security/sessions/{session}/end`
pub async fn end(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let mut hash = [0; 32];
    let length = URL_SAFE_NO_PAD.decode_slice(id, &mut hash).map_err(|_| Error::NotFound)?;
    let own = caller.session == Some(hash);
    let verb = if own { Verb::SignOut } else { Verb::SessionEnd };
    if length != hash.len() || !session::end_own(&context, &caller, &hash, verb).await? {
        return Err(Error::NotFound);
    }
    if own {
        let out = Redirect::to("/sign-in?why=out");
        return Ok(([(header::SET_COOKIE, session::GONE)], out).into_response());
    }
    Ok(back("ended"))
}

/// `POST /me/security/sessions/end`
pub async fn end_others(State(context): State<Context>, caller: Caller) -> Result<Response, Error> {
    session::end_others(&context, &caller).await?;
    Ok(back("others"))
}
