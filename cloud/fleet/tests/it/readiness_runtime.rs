//! Issue 6, show a: the error of the predicted runtime over the frozen population of 1,000 batteries.
//!
//! `READINESS_SIZE=1000` plays them all, `READINESS_SEED=n` draws another population.

use fleet::readiness::estimate::estimate;
use simulator::model::population::SEED;
use wire::TestKind;

use crate::readiness_rig::{Site, all, quantile};

/// Played where nothing is said: the first of the thousand, so that a run takes seconds.
pub const QUICK: u64 = 120;

struct Outcome {
    truth_s: f64,
    said: Option<(f64, f64, f64)>,
}

pub fn number(name: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test may be told to draw others")]
    let told = std::env::var(name).ok().and_then(|text| text.parse().ok());
    told.unwrap_or(otherwise)
}

fn play(kind: &TestKind, number_of_case: u64) -> Outcome {
    let mut site = Site::new(number("READINESS_SEED", SEED), number_of_case);
    let evidence = site.test(kind.clone());
    assert!(evidence.is_some(), "the test of {number_of_case} was not taken");
    site.later();
    let moment = site.moment();
    let said = estimate(&site.readiness.evidence, &moment, 1.0);
    Outcome { truth_s: site.outage_s(), said: said.map(|said| (said.seconds, said.low_s, said.high_s)) }
}

struct Figures {
    said: f64,
    median: f64,
    p95: f64,
    bias: f64,
    covered: f64,
    width: f64,
}

fn figures(name: &str, outcomes: &[Outcome]) -> Figures {
    let said: Vec<_> = outcomes.iter().filter_map(|one| Some((one.truth_s, one.said?))).collect();
    let errors: Vec<f64> = said.iter().map(|(truth, (s, _, _))| (s / truth - 1.0).abs()).collect();
    let signed: Vec<f64> = said.iter().map(|(truth, (s, _, _))| s / truth - 1.0).collect();
    let covered = said.iter().filter(|(truth, (_, low, high))| (low..=high).contains(&truth)).count();
    let widths: Vec<f64> = said.iter().map(|(_, (s, low, high))| (high - low) / 2.0 / s).collect();
    let truths: Vec<f64> = outcomes.iter().map(|one| one.truth_s / 60.0).collect();
    let figures = Figures {
        said: said.len() as f64 / outcomes.len() as f64,
        median: quantile(&errors, 0.5),
        p95: quantile(&errors, 0.95),
        bias: quantile(&signed, 0.5),
        covered: covered as f64 / said.len().max(1) as f64,
        width: quantile(&widths, 0.5),
    };
    if said.is_empty() {
        println!("{name}: {} batteries, nothing said of any", outcomes.len());
        return figures;
    }
    println!(
        "{name}: {} batteries holding {:.0} to {:.0} min (5 to 95 %): a number for {:.1} %; error median {:.1} %, p95 {:.1} %, worst {:.1} %, bias {:+.1} %; interval covers {:.1} %, ±{:.1} % wide at the median",
        outcomes.len(),
        quantile(&truths, 0.05),
        quantile(&truths, 0.95),
        100.0 * figures.said,
        100.0 * figures.median,
        100.0 * figures.p95,
        100.0 * quantile(&errors, 1.0),
        100.0 * figures.bias,
        100.0 * figures.covered,
        100.0 * figures.width
    );
    figures
}

#[test]
fn after_one_annual_test_the_runtime_is_known() {
    let outcomes = all(number("READINESS_SIZE", QUICK), |n| play(&TestKind::Annual, n));
    let figures = figures("after one annual test", &outcomes);
    // A few scatter more than a thousand.
    let few = if outcomes.len() < 1000 { 1.25 } else { 1.0 };
    assert!(figures.said >= 0.95 && figures.median <= 0.03 * few && figures.p95 <= 0.08 * few);
    assert!(figures.covered >= 0.90 / few && figures.width <= 0.10 * few);
}

#[test]
fn after_monthly_tests_alone_it_is_said_only_where_it_is_known() {
    let outcomes = all(number("READINESS_SIZE", QUICK), |n| play(&TestKind::Monthly, n));
    let figures = figures("after a monthly test alone", &outcomes);
    println!("after a monthly test alone: Unknown for {:.1} %", 100.0 - 100.0 * figures.said);
    // Half an hour at most was seen: it may be that nothing is said of any.
    assert!(figures.said <= 0.10 && (figures.said == 0.0 || figures.p95 <= 0.20));
}
