//! Letters about access: what is offered, what was answered, what ended.
//!
//! In: who, which inverter, which role. Out: letters to accounts that there are; whoever has none is told nothing.

use store::state::{Account, Email, NewMail, Person, VisibleInverter, Who};
use wire::UtcMs;

use super::{Draft, Letter, Part};
use crate::caller::Caller;
use crate::pages::people::list::{called, title};
use crate::pages::people::role_words;
use crate::pages::shares::Offered;
use crate::{Context, Error};

const OWN: &str = "You get this because your account uses this address.";

/// A letter on its way to one address.
pub(crate) struct Answer {
    to: Option<Email>,
    key: String,
    letter: Letter,
}

impl Answer {
    /// The mails: one, or none where nobody is there.
    #[must_use]
    pub(crate) fn mails(&self, now: UtcMs) -> Vec<NewMail<'_>> {
        self.to.iter().map(|to| self.letter.notice(to, &self.key, now)).collect()
    }
}

/// Somebody with their address, so that the reader knows who it is.
fn whole(account: &Account) -> String {
    format!("{} ({})", called(account), account.email)
}

/// To whom access is offered.
///
/// # Errors
/// [`Error::Internal`].
pub fn offered(
    origin: &str,
    by: &str,
    inverter: &str,
    role: fleet::Role,
    for_whom: &str,
) -> Result<Letter, Error> {
    Draft {
        kind: "share_offered",
        subject: format!("{by} offers you access to {inverter}"),
        preview: "Accept or decline within 7 days.".to_owned(),
        title: format!("Access to {inverter}"),
        parts: vec![
            Part::Says(format!(
                "{by} offers {for_whom} access to the inverter {inverter}: {}.",
                role_words(role).to_lowercase()
            )),
            Part::Open("See the offer", format!("{origin}/shares")),
            Part::Note("The offer waits for 7 days. If you do not know who this is, decline it.".to_owned()),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To who is invited to an organization.
///
/// # Errors
/// [`Error::Internal`].
pub fn invited(origin: &str, by: &str, organization: &str) -> Result<Letter, Error> {
    Draft {
        kind: "member_invited",
        subject: format!("{by} invites you to {organization}"),
        preview: "Accept or decline within 7 days.".to_owned(),
        title: format!("An invitation to {organization}"),
        parts: vec![
            Part::Says(format!("{by} invites you to {organization} on Inverter Connect.")),
            Part::Open("See the invitation", format!("{origin}/shares")),
            Part::Note(
                "The invitation waits for 7 days. If you do not know who this is, decline it.".to_owned(),
            ),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To who offered: it was accepted or declined.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn answered(
    context: &Context,
    caller: &Caller,
    offered: &Offered,
    yes: bool,
) -> Result<Answer, Error> {
    let maker = context.state().account(offered.offer.made_by).await;
    let maker = maker.map_err(|error| Error::internal("look up an account", error))?;
    let (by, did) = (whole(&caller.account), answer(yes));
    let name = &offered.inverter.name;
    let inverter = if name.is_empty() { offered.inverter.serial.to_string() } else { name.clone() };
    let people = format!("{}/inverters/{}/people", context.origin(), offered.inverter.public_id);
    let letter = was_answered(&by, &inverter, people, yes)?;
    let to = maker.filter(|maker| !maker.disabled).map(|maker| maker.email);
    Ok(Answer { to, key: format!("offer:{}:{did}", offered.offer.public_id), letter })
}

const fn answer(yes: bool) -> &'static str {
    if yes { "accepted" } else { "declined" }
}

fn was_answered(by: &str, inverter: &str, people: String, yes: bool) -> Result<Letter, Error> {
    let did = answer(yes);
    Draft {
        kind: "share_answered",
        subject: format!("{by} {did} your offer of {inverter}"),
        preview: if yes { "The access has begun.".to_owned() } else { "Nothing was shared.".to_owned() },
        title: format!("Your offer was {did}"),
        parts: vec![
            Part::Says(format!("{by} {did} the access to {inverter} that you offered.")),
            Part::Open("See who can see it", people),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// Tells a person that their access was ended.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn tell_removed(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
    person: &Person,
) -> Result<(), Error> {
    let Who::Account(account) = &person.who else { return Ok(()) };
    if account.key == caller.account.key || account.disabled {
        return Ok(());
    }
    let now = context.now();
    let answer = ended(context, caller, row, account)?;
    let queued = context.state().queue_mails(&answer.mails(now)).await;
    queued.map_err(|error| Error::internal("queue a mail", error))
}

/// To everybody who sees an inverter directly: it was removed.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn given_up(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
) -> Result<Vec<Answer>, Error> {
    let people = context.state().people_on(row.inverter.key, context.now()).await;
    let people = people.map_err(|error| Error::internal("list who can see an inverter", error))?;
    let mut answers = Vec::new();
    for person in people {
        if let Who::Account(account) = person.who
            && account.key != caller.account.key
            && !account.disabled
        {
            answers.push(ended(context, caller, row, &account)?);
        }
    }
    Ok(answers)
}

fn ended(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
    account: &Account,
) -> Result<Answer, Error> {
    let letter = has_ended(&whole(&caller.account), &title(row))?;
    let key = format!("ended:{}:{}:{}", row.inverter.key.0, account.key.0, context.now().0);
    Ok(Answer { to: Some(account.email.clone()), key, letter })
}

fn has_ended(by: &str, inverter: &str) -> Result<Letter, Error> {
    Draft {
        kind: "share_ended",
        subject: format!("Your access to {inverter} has ended"),
        preview: "You see nothing of it any more.".to_owned(),
        title: format!("Access to {inverter} has ended"),
        parts: vec![
            Part::Says(format!(
                "{by} ended your access to {inverter}. You get no messages about it any more."
            )),
            Part::Note("If this is a mistake, ask them to share it again.".to_owned()),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

#[cfg(test)]
mod tests {
    use fleet::Role;

    use super::*;
    use crate::mail::tests::shown;

    const ORIGIN: &str = "https://inverters.example";
    const BY: &str = "Dana Okafor (dana@harborview.example)";
    const INVERTER: &str = "West Tower Level 3";

    #[test]
    fn each_letter_reads_as_it_should_in_both_faces() {
        let people = || format!("{ORIGIN}/inverters/k3v9/people");
        for (name, letter) in [
            ("share_offered", offered(ORIGIN, BY, INVERTER, Role::ReadWrite, "you")),
            (
                "share_offered_to_an_organization",
                offered(ORIGIN, BY, INVERTER, Role::ReadOnly, "Pier 4 Hall"),
            ),
            ("member_invited", invited(ORIGIN, BY, "Harborview Properties")),
            ("share_answered", was_answered(BY, INVERTER, people(), true)),
            ("share_answered_no", was_answered(BY, INVERTER, people(), false)),
            ("share_ended", has_ended(BY, INVERTER)),
        ] {
            let letter = letter.unwrap();
            assert!(name.starts_with(letter.kind), "{name}");
            insta::assert_snapshot!(name, shown(&letter));
        }
    }
}
