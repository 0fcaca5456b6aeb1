//! `GET /api/v1/inverters/{id}/ladder`: by whom, one after the other, alarms of an inverter are to be taken.
//!
//! In: somebody who may see the inverter. Out: the ladder of its site, else of the organization that manages it; names, never
//! addresses. It is changed on its page.

use axum::extract::{Path, State};
use axum::response::Response;
use fleet::Action;
use serde::Serialize;
use store::state::Place;

use super::print;
use crate::caller::ApiCaller;
use crate::names::Names;
use crate::{Context, Error, access};

#[derive(Serialize)]
struct Ladder {
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    after_minutes: i64,
    people: Vec<String>,
}

/// `GET /api/v1/inverters/{id}/ladder`
pub async fn show(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let place = row.inverter.site.map_or(Place::Inverter(row.inverter.key), Place::Site);
    let ladder = context.state().ladder_of_place(place, context.now()).await;
    let ladder = ladder.map_err(|error| Error::internal("look up an escalation ladder", error))?;
    let mut names = Names::default();
    names.learn(&context, ladder.steps().iter().flat_map(|step| step.people.clone()).collect()).await?;
    let steps = ladder.steps().iter().map(|step| Step {
        after_minutes: step.wait_ms / 60_000,
        people: step.people.iter().map(|person| names.of(*person).to_owned()).collect(),
    });
    print(&Ladder { steps: steps.collect() })
}
