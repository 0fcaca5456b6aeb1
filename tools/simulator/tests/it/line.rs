//! One inverter on a line, driven by the test's own time or by the real one.

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use simulator::line::inverter::{Session, Setup};
use simulator::line::protocol::Protocol;
use simulator::line::pty::{Pty, PtyError};
use simulator::line::{Sources, replay};
use simulator::model::{Inverter, Parameters};
use wire::mate::MateDecoder;
use wire::native::NativeDecoder;
use wire::stream::Decoder;
use wire::ve_direct::VeDirectDecoder;
use wire::{Condition, Flag, Observation, Quantity, Serial, TestResult, UtcMs};

fn session(protocol: Protocol, baud: u32) -> Session {
    let parameters = Parameters::new(Serial::parse("2311-00421").unwrap(), 5, UtcMs(1_767_225_600_000));
    let frame_every = Duration::from_secs(1);
    Session::new(Inverter::new(parameters), Setup { protocol, baud, speed: 1.0, frame_every })
}

/// Lets a session live for `seconds` of its time and decodes what it says.
struct Listener {
    session: Session,
    decoder: Box<dyn Decoder>,
    now: Duration,
    bytes: Vec<u8>,
}

impl Listener {
    fn new(protocol: Protocol) -> Self {
        let decoder: Box<dyn Decoder> = match protocol {
            Protocol::Native => Box::new(NativeDecoder::new()),
            Protocol::VeDirect => Box::new(VeDirectDecoder::new()),
            Protocol::Mate => Box::new(MateDecoder::new(&[])),
        };
        Self { session: session(protocol, 19_200), decoder, now: Duration::ZERO, bytes: vec![] }
    }

    fn listen(&mut self, seconds: f64) -> Vec<Observation> {
        let (end, mut heard) = (self.now + Duration::from_secs_f64(seconds), vec![]);
        while self.now < end {
            self.now = self.session.next().max(self.now + Duration::from_millis(1));
            let mut out = vec![];
            self.session.advance(self.now, &mut out);
            self.decoder.push(&out, self.now.as_millis() as u64, &mut |observation| heard.push(observation));
            self.bytes.extend(out);
        }
        self.decoder.flush(&mut |observation| heard.push(observation));
        heard
    }
}

fn raised(observation: &Observation) -> Vec<Condition> {
    observation.sample.conditions.raised().collect()
}

#[test]
fn the_native_stream_decodes_to_a_frame_each_second() {
    let mut listener = Listener::new(Protocol::Native);
    let heard = listener.listen(60.0);
    assert!((60..=61).contains(&heard.len()), "{}", heard.len());
    let counts = listener.decoder.counts();
    assert_eq!((counts.bad, counts.dropped_bytes), (0, 0), "{counts:?}");
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.map(|n| n + 1)));
    let last = heard.last().unwrap();
    assert_eq!(last.serial.unwrap().as_str(), "2311-00421");
    assert_eq!(last.sample, heard.last().unwrap().sample);
    assert_eq!(last.sample.conditions.iter().count(), 15);
    assert!((13_500..13_800).contains(&last.sample.quantities.value(Quantity::BATTERY_VOLTAGE).unwrap()));
}

#[test]
fn foreign_streams_decode() {
    let mut listener = Listener::new(Protocol::VeDirect);
    let heard = listener.listen(60.0);
    assert!((60..=61).contains(&heard.len()), "{}", heard.len());
    assert_eq!(listener.decoder.counts().bad, 0);
    let hex = listener.bytes.windows(2).filter(|pair| pair == b":A").count();
    assert_eq!(hex, 2, "a HEX frame every 30 blocks");
    let sample = &heard[50].sample;
    assert!(sample.quantities.value(Quantity::OUTPUT_VOLTAGE).unwrap() > 2_700, "{sample:?}");

    let mut listener = Listener::new(Protocol::Mate);
    let heard = listener.listen(60.0);
    assert!(heard.len() >= 59, "{}", heard.len());
    assert_eq!(listener.decoder.counts().bad, 0);
    assert!(heard[30].sample.quantities.value(Quantity::BATTERY_CHARGE).is_some());
}

#[test]
fn a_command_changes_the_native_stream_at_once() {
    let mut listener = Listener::new(Protocol::Native);
    listener.listen(5.3);
    assert_eq!(listener.session.command("mains off"), "utility at 0 V");
    // 50 ms until the model moves, and the frame's own length on the wire.
    let heard = listener.listen(0.2);
    assert_eq!(heard.len(), 1, "the next regular frame is 700 ms away");
    assert_eq!(raised(&heard[0]), [Condition::UTILITY_LOST]);
    assert_eq!(heard[0].sample.flags.value(Flag::BatteryPower), Some(true));

    listener.listen(2.0);
    listener.session.command("button");
    let heard = listener.listen(0.2);
    let button = heard[0].button.unwrap();
    assert_eq!(button.count, 1);
    assert!(button.age_ms < 100, "{button:?}");
}

