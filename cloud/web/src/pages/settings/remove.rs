//! `GET` and `POST /inverters/{id}/remove`: gives an inverter up for everybody who sees it.
//!
//! Out: nobody sees it or its readings, which are erased as they grow old; adding it again starts anew and needs somebody
//! at the cabinet.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{Html, Redirect};
use fleet::Action;
use fleet::audit::Verb;

use super::super::people::failed;
use super::super::people::list::title;
use super::super::shell::Shell;
use super::super::{html, sure};
use crate::caller::Caller;
use crate::mail::sharing as letters;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access, random};

#[derive(Template)]
#[template(path = "remove.html")]
struct Page {
    shell: Shell,
    id: String,
    name: String,
}

/// `GET /inverters/{id}/remove`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    fresh::require(&context, &caller)?;
    html(&Page { shell: Shell::new(&caller, context.now(), None, "/inverters"), id, name: title(&row) })
}

/// `POST /inverters/{id}/remove`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    fresh::require(&context, &caller)?;
    sure(request).await?;
    let key = row.inverter.key;
    let act = act::of(&context, &caller, Verb::InverterRemove)?.on_inverter(key).with_detail(title(&row));
    let told = letters::given_up(&context, &caller, &row).await?;
    let now = context.now();
    let mails: Vec<_> = told.iter().flat_map(|answer| answer.mails(now)).collect();
    let anew = random::public_id().map_err(|error| Error::internal("remove an inverter", error))?;
    let given_up = context.state().give_up_inverter(key, &anew, &act, &mails).await;
    given_up.map_err(failed("remove an inverter"))?;
    // Whoever keeps what is true now must not write it again.
    context.act(now, Some(key), fleet::Act::Forget).await?;
    Ok(Redirect::to("/fleet?done=removed"))
}
