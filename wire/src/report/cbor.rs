//! The report as CBOR: integer keys, scaled integers, times as UTC milliseconds (`docs/wire/report.cddl`).
//!
//! In: a payload from a device. Out: a [`Report`] in one pass, and back. Unknown keys, quantities and codes never
//! drop the rest; a wrong type, a key that comes twice, a missing part or a byte too many is an error that says where.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::event::{Kind, Parts};
use super::{
    BootId, Event, EventKind, LinkCounts, MAX_PACKET_BYTES, MAX_RECORDS, Quality, Reading, Report,
    ReportError,
};
use crate::cbor::{Key, Reader, Writer, Written, put_sample, sample_entries};
use crate::{TestKind, TestResult, UtcMs};

/// The version this crate reads and writes. A higher one means that old readers would be wrong; keys that may be
/// passed over are added without it.
pub const VERSION: u64 = 1;

/// Appends the report.
pub fn encode(report: &Report, out: &mut Vec<u8>) {
    // Writing to a `Vec` cannot fail: the error type has no value.
    let _: Written = put_report(&mut Writer::new(out), report);
}

/// Reads a report.
///
/// # Errors
/// [`ReportError`] with key and byte offset.
pub fn decode(bytes: &[u8]) -> Result<Report, ReportError> {
    let mut reader = Reader::new(bytes);
    if bytes.len() > MAX_PACKET_BYTES {
        return Err(
            reader.error(format!("a report has at most {MAX_PACKET_BYTES} bytes, this has {}", bytes.len()))
        );
    }
    let mut report = Report::default();
    let mut records = 0_usize;
    reader.map("report", |r, key| {
        match key {
            Key::Code(0) => version(r)?,
            Key::Code(1) => report.boot = Some(boot(r)?),
            Key::Code(2) => report.uptime_ms = Some(r.unsigned("uptime_ms")?),
            Key::Code(3) => report.time = Some(UtcMs(r.signed("time")?)),
            Key::Code(4) => r.array("readings", |r| {
                count(&mut records, r)?;
                report.readings.push(reading(r)?);
                Ok(())
            })?,
            Key::Code(5) => r.array("events", |r| {
                count(&mut records, r)?;
                report.events.push(event(r)?);
                Ok(())
            })?,
            Key::Code(6) => report.link = Some(link(r)?),
            _ => r.ignore()?,
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(report)
}

fn version(r: &mut Reader<'_>) -> Result<(), ReportError> {
    match r.unsigned("version")? {
        VERSION => Ok(()),
        other => Err(r.error(format!("this reader knows version {VERSION}, the report has {other}"))),
    }
}

fn boot(r: &mut Reader<'_>) -> Result<BootId, ReportError> {
    let bytes = r.bytes("boot")?;
    bytes.try_into().map(BootId).map_err(|_| r.error(format!("expected 16 bytes, found {}", bytes.len())))
}

fn count(records: &mut usize, r: &Reader<'_>) -> Result<(), ReportError> {
    *records += 1;
    if *records > MAX_RECORDS {
        return Err(r.error(format!("a report has at most {MAX_RECORDS} readings and events")));
    }
    Ok(())
}

fn reading(r: &mut Reader<'_>) -> Result<Reading, ReportError> {
    let mut reading = Reading::default();
    r.map("readings", |r, key| {
        match key {
            Key::Code(0) => reading.sequence = Some(r.unsigned("sequence")?),
            Key::Code(1) => reading.uptime_ms = Some(r.unsigned("uptime_ms")?),
            Key::Code(2) => reading.time = Some(UtcMs(r.signed("time")?)),
            Key::Code(3) => reading.quality = r.named("quality", Quality::from_code, Quality::from_name)?,
            Key::Code(4) => r.quantities(&mut reading.sample)?,
            Key::Code(5) => r.flags(&mut reading.sample)?,
            Key::Code(6) => r.conditions(&mut reading.sample)?,
            Key::Code(7) => r.unknown(&mut reading.sample)?,
            other => r.carry(&mut reading.sample, &other)?,
        }
        Ok(())
    })?;
    Ok(reading)
}

fn link(r: &mut Reader<'_>) -> Result<LinkCounts, ReportError> {
    let mut link = LinkCounts::default();
    r.map("link", |r, key| {
        match key {
            Key::Code(0) => link.frames_good = r.unsigned("frames_good")?,
            Key::Code(1) => link.frames_bad = r.unsigned("frames_bad")?,
            Key::Code(2) => link.silent_ms = r.unsigned("silent_ms")?,
            _ => r.ignore()?,
        }
        Ok(())
    })?;
    Ok(link)
}

fn event(r: &mut Reader<'_>) -> Result<Event, ReportError> {
    let mut event = Parts::default();
    r.map("events", |r, key| {
        match key {
            Key::Code(0) => event.sequence = Some(r.unsigned("sequence")?),
            Key::Code(1) => event.uptime_ms = Some(r.unsigned("uptime_ms")?),
            Key::Code(2) => event.time = Some(UtcMs(r.signed("time")?)),
            Key::Code(3) => event.kind = Some(r.named("kind", Kind::from_code, Kind::from_name)?),
            Key::Code(4) => event.count = Some(r.unsigned("count")?),
            Key::Code(5) => event.age_ms = Some(r.unsigned("age_ms")?),
            Key::Code(6) => event.boot = Some(r.unsigned("boot")?),
            Key::Code(7) => event.test = Some(r.named("test", TestKind::from_code, TestKind::from_name)?),
            Key::Code(8) => {
                event.result = Some(r.named("result", TestResult::from_code, TestResult::from_name)?)
            }
            Key::Code(9) => event.started = Some(UtcMs(r.signed("started")?)),
            Key::Code(10) => event.length_s = Some(r.unsigned("length_s")?),
            Key::Code(11) => event.end_voltage = Some(r.signed("end_voltage")?),
            Key::Code(12) => event.first_sequence = Some(r.unsigned("first_sequence")?),
            Key::Code(13) => event.last_sequence = Some(r.unsigned("last_sequence")?),
            Key::Code(14) => event.from = Some(UtcMs(r.signed("from")?)),
            Key::Code(15) => event.to = Some(UtcMs(r.signed("to")?)),
            Key::Code(16) => event.found = Some(String::from(r.text("found")?)),
            _ => r.ignore()?,
        }
        Ok(())
    })?;
    event.build().map_err(|missing| r.error(missing))
}

/// A value of a map that is written whole.
#[derive(Clone, Copy)]
enum Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Text(&'a str),
}

/// A map's head with room for `more` entries after the ones of `parts` that are there.
fn put_map(e: &mut Writer<'_>, more: u64, parts: &[(u8, Option<Value<'_>>)]) -> Written {
    let there = parts.iter().filter(|(_, value)| value.is_some()).count();
    e.map(there as u64 + more)?;
    for (key, value) in parts {
        match value {
            None => continue,
            Some(Value::Unsigned(number)) => e.u8(*key)?.u64(*number)?,
            Some(Value::Signed(number)) => e.u8(*key)?.i64(*number)?,
            Some(Value::Text(text)) => e.u8(*key)?.str(text)?,
        };
    }
    Ok(())
}

fn unsigned<'a>(number: Option<u64>) -> Option<Value<'a>> {
    number.map(Value::Unsigned)
}

fn time<'a>(time: Option<UtcMs>) -> Option<Value<'a>> {
    time.map(|time| Value::Signed(time.0))
}

/// A code where there is one, else the text.
fn named(code: Option<u8>, name: &str) -> Option<Value<'_>> {
    Some(code.map_or(Value::Text(name), |code| Value::Unsigned(u64::from(code))))
}

