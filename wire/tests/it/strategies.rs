//! Any report and any observation, within the bounds that the types document.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wire::{
    BootId, Button, Conditions, Event, EventKind, Flags, LinkCounts, Observation, Quality, Quantities,
    Quantity, Reading, Report, Sample, SelfTest, Serial, TestKind, TestResult, UtcMs,
};

/// Largest scaled value that is read.
pub const MAX_SCALED: i64 = (1 << 52) - 1;

pub fn scaled() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -100_000_i64..100_000, 1 => -MAX_SCALED..=MAX_SCALED]
}

pub fn quantities() -> impl Strategy<Value = Quantities> {
    vec((1_u64..=40, scaled()), 0..40).prop_map(|pairs| {
        pairs.into_iter().filter_map(|(code, value)| Some((Quantity::from_code(code)?, value))).collect()
    })
}

pub fn sample() -> impl Strategy<Value = Sample> {
    let text = "[ -~]{0,30}|[a-zé=0-9\"\\\\\u{1}]{0,20}";
    (quantities(), any::<(u8, u8, u16, u16)>(), vec(text, 0..4)).prop_map(|(quantities, bits, unknown)| {
        Sample {
            quantities,
            flags: Flags::from_bits(bits.0, bits.1),
            conditions: Conditions::from_bits(bits.2, bits.3),
            unknown,
        }
    })
}

/// Times that RFC 3339 can write, years 1 to 9999.
pub fn time() -> impl Strategy<Value = UtcMs> {
    (-62_135_596_800_000_i64..253_402_300_800_000).prop_map(UtcMs)
}

fn quality() -> impl Strategy<Value = Quality> {
    prop_oneof![Just(Quality::Synchronised), Just(Quality::Aged), Just(Quality::Estimated)]
}

fn reading() -> impl Strategy<Value = Reading> {
    (option::of(any::<u64>()), option::of(any::<u64>()), option::of(time()), quality(), sample()).prop_map(
        |(sequence, uptime_ms, time, quality, sample)| Reading { sequence, uptime_ms, time, quality, sample },
    )
}

fn test_kind() -> impl Strategy<Value = TestKind> {
    (0_u64..5).prop_map(TestKind::from_code)
}

fn test_result() -> impl Strategy<Value = TestResult> {
    (0_u64..8).prop_map(TestResult::from_code)
}

fn event_kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        (option::of(any::<u64>()), any::<u64>(), any::<u64>())
            .prop_map(|(boot, count, age_ms)| EventKind::Button { boot, count, age_ms }),
        (
            any::<u64>(),
            test_kind(),
            test_result(),
            option::of(time()),
            option::of(any::<u64>()),
            option::of(scaled())
        )
            .prop_map(|(count, test, result, started, length_s, end_voltage)| EventKind::Test {
                count,
                test,
                result,
                started,
                length_s,
                end_voltage
            }),
        (any::<(u64, u64, u64)>(), option::of(time()), option::of(time())).prop_map(|(numbers, from, to)| {
            EventKind::Gap { first_sequence: numbers.0, last_sequence: numbers.1, count: numbers.2, from, to }
        }),
        "[A-Z0-9-]{4,32}".prop_map(|found| EventKind::WrongInverter { found }),
        "x-[a-z]{1,20}".prop_map(EventKind::Other),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    (option::of(any::<u64>()), option::of(any::<u64>()), option::of(time()), event_kind())
        .prop_map(|(sequence, uptime_ms, time, kind)| Event { sequence, uptime_ms, time, kind })
}

pub fn report() -> impl Strategy<Value = Report> {
    (
        option::of(any::<[u8; 16]>().prop_map(BootId)),
        option::of(any::<u64>()),
        option::of(time()),
        vec(reading(), 0..4),
        vec(event(), 0..4),
        option::of(any::<(u64, u64, u64)>()),
    )
        .prop_map(|(boot, uptime_ms, time, readings, events, link)| Report {
            boot,
            uptime_ms,
            time,
            readings,
            events,
            link: link.map(|(frames_good, frames_bad, silent_ms)| LinkCounts {
                frames_good,
                frames_bad,
                silent_ms,
            }),
        })
}

fn self_test() -> impl Strategy<Value = SelfTest> {
    let numbers = (option::of(any::<u64>()), option::of(any::<u64>()), option::of(scaled()));
    (any::<u64>(), test_kind(), test_result(), option::of(time()), numbers).prop_map(
        |(count, kind, result, started, (started_uptime_ms, length_s, end_voltage))| SelfTest {
            count,
            kind,
            result,
            started,
            started_uptime_ms,
            length_s,
            end_voltage,
        },
    )
}

pub fn observation() -> impl Strategy<Value = Observation> {
    (
        option::of("[A-Z0-9-]{4,32}"),
        any::<[Option<u64>; 3]>(),
        sample(),
        option::of(any::<(u64, u64)>().prop_map(|(count, age_ms)| Button { count, age_ms })),
        option::of(self_test()),
    )
        .prop_map(|(serial, [boot, sequence, uptime_ms], sample, button, test)| Observation {
            serial: serial.and_then(|text| Serial::parse(&text).ok()),
            boot,
            sequence,
            uptime_ms,
            sample,
            button,
            test,
        })
}

/// The report of the performance rows: one reading of 30 quantities with everyday values.
pub fn everyday_report() -> Report {
    let everyday: [i64; 30] = [
        1203, 5999, 1198, 412, 6000, 488, 494, 61, 13_642, -35, 248, 97, 5400, 231, 388, 864_000, 5312, 433,
        1203, 1201, 1204, 144, 139, 150, 1198, 1197, 1199, 137, 141, 134,
    ];
    let quantities = Quantity::all().zip(everyday).collect();
    let sample = Sample {
        quantities,
        flags: Flags::from_bits(0x0f, 0x0a),
        conditions: Conditions::all_clear(),
        unknown: Vec::new(),
    };
    let time = Some(UtcMs(1_795_400_000_250));
    let reading = Reading {
        sequence: Some(81_234),
        uptime_ms: Some(812_345_678),
        time,
        quality: Quality::Synchronised,
        sample,
    };
    Report {
        boot: Some(BootId([7; 16])),
        uptime_ms: Some(812_345_690),
        time,
        readings: vec![reading],
        events: Vec::new(),
        link: Some(LinkCounts { frames_good: 812_345, frames_bad: 3, silent_ms: 210 }),
    }
}
