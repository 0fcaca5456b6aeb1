//! A simulated inverter behind a gateway that loses contact and keeps what it could not send, and the cloud's state of it.

use fleet::{Applied, InverterState, Record, alarm, apply};
use simulator::model::{Inverter, Parameters};
use wire::report::EventKind as Told;
use wire::{BootId, Event, Quality, Reading, Report, Serial, TestKind, TestResult, UtcMs};

pub const START: UtcMs = UtcMs(1_767_268_800_000);
pub const DAY_S: f64 = 86_400.0;

pub struct Cabinet {
    pub inverter: Inverter,
    pub state: InverterState,
    pub records: Vec<Record>,
    pub events: Vec<fleet::Event>,
    passed_s: f64,
    sequence: u64,
    told: Option<(u64, TestResult)>,
    /// The inverter tells of its tests.
    tells_tests: bool,
    /// The gateway has no contact: reports that wait.
    kept: Option<Vec<Report>>,
    /// Contact is back: reports that are still to be told late.
    late: Vec<Report>,
}

impl Cabinet {
    pub fn new(edit: impl FnOnce(&mut Parameters)) -> Self {
        let mut parameters = Parameters::new(Serial::parse("2311-00421").unwrap(), 7, START);
        edit(&mut parameters);
        let mut cabinet = Self {
            inverter: Inverter::new(parameters),
            state: InverterState::default(),
            records: vec![],
            events: vec![],
            passed_s: 0.0,
            sequence: 0,
            told: None,
            tells_tests: true,
            kept: None,
            late: vec![],
        };
        cabinet.play(60.0, 10.0);
        cabinet
    }

    pub fn now(&self) -> UtcMs {
        START.plus_ms((self.passed_s * 1000.0) as i64)
    }

    /// Plays so many seconds with a reading each `pace_s`; what time alone brings about is done when it is due.
    pub fn play(&mut self, seconds: f64, pace_s: f64) -> &mut Self {
        let end_s = self.passed_s + seconds;
        while self.passed_s < end_s {
            self.inverter.step(pace_s);
            self.passed_s += pace_s;
            self.tell();
        }
        self
    }

    /// Nobody reads anything for so many quiet days.
    pub fn days(&mut self, days: f64) -> &mut Self {
        self.inverter.skip(days * DAY_S);
        self.passed_s += days * DAY_S;
        self.tell();
        self.play(60.0, 10.0)
    }

    pub fn mains(&mut self, on: bool) -> &mut Self {
        self.inverter.set_mains(if on { 1.0 } else { 0.0 });
        self
    }

    pub fn test(&mut self, kind: TestKind) -> &mut Self {
        self.inverter.start_test(kind).unwrap();
        self
    }

    /// Its flags are all that it tells of tests from now on.
    pub fn tell_no_tests(&mut self) -> &mut Self {
        self.tells_tests = false;
        self
    }

    pub fn lose_contact(&mut self) -> &mut Self {
        self.kept = Some(vec![]);
        self
    }

    /// Contact is back: what is live goes first, what was kept follows in order, packed.
    pub fn find_contact(&mut self) -> &mut Self {
        self.have_contact().play(10.0, 10.0).tell_late()
    }

    /// Contact is back, and what was kept is not told yet.
    pub fn have_contact(&mut self) -> &mut Self {
        self.late.extend(self.kept.take().unwrap());
        self
    }

    /// The gateway went dark with the lights: what it would have kept was never read.
    pub fn lose_what_was_kept(&mut self) -> &mut Self {
        self.kept = None;
        self
    }

    /// What was kept is told.
    pub fn tell_late(&mut self) -> &mut Self {
        for part in std::mem::take(&mut self.late).chunks(50) {
            self.passed_s += 0.01;
            let mut packed = Report { boot: Some(BootId([1; 16])), ..Report::default() };
            for report in part {
                packed.events.extend(report.events.iter().cloned());
                packed.readings.extend(report.readings.iter().cloned());
            }
            self.send(packed);
        }
        self
    }

    /// What was kept comes the wrong way round.
    pub fn turn_backlog_round(&mut self) {
        self.kept.as_mut().unwrap().reverse();
    }

    fn tell(&mut self) {
        let (observation, now) = (self.inverter.observe(), self.now());
        let mut report = Report { boot: Some(BootId([1; 16])), ..Report::default() };
        if self.tells_tests
            && let Some(test) = &observation.test
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
            report.events.push(Event { sequence: self.number(), uptime_ms: None, time: Some(now), kind });
        }
        report.readings.push(Reading {
            sequence: self.number(),
            uptime_ms: None,
            time: Some(now),
            quality: Quality::Synchronised,
            sample: observation.sample.clone(),
        });
        match &mut self.kept {
            Some(kept) => kept.push(report),
            None => self.send(report),
        }
    }

    pub fn send(&mut self, report: Report) {
        let now = self.now();
        while let Some(due) = alarm::due(&self.state).filter(|due| *due <= now) {
            self.events.extend(alarm::pass(&mut self.state, due));
        }
        let Applied { records, events, .. } = apply(&mut self.state, report, now);
        for record in records {
            // As the store does it.
            self.records.retain(|known| known.key() != record.key());
            self.records.push(record);
        }
        self.events.extend(events);
    }

    fn number(&mut self) -> Option<u64> {
        self.sequence += 1;
        Some(self.sequence)
    }

    /// Names of what is open.
    pub fn open(&self) -> Vec<String> {
        self.state.open_alarms().map(|open| open.name.key.to_string()).collect()
    }
}