fn put_report(e: &mut Writer<'_>, report: &Report) -> Written {
    let some = |there: bool| u64::from(there);
    e.map(
        1 + some(report.boot.is_some())
            + some(report.uptime_ms.is_some())
            + some(report.time.is_some())
            + some(!report.readings.is_empty())
            + some(!report.events.is_empty())
            + some(report.link.is_some()),
    )?;
    e.u8(0)?.u64(VERSION)?;
    if let Some(boot) = report.boot {
        e.u8(1)?.bytes(&boot.0)?;
    }
    if let Some(uptime_ms) = report.uptime_ms {
        e.u8(2)?.u64(uptime_ms)?;
    }
    if let Some(time) = report.time {
        e.u8(3)?.i64(time.0)?;
    }
    if !report.readings.is_empty() {
        e.u8(4)?.array(report.readings.len() as u64)?;
        report.readings.iter().try_for_each(|reading| put_reading(e, reading))?;
    }
    if !report.events.is_empty() {
        e.u8(5)?.array(report.events.len() as u64)?;
        report.events.iter().try_for_each(|event| put_event(e, event))?;
    }
    if let Some(link) = report.link {
        e.u8(6)?;
        let numbers = [(0, link.frames_good), (1, link.frames_bad), (2, link.silent_ms)];
        put_map(e, 0, &numbers.map(|(key, number)| (key, Some(Value::Unsigned(number)))))?;
    }
    Ok(())
}

fn put_reading(e: &mut Writer<'_>, reading: &Reading) -> Written {
    // The most cautious quality is what an absent key means.
    let quality = (reading.quality != Quality::default()).then(|| u64::from(reading.quality.code()));
    let parts = [
        (0, unsigned(reading.sequence)),
        (1, unsigned(reading.uptime_ms)),
        (2, time(reading.time)),
        (3, unsigned(quality)),
    ];
    put_map(e, sample_entries(&reading.sample), &parts)?;
    put_sample(e, 4, &reading.sample)
}

fn put_event(e: &mut Writer<'_>, event: &Event) -> Written {
    let (code, name) = event.kind.code_and_name();
    let head = [
        (0, unsigned(event.sequence)),
        (1, unsigned(event.uptime_ms)),
        (2, time(event.time)),
        (3, named(code, name)),
    ];
    let mut parts = head.to_vec();
    match &event.kind {
        EventKind::Button { boot, count, age_ms } => {
            parts.extend([(4, unsigned(Some(*count))), (5, unsigned(Some(*age_ms))), (6, unsigned(*boot))]);
        }
        EventKind::Test { count, test, result, started, length_s, end_voltage } => parts.extend([
            (4, unsigned(Some(*count))),
            (7, named(test.code(), test.name())),
            (8, named(result.code(), result.name())),
            (9, time(*started)),
            (10, unsigned(*length_s)),
            (11, end_voltage.map(Value::Signed)),
        ]),
        EventKind::Gap { first_sequence, last_sequence, count, from, to } => parts.extend([
            (4, unsigned(Some(*count))),
            (12, unsigned(Some(*first_sequence))),
            (13, unsigned(Some(*last_sequence))),
            (14, time(*from)),
            (15, time(*to)),
        ]),
        EventKind::WrongInverter { found } => parts.push((16, Some(Value::Text(found)))),
        EventKind::Other(_) => {}
    }
    put_map(e, 0, &parts)
}
