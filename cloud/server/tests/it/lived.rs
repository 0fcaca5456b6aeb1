//! A simulated inverter behind a gateway that keeps what it could not send; what really happened to it is written down beside.

use std::collections::VecDeque;
use std::net::SocketAddr;

use fleet::record::RecordKind;
use fleet::self_test::{Grade, Kind, Reason};
use rand::Rng;
use rand::rngs::SmallRng;
use simulator::model::{Inverter, Mode, Parameters};
use wire::report::EventKind as Told;
use wire::{BootId, Event, Quality, Reading, Report, TestKind, TestResult, UtcMs};

use crate::cloud::{Bundle, Publisher};

/// Seconds between readings, at rest; and each second on battery and this long after a change (decision 4).
const AT_REST_S: f64 = 10.0;
const AFTER_CHANGE_S: f64 = 30.0;
/// Readings and events in one late report.
const PACK: usize = 100;
/// Minutes of the long test here.
pub const LONG_MINUTES: u32 = 6;

/// A test or an outage as it was.
#[derive(Clone, Debug)]
pub struct Truth {
    pub kind: RecordKind,
    pub started: UtcMs,
    pub ended: UtcMs,
    /// Of a test.
    pub graded: Option<(Kind, Grade)>,
    /// How long the battery had fed the load before, all in all, seconds.
    pub fed_before_s: f64,
}

enum Act {
    Mains(bool),
    Test(TestKind),
    StopTest,
    Router(bool),
}

#[derive(Clone)]
enum Piece {
    Reading(Reading),
    Event(Event),
}

pub struct Lived {
    bundle: Bundle,
    inverter: Inverter,
    start: UtcMs,
    played_s: f64,
    changed_s: f64,
    fed_s: f64,
    plan: VecDeque<(f64, Act)>,
    mode: Mode,
    began_s: f64,
    testing: Option<TestKind>,
    stopped: bool,
    told: Option<(u64, TestResult)>,
    sequence: u64,
    /// Not sent yet, and sent or to be sent late.
    live: Vec<Piece>,
    late: VecDeque<Piece>,
    router: bool,
    link: Option<Publisher>,
    pub truths: Vec<Truth>,
}

impl Lived {
    pub fn new(bundle: Bundle, seed: u64, start: UtcMs) -> Self {
        let mut parameters = Parameters::new(bundle.serial, seed, start);
        parameters.required_minutes = f64::from(LONG_MINUTES);
        // Many outages follow each other here: it shall not be empty after some of them.
        parameters.rated_minutes = 600.0;
        Self {
            inverter: Inverter::new(parameters),
            bundle,
            start,
            played_s: 0.0,
            changed_s: 0.0,
            fed_s: 0.0,
            plan: VecDeque::new(),
            mode: Mode::Line,
            began_s: 0.0,
            testing: None,
            stopped: false,
            told: None,
            sequence: 0,
            live: Vec::new(),
            late: VecDeque::new(),
            router: true,
            link: None,
            truths: Vec::new(),
        }
    }

    pub fn serial(&self) -> &str {
        self.bundle.serial.as_str()
    }

    /// Lives up to `now`.
    pub fn live(&mut self, now: UtcMs) {
        let until_s = (now.since(self.start) as f64 / 1000.0).floor();
        loop {
            let near = self.mode != Mode::Line || self.played_s < self.changed_s + AFTER_CHANGE_S;
            let rest_s = if near { 1.0 } else { AT_REST_S };
            let act_s = self.plan.front().map_or(f64::MAX, |(at_s, _)| at_s - self.played_s);
            let step_s = rest_s.min(act_s.max(0.0));
            if self.played_s + step_s > until_s {
                return;
            }
            self.inverter.step(step_s);
            self.played_s += step_s;
            self.look();
            while self.plan.front().is_some_and(|(at_s, _)| *at_s <= self.played_s) {
                let (_, act) = self.plan.pop_front().unwrap();
                self.act(act);
                self.changed_s = self.played_s;
                self.look();
            }
            self.read();
        }
    }

    /// What happens next, where nothing is planned.
    pub fn plan(&mut self, random: &mut SmallRng) {
        if !self.plan.is_empty() || self.mode != Mode::Line {
            return;
        }
        let at_s = self.played_s + f64::from(random.random_range(60..300));
        let mut plan = match random.random_range(0..6) {
            0 | 1 => vec![(at_s, Act::Test(TestKind::Monthly))],
            2 => vec![(at_s, Act::Test(TestKind::Annual))],
            3 => {
                let stop_s = at_s + f64::from(random.random_range(8..18));
                vec![(at_s, Act::Test(TestKind::Monthly)), (stop_s, Act::StopTest)]
            }
            4 => {
                let lost_s = at_s + f64::from(random.random_range(5..25));
                let back_s = lost_s + f64::from(random.random_range(20..200));
                vec![
                    (at_s, Act::Test(TestKind::Monthly)),
                    (lost_s, Act::Mains(false)),
                    (back_s, Act::Mains(true)),
                ]
            }
            _ => {
                let back_s = at_s + f64::from(random.random_range(20..400));
                vec![(at_s, Act::Mains(false)), (back_s, Act::Mains(true))]
            }
        };
        if random.random_bool(0.5) {
            // Before it, within it, over its end.
            let lost_s = at_s + f64::from(random.random_range(-60..90));
            let back_s = lost_s + f64::from(random.random_range(30..500));
            plan.extend([(lost_s, Act::Router(false)), (back_s, Act::Router(true))]);
        }
        plan.sort_by(|one, other| one.0.total_cmp(&other.0));
        self.plan = plan.into();
    }

