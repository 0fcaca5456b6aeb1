//! Who is told next while nobody acknowledges, in a sentence.
//!
//! In: an incident, what is shown of its inverters, the ladder of its place. Out: words with a name and a time, or nothing. The
//! time is what it would be if nothing changed: planned maintenance counts, what somebody does next does not.

use std::collections::BTreeSet;

use fleet::notice::{Hush, Ladder, Member};
use fleet::{AccountKey, Action, Actor, InverterKey, Object, authorize};
use store::state::{IncidentKey, Recipients};
use wire::UtcMs;

use super::words::Local;
use crate::names::Names;
use crate::{Context, Error};

/// `Luis Prieto is told at 3:27 AM unless somebody acknowledges.`; empty where nobody is.
pub(crate) async fn next(context: &Context, incident: IncidentKey, local: &Local) -> Result<String, Error> {
    let failed = |error| Error::internal("look up who is told next", error);
    let now = local.now();
    let Some(row) = context.state().incident(incident).await.map_err(failed)? else {
        return Ok(String::new());
    };
    let Some(climb) = row.incident.climbing() else { return Ok(String::new()) };
    let waiting: Vec<&Member> =
        row.incident.critical().filter(|member| waits(context, member, now)).collect();
    let ladder = context.state().ladder_of_place(row.place, now).await.map_err(failed)?;
    let hush = Hush::common(waiting.iter().map(|member| {
        let state = context.live().state(member.inverter);
        state.map(|state| Hush::of_critical(&state.rules)).unwrap_or_default()
    }));
    let Some((step, due)) = climb.due(&ladder, &hush).filter(|_| !waiting.is_empty()) else {
        return Ok(String::new());
    };
    let inverters: BTreeSet<InverterKey> = waiting.iter().map(|member| member.inverter).collect();
    let inverters: Vec<InverterKey> = inverters.into_iter().collect();
    let recipients = context.state().recipients(&inverters, now).await.map_err(failed)?;
    let people = first_of(&ladder, step, &who_see(&recipients, &inverters, now));
    let mut names = Names::default();
    names.learn(context, people.clone()).await?;
    let names: Vec<&str> = people.iter().map(|person| names.of(*person)).collect();
    let Some(names) = listed(&names) else { return Ok(String::new()) };
    let verb = if people.len() == 1 { "is" } else { "are" };
    Ok(if due <= now {
        format!("{names} {verb} being told now.")
    } else {
        format!("{names} {verb} told at {} unless somebody acknowledges.", local.soon(due))
    })
}

/// `Dana Okafor, Luis Prieto and Mara Lind`.
pub(crate) fn listed(names: &[&str]) -> Option<String> {
    match names.split_last()? {
        (last, []) => Some((*last).to_owned()),
        (last, rest) => Some(format!("{} and {last}", rest.join(", "))),
    }
}

/// Who of everybody may see one of the inverters at least.
pub(crate) fn who_see(
    recipients: &Recipients,
    inverters: &[InverterKey],
    now: UtcMs,
) -> BTreeSet<AccountKey> {
    let sees = |actor: &Actor| {
        let view = |key: &InverterKey| authorize(actor, Action::View, &Object::Inverter(*key)).is_allowed();
        inverters.iter().any(view)
    };
    recipients
        .told
        .iter()
        .filter(|told| sees(&Actor::account(told.account.key, false, told.held.iter().copied(), now)))
        .map(|told| told.account.key)
        .collect()
}

/// The people of the first step from `step` on of whom somebody may be told: others are passed over.
fn first_of(ladder: &Ladder, step: usize, may: &BTreeSet<AccountKey>) -> Vec<AccountKey> {
    let steps = ladder.steps().iter().skip(step);
    let mut people =
        steps.map(|step| step.people.iter().copied().filter(|person| may.contains(person)).collect());
    people.find(|people: &Vec<AccountKey>| !people.is_empty()).unwrap_or_default()
}

/// Whether nobody has it, as far as is shown.
fn waits(context: &Context, member: &Member, now: UtcMs) -> bool {
    let Some(state) = context.live().state(member.inverter) else { return true };
    let open = state.open_alarms().find(|open| open.name == member.alarm);
    open.is_some_and(|open| {
        open.acknowledged.is_none() && open.shelved_until.is_none_or(|until| until <= now)
    })
}

#[cfg(test)]
mod tests {
    use fleet::notice::Step;

    use super::*;

    #[test]
    fn steps_of_whom_nobody_may_be_told_are_passed_over() {
        let step =
            |people: &[i64]| Step { wait_ms: 0, people: people.iter().copied().map(AccountKey).collect() };
        let ladder = Ladder::kept(vec![step(&[1]), step(&[2, 3]), step(&[4, 5])]);
        let may = BTreeSet::from([AccountKey(1), AccountKey(5)]);
        assert_eq!(first_of(&ladder, 0, &may), [AccountKey(1)]);
        assert_eq!(first_of(&ladder, 1, &may), [AccountKey(5)]);
        assert_eq!(first_of(&ladder, 3, &may), []);
    }

    #[test]
    fn names_are_listed_as_people_say_them() {
        assert_eq!(listed(&[]), None);
        assert_eq!(listed(&["Dana"]).as_deref(), Some("Dana"));
        assert_eq!(listed(&["Dana", "Luis", "Mara"]).as_deref(), Some("Dana, Luis and Mara"));
    }
}
