//! `GET /live/inverters/{id}`: the parts of one inverter's page as they change.
//!
//! In: news of the inverter. Out: `fragment` events with the parts that differ from what this page has.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use fleet::{Action, Freshness, InverterKey, ScreenState};
use store::state::VisibleInverter;
use wire::UtcMs;

use super::events::{self, Events};
use super::rendered::Kind;
use super::watch::{self, End, Part};
use crate::caller::Caller;
use crate::names::Names;
use crate::view::bar;
use crate::view::fleet::Known;
use crate::view::inverter::View;
use crate::view::maintenance;
use crate::{Context, Error, access};

/// The live parts, one after the other; `\u{1e}` stands between them.
#[derive(Template)]
#[template(path = "live_inverter.html")]
struct Parts<'a> {
    view: &'a View,
}

/// Between the parts of one rendering.
const SEPARATOR: char = '\u{1e}';

/// `GET /live/inverters/{id}`
pub async fn stream(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let hash = caller.session.ok_or(Error::SignIn)?;
    let place = context.hub().place(caller.account.key)?;
    let (events, response) = events::channel();
    let part = Page { row, generation: 0, sent: HashMap::new(), shown: None, names: Names::default() };
    tokio::spawn(watch::run(context, caller, hash, events, place, part));
    Ok(response)
}

/// State, freshness, minutes of light left, the maintenance window that runs.
type Shown = (ScreenState, Freshness, Option<u32>, Option<i64>);

struct Page {
    row: VisibleInverter,
    generation: u64,
    /// Hash of each part as last sent, by its place.
    sent: HashMap<usize, u64>,
    /// What time alone can change.
    shown: Option<Shown>,
    names: Names,
}

impl Page {
    /// With the name of who planned what runs.
    async fn named(&mut self, context: &Context) -> Result<Known, Error> {
        let mut known = self.known(context);
        maintenance::name(context, std::slice::from_mut(&mut known), &mut self.names).await?;
        Ok(known)
    }

    fn known(&self, context: &Context) -> Known {
        Known::new(context, self.row.clone(), context.now())
    }

    async fn say(&mut self, context: &Context, events: &Events, known: &Known) -> Result<(), End> {
        self.shown = Some(shown(known, context.now()));
        let text = self.render(context, known)?;
        let mut changed = String::new();
        for (at, part) in text.split(SEPARATOR).enumerate() {
            let mut hasher = DefaultHasher::new();
            part.hash(&mut hasher);
            if self.sent.insert(at, hasher.finish()) != Some(hasher.finish()) {
                changed.push_str(part);
            }
        }
        if !changed.is_empty() {
            events.send("fragment", &changed).await?;
        }
        Ok(())
    }

    fn render(&self, context: &Context, known: &Known) -> Result<Arc<str>, Error> {
        let now = context.now();
        let render = || {
            let view = View::new(known, now);
            Parts { view: &view }.render().map_err(|error| Error::internal("print a fragment", error))
        };
        let key = self.row.inverter.key;
        context.hub().rendered().fragment(
            key,
            Kind::Page,
            &known.state,
            self.generation,
            now.0 / 1000,
            render,
        )
    }
}

impl Part for Page {
    async fn load(&mut self, context: &Context, caller: &Caller, generation: u64) -> Result<(), Error> {
        let id = self.row.inverter.public_id.clone();
        self.row = access::inverter(context, caller, &id, Action::View).await?;
        self.generation = generation;
        self.names = Names::default();
        Ok(())
    }

    async fn all(&mut self, context: &Context, events: &Events) -> Result<(), End> {
        let known = self.named(context).await?;
        self.say(context, events, &known).await
    }

    async fn some(
        &mut self,
        context: &Context,
        events: &Events,
        changed: &HashSet<InverterKey>,
    ) -> Result<(), End> {
        if changed.contains(&self.row.inverter.key) { self.all(context, events).await } else { Ok(()) }
    }

    fn until(&self) -> Option<UtcMs> {
        self.row.until()
    }

    fn is_due(&self, context: &Context) -> bool {
        let known = self.known(context);
        self.shown != Some(shown(&known, context.now()))
    }
}

fn shown(known: &Known, now: UtcMs) -> Shown {
    let maintenance = known.maintenance.as_ref().map(|maintenance| maintenance.number);
    (known.screen.state, known.screen.freshness, bar::minutes_left(&known.screen, now), maintenance)
}
