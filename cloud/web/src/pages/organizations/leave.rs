//! `POST /organizations/{organization}/leave`: gives up one's own membership. The last owner stays.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;

use super::super::people::failed;
use super::super::sure;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// `POST /organizations/{organization}/leave`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Leave).await?;
    fresh::require(&context, &caller)?;
    sure(request).await?;
    let account = caller.account.key;
    let act = act::of(&context, &caller, Verb::MemberLeave)?.of_account(account).in_organization(own.key);
    context.state().remove_member(own.key, account, &act).await.map_err(failed("leave an organization"))?;
    Ok(Redirect::to("/organizations?done=left"))
}
