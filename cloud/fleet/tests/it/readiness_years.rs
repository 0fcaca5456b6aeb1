//! Issue 6: batteries over years. When 90 minutes will no longer hold, told from the annual tests before; lamps that go out, told from
//! the monthly ones; and how often that is a false alarm.

use fleet::readiness::{Kind, Lamps, Moment, Readiness, Source, forecast, lamps};
use simulator::model::population::{self, SEED};
use simulator::model::{Inverter, Mode, Off, Parameters};
use wire::{Serial, TestKind, UtcMs};

use crate::readiness_rig::{START, all, quantile};
use crate::readiness_runtime::{QUICK, number};

const YEAR_MS: f64 = 31_557_600_000.0;
const REQUIRED_S: f64 = 5_400.0;
/// Years that are looked at, and after how many a forecast is asked for the first time.
const YEARS: u32 = 12;
const FIRST: u32 = 2;

/// A battery at one site, by its age in years.
struct Aged {
    parameters: Parameters,
    /// Years of age that one year brings: warm ones age faster.
    faster: f64,
}

impl Aged {
    fn inverter(&self, years: f64) -> Inverter {
        let age_years = self.parameters.age_years + years * self.faster;
        Inverter::new(Parameters { age_years, ..self.parameters.clone() })
    }

    /// Seconds that it holds.
    fn holds_s(&self, years: f64) -> f64 {
        let mut inverter = self.inverter(years);
        inverter.set_mains(0.0);
        let mut passed_s = 0.0;
        while inverter.mode() != Mode::Off(Off::Empty) && passed_s < 40_000.0 {
            inverter.step(5.0);
            passed_s += 5.0;
        }
        passed_s
    }

    /// When it no longer holds the required time, years; a battery that never does within [`YEARS`] gives none.
    fn crosses(&self) -> Option<f64> {
        let (mut low, mut high) = (0.0, f64::from(YEARS) + 6.0);
        if self.holds_s(low) < REQUIRED_S || self.holds_s(high) >= REQUIRED_S {
            return None;
        }
        for _ in 0..7 {
            let middle = f64::midpoint(low, high);
            if self.holds_s(middle) >= REQUIRED_S { low = middle } else { high = middle }
        }
        Some(f64::midpoint(low, high))
    }
}

fn at(years: f64) -> UtcMs {
    START.plus_ms((years * YEAR_MS) as i64)
}

/// The test of a year, read each ten seconds.
fn test(readiness: &mut Readiness, inverter: &mut Inverter, from: UtcMs, kind: TestKind) -> Moment {
    let told = if kind == TestKind::Annual { Kind::Annual } else { Kind::Monthly };
    let pace_s = if kind == TestKind::Annual { 10.0 } else { 2.0 };
    let mut now = from;
    for _ in 0..3 {
        inverter.step(10.0);
        now = now.plus_ms(10_000);
        readiness.take(&moment(inverter, now), None);
    }
    let before = moment(inverter, now);
    inverter.start_test(kind).unwrap();
    while inverter.mode() == Mode::Test {
        inverter.step(pace_s);
        now = now.plus_ms((pace_s * 1000.0) as i64);
        readiness.take(&moment(inverter, now), Some(told));
    }
    before
}

fn moment(inverter: &mut Inverter, at: UtcMs) -> Moment {
    let source = match inverter.mode() {
        Mode::Line => Source::Line,
        Mode::Test => Source::Test,
        Mode::Battery => Source::Outage,
        Mode::Off(_) => Source::Nothing,
    };
    Moment::read(&inverter.observe().sample, at, source)
}

/// Years until it no longer holds, and what was forecast: most likely, at the earliest.
struct Asked {
    truth: f64,
    likely: Option<f64>,
    earliest: Option<f64>,
}

/// A forecast after each annual test from the third on, until the required time no longer holds.
fn ask(case: u64) -> Vec<Asked> {
    let case = population::case(Serial::parse("2311-00421").unwrap(), number("READINESS_SEED", SEED), case);
    let faster = ((case.test_c - 25.0) / 10.0).exp2();
    let parameters = Parameters { age_years: case.parameters.age_years / 3.0, ..case.parameters };
    let battery = Aged { parameters, faster };
    let Some(truth) = battery.crosses() else { return vec![] };
    let (mut readiness, mut asked) = (Readiness::default(), vec![]);
    for year in 0..YEARS {
        let years = f64::from(year);
        if years >= truth {
            break;
        }
        let now = at(years);
        let before = test(&mut readiness, &mut battery.inverter(years), now, TestKind::Annual);
        if year < FIRST {
            continue;
        }
        let load = before.load.unwrap();
        let found = forecast(&readiness.evidence, load, before.celsius, REQUIRED_S, now);
        let ahead = |at: Option<UtcMs>| at.map(|at| at.since(now) as f64 / YEAR_MS);
        asked.push(Asked {
            truth: truth - years,
            likely: found.and_then(|found| ahead(found.at)),
            earliest: found.and_then(|found| ahead(found.earliest)),
        });
    }
    asked
}

