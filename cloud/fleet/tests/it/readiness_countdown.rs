//! The countdown on battery, by the share of the discharge that has passed: after an annual test, and without one.

use fleet::readiness::{Readiness, countdown};
use simulator::model::population::SEED;
use wire::TestKind;

use crate::readiness_rig::{Site, all, quantile};
use crate::readiness_runtime::{QUICK, number};

const SHARES: [f64; 6] = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9];

/// Errors at them that 95 % of all stay below.
const MOST: [f64; SHARES.len()] = [0.10, 0.11, 0.11, 0.105, 0.09, 0.06];
/// No countdown goes up by more within a minute while the load stays, as a share of the whole.
const MOST_RISE: f64 = 0.03;
/// A countdown is followed minute by minute in one of so many discharges.
const FOLLOWED: u64 = 5;

/// What was said in one discharge.
struct Said {
    /// Error of the time left as a share of the whole, at each of [`SHARES`]; and whether the interval had it.
    at: [Option<(f64, bool)>; SHARES.len()],
    /// The most that it ever went up within a minute, as a share of the whole.
    rise: Option<f64>,
}

fn play(case: u64, tested: bool) -> Said {
    let mut site = Site::new(number("READINESS_SEED", SEED), case);
    if tested {
        site.test(TestKind::Annual);
    } else {
        let bank = site.readiness.bank;
        site.readiness = Readiness { bank, ..Readiness::default() };
    }
    site.later();
    let truth_s =
        Site { inverter: site.inverter.clone(), case: site.case.clone(), ..Site::new(SEED, 0) }.outage_s();
    let mut said = Said { at: [None; SHARES.len()], rise: None };
    let (mut next, mut before) = (0, None);
    site.outage(|site, moment, passed_s| {
        if SHARES.get(next).is_some_and(|share| passed_s >= share * truth_s) {
            said.at[next] = countdown(&site.readiness, moment).map(|said| {
                let left_s = truth_s - passed_s;
                ((said.left_s - left_s).abs() / truth_s, (said.low_s..=said.high_s).contains(&left_s))
            });
            next += 1;
        }
        if case.is_multiple_of(FOLLOWED) && passed_s % 60.0 < 0.5 {
            let now = countdown(&site.readiness, moment).map(|said| said.left_s);
            if let (Some(now), Some(before)) = (now, before) {
                said.rise = Some(f64::max(said.rise.unwrap_or(f64::NEG_INFINITY), (now - before) / truth_s));
            }
            before = now;
        }
    });
    said
}

/// At each of [`SHARES`]: share of batteries, median error, its 95 % point, share within the interval; and the most that a countdown rose.
fn figures(tested: bool) -> (Vec<(f64, f64, f64, f64)>, f64) {
    let outcomes = all(number("READINESS_SIZE", QUICK) / 2, |case| play(case, tested));
    let at = |index: usize| {
        let said: Vec<(f64, bool)> = outcomes.iter().filter_map(|one| one.at[index]).collect();
        let errors: Vec<f64> = said.iter().map(|(error, _)| *error).collect();
        let covered = said.iter().filter(|(_, covered)| *covered).count() as f64 / said.len().max(1) as f64;
        (said.len() as f64 / outcomes.len() as f64, quantile(&errors, 0.5), quantile(&errors, 0.95), covered)
    };
    let figures: Vec<_> = (0..SHARES.len()).map(at).collect();
    for (share, (said, median, p95, covered)) in SHARES.iter().zip(&figures) {
        if *said == 0.0 {
            println!("without a test, at {:.0} % of the discharge: nothing said", 100.0 * share);
            continue;
        }
        println!(
            "{} {:.0} % of the discharge: said {:.0} %, error of the whole median {:.1} %, p95 {:.1} %, interval covers {:.0} %",
            if tested { "after an annual test, at" } else { "without a test, at" },
            100.0 * share,
            100.0 * said,
            100.0 * median,
            100.0 * p95,
            100.0 * covered
        );
    }
    let rises: Vec<f64> = outcomes.iter().filter_map(|one| one.rise).collect();
    println!(
        "of {} countdowns followed by the minute: went up within a minute by {:.2} % of the whole at most (median), {:.2} % (worst)",
        rises.len(),
        100.0 * quantile(&rises, 0.5),
        100.0 * quantile(&rises, 1.0)
    );
    (figures, quantile(&rises, 1.0))
}

#[test]
fn the_countdown_comes_nearer_as_the_discharge_unfolds() {
    let (tested, rise) = figures(true);
    assert!(tested.iter().all(|(said, ..)| *said >= 0.95), "after a test it counts from the first reading");
    for ((share, most), (_, _, p95, covered)) in SHARES.iter().zip(MOST).zip(&tested) {
        assert!(*p95 <= most && *covered >= 0.85, "at {share}: {tested:?}");
    }
    assert!(tested[5].1 <= 0.02, "{tested:?}");
    assert!(rise <= MOST_RISE, "{rise}");
    let (alone, rise) = figures(false);
    assert!(alone[0].0 == 0.0 && alone[5].0 >= 0.95, "without one it waits for the curve: {alone:?}");
    assert!(alone[5].2 <= 0.08 && rise <= MOST_RISE, "{alone:?} {rise}");
}
