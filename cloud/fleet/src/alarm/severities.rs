//! How much conditions matter to whoever manages an inverter, where that is not what is usual.
//!
//! In: what an organization says for each condition; which organizations manage which inverters. Out: what counts for an
//! inverter, bounded. A state in which the lights hang on the battery, or would not burn, is never mere information: nobody
//! is told of that by default, and a building must not go dark in silence because somebody once set it so. Of several
//! organizations that manage an inverter the one that takes a condition most seriously counts, so that none can quiet it
//! for the others. A limit carries its own.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::condition::{Condition, Severity};
use crate::screen::ScreenState;
use crate::{Grant, Holder, InverterKey, OrganizationKey, Role};

/// What somebody says, each condition once and only where it is not what is usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Severities(#[n(0)] Vec<Said>);

/// Of one condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Said {
    #[n(0)]
    condition: Condition,
    #[n(1)]
    severity: Severity,
}

/// Why a severity is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeverityError {
    /// The condition may not matter so little.
    #[error("what shows as On battery or Alarm is a warning at least")]
    TooLittle,
    /// A limit says itself how much it matters.
    #[error("a limit says itself how much it matters")]
    OwnLimit,
}

/// The least that a condition may matter; `None`: nobody says how much it matters but who set it.
#[must_use]
pub fn least(condition: Condition) -> Option<Severity> {
    match condition.definition().screen {
        _ if condition == Condition::LIMIT_CROSSED => None,
        ScreenState::OnBattery | ScreenState::Alarm => Some(Severity::Warning),
        _ => Some(Severity::Info),
    }
}

impl Severities {
    /// What is said of a condition; `None`: what is usual.
    #[must_use]
    pub fn of(&self, condition: Condition) -> Option<Severity> {
        let said = self.0.iter().find(|said| said.condition == condition)?;
        // A row of another version says no less than may be said.
        Some(said.severity.max(least(condition)?))
    }

    /// Says how much a condition matters; what is usual need not be kept.
    ///
    /// # Errors
    /// [`SeverityError`]; then nothing is changed.
    pub fn set(&mut self, condition: Condition, severity: Severity) -> Result<(), SeverityError> {
        if severity < least(condition).ok_or(SeverityError::OwnLimit)? {
            return Err(SeverityError::TooLittle);
        }
        self.0.retain(|said| said.condition != condition);
        if severity != condition.definition().severity {
            let at = self.0.partition_point(|said| said.condition < condition);
            self.0.insert(at, Said { condition, severity });
        }
        Ok(())
    }

    /// Whether everything is as usual.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each condition that is not as usual, by its code.
    pub fn iter(&self) -> impl Iterator<Item = (Condition, Severity)> + '_ {
        self.0.iter().map(|said| (said.condition, said.severity))
    }

    /// What counts where several say something: of each condition the most.
    fn most<'a>(several: impl Iterator<Item = Option<&'a Self>> + Clone) -> Self {
        let mut counts = Self::default();
        for condition in Condition::all() {
            let of = |said: Option<&Self>| {
                said.and_then(|said| said.of(condition)).unwrap_or(condition.definition().severity)
            };
            if let Some(severity) = several.clone().map(of).max() {
                // Of limits nothing is said, so that nothing is refused.
                let _ = counts.set(condition, severity);
            }
        }
        counts
    }
}

