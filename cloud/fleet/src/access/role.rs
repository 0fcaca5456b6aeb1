//! Roles: on an inverter, in an organization.

/// What a grant allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// See everything of an inverter, change nothing.
    ReadOnly,
    /// See, name, acknowledge, shelve, share.
    ReadWrite,
}

/// What a member of an organization may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MemberRole {
    /// See the organization and its inverters, change nothing.
    Viewer,
    /// Use the organization's grants as they are, bring inverters in, keep sites.
    Member,
    /// Also members, settings, deletion.
    Owner,
}

impl Role {
    /// Every role with its name in the API, on the command line and in the store.
    pub const TABLE: [(Self, &'static str); 2] =
        [(Self::ReadOnly, "read-only"), (Self::ReadWrite, "read-write")];

    /// Name in the API, on the command line and in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(role, _)| *role)
    }
}

impl MemberRole {
    /// Every role with its name on the command line, in forms and in the store.
    pub const TABLE: [(Self, &'static str); 3] =
        [(Self::Viewer, "viewer"), (Self::Member, "member"), (Self::Owner, "owner")];

    /// Name on the command line, in forms and in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(role, _)| *role)
    }

    /// What such a member may do with an inverter on which the organization has `granted`.
    #[must_use]
    pub fn of(self, granted: Role) -> Role {
        if self == Self::Viewer { Role::ReadOnly } else { granted }
    }

    /// May use the organization's grants as they are: an organization without one such member manages nothing.
    #[must_use]
    pub fn manages(self) -> bool {
        self.of(Role::ReadWrite) == Role::ReadWrite
    }
}
