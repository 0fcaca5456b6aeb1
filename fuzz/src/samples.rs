//! Good inputs of each target, made by the encoders and by hand. The smoke run changes them.

use wire::mate::{Address, encode_page};
use wire::report::{cbor, json};
use wire::{
    BootId, Button, Conditions, Event, EventKind, Flags, LinkCounts, Observation, Quality, Quantity, Reading,
    Report, Sample, SelfTest, Serial, TestKind, TestResult, UtcMs,
};

fn sample() -> Sample {
    Sample {
        quantities: Quantity::all()
            .map(|quantity| (quantity, i64::from(quantity.code()) * 311 - 400))
            .collect(),
        flags: Flags::from_bits(0x0f, 0x05),
        conditions: Conditions::from_bits(0x7fff, 0x0421),
        unknown: vec!["AR=0x4000".into(), "new=\"ü\"".into()],
    }
}

fn reports() -> Vec<Report> {
    let time = Some(UtcMs(1_795_400_000_250));
    let reading = Reading {
        sequence: Some(7),
        uptime_ms: Some(70_000),
        time,
        quality: Quality::Synchronised,
        sample: sample(),
    };
    let event = |kind| Event { sequence: Some(8), uptime_ms: Some(70_001), time, kind };
    let kinds = vec![
        EventKind::Button { boot: Some(3), count: 2, age_ms: 40 },
        EventKind::Test {
            count: 9,
            test: TestKind::Monthly,
            result: TestResult::Other("odd".into()),
            started: time,
            length_s: Some(30),
            end_voltage: Some(12_290),
        },
        EventKind::Gap { first_sequence: 1, last_sequence: 6, count: 6, from: time, to: time },
        EventKind::WrongInverter { found: "HQ-1".into() },
        EventKind::Other("door".into()),
    ];
    let full = Report {
        boot: Some(BootId([0xa5; 16])),
        uptime_ms: Some(70_002),
        time,
        readings: vec![reading.clone(), Reading::default()],
        events: kinds.into_iter().map(event).collect(),
        link: Some(LinkCounts { frames_good: 70, frames_bad: 1, silent_ms: 300 }),
    };
    vec![Report::default(), Report { readings: vec![reading], ..Report::default() }, full]
}

fn written(encode: fn(&Report, &mut Vec<u8>)) -> Vec<Vec<u8>> {
    let write = |report: &Report| {
        let mut bytes = Vec::new();
        encode(report, &mut bytes);
        bytes
    };
    reports().iter().map(write).collect()
}

pub fn report_cbor() -> Vec<Vec<u8>> {
    let indefinite = b"\xbf\x04\x9f\xbf\x04\xbf\x09\x01\xff\x05\x9f\x01\x01\xff\x18\x63\x9f\x7f\x61a\x61b\xff\xff\xff\xff\xff";
    [written(cbor::encode), vec![indefinite.to_vec()]].concat()
}

pub fn report_json() -> Vec<Vec<u8>> {
    let by_hand = br#" { "version" : 1, "x": [[{"a\u00fc\n": null}]], "readings": [ {"quantities": {"battery.voltage": -1.5e2,
        "ups.load": NaN, "odd": 1e999, "ups.power": "x"}, "flags": {"line_present": true}, "note": {} } ] } "#;
    [written(json::encode), vec![by_hand.to_vec()]].concat()
}

pub fn native() -> Vec<Vec<u8>> {
    let full = Observation {
        serial: Serial::parse("2311-00421").ok(),
        boot: Some(4),
        sequence: Some(99),
        uptime_ms: Some(99_123),
        sample: sample(),
        button: Some(Button { count: 1, age_ms: 5000 }),
        test: Some(SelfTest {
            count: 3,
            kind: TestKind::Annual,
            result: TestResult::Passed,
            started: Some(UtcMs(1_795_400_000_000)),
            started_uptime_ms: Some(1000),
            length_s: Some(5400),
            end_voltage: Some(11_780),
        }),
    };
    let mut stream = b"half a frame\xff".to_vec();
    wire::native::encode(&full, &mut stream);
    let mut two = Vec::new();
    wire::native::encode(&Observation::default(), &mut two);
    wire::native::encode(&full, &mut two);
    // Bodies without frame: the target adds one.
    let mut body = wire_body(&full);
    let test_without_start = b"\xa2\x00\x01\x0a\xa3\x00\x01\x01\x00\x02\x63odd".to_vec();
    body.truncate(body.len() - 4);
    vec![stream, two, body, test_without_start]
}

