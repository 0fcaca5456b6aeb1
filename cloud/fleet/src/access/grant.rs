//! Grants: who holds what on which inverter, and how far it reaches into an organization.

use super::{AccountKey, MemberRole, OrganizationKey, Role};
use crate::InverterKey;
use wire::UtcMs;

/// Who holds something: a grant, a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// One person.
    Account(AccountKey),
    /// All members of an organization, each as far as its role goes.
    Organization(OrganizationKey),
}

impl From<AccountKey> for Holder {
    fn from(account: AccountKey) -> Self {
        Self::Account(account)
    }
}

impl From<OrganizationKey> for Holder {
    fn from(organization: OrganizationKey) -> Self {
        Self::Organization(organization)
    }
}

/// A holder's access to one inverter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Who.
    pub holder: Holder,
    /// To which.
    pub inverter: InverterKey,
    /// What for.
    pub role: Role,
    /// From this instant on it holds no more.
    pub ends: Option<UtcMs>,
}

/// An account's role in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// In which.
    pub organization: OrganizationKey,
    /// Whose.
    pub account: AccountKey,
    /// What for.
    pub role: MemberRole,
}

/// A grant with what makes it reach an account: for an organization's, the account's role there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// The grant.
    pub grant: Grant,
    /// The account's role in the organization that holds it.
    pub member: Option<MemberRole>,
}

impl Grant {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds(&self, now: UtcMs) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}

impl Held {
    /// What `account` may do by it at `now`.
    #[must_use]
    pub fn role(&self, account: AccountKey, now: UtcMs) -> Option<Role> {
        let role = match self.grant.holder {
            Holder::Account(own) => (own == account).then_some(self.grant.role),
            Holder::Organization(_) => self.member.map(|member| member.of(self.grant.role)),
        };
        role.filter(|_| self.grant.holds(now))
    }
}

impl From<Grant> for Held {
    fn from(grant: Grant) -> Self {
        Self { grant, member: None }
    }
}
