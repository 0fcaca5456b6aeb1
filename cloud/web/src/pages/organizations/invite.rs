//! `POST /organizations/{organization}/invite` and `…/invitations/withdraw`.
//!
//! The same words and the same work for any address; the allow-list still rules who can register.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use fleet::{Action, MemberRole};
use serde::Deserialize;
use store::state::{Email, Inviting, NewInvitation};

use super::super::form;
use super::super::people::failed;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access, random};

/// The form.
#[derive(Deserialize)]
struct Typed {
    email: String,
    role: String,
}

/// The other form.
#[derive(Deserialize)]
struct Withdrawn {
    invitation: String,
}

/// `POST /organizations/{organization}/invite`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Members).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields email and role").await?;
    let role = MemberRole::from_name(&typed.role)
        .ok_or_else(|| Error::Request("The role is viewer, member or owner.".to_owned()))?;
    let email = Email::parse(&typed.email)
        .map_err(|_| Error::Request("Type an address like name@example.org.".to_owned()))?;
    let public_id = &random::public_id().map_err(|error| Error::internal("invite", error))?;
    let act = act::of(&context, &caller, Verb::MemberInvite)?
        .in_organization(own.key)
        .with_detail(format!("{email} as {}", role.name()));
    let (organization, made_by) = (own.key, caller.account.key);
    let new = NewInvitation { public_id, organization, email: &email, role, made_by };
    context.state().invite(new, &act).await.map_err(failed("invite"))?;
    Ok(Redirect::to(&format!("/organizations/{code}?done=invited")))
}

/// `POST /organizations/{organization}/invitations/withdraw`
pub async fn withdraw(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Members).await?;
    fresh::require(&context, &caller)?;
    let typed: Withdrawn = form(request, "the field invitation").await?;
    let act = act::of(&context, &caller, Verb::MemberInviteWithdraw)?;
    let side = Inviting::Organization(own.key);
    let closed = context.state().close_invitation(&typed.invitation, side, act).await;
    closed.map_err(failed("withdraw an invitation"))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to(&format!("/organizations/{code}?done=withdrawn")))
}
