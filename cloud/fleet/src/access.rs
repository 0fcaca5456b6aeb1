//! The one gate under every query: may this actor do this to that?
//!
//! In: an actor with the grants and memberships that reach it now, an action, an object. Out: [`Decision`]. Someone
//! else's object and a missing one are the same answer. Never asks a store or a clock: the caller brings the rows.

mod grant;
mod reach;
mod role;

pub use grant::{Grant, Held, Holder, Membership};
pub use reach::{TokenReach, TokenScope};
pub use role::{MemberRole, Role};

use crate::InverterKey;
use wire::UtcMs;

/// An account's number in the store. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey(pub i64);

/// An organization's number in the store. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationKey(pub i64);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// A signed-in account, with what it holds now. Made by [`Actor::account`].
    Account(Signed),
}

/// A signed-in account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    account: AccountKey,
    /// May do the operator's work (allow-list, devices); sees no inverter by that.
    operator: bool,
    /// The widest role on each inverter, sorted by inverter.
    grants: Vec<(InverterKey, Role)>,
    /// Roles in organizations.
    memberships: Vec<(OrganizationKey, MemberRole)>,
    /// What the token reaches that it came by; `None`: it came in person.
    token: Option<TokenReach>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// State, values, history, exports of an inverter; an organization's page; a site.
    View,
    /// Name, site, required minutes, limits, maintenance of an inverter; name of an organization; name, address, time zone of a site.
    Edit,
    /// Acknowledge and shelve alarms of an inverter.
    Acknowledge,
    /// Who can see an inverter; add and remove other people's access to it; hand it over; remove it.
    Share,
    /// Give up one's own access to an inverter, or one's own membership.
    Leave,
    /// Members of an organization, their roles, invitations.
    Members,
    /// Bring an inverter into an organization, answer what is offered to it, say how much conditions of its inverters
    /// matter.
    Inverters,
    /// Make and delete an organization's sites.
    Sites,
    /// Demand a second factor of an organization's members.
    DemandSecondFactor,
    /// Begin, export, shorten and delete an organization's logbook.
    Logbook,
    /// Delete an organization.
    Delete,
    /// The list of inverters that the actor may see.
    List,
    /// One's own account: sessions, tokens, notifications, export, deletion.
    OwnAccount,
    /// Allow-list, devices, accounts, audit.
    Operate,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 14] = [
        Self::View,
        Self::Edit,
        Self::Acknowledge,
        Self::Share,
        Self::Leave,
        Self::Members,
        Self::Inverters,
        Self::Sites,
        Self::DemandSecondFactor,
        Self::Logbook,
        Self::Delete,
        Self::List,
        Self::OwnAccount,
        Self::Operate,
    ];
}

/// What it is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// One inverter.
    Inverter(InverterKey),
    /// One organization.
    Organization(OrganizationKey),
    /// A site of this owner.
    SiteOf(Holder),
    /// One account.
    Account(AccountKey),
    /// The fleet as seen by the actor.
    Fleet,
    /// The service itself.
    Service,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Nobody is signed in: 401, or the sign-in page.
    SignIn,
    /// As if it did not exist: 404.
    NotFound,
    /// The actor may see the object but not do this to it: 403.
    Forbidden,
}

/// What an action on an inverter takes, and whether a token may do it at all.
const INVERTER_ACTIONS: [(Action, Role, ByToken); 5] = [
    (Action::View, Role::ReadOnly, ByToken::Read),
    (Action::Edit, Role::ReadWrite, ByToken::Write),
    (Action::Acknowledge, Role::ReadWrite, ByToken::Write),
    (Action::Share, Role::ReadWrite, ByToken::Never),
    (Action::Leave, Role::ReadOnly, ByToken::Never),
];

/// What an action on an organization takes. A token does nothing to organizations.
const ORGANIZATION_ACTIONS: [(Action, MemberRole); 9] = [
    (Action::View, MemberRole::Viewer),
    (Action::Leave, MemberRole::Viewer),
    (Action::Inverters, MemberRole::Member),
    (Action::Sites, MemberRole::Member),
    (Action::Edit, MemberRole::Owner),
    (Action::Members, MemberRole::Owner),
    (Action::DemandSecondFactor, MemberRole::Owner),
    (Action::Logbook, MemberRole::Owner),
    (Action::Delete, MemberRole::Owner),
];

/// What an action on an organization's site takes.
const SITE_ACTIONS: [(Action, MemberRole); 3] = [
    (Action::View, MemberRole::Viewer),
    (Action::Edit, MemberRole::Member),
    (Action::Delete, MemberRole::Member),
];

/// Which token may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByToken {
    Read,
    Write,
    /// It takes a person who has just proved who they are.
    Never,
}

