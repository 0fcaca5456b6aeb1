//! How many of each kind one account or organization may have: far more than people need, so that nobody fills the disk.
//!
//! The store counts in the transaction that adds one, so that many at once do not pass.

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// In a sentence: "There are 20 API tokens already."
    pub what: &'static str,
    /// So many, and no more.
    pub most: u64,
}

/// Of an account, revoked and expired ones aside.
pub const TOKENS: Ceiling = Ceiling { what: "API tokens", most: 20 };
/// Of an account.
pub const PASSKEYS: Ceiling = Ceiling { what: "passkeys", most: 20 };
/// That an account owns.
pub const ORGANIZATIONS: Ceiling = Ceiling { what: "organizations that you own", most: 50 };
/// Of an account or an organization.
pub const SITES: Ceiling = Ceiling { what: "sites", most: 10_000 };
/// That an account made and nobody answered.
pub const OFFERS: Ceiling = Ceiling { what: "offers of yours that wait for an answer", most: 1_000 };
/// Of an organization, which nobody answered.
pub const INVITATIONS: Ceiling = Ceiling { what: "invitations that wait for an answer", most: 1_000 };
