//! What is kept of tests and outages is the same whether a gateway had contact all the time or lost it now and then and told late.
//!
//! `INVERTER_CONNECT_SILENCES=n` plays so many lives.

use fleet::Record;
use fleet::self_test::{Kind, NFPA_101, grade};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use wire::TestKind;

use crate::discharge_rig::Cabinet;

/// Acts of one life.
const EPISODES: usize = 8;
/// Required of the long test here, seconds: a life shall not take hours.
const LONG_S: f32 = 360.0;

#[derive(Clone, Debug)]
enum Step {
    Play(f64, f64),
    Mains(bool),
    Test(TestKind),
    StopTest,
    Lose,
    Have,
    TellLate,
}

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn lives() -> u64 {
    std::env::var("INVERTER_CONNECT_SILENCES").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// What happens, in steps of a few seconds.
fn life(random: &mut SmallRng) -> Vec<Step> {
    let mut all = vec![];
    let slowly = |all: &mut Vec<Step>, seconds: i32| {
        all.extend((0..seconds / 10).map(|_| Step::Play(10.0, 10.0)));
    };
    let closely = |all: &mut Vec<Step>, seconds: i32| {
        all.extend((0..seconds).map(|_| Step::Play(1.0, 1.0)));
    };
    for _ in 0..EPISODES {
        slowly(&mut all, random.random_range(800..1500));
        match random.random_range(0..6) {
            0 | 1 => {
                all.push(Step::Test(TestKind::Monthly));
                closely(&mut all, 45);
            }
            2 => {
                all.push(Step::Test(TestKind::Annual));
                closely(&mut all, 380);
            }
            3 => {
                all.push(Step::Test(TestKind::Monthly));
                closely(&mut all, random.random_range(8..18));
                all.push(Step::StopTest);
            }
            4 => {
                all.push(Step::Test(TestKind::Monthly));
                closely(&mut all, random.random_range(5..25));
                all.push(Step::Mains(false));
                closely(&mut all, random.random_range(20..200));
                all.push(Step::Mains(true));
            }
            _ => {
                all.push(Step::Mains(false));
                closely(&mut all, random.random_range(20..400));
                all.push(Step::Mains(true));
            }
        }
        closely(&mut all, 30);
    }
    slowly(&mut all, 100);
    all
}

/// The same, with contact that is lost now and then.
fn with_silences(life: &[Step], random: &mut SmallRng) -> Vec<Step> {
    let (mut all, mut left, mut silent, mut owed) = (vec![], random.random_range(20..300), false, false);
    for step in life {
        all.push(step.clone());
        let Step::Play(..) = step else { continue };
        left -= 1;
        if owed && !silent && random.random_bool(0.3) {
            all.push(Step::TellLate);
            owed = false;
        }
        if left == 0 {
            silent = !silent;
            all.push(if silent { Step::Lose } else { Step::Have });
            owed |= !silent;
            left = if silent { random.random_range(3..160) } else { random.random_range(5..300) };
        }
    }
    if silent {
        all.push(Step::Have);
    }
    // The first reading is live, then comes what was kept.
    all.extend([Step::Play(10.0, 10.0), Step::TellLate]);
    all.extend((0..5).map(|_| Step::Play(10.0, 10.0)));
    all
}

fn lived(steps: &[Step]) -> Cabinet {
    let mut cabinet = Cabinet::new(|parameters| {
        parameters.required_minutes = f64::from(LONG_S) / 60.0;
        parameters.rated_minutes = 600.0;
    });
    for step in steps {
        match step {
            Step::Play(seconds, pace_s) => {
                cabinet.play(*seconds, *pace_s);
            }
            Step::Mains(on) => {
                cabinet.mains(*on);
            }
            Step::Test(kind) => {
                // Without utility power, or in another one, it begins none: in either life.
                let _ = cabinet.inverter.start_test(kind.clone());
            }
            Step::StopTest => cabinet.inverter.stop_test(),
            Step::Lose => {
                cabinet.lose_contact();
            }
            Step::Have => {
                cabinet.have_contact();
            }
            Step::TellLate => {
                cabinet.tell_late();
            }
        }
    }
    cabinet
}

/// What shall be the same: what it was, when it began (seconds), how long it lasted, how it went, by whose word.
fn kept(cabinet: &Cabinet) -> Vec<(i64, &'static str, f32, String)> {
    let mut all: Vec<_> = cabinet
        .records
        .iter()
        .map(|record| match record {
            Record::Test(test) => {
                let kind = if test.kind == Kind::Annual { "annual test" } else { "monthly test" };
                let own = test.own.as_ref().map(|own| own.result.clone());
                let how = format!("{:?}, {own:?}", grade(test, &NFPA_101, LONG_S));
                (test.started.0 / 1000, kind, test.length_s, how)
            }
            Record::Outage(outage) => {
                (outage.started.0 / 1000, "outage", outage.length_s, format!("gave up {}", outage.gave_up))
            }
        })
        .collect();
    all.sort_by_key(|one| one.0);
    all
}

#[test]
fn silences_change_nothing_of_what_is_kept_of_tests_and_outages() {
    let (mut all, mut wrong) = (0, vec![]);
    for seed in 0..lives() {
        let mut random = SmallRng::seed_from_u64(seed);
        let life = life(&mut random);
        let broken = with_silences(&life, &mut random);
        let (whole, told_late) = (lived(&life), lived(&broken));
        let (expect, found) = (kept(&whole), kept(&told_late));
        all += expect.len();
        // An outage that a silence ends with ends with the first reading after it, up to 5 s before the battery lets go.
        let same = |(a, b): (&(i64, _, f32, String), &(i64, _, f32, String))| {
            (a.0 - b.0).abs() <= 2 && a.1 == b.1 && (a.2 - b.2).abs() <= 6.0 && a.3 == b.3
        };
        if expect.len() != found.len() || !expect.iter().zip(&found).all(same) {
            let differ = expect.iter().zip(&found).find(|pair| !same(*pair));
            wrong.push(format!("{seed}: {} of {}, {differ:?}", found.len(), expect.len()));
        }
    }
    println!("{all} tests and outages over {} lives; {} lives differ", lives(), wrong.len());
    // What is left is whether the battery counted as full, by a hair, when a test began.
    assert!(wrong.len() * 50 <= usize::try_from(lives()).unwrap(), "{wrong:#?}");
    println!("{wrong:#?}");
}
