//! Issue 6, show b: a year of twenty simulated sites with outages, brown-outs, gateway outages, tests cut short, clocks that are wrong,
//! inverters that start anew and count from one again, results that come late or never. Each test found once, by its kind and grade; no outage called a test. Quiet stretches are skipped at once.

use crate::readiness_rig::all;
use fleet::readiness::{Moment, Readiness};
use fleet::self_test::{Found, Grade, Kind, NFPA_101, Reason, Recogniser, SeenBy, grade, recognises};
use fleet::{InverterState, alarm, apply};
use simulator::model::{Inverter, Mode, Parameters, Schedule};
use wire::report::EventKind as Told;
use wire::{BootId, Quality, Reading, Report, Sample, SelfTest, Serial, TestKind, TestResult, UtcMs};

const START: UtcMs = UtcMs(1_767_268_800_000);
const DAY_S: f64 = 86_400.0;
const SITES: u64 = 20;
/// A result that comes late comes so much later, seconds.
const LATE_S: f64 = 3.0 * 3_600.0;
/// From this day on the inverter's own clock is an hour off, at some sites: nobody set it for daylight saving.
const SUMMER_DAY: f64 = 90.0;

/// What happens at a site, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Utility at this share of nominal.
    Mains(f64, f64),
    /// The gateway says nothing.
    Silence(f64),
    /// The gateway's clock is wrong by this.
    Clock(f64, i64),
    /// The scheduled test; cut short after so many seconds, if at all; utility fails after so many, if at all.
    Test(Option<f64>, Option<f64>),
    /// The inverter starts anew: its counter begins at one again.
    Restart,
}

/// A test as it really was.
#[derive(Debug)]
struct Truth {
    count: u64,
    kind: Kind,
    from: UtcMs,
    to: UtcMs,
    expect: Grade,
    read: bool,
    /// Its own result is never told.
    untold: bool,
}

struct Year {
    site: u64,
    age_years: f64,
    /// Since when a result waits to be told.
    waits_since_s: Option<f64>,
    inverter: Inverter,
    state: InverterState,
    readiness: Readiness,
    recogniser: Recogniser,
    passed_s: f64,
    told: Option<(u64, TestResult)>,
    sequence: u64,
    silent_until_s: f64,
    clock: (f64, i64),
    found: Vec<Found>,
    truths: Vec<Truth>,
    outages: u32,
}

impl Year {
    fn new(site: u64, age_years: f64) -> Self {
        Self {
            site,
            age_years,
            waits_since_s: None,
            inverter: inverter(site, age_years, 0.0),
            state: InverterState::default(),
            readiness: Readiness::default(),
            recogniser: Recogniser::default(),
            passed_s: 0.0,
            told: None,
            sequence: 0,
            silent_until_s: 0.0,
            clock: (0.0, 0),
            found: vec![],
            truths: vec![],
            outages: 0,
        }
    }

    fn now(&self) -> UtcMs {
        START.plus_ms((self.passed_s * 1000.0) as i64)
    }

    fn step(&mut self, seconds: f64) {
        self.inverter.step(seconds);
        self.passed_s += seconds;
        self.tell();
    }

    /// Quiet until `at_s`, with a reading each six hours.
    fn quiet_until(&mut self, at_s: f64) {
        while self.passed_s < at_s {
            let seconds = (at_s - self.passed_s).min(6.0 * 3_600.0);
            self.inverter.skip(seconds);
            self.passed_s += seconds;
            self.tell();
        }
    }

