//! `POST /inverters/{id}/maintenance/{window}/end`: ends a window now, wherever the reader may: what still holds is told then.

use axum::extract::{Path, State};
use axum::response::Redirect;
use fleet::Action;

use crate::caller::Caller;
use crate::rules::windows;
use crate::{Context, Error, access};

/// `POST /inverters/{id}/maintenance/{window}/end`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path((id, window)): Path<(String, String)>,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    let number = window.parse().map_err(|_| Error::NotFound)?;
    if windows::with(&context, vec![row], number).is_empty() {
        return Err(Error::NotFound);
    }
    let all = access::fleet_to(&context, &caller, Action::Edit).await?;
    windows::end(&context, &caller, &windows::with(&context, all, number), number).await?;
    Ok(Redirect::to(&format!("/inverters/{id}/maintenance?done=ended")))
}
