//! Escalation ladders: who is told next while nobody acknowledges; one of an organization, one of a site.
//!
//! In: who may see the organization or the site; for a change who may change it and has just proved who they are. Out: the page,
//! and back to it. Each button changes one thing and saves it, so that the page needs no script. Names, never addresses.

pub mod change;
mod people;
pub mod show;

use aws_lc_rs::digest::{SHA256, digest};
use fleet::notice::Ladder;
use fleet::{Action, Holder};
use store::state::{Act, LadderOf, Site};

use crate::caller::Caller;
use crate::{Context, Error, access};

/// Whose ladder a page is about.
pub(super) struct Subject {
    pub of: LadderOf,
    /// The page that it belongs to.
    pub home: String,
    pub name: String,
    /// Who owns the site; the organization itself.
    pub owner: Option<Holder>,
    /// The site's.
    pub time_zone: String,
}

impl Subject {
    /// An organization, if the caller may do `action` to it.
    async fn organization(
        context: &Context,
        caller: &Caller,
        code: &str,
        action: Action,
    ) -> Result<Self, Error> {
        let (own, _) = access::organization(context, caller, code, action).await?;
        let home = format!("/organizations/{code}");
        let owner = Some(Holder::Organization(own.key));
        let of = LadderOf::Organization(own.key);
        Ok(Self { of, home, name: own.name, owner, time_zone: "UTC".to_owned() })
    }

    /// A site, if the caller may do `action` to it, and whether the caller may change it.
    async fn site(
        context: &Context,
        caller: &Caller,
        id: &str,
        action: Action,
    ) -> Result<(Self, bool), Error> {
        let (site, may) = access::site(context, caller, id, action).await?;
        let Site { key, name, owner, time_zone, .. } = site;
        Ok((Self { of: LadderOf::Site(key), home: format!("/sites/{id}"), name, owner, time_zone }, may))
    }

    /// The page itself.
    fn path(&self) -> String {
        format!("{}/ladder", self.home)
    }

    fn is_site(&self) -> bool {
        matches!(self.of, LadderOf::Site(_))
    }

    /// An act, with what it concerns.
    fn concerns(&self, act: Act) -> Act {
        match self.owner {
            Some(Holder::Organization(key)) => act.in_organization(key),
            Some(Holder::Account(key)) => act.of_account(key),
            None => act,
        }
    }

    async fn ladder(&self, context: &Context) -> Result<Option<Ladder>, Error> {
        let ladder = context.state().ladder(self.of).await;
        ladder.map_err(|error| Error::internal("look up an escalation ladder", error))
    }
}

/// What a form was made from: whoever sends one that is older than somebody else's change changes nothing.
fn print_of(ladder: &Ladder, choices: &people::Choices) -> String {
    let mut text = String::new();
    for step in ladder.steps() {
        text.push_str(&format!("{}:{:?};", step.wait_ms, step.people));
    }
    text.push_str(&format!("{:?}", choices.keys().collect::<Vec<_>>()));
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
