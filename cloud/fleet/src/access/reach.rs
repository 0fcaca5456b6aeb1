//! What a token may be used for.

use crate::InverterKey;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenScope {
    /// Reading.
    Read,
    /// Reading and changing.
    Write,
}

impl TokenScope {
    /// Every scope with its name in the store, in the API and on the command line.
    pub const TABLE: [(Self, &'static str); 2] = [(Self::Read, "read"), (Self::Write, "write")];

    /// Name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(scope, _)| *scope == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(scope, _)| *scope)
    }
}

/// What a token may be used for, and on which inverters: never more than its account may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReach {
    /// Reading, or changing too.
    pub scope: TokenScope,
    /// The only inverters that it reaches, sorted; `None`: all of the account's, those to come too.
    pub inverters: Option<Vec<InverterKey>>,
}

impl TokenReach {
    /// Whether it reaches an inverter at all.
    #[must_use]
    pub fn reaches(&self, inverter: InverterKey) -> bool {
        self.inverters.as_ref().is_none_or(|listed| listed.contains(&inverter))
    }
}