    /// One report of one reading, and of the test if it changed, unless the gateway is silent.
    fn tell(&mut self) {
        let (observation, now) = (self.inverter.observe(), self.now());
        if self.passed_s < self.silent_until_s {
            return;
        }
        let says = if self.passed_s < self.clock.0 { now.plus_ms(self.clock.1) } else { now };
        let mut report = Report { boot: Some(BootId([1; 16])), ..Report::default() };
        if let Some(test) = &observation.test
            && self.told.as_ref() != Some(&(test.count, test.result.clone()))
            && self.tells(test)
        {
            self.told = Some((test.count, test.result.clone()));
            self.sequence += 1;
            report.events.push(wire::Event {
                sequence: Some(self.sequence),
                uptime_ms: None,
                time: Some(says),
                kind: Told::Test {
                    count: test.count,
                    test: test.kind.clone(),
                    result: test.result.clone(),
                    started: self.started(test, says),
                    length_s: test.length_s,
                    end_voltage: test.end_voltage,
                },
            });
        }
        self.sequence += 1;
        report.readings.push(Reading {
            sequence: Some(self.sequence),
            uptime_ms: None,
            time: Some(says),
            quality: Quality::Synchronised,
            sample: observation.sample.clone(),
        });
        apply(&mut self.state, report, now);
        let moment = Moment::of(&self.state, &observation.sample, now);
        let charged = self.readiness.charge.share().map(|share| share >= 0.95);
        let found =
            self.recogniser.take(&moment, self.state.test.as_ref(), charged, self.readiness.bank.as_ref());
        self.readiness.take(&moment, None);
        if let Some(found) = found {
            // A result that comes later replaces what was said of the same test.
            self.found.retain(|known| known.started != found.started);
            self.found.push(found);
        }
    }

    /// Whether a test is told of now: some results come late, and some never.
    fn tells(&mut self, test: &SelfTest) -> bool {
        if test.result == TestResult::InProgress {
            self.waits_since_s = None;
            return true;
        }
        let since_s = *self.waits_since_s.get_or_insert(self.passed_s);
        let late_s = if is_late(self.site, test) { LATE_S } else { 0.0 };
        !is_untold(self.site, test) && self.passed_s >= since_s + late_s
    }

    /// When it began by the inverter's own clock, where it tells that.
    fn started(&self, test: &SelfTest, says: UtcMs) -> Option<UtcMs> {
        let summer_ms = if self.passed_s > SUMMER_DAY * DAY_S { 3_600_000 } else { 0 };
        let began = says.plus_ms(summer_ms - i64::try_from(test.length_s.unwrap_or(0) * 1000).unwrap());
        (self.site % 3 == 2 && self.passed_s >= self.clock.0).then_some(began)
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Restart => {
                self.inverter = inverter(self.site, self.age_years, self.passed_s);
                self.told = None;
            }
            Act::Silence(length_s) => self.silent_until_s = self.passed_s + length_s,
            Act::Clock(length_s, ms) => self.clock = (self.passed_s + length_s, ms),
            Act::Mains(level, length_s) => {
                self.inverter.set_mains(level);
                self.outages += u32::from(level < 0.8);
                self.watch(length_s);
                self.inverter.set_mains(1.0);
                self.watch(40.0);
            }
            Act::Test(cut, outage) => self.test(cut, outage),
        }
    }

    fn watch(&mut self, length_s: f64) {
        let end_s = self.passed_s + length_s;
        while self.passed_s < end_s {
            let near = end_s - self.passed_s;
            self.step(if near > 70.0 && near < length_s - 60.0 { 10.0 } else { 1.0 });
        }
    }

    /// The scheduled test is due within two minutes: plays it to its end.
    fn test(&mut self, cut: Option<f64>, outage: Option<f64>) {
        let before = self.inverter.test().map_or(0, |test| test.count);
        let mut waited = 0;
        while self.inverter.mode() != Mode::Test {
            self.step(1.0);
            waited += 1;
            assert!(waited < 300, "no test at {}", self.now());
        }
        let (from, from_s) = (self.now(), self.passed_s);
        let mut read = false;
        while self.inverter.mode() == Mode::Test {
            let ran_s = self.passed_s - from_s;
            if cut.is_some_and(|cut| ran_s >= cut) {
                self.inverter.stop_test();
            }
            if outage.is_some_and(|outage| ran_s >= outage) {
                self.inverter.set_mains(0.0);
            }
            read |= self.passed_s >= self.silent_until_s;
            self.step(if ran_s > 60.0 { 5.0 } else { 1.0 });
        }
        let test = self.inverter.test().unwrap().clone();
        assert_eq!(test.count, before + 1);
        let untold = is_untold(self.site, &test);
        let kind = if test.kind == TestKind::Annual { Kind::Annual } else { Kind::Monthly };
        let expect = match (&test.result, outage) {
            (TestResult::Failed, _) => Grade::Failed(Reason::OwnResult),
            (TestResult::Aborted, Some(_)) => Grade::Incomplete(Reason::Outage),
            (TestResult::Aborted, None) => Grade::Incomplete(Reason::CutShort),
            (TestResult::Warning, _) => Grade::Remark(Reason::LowVoltage),
            _ => Grade::Passed,
        };
        self.truths.push(Truth { count: test.count, kind, from, to: self.now(), expect, read, untold });
        self.watch(if outage.is_some() { 120.0 } else { 10.0 });
        self.inverter.set_mains(1.0);
        self.watch(60.0);
    }
}