/// Body and CRC of a frame without stuffing.
fn wire_body(observation: &Observation) -> Vec<u8> {
    let mut frame = Vec::new();
    wire::native::encode(observation, &mut frame);
    let mut body = Vec::new();
    let mut at = 1;
    while let Some(run) = frame.get(at).copied().filter(|run| *run > 0).map(usize::from) {
        body.extend_from_slice(&frame[at + 1..at + run]);
        at += run;
        if run < 255 && frame.get(at) != Some(&0) {
            body.push(0);
        }
    }
    body
}

pub fn ve_direct() -> Vec<Vec<u8>> {
    let inverter = [
        ("PID", "0xA201"),
        ("SER#", "HQ00000TEST"),
        ("MODE", "2"),
        ("CS", "9"),
        ("AC_OUT_V", "12001"),
        ("AC_OUT_I", "3"),
        ("V", "13210"),
        ("AR", "16640"),
        ("WARN", "1"),
        ("OR", "0x00000010"),
        ("NEW", "x"),
    ];
    let monitor =
        [("V", "12168"), ("I", "-2656"), ("SOC", "837"), ("TTG", "-1"), ("T", "---"), ("Alarm", "ON")];
    let history = [("H1", "-149"), ("H17", "6843"), ("H99", "5")];
    let mut stream = b"\x80".to_vec();
    wire::ve_direct::encode(&history, &mut stream);
    stream.extend_from_slice(b":7F0ED009698\n");
    wire::ve_direct::encode(&monitor, &mut stream);
    let mut one = Vec::new();
    wire::ve_direct::encode(&inverter, &mut one);
    let text_without_checksum = b"\r\nV\t1\r\nAR\t4294967295\r\nCS\t2".to_vec();
    vec![stream, one, text_without_checksum]
}

pub fn mate() -> Vec<Vec<u8>> {
    let pages = [
        ('1', "04,00,06,115,116,00,08,000,02,270,001,000"),
        ('A', "00,12,08,090,015,05,03,000,02,271,0007,00"),
        ('b', "0100,0250,0000,06,00012,272,098,001,08,35"),
    ];
    let page = |(address, fields): (char, &str)| {
        let mut bytes = Vec::new();
        if let Some(address) = Address::from_char(address) {
            encode_page(address, &fields.split(',').collect::<Vec<_>>(), &mut bytes);
        }
        bytes
    };
    let each: Vec<Vec<u8>> = pages.into_iter().map(page).collect();
    [vec![each.concat().repeat(2)], each].concat()
}

/// The first byte chooses the version: 0 is 3.1.1, 1 is 5.0.
pub fn mqtt_server() -> Vec<Vec<u8>> {
    let v311 = b"\x00\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06device\
        \x32\x0c\x00\x05a/b/c\x00\x01xyz\xc0\x00\x82\x06\x00\x02\x00\x01#\x00\xe0\x00";
    let v5 = b"\x01\x10\x1e\x00\x04MQTT\x05\x02\x00\x3c\x0b\x11\x00\x00\x00\x00\x21\x00\x20\x27\x00\x00\x00\x06device\
        \x32\x1f\x00\x05a/b/c\x00\x01\x13\x03\x00\x10application/json{}\xe0\x00";
    vec![v311.to_vec(), v5.to_vec()]
}

/// The first byte chooses the version, as above.
pub fn mqtt_client() -> Vec<Vec<u8>> {
    let v311 = b"\x00\x20\x02\x00\x00\x40\x02\x00\x01\xd0\x00\x90\x03\x00\x02\x80".to_vec();
    let v5 = b"\x01\x20\x0b\x00\x00\x08\x21\x00\x20\x27\x00\x00\xfa\x00\x40\x03\x00\x01\x10\xe0\x02\x8e\x00"
        .to_vec();
    vec![v311, v5]
}
