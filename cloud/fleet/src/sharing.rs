//! What keeps sharing from going wrong: nobody takes the last manager from an inverter, or the last owner from an
//! organization, by accident.
//!
//! In: how things stand before a change and how they would after it. Out: whether the change may be made. Every way of
//! losing access asks here: removing, lowering, an end date, leaving, deleting an account or an organization.

use crate::access::{Grant, MemberRole, Role};
use wire::UtcMs;

/// An offer of access to an inverter or of a place in an organization waits this long for its answer, milliseconds.
pub const OFFER_MS: i64 = 7 * 24 * 3_600_000;

/// Why a change is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Afterwards nobody could manage the inverter for good.
    #[error("nobody else can manage this inverter")]
    LastManager,
    /// Afterwards the organization had no owner.
    #[error("the organization has no other owner")]
    LastOwner,
}

/// A grant, and whether somebody is there to use it: an account that is not disabled; for an organization, such an
/// account as owner or member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manned {
    /// The grant.
    pub grant: Grant,
    /// Somebody is there.
    pub manned: bool,
}

impl Manned {
    fn manages(&self, now: UtcMs) -> bool {
        self.manned && self.grant.role == Role::ReadWrite && self.grant.holds(now)
    }

    fn manages_for_good(&self, now: UtcMs) -> bool {
        self.manages(now) && self.grant.ends.is_none()
    }
}

/// Whether the grants on one inverter may become `after`: somebody must be able to manage it for good, if somebody was;
/// else somebody now, if somebody was.
///
/// # Errors
/// [`Refusal::LastManager`].
pub fn keep_manager(before: &[Manned], after: &[Manned], now: UtcMs) -> Result<(), Refusal> {
    let lost = |manages: fn(&Manned, UtcMs) -> bool| {
        let any = |grants: &[Manned]| grants.iter().any(|manned| manages(manned, now));
        any(before) && !any(after)
    };
    if lost(Manned::manages_for_good) || lost(Manned::manages) { Err(Refusal::LastManager) } else { Ok(()) }
}

/// Whether the members of one organization may become `after`, each with whether its account is not disabled.
///
/// # Errors
/// [`Refusal::LastOwner`].
pub fn keep_owner(before: &[(MemberRole, bool)], after: &[(MemberRole, bool)]) -> Result<(), Refusal> {
    let any = |members: &[(MemberRole, bool)]| {
        members.iter().any(|(role, able)| *able && *role == MemberRole::Owner)
    };
    if any(before) && !any(after) { Err(Refusal::LastOwner) } else { Ok(()) }
}

/// What a holder has after accepting `offered` beside what it has already: the wider role, of equal roles the one that
/// lasts longer. Accepting never takes anything away.
#[must_use]
pub fn accepted(has: Option<Grant>, offered: Grant, now: UtcMs) -> Grant {
    let lasts = |grant: &Grant| (grant.role, grant.ends.is_none(), grant.ends);
    match has.filter(|has| has.holds(now)) {
        Some(has) if lasts(&has) >= lasts(&offered) => has,
        _ => offered,
    }
}

/// Whether an end date may be set: it lies ahead.
#[must_use]
pub fn may_end(ends: Option<UtcMs>, now: UtcMs) -> bool {
    ends.is_none_or(|ends| now < ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountKey, InverterKey};

    const NOW: UtcMs = UtcMs(1_000_000);

    fn grant(role: Role, ends: Option<i64>) -> Grant {
        let (holder, inverter) = (AccountKey(1).into(), InverterKey(1));
        Grant { holder, inverter, role, ends: ends.map(|after| NOW.plus_ms(after)) }
    }

    #[test]
    fn accepting_gives_the_wider_or_the_longer_and_takes_nothing_away() {
        let (look, manage) = (Role::ReadOnly, Role::ReadWrite);
        for (has, offered, expect) in [
            (None, grant(look, Some(5)), grant(look, Some(5))),
            (Some(grant(manage, None)), grant(look, None), grant(manage, None)),
            (Some(grant(manage, Some(9))), grant(look, None), grant(manage, Some(9))),
            (Some(grant(look, None)), grant(manage, Some(5)), grant(manage, Some(5))),
            (Some(grant(look, None)), grant(look, Some(5)), grant(look, None)),
            (Some(grant(look, Some(9))), grant(look, Some(5)), grant(look, Some(9))),
            (Some(grant(look, Some(5))), grant(look, Some(9)), grant(look, Some(9))),
            // What has ended is nothing, however wide it was.
            (Some(grant(manage, Some(0))), grant(look, Some(5)), grant(look, Some(5))),
        ] {
            assert_eq!(accepted(has, offered, NOW), expect, "{has:?} {offered:?}");
        }
    }

    #[test]
    fn an_end_lies_ahead() {
        for (ends, expect) in [(None, true), (Some(1), true), (Some(0), false), (Some(-1), false)] {
            assert_eq!(may_end(ends.map(|after| NOW.plus_ms(after)), NOW), expect, "{ends:?}");
        }
    }
}
