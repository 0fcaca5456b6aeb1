//! `POST /shares/{offer}/decline` and `POST /invitations/{invitation}/decline`.

use axum::extract::{Path, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use store::state::{Inviting, Side};

use super::super::people::failed;
use super::one;
use crate::caller::Caller;
use crate::mail::sharing as letters;
use crate::sign_in::{act, fresh};
use crate::{Context, Error};

/// `POST /shares/{offer}/decline`
pub async fn offer(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Redirect, Error> {
    let offered = one(&context, &caller, &id).await?;
    fresh::require(&context, &caller)?;
    let act = act::of(&context, &caller, Verb::ShareDecline)?.of_account(caller.account.key);
    let answer = letters::answered(&context, &caller, &offered, false).await?;
    let side = Side::Receiving(&offered.offer.recipient);
    let closed = context.state().close_offer(&id, side, act, &answer.mails(context.now())).await;
    closed.map_err(failed("decline an offer"))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to("/shares?done=declined"))
}

/// `POST /invitations/{invitation}/decline`
pub async fn invitation(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Redirect, Error> {
    super::super::organizations::invited(&context, &caller, &id).await?;
    fresh::require(&context, &caller)?;
    let act = act::of(&context, &caller, Verb::MemberDecline)?.of_account(caller.account.key);
    let side = Inviting::Invited(&caller.account.email);
    let closed = context.state().close_invitation(&id, side, act).await;
    closed.map_err(failed("decline an invitation"))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to("/shares?done=declined"))
}
