//! Whom a ladder may name, and what is known of how they would be told.
//!
//! In: whose ladder it is. Out: the members of the organization and who else was given access at the site, by name; of each
//! whether they may see what it is about and by which ways they are told of critical alarms. Forms name them by their number in
//! this list: an account's own number and address stay here.

use std::collections::{BTreeMap, BTreeSet};

use fleet::notice::{Channel, Channels, Ladder};
use fleet::{AccountKey, Holder, InverterKey};
use store::state::{Account, LadderOf, Recipients, Told};

use super::Subject;
use crate::pages::people::list::called;
use crate::view::escalation::{listed, who_see};
use crate::{Context, Error};

/// Everybody who may be named, by name.
pub(super) struct Choices(Vec<Choice>);

/// Somebody.
#[derive(Clone)]
pub(super) struct Choice {
    pub key: AccountKey,
    pub name: String,
    /// How that person would be told, or why not.
    pub hint: String,
    /// Told of nothing.
    pub unreached: bool,
}

/// Channels and what they are called in a list of ways.
const WAYS: [(Channel, &str); 4] = [
    (Channel::Text, "text"),
    (Channel::Push, "push message"),
    (Channel::Email, "e-mail"),
    (Channel::Webhook, "webhook"),
];

impl Choices {
    /// Those for a ladder, whoever is on it already among them.
    pub async fn read(context: &Context, subject: &Subject, ladder: &Ladder) -> Result<Self, Error> {
        let failed = |error| Error::internal("list whom a ladder may name", error);
        let (state, now) = (context.state(), context.now());
        let inverters = inverters(context, subject).await?;
        let recipients = state.recipients(&inverters, now).await.map_err(failed)?;
        let mut people: BTreeMap<AccountKey, Account> = BTreeMap::new();
        match subject.owner {
            Some(Holder::Organization(key)) => {
                let members = state.members(key).await.map_err(failed)?;
                people.extend(members.into_iter().map(|member| (member.account.key, member.account)));
            }
            Some(Holder::Account(key)) => {
                people.extend(state.account(key).await.map_err(failed)?.map(|account| (key, account)));
            }
            None => {}
        }
        if subject.is_site() {
            // In person: who is in other organizations that were given access is theirs to know.
            let in_person = |told: &&Told| told.held.iter().any(|held| held.member.is_none());
            let given = recipients.told.iter().filter(in_person);
            people.extend(given.map(|told| (told.account.key, told.account.clone())));
        }
        for key in ladder.steps().iter().flat_map(|step| &step.people) {
            if !people.contains_key(key) {
                people.extend(state.account(*key).await.map_err(failed)?.map(|account| (*key, account)));
            }
        }
        let sees = who_see(&recipients, &inverters, now);
        let nothing_there = inverters.is_empty();
        let mut choices: Vec<Choice> =
            people.into_values().map(|account| choice(&account, &recipients, &sees, nothing_there)).collect();
        choices.sort_by(|one, other| (&one.name, one.key).cmp(&(&other.name, other.key)));
        Ok(Self(choices))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Choice> {
        self.0.iter()
    }

    pub fn keys(&self) -> impl Iterator<Item = AccountKey> {
        self.0.iter().map(|choice| choice.key)
    }

    pub fn at(&self, number: usize) -> Option<AccountKey> {
        self.0.get(number).map(|choice| choice.key)
    }
}

/// The inverters that a ladder is about.
async fn inverters(context: &Context, subject: &Subject) -> Result<Vec<InverterKey>, Error> {
    let failed = |error| Error::internal("list what a ladder is about", error);
    match subject.of {
        LadderOf::Site(key) => {
            let there = context.state().inverters_at(key).await.map_err(failed)?;
            Ok(there.into_iter().map(|inverter| inverter.key).collect())
        }
        LadderOf::Organization(key) => {
            let held = context.state().grants_of(key).await.map_err(failed)?;
            let now = context.now();
            Ok(held.into_iter().filter(|grant| grant.holds(now)).map(|grant| grant.inverter).collect())
        }
    }
}

fn choice(
    account: &Account,
    recipients: &Recipients,
    sees: &BTreeSet<AccountKey>,
    nothing_there: bool,
) -> Choice {
    let told = recipients.told.iter().find(|told| told.account.key == account.key);
    let by = told.map_or(Channels::NONE, by);
    let (hint, unreached) = if account.disabled {
        ("Disabled by an operator: is passed over.".to_owned(), true)
    } else if nothing_there {
        ("No inverter is here yet.".to_owned(), false)
    } else if !sees.contains(&account.key) {
        ("May not see what this is about: is passed over.".to_owned(), true)
    } else if by.is_empty() {
        ("Is told of no critical alarms, by their own choice: is passed over.".to_owned(), true)
    } else {
        let ways: Vec<&str> =
            WAYS.iter().filter(|(channel, _)| by.has(*channel)).map(|(_, words)| *words).collect();
        (format!("Told by {}.", listed(&ways).unwrap_or_default()), false)
    };
    Choice { key: account.key, name: called(account), hint, unreached }
}

/// By which ways somebody is told of critical alarms.
fn by(told: &Told) -> Channels {
    let verified = told.ways.iter().fold(Channels::of(&[Channel::Email]), |all, way| all.and(way.channel));
    told.preferences.unwrap_or_default().critical.within(verified)
}
