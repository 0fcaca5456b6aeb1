//! `GET /live/alarms/{id}`: an alarm's page as it changes.
//!
//! In: news of its inverter; time, as messages about it are on their way. Out: a `fragment` event with the whole of it when
//! something of it is another than what the page has.

use std::collections::HashSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use fleet::InverterKey;
use fleet::alarm::Open;
use store::state::VisibleInverter;
use wire::UtcMs;

use super::events::{self, Events};
use super::watch::{self, End, Part};
use crate::caller::Caller;
use crate::pages::alarms::shelve::LENGTHS;
use crate::pages::alarms::show::{Told, inverter};
use crate::view::alarms::id as id_of;
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "live_alarm.html")]
struct AlarmPart<'a> {
    told: &'a Told,
    now: UtcMs,
    lengths: &'static [(i64, &'static str)],
}

/// `GET /live/alarms/{id}`
pub async fn stream(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = inverter(&context, &caller, &id).await?;
    let hash = caller.session.ok_or(Error::SignIn)?;
    // One that is not there has no page.
    Told::read(&context, row.clone(), &id).await?;
    let place = context.hub().place(caller.account.key)?;
    let (events, response) = events::channel();
    tokio::spawn(watch::run(context, caller, hash, events, place, Page { id, row, sent: None, open: None }));
    Ok(response)
}

struct Page {
    id: String,
    row: VisibleInverter,
    sent: Option<Told>,
    /// The alarm as the page knows it; `None`: it is over.
    open: Option<Open>,
}

impl Page {
    fn open(&self, context: &Context) -> Option<Open> {
        let state = context.live().state(self.row.inverter.key).unwrap_or_default();
        let own = |open: &Open| id_of(&self.row.inverter.public_id, &open.name.to_string()) == self.id;
        state.open_alarms().find(own)
    }
}

impl Part for Page {
    async fn load(&mut self, context: &Context, caller: &Caller, _: u64) -> Result<(), Error> {
        self.row = inverter(context, caller, &self.id).await?;
        Ok(())
    }

    async fn all(&mut self, context: &Context, events: &Events) -> Result<(), End> {
        self.open = self.open(context);
        let told = Told::read(context, self.row.clone(), &self.id).await?;
        if self.sent.as_ref() != Some(&told) {
            let part = AlarmPart { told: &told, now: context.now(), lengths: &LENGTHS };
            let text = part.render().map_err(|error| Error::internal("print a fragment", error))?;
            events.send("fragment", &text).await?;
            self.sent = Some(told);
        }
        Ok(())
    }

    async fn some(
        &mut self,
        context: &Context,
        events: &Events,
        changed: &HashSet<InverterKey>,
    ) -> Result<(), End> {
        let ours = changed.contains(&self.row.inverter.key);
        if ours && self.open(context) != self.open { self.all(context, events).await } else { Ok(()) }
    }

    fn until(&self) -> Option<UtcMs> {
        self.row.until()
    }

    /// Each few seconds: rows of what was done and what was sent are written a moment after the alarm is shown.
    fn is_due(&self, _: &Context) -> bool {
        true
    }
}
