//! Organizations: who is in them, what they hold.
//!
//! In: a member; for every change one whose role allows it and who has just proved who they are. Out: pages, and back to
//! them. Somebody else's organization is not there.

pub mod delete;
pub mod invite;
pub mod leave;
pub mod list;
pub mod logbook;
pub mod members;
pub mod new;
pub mod settings;
pub mod severities;
pub mod show;
pub mod sites;

use fleet::MemberRole;
use store::state::{Invitation, Organization};

use crate::caller::Caller;
use crate::{Context, Error};

/// Longest name of an organization or a site, characters.
pub(crate) const MOST_NAME: usize = 80;

/// What a role is called on screen.
pub(crate) const fn member_words(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Viewer => "Viewer",
        MemberRole::Member => "Member",
        MemberRole::Owner => "Owner",
    }
}

/// The invitation of an id, if it waits for an answer of the caller.
pub(crate) async fn invited(
    context: &Context,
    caller: &Caller,
    id: &str,
) -> Result<(Invitation, Organization), Error> {
    let waiting = context.state().invitations_to(&caller.account.email, context.now()).await;
    let waiting = waiting.map_err(|error| Error::internal("list invitations", error))?;
    waiting.into_iter().find(|(invitation, _)| invitation.public_id == id).ok_or(Error::NotFound)
}

/// A name as it is kept: one line without what cannot be seen; `None` where nothing is left.
pub(crate) fn named(name: &str) -> Option<String> {
    let words = name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join(" ").chars().take(MOST_NAME).collect();
    (!name.is_empty()).then_some(name)
}
