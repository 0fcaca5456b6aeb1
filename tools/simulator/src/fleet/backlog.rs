//! The past of one inverter as its gateway's backlog: readings with their original times, packed near the limit.
//!
//! In: what it plays, from when to when. Out: one payload after the other, oldest first. Never sent live: the cloud
//! must not take a reading of last night for one of now.

use wire::mate::MateDecoder;
use wire::stream::Decoder;
use wire::ve_direct::VeDirectDecoder;
use wire::{BootId, Event, EventKind, Observation, Quality, Reading, Report, SelfTest, UtcMs};

use super::plan::Play;
use crate::line::console::{self, Command, Level};
use crate::line::protocol::Protocol;
use crate::model::{Inverter, Mode};

/// Readings tried per report; halved when they do not fit.
const PACK: usize = 250;
/// Most bytes of a payload: the packet limit less topic and header.
const MAX_PAYLOAD: usize = 62_000;
/// Seconds between readings, at rest and on battery (decision 4).
const AT_REST_S: f64 = 10.0;
const ON_BATTERY_S: f64 = 1.0;
/// The gateway's uptime at the first reading, ms.
const UPTIME_AT_START_MS: u64 = 60_000;

/// What is left of the past.
#[derive(Debug)]
pub(super) struct Backlog {
    inverter: Inverter,
    protocol: Protocol,
    decoder: Option<Box<dyn Decoder + Send>>,
    script: Vec<(f64, Command)>,
    boot: BootId,
    start: UtcMs,
    now_s: f64,
    end_s: f64,
    sequence: u64,
    last_test: Option<SelfTest>,
    waiting: Vec<Record>,
}

/// One payload and the sequences in it.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) payload: Vec<u8>,
    pub(super) sequences: std::ops::Range<u64>,
    pub(super) readings: u64,
}

#[derive(Debug, Clone)]
enum Record {
    Reading(Reading),
    Event(Event),
}

impl Record {
    fn sequence(&self) -> u64 {
        match self {
            Self::Reading(reading) => reading.sequence,
            Self::Event(event) => event.sequence,
        }
        .unwrap_or(0)
    }
}

