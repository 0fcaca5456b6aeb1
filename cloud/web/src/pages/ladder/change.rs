//! `POST /organizations/{organization}/ladder`, `POST /sites/{site}/ladder`: one change of a ladder, saved at once.
//!
//! In: `do`: `add`, `save`, `up`, `remove` a step, or `clear` the ladder; its minutes and people. Out: back to the page, or the
//! page with what to do instead.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::Action;
use fleet::audit::Verb;
use fleet::notice::{Ladder, LadderError, MOST_STEPS, Step};

use super::super::again;
use super::people::Choices;
use super::show::Page;
use super::{Subject, print_of};
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error};

const CHANGED: &str = "Somebody changed this ladder a moment ago. This is how it is now; please do it again.";

/// `POST /organizations/{organization}/ladder`
pub async fn of_organization(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let subject = Subject::organization(&context, &caller, &code, Action::Edit).await?;
    change(&context, &caller, &subject, &pairs).await
}

/// `POST /sites/{site}/ladder`
pub async fn of_site(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let (subject, _) = Subject::site(&context, &caller, &id, Action::Edit).await?;
    change(&context, &caller, &subject, &pairs).await
}

async fn change(
    context: &Context,
    caller: &Caller,
    subject: &Subject,
    pairs: &[(String, String)],
) -> Result<Response, Error> {
    fresh::require(context, caller)?;
    let text = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (Some(what), Some(seen)) = (text("do"), text("seen")) else {
        return Err(Error::Request(
            "Send as a form: do, seen, step, wait and a field person for each.".to_owned(),
        ));
    };
    let before = subject.ladder(context).await?.unwrap_or_default();
    let choices = Choices::read(context, subject, &before).await?;
    let refused = if seen == print_of(&before, &choices) {
        match changed(&before, what, pairs, &choices) {
            Ok(after) => return save(context, caller, subject, &after, what).await,
            Err(words) => words,
        }
    } else {
        CHANGED.to_owned()
    };
    let page = Page::new(context, caller, subject, true, (None, Some(refused))).await?;
    let numbers = pairs.iter().filter(|(key, _)| key == "person").filter_map(|(_, value)| value.parse().ok());
    again(&if what == "add" {
        page.typed(text("wait").unwrap_or(""), &numbers.collect::<Vec<_>>())
    } else {
        page
    })
}

async fn save(
    context: &Context,
    caller: &Caller,
    subject: &Subject,
    after: &Ladder,
    what: &str,
) -> Result<Response, Error> {
    let failed = |error| Error::internal("change an escalation ladder", error);
    let act = |verb, detail| Ok(subject.concerns(act::of(context, caller, verb)?).with_detail(detail));
    let done = if after.steps().is_empty() {
        let act = act(Verb::LadderRemove, subject.name.clone())?;
        context.state().remove_ladder(subject.of, &act).await.map_err(failed)?;
        if subject.is_site() { "inherits" } else { "deleted" }
    } else {
        let steps = after.steps().len();
        let act = act(Verb::LadderEdit, format!("{}: {what}, {steps} steps now", subject.name))?;
        context.state().set_ladder(subject.of, after, &act).await.map_err(failed)?;
        "climbs"
    };
    Ok(Redirect::to(&format!("{}?done={done}", subject.path())).into_response())
}

/// The ladder that was asked for, or what to ask for instead.
fn changed(
    before: &Ladder,
    what: &str,
    pairs: &[(String, String)],
    choices: &Choices,
) -> Result<Ladder, String> {
    let text = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mut steps = before.steps().to_vec();
    let step = text("step").and_then(|step| step.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let typed = || typed(pairs, text("wait").unwrap_or(""), choices);
    match what {
        "add" if steps.len() >= MOST_STEPS => return Err(said(LadderError::TooMany)),
        "add" => steps.push(typed()?),
        "save" => *steps.get_mut(step).ok_or(CHANGED)? = typed()?,
        "up" if step > 0 && step < steps.len() => steps.swap(step, step.saturating_sub(1)),
        "remove" if step < steps.len() => drop(steps.remove(step)),
        "clear" => steps.clear(),
        _ => return Err(CHANGED.to_owned()),
    }
    // What others have left empty keeps its place until somebody fills it.
    Ok(Ladder::kept(steps))
}

/// A step as it was typed.
fn typed(pairs: &[(String, String)], wait: &str, choices: &Choices) -> Result<Step, String> {
    let minutes: i64 = wait.trim().parse().map_err(|_| said(LadderError::Wait))?;
    let numbers = pairs.iter().filter(|(key, _)| key == "person").map(|(_, value)| value.parse::<usize>());
    let people = numbers.map(|number| number.ok().and_then(|number| choices.at(number)).ok_or(CHANGED));
    let step = Step { wait_ms: minutes.saturating_mul(60_000), people: people.collect::<Result<_, _>>()? };
    Ladder::new(vec![step.clone()]).map_err(said)?;
    Ok(step)
}

fn said(why: LadderError) -> String {
    match why {
        LadderError::TooMany => "A ladder has 8 steps at most, and a step 20 people.",
        LadderError::Nobody => "Choose at least one person for the step.",
        LadderError::Twice => "Choose each person once.",
        LadderError::Wait => "Type how many minutes the step waits, from 0 to 1440 (24 hours).",
    }
    .to_owned()
}
