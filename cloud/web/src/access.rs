//! The only way from an account to inverters, organizations and sites.
//!
//! In: a caller, a public id. Out: rows that `fleet::authorize` allowed. A row that is not there and a row that is
//! somebody else's are the same [`Error::NotFound`]. No other room asks the store for them.

use fleet::{
    AccountKey, Action, Actor, Decision, Holder, InverterKey, MemberRole, Membership, Object,
    OrganizationKey, authorize,
};
use store::state::{Alarm, Organization, Site, VisibleInverter};
use wire::UtcMs;

use crate::caller::Caller;
use crate::sign_in::factors;
use crate::{Context, Error};

/// Longest public id that is looked up; ids are 26 characters or fewer.
const MAX_ID: usize = 64;

/// Every inverter that the caller may see, by name.
///
/// # Errors
/// [`Error::SignIn`], [`Error::Internal`].
pub async fn fleet(context: &Context, caller: &Caller) -> Result<Vec<VisibleInverter>, Error> {
    fleet_to(context, caller, Action::View).await
}

/// Every inverter that the caller may do `action` to, by name.
///
/// # Errors
/// As [`fleet`].
pub async fn fleet_to(
    context: &Context,
    caller: &Caller,
    action: Action,
) -> Result<Vec<VisibleInverter>, Error> {
    let now = context.now();
    let rows = context.state().visible_inverters(caller.account.key, now).await;
    let rows = rows.map_err(|error| Error::internal("list inverters", error))?;
    let rows = with_factors(context, caller, rows, now).await?;
    let actor = actor(caller, &rows, now);
    allowed(authorize(&actor, Action::List, &Object::Fleet))?;
    let may =
        |row: &VisibleInverter| authorize(&actor, action, &Object::Inverter(row.inverter.key)).is_allowed();
    Ok(rows.into_iter().filter(may).collect())
}

/// One inverter, if the caller may do `action` to it.
///
/// # Errors
/// [`Error::NotFound`] for a missing one and for somebody else's, [`Error::Forbidden`] where the caller may only look,
/// [`Error::SecondFactor`] where it is an organization's that demands one.
pub async fn inverter(
    context: &Context,
    caller: &Caller,
    public_id: &str,
    action: Action,
) -> Result<VisibleInverter, Error> {
    if public_id.is_empty() || public_id.len() > MAX_ID {
        return Err(Error::NotFound);
    }
    let now = context.now();
    let row = context.state().visible_inverter(caller.account.key, public_id, now).await;
    let found = row.map_err(|error| Error::internal("look up an inverter", error))?;
    let there = found.is_some();
    let row = with_factors(context, caller, found.into_iter().collect(), now).await?.pop();
    if there && row.is_none() {
        return Err(Error::SecondFactor);
    }
    let actor = actor(caller, row.as_slice(), now);
    let key = row.as_ref().map_or(InverterKey(0), |row| row.inverter.key);
    allowed(authorize(&actor, action, &Object::Inverter(key)))?;
    row.ok_or(Error::NotFound)
}

/// Whether the caller may do `action` to an inverter that it was given by this room.
pub fn may(context: &Context, caller: &Caller, row: &VisibleInverter, action: Action) -> bool {
    let actor = actor(caller, std::slice::from_ref(row), context.now());
    authorize(&actor, action, &Object::Inverter(row.inverter.key)).is_allowed()
}

/// The alarm that a code names with its inverter, if the caller may do `action` to that.
///
/// # Errors
/// As [`inverter`]; [`Error::NotFound`] too where there is no such alarm.
pub async fn of_alarm(
    context: &Context,
    caller: &Caller,
    code: &str,
    action: Action,
) -> Result<(VisibleInverter, Alarm), Error> {
    if code.is_empty() || code.len() > MAX_ID {
        return Err(Error::NotFound);
    }
    let failed = |error| Error::internal("look up an alarm", error);
    let alarm = context.state().alarm(code).await.map_err(failed)?.ok_or(Error::NotFound)?;
    let row = context.state().inverter(alarm.inverter).await.map_err(failed)?.ok_or(Error::NotFound)?;
    Ok((inverter(context, caller, &row.public_id, action).await?, alarm))
}

/// Without what comes by organizations that demand a second factor, where the caller has none.
async fn with_factors(
    context: &Context,
    caller: &Caller,
    mut rows: Vec<VisibleInverter>,
    now: UtcMs,
) -> Result<Vec<VisibleInverter>, Error> {
    let by_organization = |row: &VisibleInverter| {
        row.held.iter().any(|held| matches!(held.grant.holder, Holder::Organization(_)))
    };
    if !rows.iter().any(by_organization) {
        return Ok(rows);
    }
    let own = organizations(context, caller).await?;
    let demanding: Vec<Holder> = own
        .into_iter()
        .filter(|(own, _)| own.second_factor_required)
        .map(|(own, _)| own.key.into())
        .collect();
    if demanding.is_empty() || factors::satisfied(context, &caller.account, true).await? {
        return Ok(rows);
    }
    rows.retain_mut(|row| {
        row.held.retain(|held| !demanding.contains(&held.grant.holder));
        let role = row.held.iter().filter_map(|held| held.role(caller.account.key, now)).max();
        role.is_some_and(|role| {
            row.role = role;
            true
        })
    });
    Ok(rows)
}