/// What counts for each inverter at `now`, by who manages it then; inverters for which all is as usual are not among them.
#[must_use]
pub fn on_inverters(
    grants: &[Grant],
    said: &BTreeMap<OrganizationKey, Severities>,
    now: UtcMs,
) -> BTreeMap<InverterKey, Severities> {
    let mut managing: BTreeMap<InverterKey, Vec<Option<&Severities>>> = BTreeMap::new();
    for grant in grants.iter().filter(|grant| grant.role == Role::ReadWrite && grant.holds(now)) {
        if let Holder::Organization(organization) = grant.holder {
            managing.entry(grant.inverter).or_default().push(said.get(&organization));
        }
    }
    let count = |(inverter, several): (InverterKey, Vec<Option<&Severities>>)| {
        let counts = Severities::most(several.into_iter());
        (!counts.is_empty()).then_some((inverter, counts))
    };
    managing.into_iter().filter_map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs(1_800_000_000_000);

    fn said(all: &[(Condition, Severity)]) -> Severities {
        let mut severities = Severities::default();
        all.iter().for_each(|(condition, severity)| severities.set(*condition, *severity).unwrap());
        severities
    }

    #[test]
    fn what_puts_the_lights_at_risk_is_a_warning_at_least_and_a_limit_says_it_itself() {
        for condition in Condition::all() {
            let mut severities = Severities::default();
            let risk = matches!(condition.definition().screen, ScreenState::OnBattery | ScreenState::Alarm);
            let expect = match condition {
                Condition::LIMIT_CROSSED => Err(SeverityError::OwnLimit),
                _ if risk => Err(SeverityError::TooLittle),
                _ => Ok(()),
            };
            assert_eq!(severities.set(condition, Severity::Info), expect, "{condition}");
            if condition != Condition::LIMIT_CROSSED {
                assert_eq!(severities.set(condition, Severity::Warning), Ok(()), "{condition}");
                assert_eq!(severities.set(condition, Severity::Critical), Ok(()), "{condition}");
            }
        }
        // What another version wrote is no less than may be.
        let wrong = vec![Said { condition: Condition::UTILITY_LOST, severity: Severity::Info }];
        let read: Severities = minicbor::decode(&minicbor::to_vec(Severities(wrong)).unwrap()).unwrap();
        assert_eq!(read.of(Condition::UTILITY_LOST), Some(Severity::Warning));
    }

    #[test]
    fn what_is_usual_is_not_kept_and_the_last_word_counts() {
        let mut severities = said(&[(Condition::GATEWAY_OFFLINE, Severity::Critical)]);
        assert_eq!(severities.of(Condition::GATEWAY_OFFLINE), Some(Severity::Critical));
        severities.set(Condition::AMBIENT_HIGH, Severity::Info).unwrap();
        severities.set(Condition::GATEWAY_OFFLINE, Severity::Info).unwrap();
        let all: Vec<_> = severities.iter().collect();
        let expect =
            [(Condition::AMBIENT_HIGH, Severity::Info), (Condition::GATEWAY_OFFLINE, Severity::Info)];
        assert_eq!(all, expect);
        severities.set(Condition::GATEWAY_OFFLINE, Severity::Warning).unwrap();
        severities.set(Condition::AMBIENT_HIGH, Severity::Warning).unwrap();
        assert!(severities.is_empty());
    }

    #[test]
    fn who_manages_an_inverter_says_it_and_of_several_the_most() {
        let (ours, theirs, third) = (OrganizationKey(1), OrganizationKey(2), OrganizationKey(3));
        let (heat, silence) = (Condition::AMBIENT_HIGH, Condition::GATEWAY_OFFLINE);
        let all = BTreeMap::from([
            (ours, said(&[(heat, Severity::Info), (silence, Severity::Critical)])),
            (theirs, said(&[(heat, Severity::Critical)])),
        ]);
        let grant = |holder, inverter, role, ends| Grant {
            holder: Holder::Organization(holder),
            inverter: InverterKey(inverter),
            role,
            ends,
        };
        let (manages, looks) = (Role::ReadWrite, Role::ReadOnly);
        let grants = [
            grant(ours, 1, manages, None),
            grant(ours, 2, manages, None),
            grant(theirs, 2, manages, None),
            // Who only looks says nothing.
            grant(ours, 3, looks, None),
            // A grant that ended says nothing any more.
            grant(ours, 4, manages, Some(NOW)),
            // Who manages along and says nothing is not quieted by the other.
            grant(ours, 5, manages, None),
            grant(third, 5, manages, None),
        ];
        let counts = on_inverters(&grants, &all, NOW);
        let of = |inverter, condition| counts.get(&InverterKey(inverter)).and_then(|all| all.of(condition));
        assert_eq!((of(1, heat), of(1, silence)), (Some(Severity::Info), Some(Severity::Critical)));
        assert_eq!((of(2, heat), of(2, silence)), (Some(Severity::Critical), Some(Severity::Critical)));
        assert_eq!((of(3, heat), of(4, heat)), (None, None));
        assert_eq!((of(5, heat), of(5, silence)), (None, Some(Severity::Critical)));
        let before = on_inverters(&grants, &all, NOW.plus_ms(-1));
        assert_eq!(before[&InverterKey(4)].of(heat), Some(Severity::Info));
    }
}
