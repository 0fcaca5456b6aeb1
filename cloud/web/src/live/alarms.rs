//! `GET /live/alarms`: the inbox as it changes.
//!
//! In: news of the caller's inverters. Out: `fragment` events with the whole list, when another alarm is open, somebody has
//! seen one, or one was put away: not when only a reading came, so that nobody's typing is disturbed.

use std::collections::HashSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use fleet::InverterKey;
use fleet::alarm::AlarmName;
use store::state::VisibleInverter;
use wire::UtcMs;

use super::events::{self, Events};
use super::watch::{self, End, Part};
use crate::caller::Caller;
use crate::names::Names;
use crate::pages::alarms::list::{View, Wish, inbox};
use crate::pages::alarms::shelve::LENGTHS;
use crate::view::alarms::Inbox;
use crate::view::fleet::Known;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "live_inbox.html")]
struct InboxPart<'a> {
    inbox: &'a Inbox,
    view: View,
    now: UtcMs,
    lengths: &'static [(i64, &'static str)],
}

/// `GET /live/alarms`
pub async fn stream(
    State(context): State<Context>,
    caller: Caller,
    Query(wish): Query<Wish>,
) -> Result<Response, Error> {
    let hash = caller.session.ok_or(Error::SignIn)?;
    let place = context.hub().place(caller.account.key)?;
    let (events, response) = events::channel();
    let part =
        Page { view: wish.view(), rows: Vec::new(), names: Names::default(), sent: None, shape: Vec::new() };
    tokio::spawn(watch::run(context, caller, hash, events, place, part));
    Ok(response)
}

/// What of an inverter the list shows: its window, its alarms with whether each was seen, is shelved, is unstable.
type Shape = (InverterKey, Option<i64>, Vec<(AlarmName, bool, bool, bool)>);

struct Page {
    view: View,
    rows: Vec<VisibleInverter>,
    names: Names,
    sent: Option<Inbox>,
    shape: Vec<Shape>,
}

impl Page {
    fn known(&self, context: &Context) -> Vec<Known> {
        let now = context.now();
        self.rows.iter().map(|row| Known::new(context, row.clone(), now)).collect()
    }

    async fn say(&mut self, context: &Context, events: &Events) -> Result<(), End> {
        let mut all = self.known(context);
        self.shape = shape(&all);
        let inbox = inbox(context, &mut all, &mut self.names).await?;
        if self.sent.as_ref() == Some(&inbox) {
            return Ok(());
        }
        let part = InboxPart { inbox: &inbox, view: self.view, now: context.now(), lengths: &LENGTHS };
        let text = part.render().map_err(|error| Error::internal("print a fragment", error))?;
        events.send("fragment", &text).await?;
        self.sent = Some(inbox);
        Ok(())
    }
}

impl Part for Page {
    async fn load(&mut self, context: &Context, caller: &Caller, _: u64) -> Result<(), Error> {
        self.rows = access::fleet(context, caller).await?;
        self.names = Names::default();
        Ok(())
    }

    async fn all(&mut self, context: &Context, events: &Events) -> Result<(), End> {
        self.say(context, events).await
    }

    async fn some(
        &mut self,
        context: &Context,
        events: &Events,
        changed: &HashSet<InverterKey>,
    ) -> Result<(), End> {
        let ours = self.rows.iter().any(|row| changed.contains(&row.inverter.key));
        if ours && self.is_due(context) { self.say(context, events).await } else { Ok(()) }
    }

    fn until(&self) -> Option<UtcMs> {
        self.rows.iter().filter_map(VisibleInverter::until).min()
    }

    fn is_due(&self, context: &Context) -> bool {
        shape(&self.known(context)) != self.shape
    }
}

fn shape(all: &[Known]) -> Vec<Shape> {
    let of = |known: &Known| {
        let open = known.state.open_alarms().map(|open| {
            (open.name, open.acknowledged.is_some(), open.shelved_until.is_some(), open.unstable)
        });
        let window = known.maintenance.as_ref().map(|maintenance| maintenance.number);
        (known.row.inverter.key, window, open.collect())
    };
    // Of most inverters there is nothing to remember.
    all.iter().map(of).filter(|(_, window, open): &Shape| window.is_some() || !open.is_empty()).collect()
}