/// An inverter that starts so long after the year did, with the year's schedule.
fn inverter(site: u64, age_years: f64, passed_s: f64) -> Inverter {
    let after = |first_s: f64, each_s: f64| {
        let due = ((passed_s - first_s) / each_s).ceil().max(0.0);
        first_s + due * each_s - passed_s
    };
    let schedule = Schedule {
        first_monthly_s: after(9.0 * DAY_S, 30.0 * DAY_S),
        first_annual_s: after(100.5 * DAY_S, 365.0 * DAY_S),
    };
    let start = START.plus_ms((passed_s * 1000.0) as i64);
    let serial = Serial::parse("2311-00421").unwrap();
    Inverter::new(Parameters { age_years, schedule: Some(schedule), ..Parameters::new(serial, site, start) })
}

fn is_late(site: u64, test: &SelfTest) -> bool {
    site % 4 == 1 && test.count.is_multiple_of(3)
}

fn is_untold(site: u64, test: &SelfTest) -> bool {
    site % 4 == 2 && test.count % 5 == 4 && test.kind == TestKind::Monthly
}

/// A year at one site: scheduled tests, and what falls between or upon them.
fn plan(site: u64) -> Vec<(f64, Act)> {
    let mut plan: Vec<(f64, Act)> = vec![];
    for month in 0..12_u64 {
        let day = 9.0 + 30.0 * month as f64;
        let turn = (month + site) % 12;
        let test = match turn {
            2 => Act::Test(Some(11.0), None),
            5 => Act::Test(None, Some(14.0)),
            _ => Act::Test(None, None),
        };
        plan.push((day * DAY_S - 60.0, test));
        // Of the silences one covers a test; the others end before the next thing happens.
        if turn == 8 {
            plan.push((day * DAY_S - 1_800.0, Act::Silence(2.0 * 3_600.0)));
        } else {
            plan.push(((day + 2.0) * DAY_S, Act::Silence(6.0 * 3_600.0 * (1 + turn) as f64)));
        }
        plan.push(((day + 6.0) * DAY_S, Act::Mains(0.0, 20.0 + 130.0 * turn as f64)));
        plan.push(((day + 9.3) * DAY_S, Act::Mains(if turn.is_multiple_of(2) { 0.87 } else { 0.72 }, 35.0)));
        plan.push(((day + 12.6) * DAY_S, Act::Mains(0.0, 30.0)));
        let wrong = if turn.is_multiple_of(2) { 3_600_000 } else { -3_600_000 };
        plan.push(((day + 14.0) * DAY_S, Act::Clock(16.5 * DAY_S, wrong)));
    }
    if site % 5 == 3 {
        // After the first test, so that the next is number one again; and once more in the summer.
        plan.extend([(20.2 * DAY_S, Act::Restart), (200.2 * DAY_S, Act::Restart)]);
    }
    let annual = if site % 7 == 1 { Act::Test(Some(2_000.0), None) } else { Act::Test(None, None) };
    plan.push((100.5 * DAY_S - 60.0, annual));
    plan.retain(|(at, _)| *at < 365.0 * DAY_S);
    plan.sort_by(|a, b| a.0.total_cmp(&b.0));
    plan
}

