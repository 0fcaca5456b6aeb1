//! Whether the lights are protected now.
//!
//! In: what would hold, what is required, how full it is, faults. Out: a [`Protection`]. Nothing known is Unknown, never Protected.

use super::estimate::Estimate;

/// Whether the lights are protected now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Protection {
    /// There is no basis to say.
    Unknown,
    /// Even the lower end of the interval holds the required time.
    Protected,
    /// It would hold when full, and is charging; full in so many seconds, where that can be said.
    Recharging {
        /// Seconds until it is full.
        full_in_s: Option<f32>,
    },
    /// It may fall short: the interval reaches below the required time, or the battery cannot be charged.
    Degraded,
    /// It falls short even at the upper end of the interval, or cannot feed the load at all.
    Unprotected,
}

/// What the inverter itself says is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// It could not feed the load: inverter or output fault, output breaker, shut down, too hot.
    pub cannot_feed: bool,
    /// It cannot charge the battery.
    pub cannot_charge: bool,
}

/// Judges. `full` is the estimate for a full battery and `now` that for the present charge; `full_in_s` as counted.
#[must_use]
pub fn protection(
    full: Option<&Estimate>,
    now: Option<&Estimate>,
    required_s: f64,
    full_in_s: Option<f32>,
    faults: Faults,
) -> Protection {
    if faults.cannot_feed {
        return Protection::Unprotected;
    }
    let (Some(full), Some(now)) = (full, now) else { return Protection::Unknown };
    match (against(full, required_s), against(now, required_s)) {
        (_, Protection::Protected) if faults.cannot_charge => Protection::Degraded,
        (Protection::Protected, Protection::Protected) => Protection::Protected,
        (Protection::Protected, _) if full_in_s.is_some() && !faults.cannot_charge => {
            Protection::Recharging { full_in_s }
        }
        (_, state) => state,
    }
}

fn against(estimate: &Estimate, required_s: f64) -> Protection {
    if estimate.low_s >= required_s {
        Protection::Protected
    } else if estimate.high_s < required_s {
        Protection::Unprotected
    } else {
        Protection::Degraded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::Basis;
    use crate::readiness::evidence::{End, Evidence, Kind};
    use crate::readiness::moment::{Load, Unit};
    use wire::UtcMs;

    fn estimate(minutes: f64) -> Estimate {
        let load = Load { value: 6_100.0, unit: Unit::Watt };
        let evidence = Evidence {
            kind: Kind::Annual,
            at: UtcMs(0),
            length_s: 5_400.0,
            end: End::Over,
            charge: Some(1.0),
            load,
            load_mean: load.value,
            celsius: None,
            end_cell_v: 1.9,
            whole: None,
        };
        let seconds = minutes * 60.0;
        let basis = Basis { evidence, load, celsius: None, charge: 1.0 };
        Estimate { seconds, low_s: 0.93 * seconds, high_s: 1.07 * seconds, basis }
    }

    #[test]
    fn what_is_not_known_is_not_protected_and_a_fault_outweighs_minutes() {
        fn check(
            full: Option<f64>,
            now: Option<f64>,
            full_in_s: Option<f32>,
            faults: Faults,
            expect: Protection,
        ) {
            let (full, now) = (full.map(estimate), now.map(estimate));
            let found = protection(full.as_ref(), now.as_ref(), 5_400.0, full_in_s, faults);
            assert_eq!(found, expect, "{full:?} {now:?} {faults:?}");
        }
        let none = Faults::default();
        let charger = Faults { cannot_charge: true, ..none };
        let hour = Some(3_600.0);
        check(None, None, None, none, Protection::Unknown);
        check(Some(104.0), Some(104.0), None, none, Protection::Protected);
        check(Some(92.0), Some(92.0), None, none, Protection::Degraded);
        check(Some(61.0), Some(61.0), None, none, Protection::Unprotected);
        check(Some(104.0), Some(50.0), hour, none, Protection::Recharging { full_in_s: hour });
        check(Some(104.0), Some(50.0), None, none, Protection::Unprotected);
        check(Some(104.0), Some(50.0), hour, charger, Protection::Unprotected);
        check(Some(104.0), Some(104.0), None, charger, Protection::Degraded);
        check(Some(61.0), Some(30.0), hour, none, Protection::Unprotected);
        check(Some(200.0), Some(200.0), None, Faults { cannot_feed: true, ..none }, Protection::Unprotected);
    }
}