    pub fn is_quiet(&self) -> bool {
        self.plan.is_empty() && self.mode == Mode::Line
    }

    /// All that can be told is.
    pub fn has_caught_up(&self) -> bool {
        !self.router || self.told_all()
    }

    pub fn told_all(&self) -> bool {
        self.live.is_empty() && self.late.is_empty()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Mains(on) => self.inverter.set_mains(if on { 1.0 } else { 0.0 }),
            Act::Test(kind) => {
                if self.inverter.start_test(kind.clone()).is_ok() {
                    (self.testing, self.stopped) = (Some(kind), false);
                }
            }
            Act::StopTest => {
                self.stopped = self.inverter.mode() == Mode::Test;
                self.inverter.stop_test();
            }
            Act::Router(on) => self.router = on,
        }
    }

    /// Writes down what is over.
    fn look(&mut self) {
        let mode = self.inverter.mode();
        if mode == self.mode {
            return;
        }
        let at = |seconds: f64| self.start.plus_ms((seconds * 1000.0) as i64);
        let (started, ended, fed_before_s) = (at(self.began_s), at(self.played_s), self.fed_s);
        let graded = match (self.mode, self.testing.take_if(|_| self.mode == Mode::Test)) {
            (Mode::Test, Some(kind)) => {
                let grade = match mode {
                    Mode::Battery => Grade::Incomplete(Reason::Outage),
                    _ if self.stopped => Grade::Incomplete(Reason::CutShort),
                    _ => Grade::Passed,
                };
                let kind = if kind == TestKind::Annual { Kind::Annual } else { Kind::Monthly };
                Some((kind, grade))
            }
            _ => None,
        };
        let kind = if self.mode == Mode::Test { RecordKind::Test } else { RecordKind::Outage };
        if self.mode != Mode::Line {
            self.truths.push(Truth { kind, started, ended, graded, fed_before_s });
            self.fed_s += self.played_s - self.began_s;
        }
        (self.mode, self.began_s, self.changed_s) = (mode, self.played_s, self.played_s);
    }

    fn read(&mut self) {
        let observation = self.inverter.observe();
        let now = self.start.plus_ms((self.played_s * 1000.0) as i64);
        if let Some(test) = &observation.test
            && self.told.as_ref() != Some(&(test.count, test.result.clone()))
        {
            self.told = Some((test.count, test.result.clone()));
            let kind = Told::Test {
                count: test.count,
                test: test.kind.clone(),
                result: test.result.clone(),
                started: None,
                length_s: test.length_s,
                end_voltage: test.end_voltage,
            };
            let event = Event { sequence: self.number(), uptime_ms: None, time: Some(now), kind };
            self.live.push(Piece::Event(event));
        }
        let reading = Reading {
            sequence: self.number(),
            uptime_ms: None,
            time: Some(now),
            quality: Quality::Synchronised,
            sample: observation.sample,
        };
        self.live.push(Piece::Reading(reading));
    }

    fn number(&mut self) -> Option<u64> {
        self.sequence += 1;
        Some(self.sequence)
    }

    /// Sends what is new, and after it a part of what is late; what is not acknowledged is kept.
    pub fn talk(&mut self, cloud: SocketAddr) {
        if !self.router {
            self.link = None;
        } else if self.link.is_none() {
            self.link = Publisher::connect(cloud, &self.bundle).ok();
            // The newest alone is live after a silence.
            let newest = self.live.pop();
            self.late.extend(self.live.drain(..));
            self.live.extend(newest);
        }
        let live = std::mem::take(&mut self.live);
        if !self.send(&live) {
            return self.late.extend(live);
        }
        let late: Vec<Piece> = self.late.iter().take(PACK).cloned().collect();
        if self.send(&late) {
            self.late.drain(..late.len());
        }
    }

    fn send(&mut self, pieces: &[Piece]) -> bool {
        let Some(link) = &mut self.link else { return false };
        if pieces.is_empty() {
            return true;
        }
        let mut report = Report { boot: Some(BootId([7; 16])), ..Report::default() };
        for piece in pieces {
            match piece {
                Piece::Reading(reading) => report.readings.push(reading.clone()),
                Piece::Event(event) => report.events.push(event.clone()),
            }
        }
        let mut payload = Vec::new();
        wire::report::cbor::encode(&report, &mut payload);
        let sent = link.publish(&payload).is_ok();
        if !sent {
            self.link = None;
        }
        sent
    }
}
