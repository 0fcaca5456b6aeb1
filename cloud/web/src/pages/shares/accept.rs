//! `POST /shares/{offer}/accept` and `POST /invitations/{invitation}/accept`.

use axum::extract::{Path, State};
use axum::response::Redirect;
use fleet::audit::Verb;

use super::super::people::failed;
use super::one;
use crate::caller::Caller;
use crate::mail::sharing as letters;
use crate::sign_in::{act, fresh};
use crate::{Context, Error};

/// `POST /shares/{offer}/accept`
pub async fn offer(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Redirect, Error> {
    let offered = one(&context, &caller, &id).await?;
    fresh::require(&context, &caller)?;
    let act = act::of(&context, &caller, Verb::ShareAccept)?.of_account(caller.account.key);
    let answer = letters::answered(&context, &caller, &offered, true).await?;
    let mails = answer.mails(context.now());
    let (recipient, holder) = (&offered.offer.recipient, offered.holder(&caller));
    let accepted = context.state().accept_offer(&id, recipient, holder, act, &mails).await;
    accepted.map_err(failed("accept an offer"))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to("/fleet?done=accepted"))
}

/// `POST /invitations/{invitation}/accept`
pub async fn invitation(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Redirect, Error> {
    super::super::organizations::invited(&context, &caller, &id).await?;
    fresh::require(&context, &caller)?;
    let (email, account) = (&caller.account.email, caller.account.key);
    let act = act::of(&context, &caller, Verb::MemberJoin)?.of_account(account);
    let accepted = context.state().accept_invitation(&id, email, account, act).await;
    accepted.map_err(failed("accept an invitation"))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to("/organizations?done=joined"))
}