/// A line of the script is not a console command.
#[derive(Debug, thiserror::Error)]
#[error("in the script: {0}")]
pub struct BadScript(#[from] console::NotPossible);

impl Backlog {
    /// `hours` up to `end`.
    pub(super) fn new(play: &Play, boot: BootId, hours: f64, end: UtcMs) -> Result<Self, BadScript> {
        let start = end.plus_ms(-milliseconds(hours * 3600.0));
        let mut parameters = play.parameters.clone();
        parameters.start = start;
        let commands = play
            .script
            .iter()
            .map(|(before_end_h, line)| Ok(((hours - before_end_h) * 3600.0, console::parse(line)?)));
        let mut script: Vec<(f64, Command)> = commands.collect::<Result<_, console::NotPossible>>()?;
        script.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self {
            inverter: Inverter::new(parameters),
            protocol: play.protocol,
            decoder: decoder(play.protocol),
            script,
            boot,
            start,
            now_s: 0.0,
            end_s: hours * 3600.0,
            sequence: 0,
            last_test: None,
            waiting: Vec::new(),
        })
    }

    /// The next payload as sent at `now`; `None` when the past is told.
    pub(super) fn next(&mut self, now: UtcMs) -> Option<Packed> {
        while self.waiting.len() < PACK && self.now_s < self.end_s {
            self.step();
        }
        let mut count = self.waiting.len().min(PACK);
        while count > 0 {
            let records = self.waiting.get(..count).unwrap_or_default();
            let (payload, readings) = self.encode(records, now);
            if payload.len() <= MAX_PAYLOAD || count == 1 {
                let first = records.first().map_or(0, Record::sequence);
                let last = records.last().map_or(0, Record::sequence);
                self.waiting.drain(..count);
                return Some(Packed { payload, sequences: first..last + 1, readings });
            }
            count /= 2;
        }
        None
    }

    fn step(&mut self) {
        let rest = if self.inverter.mode() == Mode::Line { AT_REST_S } else { ON_BATTERY_S };
        let to_command = self.script.first().map_or(f64::MAX, |(at_s, _)| (at_s - self.now_s).max(0.0));
        let dt_s = rest.min(to_command).min(self.end_s - self.now_s);
        self.inverter.step(dt_s);
        self.now_s += dt_s;
        while self.script.first().is_some_and(|(at_s, _)| *at_s <= self.now_s) {
            let (_, command) = self.script.remove(0);
            act(&mut self.inverter, &command);
        }
        let observation = self.inverter.observe();
        let Some(observation) = self.as_heard(observation) else { return };
        let time = self.start.plus_ms(milliseconds(self.now_s));
        let uptime_ms = self.uptime_ms(time);
        if let Some(test) = observation.test.filter(|test| self.is_news(test)) {
            let event = Event {
                sequence: self.number(),
                uptime_ms: Some(uptime_ms),
                time: Some(time),
                kind: test_event(&test, time, uptime_ms),
            };
            self.waiting.push(Record::Event(event));
            self.last_test = Some(test);
        }
        let reading = Reading {
            sequence: self.number(),
            uptime_ms: Some(uptime_ms),
            time: Some(time),
            quality: Quality::Synchronised,
            sample: observation.sample,
        };
        self.waiting.push(Record::Reading(reading));
    }

    /// What a gateway would have made of it: a foreign stream says less than the native one.
    fn as_heard(&mut self, observation: Observation) -> Option<Observation> {
        let Some(decoder) = &mut self.decoder else { return Some(observation) };
        let (mut bytes, mut heard) = (Vec::new(), None);
        self.protocol.encode(&observation, &mut bytes);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds since the start"
        )]
        let arrived_ms = (self.now_s * 1000.0) as u64;
        decoder.push(&bytes, arrived_ms, &mut |observation| heard = Some(observation));
        decoder.flush(&mut |observation| heard = Some(observation));
        heard
    }

    fn is_news(&self, test: &SelfTest) -> bool {
        self.last_test.as_ref().is_none_or(|last| last.count != test.count || last.result != test.result)
    }

    fn number(&mut self) -> Option<u64> {
        let number = self.sequence;
        self.sequence += 1;
        Some(number)
    }

    fn uptime_ms(&self, time: UtcMs) -> u64 {
        UPTIME_AT_START_MS + u64::try_from(time.since(self.start)).unwrap_or(0)
    }

    fn encode(&self, records: &[Record], now: UtcMs) -> (Vec<u8>, u64) {
        let mut report = Report {
            boot: Some(self.boot),
            uptime_ms: Some(self.uptime_ms(now)),
            time: Some(now),
            ..Report::default()
        };
        for record in records {
            match record {
                Record::Reading(reading) => report.readings.push(reading.clone()),
                Record::Event(event) => report.events.push(event.clone()),
            }
        }
        let mut payload = Vec::with_capacity(MAX_PAYLOAD);
        wire::report::cbor::encode(&report, &mut payload);
        (payload, report.readings.len() as u64)
    }
}

fn decoder(protocol: Protocol) -> Option<Box<dyn Decoder + Send>> {
    match protocol {
        Protocol::Native => None,
        Protocol::VeDirect => Some(Box::new(VeDirectDecoder::new())),
        Protocol::Mate => Some(Box::new(MateDecoder::new(&[]))),
    }
}

fn test_event(test: &SelfTest, time: UtcMs, uptime_ms: u64) -> EventKind {
    // The inverter tells its start by its own uptime, which here began with the history.
    let started_ago_ms = test
        .started_uptime_ms
        .map(|started| (uptime_ms - UPTIME_AT_START_MS).saturating_sub(started))
        .and_then(|ago| i64::try_from(ago).ok());
    EventKind::Test {
        count: test.count,
        test: test.kind.clone(),
        result: test.result.clone(),
        started: started_ago_ms.map(|ago| time.plus_ms(-ago)),
        length_s: test.length_s,
        end_voltage: test.end_voltage,
    }
}

