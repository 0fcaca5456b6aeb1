//! `POST /inverters/{id}/leave`: gives up one's own access. Access by an organization stays; that is left there.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;

use super::super::sure;
use super::change::concerning;
use super::failed;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// `POST /inverters/{id}/leave`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Leave).await?;
    fresh::require(&context, &caller)?;
    sure(request).await?;
    let own = caller.account.key.into();
    let act = concerning(act::of(&context, &caller, Verb::ShareLeave)?, &row, own);
    let left = context.state().remove_grant(own, row.inverter.key, &act).await;
    if left.map_err(failed("give up access"))? {
        Ok(Redirect::to("/fleet?done=left"))
    } else {
        Err(Error::Request(
            "You see this inverter by an organization. Leave the organization, or ask its owners.".to_owned(),
        ))
    }
}
