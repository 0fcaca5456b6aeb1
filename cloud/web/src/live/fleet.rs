//! `GET /live/fleet`: the answer and the rows of the list as they change.
//!
//! In: news of the caller's inverters, the same filter as the page's. Out: `fragment` events: single rows while the list
//! keeps its order, the whole list when it does not.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use fleet::{Freshness, InverterKey, Role, ScreenState};
use store::state::VisibleInverter;
use wire::UtcMs;

use super::events::{self, Events};
use super::rendered::Kind;
use super::watch::{self, End, Part};
use crate::caller::Caller;
use crate::names::Names;
use crate::view::answer::Answer;
use crate::view::bar;
use crate::view::fleet::{Filter, Known};
use crate::view::list::{List, arranged};
use crate::view::maintenance;
use crate::view::row::Row;
use crate::{Context, Error, access};

/// A list of many inverters changes all the time; it is told at most this often.
const PAUSE: Duration = Duration::from_millis(400);

#[derive(Template)]
#[template(path = "live_answer.html")]
struct AnswerPart<'a> {
    answer: &'a Answer,
}

#[derive(Template)]
#[template(path = "live_list.html")]
struct ListPart<'a> {
    list: &'a List,
}

#[derive(Template)]
#[template(path = "live_row.html")]
struct RowPart<'a> {
    row: &'a Row,
}

/// `GET /live/fleet`
pub async fn stream(
    State(context): State<Context>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response, Error> {
    let hash = caller.session.ok_or(Error::SignIn)?;
    let place = context.hub().place(caller.account.key)?;
    let (events, response) = events::channel();
    let part = Page {
        filter: filter.cleaned(),
        rows: Vec::new(),
        generation: 0,
        answer: None,
        shape: Vec::new(),
        names: Names::default(),
    };
    tokio::spawn(watch::run(context, caller, hash, events, place, part));
    Ok(response)
}

/// What decides where a row stands, and what of it time alone changes: state, freshness, minutes of light left,
/// maintenance.
type Shape = (InverterKey, String, ScreenState, Freshness, Option<u32>, Option<i64>);

struct Page {
    filter: Filter,
    rows: Vec<VisibleInverter>,
    generation: u64,
    answer: Option<Answer>,
    shape: Vec<Shape>,
    names: Names,
}

impl Page {
    /// With the names of who planned what runs.
    async fn named(&mut self, context: &Context) -> Result<Vec<Known>, Error> {
        let mut all = self.known(context);
        maintenance::name(context, &mut all, &mut self.names).await?;
        Ok(all)
    }

    fn known(&self, context: &Context) -> Vec<Known> {
        let now = context.now();
        self.rows.iter().map(|row| Known::new(context, row.clone(), now)).collect()
    }

    async fn say(
        &mut self,
        context: &Context,
        events: &Events,
        changed: impl Fn(&InverterKey) -> bool,
        anyway: bool,
    ) -> Result<(), End> {
        let all = self.named(context).await?;
        let answer = Answer::new(&all, &self.filter);
        let mut text = String::new();
        if anyway || self.answer.as_ref() != Some(&answer) {
            text.push_str(&print(&AnswerPart { answer: &answer })?);
        }
        self.answer = Some(answer);
        let shown = arranged(&all, &self.filter);
        let now = context.now();
        let shape = shape(&shown, now);
        if anyway || shape != self.shape {
            let list =
                List::new(&all, &self.filter, |known| context.strips().known(known.row.inverter.key), now);
            text.push_str(&print(&ListPart { list: &list })?);
        } else {
            for (_, known) in shown.iter().filter(|(_, known)| changed(&known.row.inverter.key)) {
                text.push_str(&self.row(context, known)?);
            }
        }
        self.shape = shape;
        if !text.is_empty() {
            events.send("fragment", &text).await?;
        }
        Ok(())
    }

    fn row(&self, context: &Context, known: &Known) -> Result<Arc<str>, Error> {
        let now = context.now();
        let key = known.row.inverter.key;
        let kind = if known.row.role == Role::ReadOnly { Kind::RowViewOnly } else { Kind::Row };
        let render = || print(&RowPart { row: &Row::new(known, context.strips().known(key), now) });
        context.hub().rendered().fragment(key, kind, &known.state, self.generation, now.0 / 1000, render)
    }
}

impl Part for Page {
    async fn load(&mut self, context: &Context, caller: &Caller, generation: u64) -> Result<(), Error> {
        self.rows = access::fleet(context, caller).await?;
        self.generation = generation;
        self.names = Names::default();
        Ok(())
    }

    async fn all(&mut self, context: &Context, events: &Events) -> Result<(), End> {
        self.say(context, events, |_| true, true).await
    }

    async fn some(
        &mut self,
        context: &Context,
        events: &Events,
        changed: &HashSet<InverterKey>,
    ) -> Result<(), End> {
        if !self.rows.iter().any(|row| changed.contains(&row.inverter.key)) {
            return Ok(());
        }
        self.say(context, events, |key| changed.contains(key), false).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    fn until(&self) -> Option<UtcMs> {
        self.rows.iter().filter_map(VisibleInverter::until).min()
    }

    fn is_due(&self, context: &Context) -> bool {
        let all = self.known(context);
        shape(&arranged(&all, &self.filter), context.now()) != self.shape
    }
}

fn shape(shown: &[(String, &Known)], now: UtcMs) -> Vec<Shape> {
    let of = |(heading, known): &(String, &Known)| {
        (
            known.row.inverter.key,
            heading.clone(),
            known.screen.state,
            known.screen.freshness,
            bar::minutes_left(&known.screen, now),
            known.maintenance.as_ref().map(|maintenance| maintenance.number),
        )
    };
    shown.iter().map(of).collect()
}

fn print(part: &impl Template) -> Result<String, Error> {
    part.render().map_err(|error| Error::internal("print a fragment", error))
}
