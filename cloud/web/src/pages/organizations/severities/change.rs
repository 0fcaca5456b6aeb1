//! `POST /organizations/{organization}/severities`: says for each condition how much it matters.
//!
//! In: a field for each condition. Out: rows, which every inverter that the organization manages goes by within a second.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::alarm::Severities;
use fleet::audit::Verb;
use fleet::condition::Severity;
use fleet::{Action, Condition};

use super::super::super::form;
use super::super::super::people::failed;
use super::{offered, words};
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// `POST /organizations/{organization}/severities`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Inverters).await?;
    fresh::require(&context, &caller)?;
    let pairs: Vec<(String, String)> = form(request, FIELDS).await?;
    let said = read(&pairs)?;
    let before = context.state().severities(own.key).await.map_err(failed("list severities"))?;
    if said != before {
        let act = act::of(&context, &caller, Verb::OrganizationSeverity)?
            .in_organization(own.key)
            .with_detail(told(&before, &said));
        let saved = context.state().set_severities(own.key, &said, &act).await;
        saved.map_err(failed("change how much conditions matter"))?;
    }
    Ok(Redirect::to(&format!("/organizations/{code}/severities?done=graded")))
}

const FIELDS: &str = "a field for each condition: critical, warning or info";

/// What a form says: of every condition something, and nothing that may not be said.
fn read(pairs: &[(String, String)]) -> Result<Severities, Error> {
    let mut said = Severities::default();
    for (condition, _) in offered() {
        let value = pairs.iter().find(|(name, _)| name == condition.name()).map(|(_, value)| value.as_str());
        let severity = value.and_then(Severity::from_name);
        let severity = severity.ok_or_else(|| Error::Request(format!("Send as a form: {FIELDS}.")))?;
        said.set(condition, severity)
            .map_err(|refused| Error::Request(format!("{}: {refused}.", condition.words())))?;
    }
    Ok(said)
}

/// What was changed, for the log.
fn told(before: &Severities, after: &Severities) -> String {
    let counts = |said: &Severities, condition: Condition| {
        said.of(condition).unwrap_or(condition.definition().severity)
    };
    let changed = offered().into_iter().filter_map(|(condition, _)| {
        let now = counts(after, condition);
        (now != counts(before, condition)).then(|| format!("{}: {}", condition.name(), words(now)))
    });
    changed.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Vec<(String, String)> {
        let usual = |condition: Condition| condition.definition().severity.name().to_owned();
        offered().into_iter().map(|(condition, _)| (condition.name().to_owned(), usual(condition))).collect()
    }

    fn with(name: &str, value: &str) -> Vec<(String, String)> {
        let mut pairs = usual();
        pairs.retain(|(known, _)| known != name);
        pairs.push((name.to_owned(), value.to_owned()));
        pairs
    }

    #[test]
    fn a_form_says_something_of_every_condition_and_nothing_that_may_not_be_said() {
        assert!(read(&usual()).unwrap().is_empty());
        let said = read(&with("ambient.high", "critical")).unwrap();
        assert_eq!(said.iter().collect::<Vec<_>>(), [(Condition::AMBIENT_HIGH, Severity::Critical)]);
        assert_eq!(told(&Severities::default(), &said), "ambient.high: Critical");
        for (name, value) in [("utility.lost", "info"), ("ambient.high", "loud"), ("battery.low", "info")] {
            assert!(matches!(read(&with(name, value)), Err(Error::Request(_))), "{name} {value}");
        }
        assert!(read(&[]).is_err());
        assert!(!offered().iter().any(|(condition, _)| *condition == Condition::LIMIT_CROSSED));
    }
}
