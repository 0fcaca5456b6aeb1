//! `GET /organizations/{organization}/ladder`, `GET /sites/{site}/ladder`: the steps there are, and forms for who may change
//! them.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::notice::{LONGEST_WAIT_MS, Ladder, MOST_STEPS, Step};
use fleet::{Action, Holder, MemberRole};
use store::state::LadderOf;

use super::super::html;
use super::super::notice::After;
use super::super::shell::Shell;
use super::people::{Choice, Choices};
use super::{Subject, print_of};
use crate::caller::Caller;
use crate::view::escalation;
use crate::view::words::{self, Local};
use crate::{Context, Error, access};

const MINUTE_MS: i64 = 60_000;
/// What a new step waits, minutes.
const USUAL_MINUTES: i64 = 15;

#[derive(Template)]
#[template(path = "ladder.html")]
pub(super) struct Page {
    shell: Shell,
    said: Option<&'static str>,
    refused: Option<String>,
    path: String,
    home: String,
    name: String,
    is_site: bool,
    /// The organization's ladder counts here: its page.
    inherited: Option<String>,
    may_change: bool,
    /// Who is told next of what is open at the site.
    next: Vec<String>,
    /// What the forms were made from.
    seen: String,
    steps: Vec<Row>,
    /// For one more step; `None`: there are as many as may be.
    add: Option<Row>,
    longest: i64,
}

/// One step.
struct Row {
    number: usize,
    /// `15 min after step 1`.
    when: String,
    /// As it is, or as it was typed.
    minutes: String,
    people: Vec<Choice>,
    /// Everybody with their number in forms, and whether they are on this step.
    choices: Vec<(usize, Choice, bool)>,
    /// Nobody of it can be told.
    unreached: bool,
}

/// `GET /organizations/{organization}/ladder`
pub async fn of_organization(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let subject = Subject::organization(&context, &caller, &code, Action::View).await?;
    let (_, role) = access::organization(&context, &caller, &code, Action::View).await?;
    html(&Page::new(&context, &caller, &subject, role == MemberRole::Owner, (after.said(), None)).await?)
}

/// `GET /sites/{site}/ladder`
pub async fn of_site(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let (subject, may_change) = Subject::site(&context, &caller, &id, Action::View).await?;
    html(&Page::new(&context, &caller, &subject, may_change, (after.said(), None)).await?)
}

impl Page {
    pub(super) async fn new(
        context: &Context,
        caller: &Caller,
        subject: &Subject,
        may_change: bool,
        (said, refused): (Option<&'static str>, Option<String>),
    ) -> Result<Self, Error> {
        let own = subject.ladder(context).await?;
        let inherited = if own.is_none() { inherited(context, caller, subject).await? } else { None };
        let ladder = own.unwrap_or_default();
        let choices = Choices::read(context, subject, &ladder).await?;
        let steps = ladder.steps();
        let more = Step {
            wait_ms: if steps.is_empty() { 0 } else { USUAL_MINUTES * MINUTE_MS },
            people: Vec::new(),
        };
        Ok(Self {
            shell: Shell::new(caller, context.now(), None, "/organizations"),
            said,
            refused,
            path: subject.path(),
            home: subject.home.clone(),
            name: subject.name.clone(),
            is_site: subject.is_site(),
            inherited,
            may_change,
            next: next(context, subject).await?,
            seen: print_of(&ladder, &choices),
            steps: steps.iter().enumerate().map(|(number, step)| Row::new(number, step, &choices)).collect(),
            add: (steps.len() < MOST_STEPS).then(|| Row::new(steps.len(), &more, &choices)),
            longest: LONGEST_WAIT_MS / MINUTE_MS,
        })
    }
}

impl Page {
    /// The same, with what was typed for one more step.
    pub(super) fn typed(mut self, wait: &str, people: &[usize]) -> Self {
        if let Some(row) = &mut self.add {
            wait.clone_into(&mut row.minutes);
            row.choices.iter_mut().for_each(|(at, _, on)| *on = people.contains(at));
        }
        self
    }
}

/// Who is told next of what is open at a site.
async fn next(context: &Context, subject: &Subject) -> Result<Vec<String>, Error> {
    let LadderOf::Site(key) = subject.of else { return Ok(Vec::new()) };
    let open = context.state().open_incidents_at(key).await;
    let local = Local::new(&subject.time_zone, context.now());
    let mut all = Vec::new();
    for row in open.map_err(|error| Error::internal("list a site's incidents", error))? {
        all.push(escalation::next(context, row.key, &local).await?);
    }
    all.retain(|words| !words.is_empty());
    Ok(all)
}

/// The page of the organization's ladder, where that counts at a site and the reader may see it.
async fn inherited(context: &Context, caller: &Caller, subject: &Subject) -> Result<Option<String>, Error> {
    let (LadderOf::Site(_), Some(Holder::Organization(key))) = (subject.of, subject.owner) else {
        return Ok(None);
    };
    let ladder = context.state().ladder(LadderOf::Organization(key)).await;
    let ladder: Option<Ladder> =
        ladder.map_err(|error| Error::internal("look up an escalation ladder", error))?;
    let own = access::organizations(context, caller).await?;
    let code = own.into_iter().find(|(own, _)| own.key == key).map(|(own, _)| own.public_id);
    Ok(code
        .filter(|_| ladder.is_some_and(|ladder| !ladder.is_empty()))
        .map(|code| format!("/organizations/{code}/ladder")))
}

impl Row {
    fn new(number: usize, step: &Step, choices: &Choices) -> Self {
        let on = |choice: &Choice| step.people.contains(&choice.key);
        // In the order of the ladder.
        let people = step.people.iter().filter_map(|key| choices.iter().find(|choice| choice.key == *key));
        let people: Vec<Choice> = people.cloned().collect();
        Self {
            number,
            when: when(number, step.wait_ms),
            minutes: (step.wait_ms / MINUTE_MS).to_string(),
            unreached: people.iter().all(|choice| choice.unreached),
            people,
            choices: choices
                .iter()
                .enumerate()
                .map(|(at, choice)| (at, choice.clone(), on(choice)))
                .collect(),
        }
    }
}

/// `At once`, `15 min after step 1`.
fn when(number: usize, wait_ms: i64) -> String {
    match (number, wait_ms) {
        (0, 0) => "At once".to_owned(),
        (0, ms) => format!("{} after the alarm", words::length(ms)),
        (before, 0) => format!("Together with step {before}"),
        (before, ms) => format!("{} after step {before}", words::length(ms)),
    }
}