#[test]
fn annual_tests_tell_when_ninety_minutes_no_longer_hold() {
    let asked: Vec<Asked> = all(number("READINESS_SIZE", QUICK) / 4, ask).into_iter().flatten().collect();
    let bounds = [
        ("within a year", 0.0, 1.0, 0.3, 1.0),
        ("in 1 to 2 years", 1.0, 2.0, 0.6, 1.4),
        ("in 2 to 4 years", 2.0, 4.0, 0.8, 1.8),
    ];
    for (name, from, to, median, p95) in bounds {
        let of: Vec<&Asked> = asked.iter().filter(|one| (from..to).contains(&one.truth)).collect();
        let errors: Vec<f64> = of.iter().filter_map(|one| Some(one.likely? - one.truth)).collect();
        let away: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
        let warned =
            of.iter().filter(|one| one.earliest.is_some_and(|earliest| earliest <= one.truth)).count();
        println!(
            "it no longer holds {name}: {} asked, a date for {}; off by {:.1} years (median), {:.1} (95 %), leaning {:+.1}; the earliest was no later for {warned}",
            of.len(),
            errors.len(),
            quantile(&away, 0.5),
            quantile(&away, 0.95),
            quantile(&errors, 0.5)
        );
        assert!(of.len() >= 5, "{name}: too few to say");
        assert!(quantile(&away, 0.5) <= median && quantile(&away, 0.95) <= p95, "{name}");
        assert!(warned as f64 >= 0.75 * of.len() as f64, "{name}: told too late");
    }
}

/// Tests monthly for years at one site; after each, what the lamps are said to be. `lost`: from that month on so much of the load is gone.
fn months(site: u64, months: u32, lost: Option<(u32, f64)>) -> Vec<Lamps> {
    let serial = Serial::parse("2311-00421").unwrap();
    let case = population::case(serial, number("READINESS_SEED", SEED), site);
    let mut said = vec![];
    let mut readiness = Readiness::default();
    let share = case.parameters.typical_load;
    for month in 0..months {
        // Tests come at the hour that the inverter keeps, give or take: the day's shape is in the load.
        let seed = case.parameters.seed.wrapping_mul(1_000).wrapping_add(u64::from(month));
        let left = lost.filter(|(from, _)| month >= *from).map_or(1.0, |(_, lost)| 1.0 - lost);
        let parameters =
            Parameters { seed, typical_load: share * left, monthly_s: 30.0, ..case.parameters.clone() };
        let mut inverter = Inverter::new(parameters);
        inverter.step(f64::from(month * 7 % 5) * 600.0);
        test(
            &mut readiness,
            &mut inverter,
            START.plus_ms(i64::from(month) * 30 * 86_400_000),
            TestKind::Monthly,
        );
        said.push(lamps(&readiness.evidence));
    }
    said
}

#[test]
fn lamps_that_go_out_are_told_at_the_next_test_and_noise_is_not() {
    let sites = number("READINESS_SIZE", QUICK) / 4;
    let years = 3;
    let quiet = all(sites, |site| months(site, 12 * years, None));
    let count = |wanted: fn(&Lamps) -> bool| quiet.iter().flatten().filter(|lamps| wanted(lamps)).count();
    let warnings = count(|lamps| matches!(lamps, Lamps::Warning(_)));
    let faults = count(|lamps| matches!(lamps, Lamps::Fault(_)));
    println!(
        "lamps: over {} inverter-years without a loss {warnings} tests warned and {faults} told a fault",
        sites * u64::from(years)
    );
    assert_eq!((warnings, faults), (0, 0));
    for (name, lost, fault) in [("a tenth", 0.10, true), ("a twentieth", 0.05, false)] {
        let after = all(sites, |site| months(site, 12, Some((6, lost))));
        let told = |lamps: &Lamps| {
            if fault { matches!(lamps, Lamps::Fault(_)) } else { matches!(lamps, Lamps::Warning(_)) }
        };
        let at_once = after.iter().filter(|said| told(&said[6])).count();
        let stays = after.iter().filter(|said| said[6..10].iter().all(told)).count();
        println!(
            "lamps: {name} of the load gone: told at the next test for {at_once} of {sites}, and at the three after it for {stays}"
        );
        let (at_once, stays) = (at_once as f64 / sites as f64, stays as f64 / sites as f64);
        assert!(at_once >= if fault { 1.0 } else { 0.95 } && stays >= 0.95, "{name}");
    }
}
