//! The map inside a native frame (`docs/wire/native.cddl`).
//!
//! In: bytes whose CRC was good. Out: an [`Observation`], and back. Keys nobody knows are carried raw.

use alloc::format;
use alloc::vec::Vec;

use crate::cbor::{Key, Reader, Writer, Written, put_sample, sample_entries};
use crate::report::ReportError;
use crate::{Button, Observation, SelfTest, Serial, TestKind, TestResult, UtcMs};

/// The version this crate reads and writes.
const VERSION: u64 = 1;

/// The map, with at most `codes` of the sample's unknown codes.
pub(super) fn encode(observation: &Observation, codes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    // Writing to a `Vec` cannot fail: the error type has no value.
    let _: Written = put(&mut Writer::new(&mut out), observation, codes);
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<Observation, ReportError> {
    let mut reader = Reader::new(bytes);
    let mut observation = Observation::default();
    reader.map("frame", |r, key| {
        match key {
            Key::Code(0) => match r.unsigned("version")? {
                VERSION => {}
                other => return Err(r.error(format!("this reader knows version {VERSION}, the frame has {other}"))),
            },
            Key::Code(1) => {
                let text = r.text("serial")?;
                observation.serial = Some(Serial::parse(text).map_err(|error| r.error(format!("{error}")))?);
            }
            Key::Code(2) => observation.boot = Some(r.unsigned("boot")?),
            Key::Code(3) => observation.sequence = Some(r.unsigned("sequence")?),
            Key::Code(4) => observation.uptime_ms = Some(r.unsigned("uptime_ms")?),
            Key::Code(5) => r.quantities(&mut observation.sample)?,
            Key::Code(6) => r.flags(&mut observation.sample)?,
            Key::Code(7) => r.conditions(&mut observation.sample)?,
            Key::Code(8) => r.unknown(&mut observation.sample)?,
            Key::Code(9) => observation.button = Some(button(r)?),
            Key::Code(10) => observation.test = Some(self_test(r)?),
            other => r.carry(&mut observation.sample, &other)?,
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(observation)
}

fn button(r: &mut Reader<'_>) -> Result<Button, ReportError> {
    let (mut count, mut age_ms) = (None, None);
    r.map("button", |r, key| {
        match key {
            Key::Code(0) => count = Some(r.unsigned("count")?),
            Key::Code(1) => age_ms = Some(r.unsigned("age_ms")?),
            _ => r.ignore()?,
        }
        Ok(())
    })?;
    match (count, age_ms) {
        (Some(count), Some(age_ms)) => Ok(Button { count, age_ms }),
        _ => Err(r.error("a button needs `count` and `age_ms`".into())),
    }
}

fn self_test(r: &mut Reader<'_>) -> Result<SelfTest, ReportError> {
    let (mut count, mut kind, mut result) = (None, None, None);
    let (mut started, mut started_uptime_ms, mut length_s, mut end_voltage) = (None, None, None, None);
    r.map("test", |r, key| {
        match key {
            Key::Code(0) => count = Some(r.unsigned("count")?),
            Key::Code(1) => kind = Some(r.named("kind", TestKind::from_code, TestKind::from_name)?),
            Key::Code(2) => result = Some(r.named("result", TestResult::from_code, TestResult::from_name)?),
            Key::Code(3) => started = Some(UtcMs(r.signed("started")?)),
            Key::Code(4) => started_uptime_ms = Some(r.unsigned("started_uptime_ms")?),
            Key::Code(5) => length_s = Some(r.unsigned("length_s")?),
            Key::Code(6) => end_voltage = Some(r.signed("end_voltage")?),
            _ => r.ignore()?,
        }
        Ok(())
    })?;
    match (count, kind, result) {
        (Some(count), Some(kind), Some(result)) => {
            Ok(SelfTest { count, kind, result, started, started_uptime_ms, length_s, end_voltage })
        }
        _ => Err(r.error("a test needs `count`, `kind` and `result`".into())),
    }
}

fn put(e: &mut Writer<'_>, observation: &Observation, codes: usize) -> Written {
    let mut sample = observation.sample.clone();
    sample.unknown.truncate(codes);
    let there = [
        observation.serial.is_some(),
        observation.boot.is_some(),
        observation.sequence.is_some(),
        observation.uptime_ms.is_some(),
        observation.button.is_some(),
        observation.test.is_some(),
    ];
    e.map(1 + there.iter().filter(|there| **there).count() as u64 + sample_entries(&sample))?;
    e.u8(0)?.u64(VERSION)?;
    if let Some(serial) = &observation.serial {
        e.u8(1)?.str(serial.as_str())?;
    }
    for (key, number) in [(2, observation.boot), (3, observation.sequence), (4, observation.uptime_ms)] {
        if let Some(number) = number {
            e.u8(key)?.u64(number)?;
        }
    }
    put_sample(e, 5, &sample)?;
    if let Some(button) = observation.button {
        e.u8(9)?.map(2)?.u8(0)?.u64(button.count)?.u8(1)?.u64(button.age_ms)?;
    }
    observation.test.as_ref().map_or(Ok(()), |test| put_test(e, test))
}

fn put_test(e: &mut Writer<'_>, test: &SelfTest) -> Written {
    let unsigned = [(4, test.started_uptime_ms), (5, test.length_s)];
    let signed = [(3, test.started.map(|time| time.0)), (6, test.end_voltage)];
    let there = unsigned.iter().filter(|(_, n)| n.is_some()).count()
        + signed.iter().filter(|(_, n)| n.is_some()).count();
    e.u8(10)?.map(3 + there as u64)?.u8(0)?.u64(test.count)?;
    for (key, code, name) in
        [(1, test.kind.code(), test.kind.name()), (2, test.result.code(), test.result.name())]
    {
        match code {
            Some(code) => e.u8(key)?.u8(code)?,
            None => e.u8(key)?.str(name)?,
        };
    }
    for (key, number) in signed {
        if let Some(number) = number {
            e.u8(key)?.i64(number)?;
        }
    }
    for (key, number) in unsigned {
        if let Some(number) = number {
            e.u8(key)?.u64(number)?;
        }
    }
    Ok(())
}
