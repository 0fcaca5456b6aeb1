//! Who is mailed a link, and whether it still counts.
//!
//! In: what was asked for an address, and how the address stands: allow-listed, with an account or not. Out: what is
//! mailed; whether a link may be used. The same rule answers both, so that whatever would have kept a link from being
//! sent also ends it. Never says anything to who asked: they read the same words whatever comes out here.

use wire::UtcMs;

/// A link counts for this long, milliseconds.
pub const LINK_MS: i64 = 30 * 60_000;

/// What is asked, and what the link that answers it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Makes an account.
    Register,
    /// Sets a new password.
    Reset,
    /// Makes the address that of an account which has another.
    Address,
}

/// How an address stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It is on the allow-list.
    pub listed: bool,
    /// Its account, if it has one.
    pub account: Option<AccountStanding>,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStanding {
    /// May sign in.
    Open,
    /// An operator disabled it.
    Disabled,
}

/// What is mailed to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nothing,
    /// A one-time link.
    Link,
    /// That there is an account already, and where to sign in.
    HasAccount,
}

impl Purpose {
    /// Every purpose with its name in the store.
    pub const TABLE: [(Self, &'static str); 3] =
        [(Self::Register, "register"), (Self::Reset, "reset"), (Self::Address, "address")];

    /// Name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(purpose, _)| *purpose == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(purpose, _)| *purpose)
    }
}

/// What is mailed to an address for which `asked` was asked.
#[must_use]
pub fn reply(asked: Purpose, standing: Standing) -> Reply {
    match (asked, standing.listed, standing.account) {
        (Purpose::Register | Purpose::Address, true, None)
        | (Purpose::Reset, true, Some(AccountStanding::Open)) => Reply::Link,
        // Off the list an account goes on; its owner signs in, and only cannot have a new password by mail.
        (Purpose::Register, _, Some(AccountStanding::Open)) => Reply::HasAccount,
        _ => Reply::Nothing,
    }
}

/// Whether a link that is there, unused and the newest of its kind, may be used at `now`.
#[must_use]
pub fn counts(purpose: Purpose, expires_at: UtcMs, now: UtcMs, standing: Standing) -> bool {
    now < expires_at && reply(purpose, standing) == Reply::Link
}
