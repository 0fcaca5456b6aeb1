//! `POST /organizations/{organization}/logbook`: begins to keep one, or changes for how many years.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;
use fleet::logbook::{Hash, MOST_YEARS};
use serde::Deserialize;

use super::super::super::form;
use super::super::super::people::failed;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access, random};

/// The form.
#[derive(Deserialize)]
struct Typed {
    years: u32,
    /// A checkbox: there or not.
    sure: Option<String>,
}

/// `POST /organizations/{organization}/logbook`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Logbook).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields years and sure").await?;
    if fleet::logbook::years(typed.years).is_none() {
        return Err(Error::Request(format!("Nothing was changed. Choose 1 to {MOST_YEARS} years.")));
    }
    if typed.sure.is_none() {
        return Err(Error::Request(
            "Nothing was changed. Tick the box that says what you agree to.".to_owned(),
        ));
    }
    let state = context.state();
    let kept = state.logbook(own.key).await.map_err(failed("look up a logbook"))?;
    let acting = |verb, detail| {
        Ok::<_, Error>(act::of(&context, &caller, verb)?.in_organization(own.key).with_detail(detail))
    };
    let done = match kept {
        Some(kept) if kept.years == typed.years => "saved",
        Some(kept) => {
            let act = acting(Verb::LogbookYears, format!("{} years, before {}", typed.years, kept.years))?;
            let changed = state.change_logbook_years(own.key, typed.years, &act).await;
            changed.map_err(failed("change a logbook"))?;
            "saved"
        }
        None => {
            let random = random::bytes32().map_err(|error| Error::internal("name a logbook", error))?;
            let name: String = Hash(random).to_string().chars().take(32).collect();
            let act = acting(Verb::LogbookBegin, format!("{} years", typed.years))?;
            let begun = state.begin_logbook(own.key, &name, typed.years, &act).await;
            begun.map_err(failed("begin a logbook"))?;
            "begun"
        }
    };
    Ok(Redirect::to(&format!("/organizations/{code}/logbook?done={done}")))
}