#[test]
fn commands_reach_values_conditions_and_tests() {
    fn check(commands: &[&str], seconds: f64, good: impl Fn(&Observation) -> bool) {
        let mut listener = Listener::new(Protocol::Native);
        listener.listen(1.0);
        let answers: Vec<String> = commands.iter().map(|line| listener.session.command(line)).collect();
        let heard = listener.listen(seconds);
        assert!(good(heard.last().unwrap()), "{commands:?} {answers:?}: {:?}", heard.last());
    }
    let value = |observation: &Observation, quantity| observation.sample.quantities.value(quantity).unwrap();
    check(&["load 80"], 2.0, |o| (78..=82).contains(&value(o, Quantity::LOAD)));
    check(&["ambient 45"], 2.0, |o| raised(o) == [Condition::AMBIENT_HIGH]);
    check(&["fault charger"], 2.0, |o| raised(o) == [Condition::CHARGER_FAULT]);
    check(&["fault charger", "fault charger off"], 2.0, |o| raised(o).is_empty());
    check(&["test monthly"], 40.0, |o| o.test.as_ref().is_some_and(|test| test.result == TestResult::Passed));
    check(&["mains off", "test monthly"], 2.0, |o| o.test.is_none());
}

#[test]
fn silence_is_silent_and_garbage_is_survived() {
    let mut listener = Listener::new(Protocol::Native);
    // Between two frames.
    listener.listen(3.5);
    listener.session.command("silence 10");
    assert_eq!(listener.listen(9.9).len(), 0);
    assert!(listener.listen(2.0).len() >= 2);
    assert_eq!(listener.session.command("garbage 500"), "500 random bytes");
    let heard = listener.listen(5.0);
    assert!(heard.len() >= 4, "{}", heard.len());
    assert!(listener.decoder.counts().dropped_bytes + listener.decoder.counts().bad > 0);
    assert!(listener.session.command("garbage 100000").contains("a second behind"));
    assert!(listener.session.command("sing").contains("Possible:"));
}

fn open(path: &std::path::Path) -> std::fs::File {
    std::fs::OpenOptions::new()
        .read(true)
        .custom_flags((rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK).bits() as i32)
        .open(path)
        .unwrap()
}

/// Reads for `time` at most, until `enough` bytes are there.
fn read(file: &mut std::fs::File, enough: usize, time: Duration) -> Vec<u8> {
    let (begun, mut bytes, mut buffer) = (Instant::now(), vec![], [0; 4096]);
    while bytes.len() < enough && begun.elapsed() < time {
        match file.read(&mut buffer) {
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    bytes
}

#[test]
fn a_replay_is_exact_and_at_the_true_baud() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("recording"), folder.path().join("line"));
    // Every byte value, also those that a terminal in its default mode would change or take for itself.
    let recording: Vec<u8> = (0..=255).cycle().take(2_304).collect();
    std::fs::write(&file, &recording).unwrap();
    let mut pty = Pty::open(&link, 19_200).unwrap();
    let mut reader = open(&link);
    let play =
        std::thread::spawn(move || replay::run(&file, &mut pty, 19_200, false, &Sources::default()).unwrap());
    let begun = Instant::now();
    let heard = read(&mut reader, recording.len(), Duration::from_secs(10));
    let seconds = begun.elapsed().as_secs_f64();
    let summary = play.join().unwrap();
    assert!(heard == recording, "{} of {} bytes, or others", heard.len(), recording.len());
    // 2,304 bytes of ten bits at 19,200 bits a second are 1.2 s. Never sooner; later only if the machine is busy.
    assert!((1.18..4.0).contains(&seconds), "{seconds} s");
    assert_eq!((summary.taken, summary.unheard, summary.heard), (2_304, 0, 0));
}

#[test]
fn the_other_side_may_go_and_come_back_and_what_it_says_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("line");
    let mut pty = Pty::open(&link, 19_200).unwrap();
    let alone = pty.send(b"to nobody").unwrap();
    assert_eq!((alone.taken, alone.unheard), (0, 9), "nobody has the line open");
    for _ in 0..3 {
        let mut reader = open(&link);
        assert_eq!(pty.send(b"hello").unwrap().taken, 5);
        assert_eq!(read(&mut reader, 5, Duration::from_secs(2)), b"hello", "and nothing from before");
        drop(reader);
        assert_eq!(pty.send(b"gone").unwrap().unheard, 4);
    }
    // The line is raw from the start: no echo.
    assert_eq!(pty.heard(), 0);
    let mut chatty = std::fs::OpenOptions::new().read(true).write(true).open(&link).unwrap();
    std::io::Write::write_all(&mut chatty, b"BREAK").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    pty.listen().unwrap();
    assert_eq!(pty.heard(), 5);
    drop(pty);
    assert!(!link.is_symlink(), "the link goes with the line");
}

#[test]
fn a_slow_reader_loses_bytes_and_never_stops_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("line");
    let mut pty = Pty::open(&link, 19_200).unwrap();
    let _reader = open(&link);
    let begun = Instant::now();
    let mut unheard = 0;
    for _ in 0..2_000 {
        unheard += pty.send(&[0x55; 100]).unwrap().unheard;
    }
    assert!(unheard > 100_000, "{unheard}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_name_that_is_taken_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    std::fs::write(&path, "data").unwrap();
    assert!(matches!(Pty::open(&path, 19_200), Err(PtyError::Taken(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
}
