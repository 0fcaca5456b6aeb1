//! `POST /inverters/{id}/maintenance`: plans a window of this inverter, or of all at its site that the reader may manage.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::Action;

use super::super::{again, form};
use super::show::{Page, Typed, zone};
use crate::caller::Caller;
use crate::rules::typed;
use crate::rules::windows::{self, Asked, Refused};
use crate::sign_in::fresh;
use crate::{Context, Error, access};

/// `POST /inverters/{id}/maintenance`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields from, to, reason, scope and critical").await?;
    let rows = if typed.scope == "site" {
        windows::at_site(&context, &caller, &row).await?
    } else {
        vec![row.clone()]
    };
    let checked = match asked(&typed, zone(&row)) {
        Some(asked) => asked.checked(&context, &caller, &rows),
        None => Err(Refused::Words("Type the day and the time at which it ends.".to_owned())),
    };
    match checked {
        Ok(window) => {
            windows::plan(&context, &caller, &rows, window).await?;
            Ok(Redirect::to(&format!("/inverters/{id}/maintenance?done=planned")).into_response())
        }
        Err(Refused::Words(words)) => {
            again(&Page::new(&context, &caller, &row, typed, None).await?.refused(words))
        }
        Err(Refused::Failed(error)) => Err(error),
    }
}

/// An empty start is now.
fn asked(typed: &Typed, zone: &str) -> Option<Asked> {
    let from = if typed.from.trim().is_empty() { wire::UtcMs(0) } else { typed::instant(&typed.from, zone)? };
    Some(Asked {
        from,
        to: typed::instant(&typed.to, zone)?,
        reason: typed.reason.clone(),
        tells_critical: typed.critical == "yes",
    })
}