#[test]
fn a_year_of_tests_is_found_and_no_outage_is_called_one() {
    let years = all(SITES, |site| {
        // One in seven is so old that it gives up in its annual test.
        let mut year = Year::new(site, if site % 7 == 2 { 13.5 } else { 1.0 + 0.4 * site as f64 });
        for (at_s, act) in plan(site) {
            year.quiet_until(at_s);
            year.act(act);
        }
        year.quiet_until(365.0 * DAY_S);
        year
    });
    let (mut tests, mut seen, mut outages, mut untold, mut late) = (0, 0, 0, 0, 0);
    for year in &years {
        let site = year.site;
        outages += year.outages;
        for truth in &year.truths {
            tests += 1;
            let by_word = |found: &Found| {
                let near = found.started.since(truth.from).abs() < 12 * 3_600_000;
                !truth.read && near && found.own.as_ref().is_some_and(|own| own.count == truth.count)
            };
            let within = truth.from.plus_ms(-2_000)..=truth.to;
            let is_it = |found: &&Found| within.contains(&found.started) || by_word(found);
            let found: Vec<_> = year.found.iter().filter(is_it).collect();
            assert_eq!(found.len(), 1, "site {site}: {truth:?} was found as {found:?}");
            let found = found[0];
            assert_eq!(found.kind, truth.kind, "{truth:?} {found:?}");
            let expect_by = if truth.read { SeenBy::Telemetry } else { SeenBy::Word };
            assert_eq!(found.seen_by, expect_by, "{truth:?} {found:?}");
            let own = found.own.as_ref().map(|own| own.count);
            assert_eq!(
                own,
                (!truth.untold).then_some(truth.count),
                "its own result is kept beside: {found:?}"
            );
            untold += u32::from(truth.untold);
            late += u32::from(site % 4 == 1 && truth.count.is_multiple_of(3));
            if truth.read {
                seen += 1;
                let ours = grade(found, &NFPA_101, 5_400.0);
                assert_eq!(ours, truth.expect, "site {site}: {truth:?} {found:?}");
                let off_s = f64::from(found.length_s) - truth.to.since(truth.from) as f64 / 1000.0;
                assert!(off_s.abs() <= 6.0, "{off_s} {truth:?} {found:?}");
            }
        }
        assert_eq!(year.found.len(), year.truths.len(), "site {site}: more was found than there was");
    }
    println!(
        "{tests} tests at {SITES} sites in a year, {seen} of them read, {late} told late and {untold} never: all found; {outages} outages, none called a test"
    );
    assert!(tests >= 240 && seen >= 220 && outages >= 350 && late >= 10 && untold >= 5);
}

#[test]
fn a_stream_without_line_presence_says_that_it_cannot_tell() {
    let mut state = InverterState::default();
    let reading = Reading { time: Some(START), sample: Sample::default(), ..Reading::default() };
    apply(&mut state, Report { readings: vec![reading], ..Report::default() }, START);
    assert!(!recognises(&state));
    let mut sample = Sample::default();
    sample.flags.set(wire::Flag::LinePresent, true);
    let reading = Reading { time: Some(START), sample, ..Reading::default() };
    apply(&mut state, Report { readings: vec![reading], ..Report::default() }, START.plus_ms(1));
    assert!(recognises(&state));
}

/// Names of tests that are due or missed after so many days on a stream that tells of tests, of its last one on the first day, and never of
/// the line; what is older than thirty days is forgotten each day.
fn open_after(days: i64, kind: TestKind) -> Vec<String> {
    let mut state = InverterState::default();
    let told = |at: UtcMs| {
        let event = wire::Event {
            sequence: None,
            uptime_ms: None,
            time: Some(at),
            kind: Told::Test {
                count: 3,
                test: kind.clone(),
                result: TestResult::Passed,
                started: None,
                length_s: Some(5_400),
                end_voltage: None,
            },
        };
        Report { events: vec![event], ..Report::default() }
    };
    let read = |at: UtcMs| {
        let reading = Reading { time: Some(at), sample: Sample::default(), ..Reading::default() };
        Report { readings: vec![reading], ..Report::default() }
    };
    for day in 0..=days {
        let at = START.plus_ms(day * wire::time::DAY_MS);
        alarm::pass(&mut state, at);
        apply(&mut state, read(at), at);
        if day == 0 {
            apply(&mut state, told(at.plus_ms(1_000)), at.plus_ms(1_000));
            apply(&mut state, read(at.plus_ms(2_000)), at.plus_ms(2_000));
        }
        state.forget_before(at.plus_ms(-fleet::retention::KEPT_MS));
    }
    let names = state.open_alarms().map(|open| open.name.key.to_string());
    names.filter(|name| name.starts_with("test.")).collect()
}

#[test]
fn a_test_is_missed_where_the_last_one_was_told_too_long_ago_to_be_kept() {
    for kind in [TestKind::Monthly, TestKind::Annual] {
        assert_eq!(open_after(29, kind.clone()), Vec::<String>::new());
        assert_eq!(open_after(32, kind.clone()), ["test.due"], "{kind:?}");
        assert_eq!(open_after(40, kind.clone()), ["test.missed"], "{kind:?}");
    }
}
