//! In which way an alarm puts the lights at risk.
//!
//! In: a condition. Out: one of four ways. Severities alone do not tell them apart: a charger that fails, the mains that fail
//! after it and the battery that is empty soon after are all critical, and each is news that must not wait for the next
//! follow-up of the one before. Four ways bound how often one incident may break through.

use minicbor::{Decode, Encode};

use crate::Condition;

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// It would not do its work, or less of it, when it is needed.
    Trouble,
    /// It is needed: the lights are on its battery.
    Outage,
    /// Its battery is getting low.
    Emptying,
    /// The lights that it feeds are out, or about to go out.
    Dark,
}

/// What is not named here is [`Danger::Trouble`].
const DANGERS: [(Condition, Danger); 8] = [
    (Condition::UTILITY_LOST, Danger::Outage),
    (Condition::BATTERY_NEAR_LOW, Danger::Emptying),
    (Condition::BATTERY_LOW, Danger::Dark),
    (Condition::INVERTER_FAULT, Danger::Dark),
    (Condition::OUTPUT_FAULT, Danger::Dark),
    (Condition::OUTPUT_BREAKER, Danger::Dark),
    (Condition::OVERLOAD_SHUTDOWN, Danger::Dark),
    (Condition::INVERTER_OVERTEMP, Danger::Dark),
];

impl Danger {
    /// Of a condition.
    #[must_use]
    pub fn of(condition: Condition) -> Self {
        let named = DANGERS.iter().find(|(named, _)| *named == condition);
        named.map_or(Self::Trouble, |(_, danger)| *danger)
    }
}

/// Some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Dangers(#[n(0)] u8);

impl Dangers {
    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, danger: Danger) -> bool {
        self.0 & (1 << danger as u8) != 0
    }

    /// And this one.
    #[must_use]
    pub const fn and(self, danger: Danger) -> Self {
        Self(self.0 | (1 << danger as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Severity, TABLE};
    use crate::screen::ScreenState;

    #[test]
    fn what_is_no_mere_trouble_is_critical_and_shown_as_such() {
        for definition in TABLE {
            let condition = Condition::from_name(definition.name).unwrap();
            if Danger::of(condition) != Danger::Trouble {
                assert_eq!(definition.severity, Severity::Critical, "{}", definition.name);
                assert!(matches!(definition.screen, ScreenState::OnBattery | ScreenState::Alarm));
            }
        }
    }

    #[test]
    fn each_is_its_own() {
        let all = [Danger::Trouble, Danger::Outage, Danger::Emptying, Danger::Dark];
        for danger in all {
            let only = Dangers::default().and(danger);
            assert_eq!(all.map(|other| only.has(other)), all.map(|other| other == danger));
        }
    }
}
