//! `POST /inverters/{id}/limits`: sets a limit.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::Action;

use super::super::{again, form};
use super::show::{Page, Typed};
use crate::caller::Caller;
use crate::rules::limits::{self, Asked};
use crate::sign_in::fresh;
use crate::{Context, Error, access};

/// `POST /inverters/{id}/limits`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields quantity, side, raise and clear").await?;
    let number = limits::new_number()?;
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let checked = asked(&typed).checked(&row, &state, number);
    match checked {
        Ok(limit) => {
            limits::set(&context, &caller, &row, limit).await?;
            Ok(Redirect::to(&format!("/inverters/{id}/limits?done=limited")).into_response())
        }
        Err(words) => again(&Page::new(&context, &caller, &row, typed, None).refused(words)),
    }
}

fn asked(typed: &Typed) -> Asked<'_> {
    // A page writes a minus as people print it.
    let number = |text: &str| text.trim().replace('−', "-").parse().ok();
    Asked {
        quantity: &typed.quantity,
        side: &typed.side,
        raise: number(&typed.raise),
        clear: number(&typed.clear),
        raise_delay_s: typed.raise_delay.parse().ok(),
        clear_delay_s: typed.clear_delay.parse().ok(),
        severity: &typed.severity,
    }
}
