//! Lamps that are out, by the load of one test against those before.
//!
//! In: evidence of tests. Out: [`Lamps`]. Outages are not compared: they come at any hour, tests come at theirs.

use super::evidence::{Evidence, Kind};

/// Share of the load whose loss is a fault, and whose loss is worth a look: a tenth and a twentieth of the lamps, less what the load's own
/// noise may hide of it.
pub const FAULT: f32 = 0.08;
/// See [`FAULT`].
pub const WARNING: f32 = 0.035;
/// Tests that the last one is compared with, and how many there must be. A loss is told of until it is in half of them: half a year, where
/// tests are monthly.
const MOST_BEFORE: usize = 12;
const LEAST_BEFORE: usize = 2;
/// Tests whose loads are looked at: the last one and those before.
pub(super) const COMPARED: usize = MOST_BEFORE + 1;

/// What the load of the last test says of the lamps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lamps {
    /// Fewer than three tests with a load in one unit.
    Unknown,
    /// As before.
    Steady,
    /// This share of the load is missing: some lamps may be out.
    Warning(f32),
    /// This share is missing: lamps are out.
    Fault(f32),
}

/// Compares the last test with the median of those before it.
#[must_use]
pub fn lamps(evidence: &[Evidence]) -> Lamps {
    let mut tests = evidence.iter().rev().filter(|one| one.kind != Kind::Outage);
    let Some(last) = tests.next() else { return Lamps::Unknown };
    let same = tests.filter(|one| one.load.unit == last.load.unit);
    let mut before: Vec<f32> = same.take(MOST_BEFORE).map(|one| one.load_mean).collect();
    before.sort_by(f32::total_cmp);
    let usual = before.get(before.len() / 2).filter(|_| before.len() >= LEAST_BEFORE);
    let Some(usual) = usual.filter(|usual| **usual > 0.0) else { return Lamps::Unknown };
    let lost = 1.0 - last.load_mean / usual;
    match lost {
        _ if lost >= FAULT => Lamps::Fault(lost),
        _ if lost >= WARNING => Lamps::Warning(lost),
        _ => Lamps::Steady,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::evidence::End;
    use crate::readiness::moment::{Load, Unit};
    use wire::UtcMs;

    fn of(loads: &[(Kind, f32)]) -> Lamps {
        let evidence: Vec<Evidence> = loads
            .iter()
            .map(|(kind, load_mean)| Evidence {
                kind: *kind,
                at: UtcMs(0),
                length_s: 30.0,
                end: End::Over,
                charge: None,
                load: Load { value: *load_mean, unit: Unit::Watt },
                load_mean: *load_mean,
                celsius: None,
                end_cell_v: 2.0,
                whole: None,
            })
            .collect();
        lamps(&evidence)
    }

    #[test]
    fn a_tenth_less_is_a_fault_and_a_twentieth_a_warning() {
        use Kind::{Monthly, Outage};
        assert_eq!(of(&[(Monthly, 100.0), (Monthly, 90.0)]), Lamps::Unknown);
        assert_eq!(of(&[(Monthly, 100.0), (Monthly, 101.0), (Monthly, 98.0)]), Lamps::Steady);
        assert!(matches!(of(&[(Monthly, 100.0), (Monthly, 101.0), (Monthly, 94.0)]), Lamps::Warning(_)));
        assert!(matches!(of(&[(Monthly, 100.0), (Monthly, 100.0), (Monthly, 89.0)]), Lamps::Fault(_)));
        assert_eq!(of(&[(Monthly, 100.0), (Monthly, 100.0), (Monthly, 99.0), (Outage, 70.0)]), Lamps::Steady);
    }
}