/// The commands that make sense in the past.
fn act(inverter: &mut Inverter, command: &Command) {
    match command {
        Command::Mains(Level::Share(share)) => inverter.set_mains(*share),
        Command::Mains(Level::Volts(volts)) => inverter.set_mains(volts / inverter.parameters().input_v),
        Command::Button => inverter.press_button(),
        Command::Fault(condition, on) => inverter.force(*condition, *on),
        // A test that cannot start then did not take place.
        Command::Test(kind) => drop(inverter.start_test(kind.clone())),
        Command::TestStop => inverter.stop_test(),
        Command::Load(share) => inverter.set_load(*share),
        Command::Ambient(celsius) => inverter.set_ambient(*celsius),
        Command::Charge(charge) => inverter.set_charge(*charge),
        Command::Age(years) => inverter.set_battery_age(*years),
        _ => {}
    }
}

#[expect(clippy::cast_possible_truncation, reason = "hours of history, far below 2^63 ms")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parameters;
    use wire::{Flag, Quantity, Serial, TestResult};

    const END: UtcMs = UtcMs(1_767_268_800_000);

    fn reports(protocol: Protocol, hours: f64, script: &[(f64, &str)]) -> Vec<Report> {
        let parameters = Parameters::new(Serial::parse("2311-00421").unwrap(), 3, END);
        let script = script.iter().map(|(at, line)| (*at, (*line).to_owned())).collect();
        let play = Play { parameters, protocol, script };
        let mut backlog = Backlog::new(&play, BootId([1; 16]), hours, END).unwrap();
        let mut reports = vec![];
        while let Some(packed) = backlog.next(END) {
            assert!(packed.payload.len() <= MAX_PAYLOAD);
            reports.push(wire::report::decode(&packed.payload).unwrap());
        }
        reports
    }

    #[test]
    fn a_day_is_told_in_order_in_few_reports_up_to_the_end() {
        let reports = reports(Protocol::Native, 24.0, &[]);
        assert!(reports.len() < 60, "{}", reports.len());
        let readings: Vec<&Reading> = reports.iter().flat_map(|report| &report.readings).collect();
        assert_eq!(readings.len(), 8640);
        assert!(
            readings
                .windows(2)
                .all(|pair| pair[0].time < pair[1].time && pair[0].sequence < pair[1].sequence)
        );
        assert_eq!(readings.last().unwrap().time, Some(END));
    }

    #[test]
    fn an_outage_and_a_test_are_in_it() {
        let script = [(1.0, "mains off"), (0.8, "mains on"), (0.5, "test monthly")];
        let reports = reports(Protocol::Native, 2.0, &script);
        let readings: Vec<&Reading> = reports.iter().flat_map(|report| &report.readings).collect();
        let on_battery =
            readings.iter().filter(|r| r.sample.flags.value(Flag::BatteryPower) == Some(true)).count();
        assert!((725..780).contains(&on_battery), "0.2 h and 30 s, each second: {on_battery}");
        let events: Vec<&Event> = reports.iter().flat_map(|report| &report.events).collect();
        assert_eq!(events.len(), 2);
        let EventKind::Test { result, started, .. } = &events[1].kind else { panic!("{events:?}") };
        assert_eq!((result, *started), (&TestResult::Passed, Some(END.plus_ms(-1_800_000))));
    }

    #[test]
    fn foreign_streams_tell_what_they_can() {
        for protocol in [Protocol::VeDirect, Protocol::Mate] {
            let reports = reports(protocol, 1.0, &[]);
            let readings: Vec<&Reading> = reports.iter().flat_map(|report| &report.readings).collect();
            assert_eq!(readings.len(), 360, "{protocol:?}");
            let quantities = &readings[0].sample.quantities;
            assert!(quantities.value(Quantity::BATTERY_VOLTAGE).is_some(), "{quantities:?}");
            assert!(quantities.value(Quantity::INPUT_REALPOWER).is_none());
        }
    }
}
