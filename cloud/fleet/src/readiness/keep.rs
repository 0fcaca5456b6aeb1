//! Which evidence is kept where there is more than a snapshot should hold.
//!
//! In: evidence in order, one piece more. Out: at most [`MOST_EVIDENCE`] of them. Two questions share them: how long the battery holds, which
//! few long discharges answer, and whether lamps are lost, which needs the loads of the last tests however short they were.

use super::evidence::{Evidence, Kind};
use super::lamps;

/// Pieces of evidence kept.
pub(super) const MOST_EVIDENCE: usize = 24;
/// Outages go first while there are more: where power fails often they would crowd out the tests of years.
const MOST_OUTAGES: usize = 4;
/// What says nothing of the whole goes before what says anything, as a deviation.
const TELLS_NOTHING: f32 = 9.0;

/// Adds a piece of evidence to others, oldest first. Where they are too many one goes: of what may go that which tells least of the whole,
/// of equals the oldest.
pub(super) fn keep(all: &mut Vec<Evidence>, new: Evidence) {
    all.push(new);
    all.sort_by_key(|one| one.at);
    if all.len() > MOST_EVIDENCE
        && let Some(place) = spare(all)
    {
        all.remove(place);
    }
}

/// The place of the one that goes: never the newest, and of the tests none that lamps are judged by.
fn spare(all: &[Evidence]) -> Option<usize> {
    let outages = all.iter().filter(|one| one.kind == Kind::Outage).count();
    let lately = all.iter().rev().filter(|one| one.kind != Kind::Outage).nth(lamps::COMPARED - 1);
    let may_go = |one: &Evidence| {
        one.kind == Kind::Outage
            || (outages <= MOST_OUTAGES && lately.is_some_and(|lately| one.at < lately.at))
    };
    let (_, older) = all.split_last()?;
    let least = |one: &Evidence| one.whole.map_or(TELLS_NOTHING, |(_, sigma)| sigma);
    let spare = older.iter().enumerate().rev().filter(|(_, one)| may_go(one));
    spare.max_by(|a, b| least(a.1).total_cmp(&least(b.1))).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::evidence::End;
    use crate::readiness::lamps::{Lamps, lamps};
    use crate::readiness::moment::{Load, Unit};
    use wire::UtcMs;
    use wire::time::DAY_MS;

    fn one(day: i64, kind: Kind, load: f32, sigma: Option<f32>) -> Evidence {
        let load = Load { value: load, unit: Unit::Watt };
        Evidence {
            kind,
            at: UtcMs(day * DAY_MS),
            length_s: 30.0,
            end: End::Over,
            charge: Some(1.0),
            load,
            load_mean: load.value,
            celsius: None,
            end_cell_v: 2.0,
            whole: sigma.map(|sigma| (8.7, sigma)),
        }
    }

    fn count(all: &[Evidence], kind: Kind) -> usize {
        all.iter().filter(|one| one.kind == kind).count()
    }

    #[test]
    fn lost_lamps_are_told_however_many_long_outages_there_were() {
        let mut all = Vec::new();
        for outage in 0..40 {
            keep(&mut all, one(outage, Kind::Outage, 6_100.0, Some(0.02)));
        }
        assert_eq!(all.len(), MOST_EVIDENCE);
        for month in 0..8_i64 {
            keep(&mut all, one(100 + 30 * month, Kind::Monthly, 6_100.0, None));
            assert_eq!(
                all.last().map(|one| one.kind),
                Some(Kind::Monthly),
                "the newest is never the one to go"
            );
            keep(&mut all, one(110 + 30 * month, Kind::Outage, 6_100.0, Some(0.02)));
        }
        assert_eq!(lamps(&all), Lamps::Steady);
        keep(&mut all, one(400, Kind::Monthly, 5_400.0, None));
        assert!(matches!(lamps(&all), Lamps::Fault(_)), "{:?}", lamps(&all));
    }

    #[test]
    fn years_of_long_tests_stay_beside_the_tests_that_lamps_are_judged_by() {
        let mut all = Vec::new();
        for month in 0..96 {
            let (kind, sigma) =
                if month % 12 == 0 { (Kind::Annual, Some(0.03)) } else { (Kind::Monthly, None) };
            keep(&mut all, one(month * 30, kind, 6_100.0, sigma));
            keep(&mut all, one(month * 30 + 5, Kind::Outage, 6_100.0, Some(0.02)));
        }
        assert_eq!(all.len(), MOST_EVIDENCE);
        assert_eq!(count(&all, Kind::Annual), 8, "each of eight years");
        assert_eq!(
            all.iter().filter(|one| one.kind != Kind::Outage && one.at.0 >= 83 * 30 * DAY_MS).count(),
            13
        );
        // A backlog tells of one from long ago.
        keep(&mut all, one(3, Kind::Outage, 6_100.0, None));
        assert!(all.len() == MOST_EVIDENCE && all.iter().all(|one| one.at != UtcMs(3 * DAY_MS)));
    }
}
