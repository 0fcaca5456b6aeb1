//! What can be said of a battery at this moment, from all that is known of it.
//!
//! In: an inverter's state, how long it must hold. Out: an [`Outlook`]: estimates for the load and the temperature now, whether that protects,
//! and where nothing can be said, why. One function for pages, the API and alarms.

use wire::{Condition as Own, Flag, Quantity, UtcMs};

use super::estimate::{Basis, Estimate, estimate};
use super::moment::Moment;
use super::protection::{Faults, Protection, protection};
use super::state::Readiness;
use crate::alarm::STALE_MS;
use crate::inverter::InverterState;

/// What can be said now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Whether the lights are protected; `None` while the battery feeds them: then the countdown says it.
    pub protection: Option<Protection>,
    /// With the charge that it has now; `None` while the battery feeds.
    pub now: Option<Estimate>,
    /// With a full battery.
    pub full: Option<Estimate>,
    /// Share of a full charge, 0 to 1: as counted, or by the inverter's own gauge where that says less. `None`: nobody knows; taken as full.
    pub charge: Option<f32>,
    /// It charges, and is full in so many seconds.
    pub full_in_s: Option<f32>,
    /// Why there is no estimate.
    pub why: Option<Why>,
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its battery voltage is not told: nothing can be based on that.
    NoVoltage,
    /// No test and no outage was seen, of those that may be used.
    NoTest,
    /// Those that were seen were too short to tell.
    TooShort,
    /// The battery was not full when they began.
    NotCharged,
    /// They tell too little about the load and the temperature now.
    Uncertain,
}

/// From here on it counts as full, share.
const FULL: f32 = 0.97;

/// Faults that keep it from feeding the load, and from charging the battery.
const CANNOT_FEED: [Own; 5] = [
    Own::INVERTER_FAULT,
    Own::OUTPUT_FAULT,
    Own::OVERLOAD_SHUTDOWN,
    Own::OUTPUT_BREAKER,
    Own::INVERTER_OVERTEMP,
];
const CANNOT_CHARGE: [Own; 1] = [Own::CHARGER_FAULT];

/// Looks at what is known.
#[must_use]
pub fn outlook(state: &InverterState, required_minutes: u32, now: UtcMs) -> Outlook {
    let readiness = &state.readiness;
    let moment = question(state);
    let full = moment.and_then(|moment| estimate(&readiness.evidence, &moment, 1.0));
    let feeds = state.on_battery_since.is_some() || state.testing(now);
    let charge = charge(state);
    let share = charge.filter(|share| *share < FULL);
    let charged = full.filter(|_| !feeds).map(|full| part(full, share.map_or(1.0, f64::from)));
    let full_in_s = readiness.charge.full_in_s().filter(|_| !feeds && charges(state));
    let judged = || {
        protection(
            full.as_ref(),
            charged.as_ref(),
            f64::from(required_minutes) * 60.0,
            full_in_s,
            faults(state),
        )
    };
    Outlook {
        protection: (!feeds).then(judged),
        now: charged,
        full,
        charge,
        full_in_s,
        why: full.is_none().then(|| why(state, readiness)),
    }
}

/// The lower of what was counted and what the inverter's own gauge says: a battery that nobody charges loses what no discharge shows.
fn charge(state: &InverterState) -> Option<f32> {
    let newest = state.last_reading?;
    let told = state.value(Quantity::BATTERY_CHARGE).filter(|(_, time)| newest.since(*time) <= STALE_MS);
    #[expect(clippy::cast_possible_truncation, reason = "percent")]
    let gauge =
        told.map(|(percent, _)| (Quantity::BATTERY_CHARGE.to_f64(percent) / 100.0).clamp(0.0, 1.0) as f32);
    let counted = state.readiness.charge.share();
    match (counted, gauge) {
        (Some(counted), Some(gauge)) => Some(counted.min(gauge)),
        (counted, gauge) => counted.or(gauge),
    }
}

/// The load and the temperature now. Where no load is told with utility power there, it is taken as in the last discharge.
fn question(state: &InverterState) -> Option<Moment> {
    let moment = Moment::known(state)?;
    let before = || state.readiness.evidence.iter().rev().find(|one| one.whole.is_some()).map(|one| one.load);
    Some(Moment { load: moment.load.or_else(before), ..moment })
}

/// Of a full battery, a share.
fn part(full: Estimate, share: f64) -> Estimate {
    let basis = Basis { charge: share, ..full.basis };
    Estimate { seconds: full.seconds * share, low_s: full.low_s * share, high_s: full.high_s * share, basis }
}

/// It says that it charges, or where it says nothing of that, current goes in.
pub(crate) fn charges(state: &InverterState) -> bool {
    state
        .flag(Flag::BatteryCharging)
        .unwrap_or_else(|| state.value(Quantity::BATTERY_CURRENT).is_some_and(|(current, _)| current > 0))
}

fn faults(state: &InverterState) -> Faults {
    let any = |all: &[Own]| all.iter().any(|own| state.condition(*own) == Some(true));
    Faults { cannot_feed: any(&CANNOT_FEED), cannot_charge: any(&CANNOT_CHARGE) }
}

fn why(state: &InverterState, readiness: &Readiness) -> Why {
    let told = readiness.evidence.iter().filter(|one| one.whole.is_some());
    let charged = |charge: Option<f32>| charge.is_none_or(|charge| charge >= super::evidence::FULL);
    if state.value(Quantity::BATTERY_VOLTAGE).is_none() {
        Why::NoVoltage
    } else if readiness.evidence.is_empty() {
        Why::NoTest
    } else if told.clone().next().is_none() {
        Why::TooShort
    } else if !told.clone().any(|one| charged(one.charge)) {
        Why::NotCharged
    } else {
        Why::Uncertain
    }
}
