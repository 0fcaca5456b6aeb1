//! Plays the frozen population through tests and outages, and lets readiness look at its readings only.

use fleet::readiness::{Evidence, Kind, Moment, Readiness, Source};
use simulator::model::population::{self, Case};
use simulator::model::{Inverter, Mode, Off, Parameters};
use wire::{Serial, TestKind, UtcMs};

pub const START: UtcMs = UtcMs(1_767_268_800_000);

/// A battery of the population at its site, and what readiness knows of it.
pub struct Site {
    pub case: Case,
    pub inverter: Inverter,
    pub readiness: Readiness,
    pub at: UtcMs,
    /// Days that have passed since the case's test.
    pub passed_days: f64,
}

impl Site {
    pub fn new(seed: u64, number: u64) -> Self {
        let case = population::case(Serial::parse("2311-00421").unwrap(), seed, number);
        let inverter = Inverter::new(Parameters { ambient_c: case.test_c, ..case.parameters.clone() });
        let mut site = Self { case, inverter, readiness: Readiness::default(), at: START, passed_days: 0.0 };
        for _ in 0..5 {
            site.step(10.0, None);
        }
        site
    }

    /// Steps, and takes what is read then.
    pub fn step(&mut self, seconds: f64, kind: Option<Kind>) -> Option<Evidence> {
        self.inverter.step(seconds);
        self.at = self.at.plus_ms((seconds * 1000.0) as i64);
        let moment = self.moment();
        self.readiness.take(&moment, kind)
    }

    pub fn moment(&mut self) -> Moment {
        let source = match self.inverter.mode() {
            Mode::Line => Source::Line,
            Mode::Test => Source::Test,
            Mode::Battery => Source::Outage,
            Mode::Off(_) => Source::Nothing,
        };
        Moment::read(&self.inverter.observe().sample, self.at, source)
    }

    /// A test with the population's steps of load, gaps and pace of readings.
    pub fn test(&mut self, kind: TestKind) -> Option<Evidence> {
        let told = if kind == TestKind::Annual { Kind::Annual } else { Kind::Monthly };
        self.inverter.start_test(kind).unwrap();
        let (mut passed_s, mut gap_s) = (0.0, 0.0);
        loop {
            let silent =
                self.case.gap.is_some_and(|(from, length)| (from..from + length).contains(&passed_s));
            if self.case.step.is_some_and(|(at, _)| (at..at + self.case.pace_s).contains(&passed_s)) {
                self.inverter.set_load(self.case.step.map(|(_, load)| load));
            }
            passed_s += self.case.pace_s;
            if silent && self.inverter.mode() == Mode::Test {
                self.inverter.step(self.case.pace_s);
                gap_s += self.case.pace_s;
                continue;
            }
            self.at = self.at.plus_ms((gap_s * 1000.0) as i64);
            gap_s = 0.0;
            let ended = self.step(self.case.pace_s, Some(told));
            if self.inverter.mode() != Mode::Test {
                self.inverter.set_load(None);
                return ended;
            }
        }
    }

    /// Some time later, full again, at the load and the temperature of the question.
    pub fn later(&mut self) {
        self.rest(self.case.wait_days);
    }

    /// So many days later, full again, at the load and the temperature of the question.
    pub fn rest(&mut self, days: f64) {
        self.passed_days += days;
        let case = &self.case;
        let faster = ((case.now_c - 25.0) / 10.0).exp2();
        let age_years = case.parameters.age_years + self.passed_days / 365.25 * faster;
        let parameters = Parameters { age_years, ambient_c: case.now_c, ..case.parameters.clone() };
        self.inverter = Inverter::new(parameters);
        self.inverter.set_load(Some(case.now_load));
        self.at = self.at.plus_ms((days * 86_400_000.0) as i64);
        for _ in 0..3 {
            self.step(10.0, None);
        }
    }

    /// Mains fail until the battery gives up: seconds it held.
    pub fn outage_s(&mut self) -> f64 {
        self.inverter.set_mains(0.0);
        let mut passed_s = 0.0;
        while self.inverter.mode() != Mode::Off(Off::Empty) {
            self.inverter.step(1.0);
            passed_s += 1.0;
        }
        passed_s
    }

    /// The same, and `each` sees every moment with the seconds so far.
    pub fn outage(&mut self, mut each: impl FnMut(&Self, &Moment, f64)) -> f64 {
        self.inverter.set_mains(0.0);
        let mut passed_s = 0.0;
        loop {
            self.inverter.step(1.0);
            passed_s += 1.0;
            self.at = self.at.plus_ms(1000);
            if self.inverter.mode() != Mode::Battery {
                assert_eq!(self.inverter.mode(), Mode::Off(Off::Empty));
                return passed_s;
            }
            if passed_s % self.case.pace_s < 0.5 {
                let moment = self.moment();
                self.readiness.take(&moment, None);
                each(self, &moment, passed_s);
            }
        }
    }
}

/// Runs `each` for numbers below `count` on two threads, and gives the results in order.
pub fn all<T: Send>(count: u64, each: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let half = |odd: u64| (0..count).filter(|n| n % 2 == odd).map(|n| (n, each(n))).collect::<Vec<_>>();
    let mut all = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut all = half(0);
        all.extend(other.join().unwrap());
        all
    });
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, result)| result).collect()
}

/// The value that `share` of all are at or below.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