/// May `actor` do `action` to `object`? Anything not listed is [`Decision::NotFound`].
pub fn authorize(actor: &Actor, action: Action, object: &Object) -> Decision {
    let Actor::Account(signed) = actor else { return Decision::SignIn };
    match (object, action) {
        (Object::Inverter(inverter), _) => signed.on_inverter(action, *inverter),
        (Object::Fleet, Action::List) => Decision::Allowed,
        // The rest is for people: a token reaches inverters only.
        _ if signed.token.is_some() => Decision::NotFound,
        (Object::Organization(key), _) => compare(signed.member(*key), needed(&ORGANIZATION_ACTIONS, action)),
        (Object::SiteOf(Holder::Organization(key)), _) => {
            compare(signed.member(*key), needed(&SITE_ACTIONS, action))
        }
        (Object::SiteOf(Holder::Account(own)), _)
            if *own == signed.account && needed(&SITE_ACTIONS, action).is_some() =>
        {
            Decision::Allowed
        }
        (Object::Account(own), Action::OwnAccount) if *own == signed.account => Decision::Allowed,
        (Object::Service, Action::Operate) if signed.operator => Decision::Allowed,
        _ => Decision::NotFound,
    }
}

fn needed(table: &[(Action, MemberRole)], action: Action) -> Option<MemberRole> {
    table.iter().find(|(listed, _)| *listed == action).map(|(_, role)| *role)
}

fn compare<R: PartialOrd>(held: Option<R>, needed: Option<R>) -> Decision {
    match (held, needed) {
        (Some(held), Some(needed)) if held >= needed => Decision::Allowed,
        (Some(_), Some(_)) => Decision::Forbidden,
        _ => Decision::NotFound,
    }
}

impl Signed {
    fn on_inverter(&self, action: Action, inverter: InverterKey) -> Decision {
        if self.token.as_ref().is_some_and(|token| !token.reaches(inverter)) {
            return Decision::NotFound;
        }
        let row = INVERTER_ACTIONS.iter().find(|(listed, ..)| *listed == action);
        let decision = compare(self.role(inverter), row.map(|(_, role, _)| *role));
        let scope = self.token.as_ref().map(|token| token.scope);
        match (scope, row.map(|(.., by_token)| *by_token)) {
            (None, _) | (_, Some(ByToken::Read)) | (Some(TokenScope::Write), Some(ByToken::Write)) => {
                decision
            }
            _ if decision.is_allowed() => Decision::Forbidden,
            _ => decision,
        }
    }

    fn role(&self, inverter: InverterKey) -> Option<Role> {
        let at = self.grants.binary_search_by_key(&inverter, |(key, _)| *key).ok()?;
        self.grants.get(at).map(|(_, role)| *role)
    }

    fn member(&self, organization: OrganizationKey) -> Option<MemberRole> {
        let of = |(key, _): &&(OrganizationKey, MemberRole)| *key == organization;
        self.memberships.iter().filter(of).map(|(_, role)| *role).max()
    }
}

impl Decision {
    /// Whether to go on.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

impl Actor {
    /// A signed-in account; of `held`, what reaches it at `now`.
    #[must_use]
    pub fn account(
        account: AccountKey,
        operator: bool,
        held: impl IntoIterator<Item = Held>,
        now: UtcMs,
    ) -> Self {
        let reaching = |held: Held| Some((held.grant.inverter, held.role(account, now)?));
        let mut grants: Vec<_> = held.into_iter().filter_map(reaching).collect();
        // The widest of several grants to one inverter comes first and stays.
        grants.sort_by_key(|(inverter, role)| (*inverter, std::cmp::Reverse(*role)));
        grants.dedup_by_key(|(inverter, _)| *inverter);
        Self::Account(Signed { account, operator, grants, memberships: Vec::new(), token: None })
    }

    /// The same with its roles in organizations; those of others do not count.
    #[must_use]
    pub fn in_organizations(self, memberships: impl IntoIterator<Item = Membership>) -> Self {
        let Self::Account(signed) = self else { return self };
        let own = |membership: Membership| {
            (membership.account == signed.account).then_some((membership.organization, membership.role))
        };
        let memberships = memberships.into_iter().filter_map(own).collect();
        Self::Account(Signed { memberships, ..signed })
    }

    /// The same by a token: never more than it reaches.
    #[must_use]
    pub fn by_token(self, token: Option<TokenReach>) -> Self {
        let Self::Account(signed) = self else { return self };
        Self::Account(Signed { token, ..signed })
    }

    /// The account's role on an inverter, whatever it came by.
    #[must_use]
    pub fn role(&self, inverter: InverterKey) -> Option<Role> {
        let Self::Account(signed) = self else { return None };
        signed.role(inverter)
    }

    /// Inverters on which the account has a role, in key order.
    pub fn inverters(&self) -> impl Iterator<Item = InverterKey> + '_ {
        let grants: &[_] = if let Self::Account(signed) = self { &signed.grants } else { &[] };
        grants.iter().map(|(inverter, _)| *inverter)
    }
}