/// The caller is an operator.
///
/// # Errors
/// [`Error::NotFound`] for everybody else: nobody is told what there is.
pub fn operate(context: &Context, caller: &Caller) -> Result<(), Error> {
    let actor = Actor::account(caller.account.key, caller.account.operator, [], context.now());
    allowed(authorize(&actor, Action::Operate, &Object::Service))
}

/// The caller's own account.
///
/// # Errors
/// [`Error::SignIn`], [`Error::NotFound`].
pub fn own_account(context: &Context, caller: &Caller) -> Result<AccountKey, Error> {
    let own = caller.account.key;
    let actor = Actor::account(own, caller.account.operator, [], context.now());
    allowed(authorize(&actor, Action::OwnAccount, &Object::Account(own)))?;
    Ok(own)
}

/// The caller's organizations with its role in each, by name.
///
/// # Errors
/// [`Error::Internal`].
pub async fn organizations(
    context: &Context,
    caller: &Caller,
) -> Result<Vec<(Organization, MemberRole)>, Error> {
    let own = context.state().organizations_of(caller.account.key).await;
    own.map_err(|error| Error::internal("list organizations", error))
}

/// Organizations whose logbook the caller may look into: those whose page the account may open now. A token tells of inverters that it
/// reaches what their people would see, so the caller asks for those alone.
///
/// # Errors
/// [`Error::Internal`].
pub async fn logbooks(context: &Context, caller: &Caller) -> Result<Vec<OrganizationKey>, Error> {
    let mut own = organizations(context, caller).await?;
    let of = |(organization, role): &(Organization, MemberRole)| Membership {
        organization: organization.key,
        account: caller.account.key,
        role: *role,
    };
    let actor = Actor::account(caller.account.key, caller.account.operator, [], context.now());
    let actor = actor.in_organizations(own.iter().map(of).collect::<Vec<_>>());
    own.retain(|(own, _)| authorize(&actor, Action::View, &Object::Organization(own.key)).is_allowed());
    let demanded = own.iter().any(|(own, _)| own.second_factor_required);
    if demanded && !factors::satisfied(context, &caller.account, true).await? {
        own.retain(|(own, _)| !own.second_factor_required);
    }
    Ok(own.into_iter().map(|(own, _)| own.key).collect())
}

/// One organization with the caller's role, if the caller may do `action` to it.
///
/// # Errors
/// [`Error::NotFound`] for a missing one and for somebody else's, [`Error::Forbidden`] where the role is too little.
pub async fn organization(
    context: &Context,
    caller: &Caller,
    code: &str,
    action: Action,
) -> Result<(Organization, MemberRole), Error> {
    let all = organizations(context, caller).await?;
    let actor = member(caller, &all, context.now());
    let found = all.into_iter().find(|(organization, _)| organization.public_id == code);
    let key = found.as_ref().map_or(OrganizationKey(0), |(organization, _)| organization.key);
    allowed(authorize(&actor, action, &Object::Organization(key)))?;
    let found = found.ok_or(Error::NotFound)?;
    // Who leaves needs nothing.
    if action != Action::Leave {
        factors::require(context, caller, found.0.second_factor_required).await?;
    }
    Ok(found)
}

/// One site, and whether the caller may change it, if the caller may do `action` to it.
///
/// # Errors
/// As [`organization`].
pub async fn site(
    context: &Context,
    caller: &Caller,
    public_id: &str,
    action: Action,
) -> Result<(Site, bool), Error> {
    if public_id.is_empty() || public_id.len() > MAX_ID {
        return Err(Error::NotFound);
    }
    let site = context.state().site(public_id).await;
    let site = site.map_err(|error| Error::internal("look up a site", error))?;
    let own = organizations(context, caller).await?;
    let actor = member(caller, &own, context.now());
    let site = site.ok_or(Error::NotFound)?;
    let holder = site.owner.ok_or(Error::NotFound)?;
    let owner = Object::SiteOf(holder);
    allowed(authorize(&actor, action, &owner))?;
    let demanded = own.iter().any(|(own, _)| own.second_factor_required && holder == own.key.into());
    factors::require(context, caller, demanded).await?;
    Ok((site, authorize(&actor, Action::Edit, &owner).is_allowed()))
}

fn member(caller: &Caller, organizations: &[(Organization, MemberRole)], now: UtcMs) -> Actor {
    let account = caller.account.key;
    let of = |(organization, role): &(Organization, MemberRole)| Membership {
        organization: organization.key,
        account,
        role: *role,
    };
    Actor::account(account, caller.account.operator, [], now)
        .in_organizations(organizations.iter().map(of))
        .by_token(caller.token.clone())
}

fn actor(caller: &Caller, rows: &[VisibleInverter], now: UtcMs) -> Actor {
    let held = rows.iter().flat_map(|row| row.held.iter().copied());
    Actor::account(caller.account.key, caller.account.operator, held, now).by_token(caller.token.clone())
}

fn allowed(decision: Decision) -> Result<(), Error> {
    match decision {
        Decision::Allowed => Ok(()),
        Decision::SignIn => Err(Error::SignIn),
        Decision::NotFound => Err(Error::NotFound),
        Decision::Forbidden => Err(Error::Forbidden),
    }
}
