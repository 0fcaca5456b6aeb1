//! `/me/data`: what is kept and until when, taking one's data along, and leaving.
//!
//! In: a fresh proof. Out: the page that says so, from which one's account is exported or deleted, with why it cannot be deleted now
//! where that is so.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use store::state::HeldBack;

use super::super::html;
use super::super::shell::Shell;
use super::terms::{self, Kept};
use crate::caller::Caller;
use crate::sign_in::fresh;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "me_data.html")]
pub(super) struct Page<'a> {
    shell: Shell,
    email: &'a str,
    kept: Vec<Kept>,
    held_back: Vec<Holding>,
    /// More that are not named.
    more: usize,
    typed: &'a str,
    wrong: bool,
}

/// Something that keeps the account, and what to do about it.
struct Holding {
    name: String,
    address: String,
    what_to_do: &'static str,
}

/// Named on the page; who has more is helped by the first.
const MOST_NAMED: usize = 20;

/// `GET /me/data`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, "").await?)
}

/// The page; `typed` is what was typed to delete the account.
pub(super) async fn page<'a>(
    context: &Context,
    caller: &'a Caller,
    typed: &'a str,
) -> Result<Page<'a>, Error> {
    let own = access::own_account(context, caller)?;
    let all = context.state().held_back(own, context.now()).await;
    let all = all.map_err(|error| Error::internal("ask whether an account may go", error))?;
    let mut held_back = Vec::new();
    for one in all.iter().take(MOST_NAMED) {
        held_back.extend(holding(context, *one).await?);
    }
    let more = all.len().saturating_sub(MOST_NAMED);
    let shell = Shell::new(caller, context.now(), None, "/me/data");
    let (account, wrong) = (&caller.account, !typed.is_empty());
    let kept = terms::of(account.created_at, context.now());
    Ok(Page { shell, email: account.email.as_str(), kept, held_back, more, typed, wrong })
}

/// What it is called, where it is settled, what to do there before the account can go.
async fn holding(context: &Context, held_back: HeldBack) -> Result<Option<Holding>, Error> {
    let failed = |error| Error::internal("name what keeps an account", error);
    Ok(match held_back {
        HeldBack::Inverter(key) => context.state().inverter(key).await.map_err(failed)?.map(|inverter| {
            let serial = inverter.serial.as_str().to_owned();
            Holding {
                name: if inverter.name.is_empty() { serial } else { inverter.name },
                address: format!("/inverters/{}/people", inverter.public_id),
                what_to_do: "Only you can manage it. Share it, can manage, with somebody who stays, or remove it under \
                             its settings.",
            }
        }),
        HeldBack::Organization(key) => {
            let found = context.state().organization_by_key(key).await.map_err(failed)?;
            found.map(|organization| Holding {
                name: organization.name,
                address: format!("/organizations/{}", organization.public_id),
                what_to_do: "You are its only owner. Make another member an owner, or delete the organization.",
            })
        }
    })
}
