//! `POST /organizations/{organization}/members`: changes a member's role, or takes a member out. The last owner stays.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use fleet::{Action, MemberRole, Membership};
use serde::Deserialize;

use super::super::form;
use super::super::people::failed;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    email: String,
    role: String,
    /// `remove`, or nothing.
    #[serde(default)]
    r#do: String,
}

/// `POST /organizations/{organization}/members`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Members).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields email and role").await?;
    let members = context.state().members(own.key).await.map_err(failed("list members"))?;
    let member = members.into_iter().find(|member| member.account.email.as_str() == typed.email);
    let account = member.ok_or(Error::NotFound)?.account.key;
    let concerning =
        |verb| Ok(act::of(&context, &caller, verb)?.of_account(account).in_organization(own.key));
    if typed.r#do == "remove" {
        let act = concerning(Verb::MemberRemove)?;
        context.state().remove_member(own.key, account, &act).await.map_err(failed("remove a member"))?;
        return Ok(Redirect::to(&format!("/organizations/{code}?done=removed")));
    }
    let role = MemberRole::from_name(&typed.role)
        .ok_or_else(|| Error::Request("The role is viewer, member or owner.".to_owned()))?;
    let act = concerning(Verb::MemberRole)?.with_detail(role.name());
    let membership = Membership { organization: own.key, account, role };
    context.state().set_member(membership, &act).await.map_err(failed("change a member's role"))?;
    Ok(Redirect::to(&format!("/organizations/{code}?done=changed")))
}
