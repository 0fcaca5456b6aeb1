//! A report as JSON text.
//!
//! In: a [`Report`]. Out: one line of JSON with the keys in the order of `docs/wire/README.md`; what is not reported
//! has no key.

use core::fmt::{self, Display, Formatter, Write as _};

use super::decimal::Decimal;
use crate::report::cbor::VERSION;
use crate::{Event, EventKind, Quantity, Reading, Report, Sample};

/// Displays as JSON.
pub(super) struct Json<'a>(pub(super) &'a Report);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(report) = self;
        let mut object = Object::open(f)?;
        object.entry("version", &VERSION)?;
        object.optional("boot", report.boot.map(Quoted))?;
        object.optional("uptime_ms", report.uptime_ms)?;
        object.optional("time", report.time.map(Quoted))?;
        if !report.readings.is_empty() {
            object.entry("readings", &List(&report.readings, reading))?;
        }
        if !report.events.is_empty() {
            object.entry("events", &List(&report.events, event))?;
        }
        if let Some(link) = report.link {
            let mut counts = Object::open(object.value("link")?)?;
            counts.entry("frames_good", &link.frames_good)?;
            counts.entry("frames_bad", &link.frames_bad)?;
            counts.entry("silent_ms", &link.silent_ms)?;
            counts.close()?;
        }
        object.close()
    }
}

fn reading(reading: &Reading, f: &mut Formatter<'_>) -> fmt::Result {
    let mut object = Object::open(f)?;
    object.optional("sequence", reading.sequence)?;
    object.optional("uptime_ms", reading.uptime_ms)?;
    object.optional("time", reading.time.map(Quoted))?;
    object.entry("quality", &Quoted(reading.quality.name()))?;
    sample(&reading.sample, &mut object)?;
    object.close()
}

fn sample(sample: &Sample, object: &mut Object<'_, '_>) -> fmt::Result {
    if !sample.quantities.is_empty() {
        let mut values = Object::open(object.value("quantities")?)?;
        for (quantity, scaled) in sample.quantities.iter() {
            values.entry(quantity.name(), &Decimal(scaled, quantity.decimals()))?;
        }
        values.close()?;
    }
    if !sample.flags.is_empty() {
        let mut flags = Object::open(object.value("flags")?)?;
        sample.flags.iter().try_for_each(|(flag, value)| flags.entry(flag.name(), &value))?;
        flags.close()?;
    }
    if !sample.conditions.is_empty() {
        let mut conditions = Object::open(object.value("conditions")?)?;
        sample
            .conditions
            .iter()
            .try_for_each(|(condition, value)| conditions.entry(condition.name(), &value))?;
        conditions.close()?;
    }
    if !sample.unknown.is_empty() {
        object.entry("unknown", &List(&sample.unknown, |text, f| Quoted(text).fmt(f)))?;
    }
    Ok(())
}

fn event(event: &Event, f: &mut Formatter<'_>) -> fmt::Result {
    let mut object = Object::open(f)?;
    object.optional("sequence", event.sequence)?;
    object.optional("uptime_ms", event.uptime_ms)?;
    object.optional("time", event.time.map(Quoted))?;
    object.entry("kind", &Quoted(event.kind.code_and_name().1))?;
    match &event.kind {
        EventKind::Button { boot, count, age_ms } => {
            object.optional("boot", *boot)?;
            object.entry("count", count)?;
            object.entry("age_ms", age_ms)?;
        }
        EventKind::Test { count, test, result, started, length_s, end_voltage } => {
            object.entry("count", count)?;
            object.entry("test", &Quoted(test.name()))?;
            object.entry("result", &Quoted(result.name()))?;
            object.optional("started", started.map(Quoted))?;
            object.optional("length_s", *length_s)?;
            object.optional(
                "end_voltage",
                end_voltage.map(|v| Decimal(v, Quantity::BATTERY_VOLTAGE.decimals())),
            )?;
        }
        EventKind::Gap { first_sequence, last_sequence, count, from, to } => {
            object.entry("first_sequence", first_sequence)?;
            object.entry("last_sequence", last_sequence)?;
            object.entry("count", count)?;
            object.optional("from", from.map(Quoted))?;
            object.optional("to", to.map(Quoted))?;
        }
        EventKind::WrongInverter { found } => object.entry("found", &Quoted(found))?,
        EventKind::Other(_) => {}
    }
    object.close()
}

/// An object being written; puts the commas.
struct Object<'a, 'f> {
    f: &'a mut Formatter<'f>,
    first: bool,
}

impl<'a, 'f> Object<'a, 'f> {
    fn open(f: &'a mut Formatter<'f>) -> Result<Self, fmt::Error> {
        f.write_str("{")?;
        Ok(Self { f, first: true })
    }

    /// Writes the key; the caller writes the value.
    fn value(&mut self, key: &str) -> Result<&mut Formatter<'f>, fmt::Error> {
        if !core::mem::take(&mut self.first) {
            self.f.write_str(",")?;
        }
        write!(self.f, "\"{key}\":")?;
        Ok(self.f)
    }

    fn entry(&mut self, key: &str, value: &dyn Display) -> fmt::Result {
        value.fmt(self.value(key)?)
    }

    fn optional(&mut self, key: &str, value: Option<impl Display>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.entry(key, &value))
    }

    fn close(self) -> fmt::Result {
        self.f.write_str("}")
    }
}

/// An array of items with the function that writes one.
struct List<'a, T>(&'a [T], fn(&T, &mut Formatter<'_>) -> fmt::Result);

impl<T> Display for List<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (at, item) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            (self.1)(item, f)?;
        }
        f.write_str("]")
    }
}

/// A JSON string: quoted, and escaped as RFC 8259 section 7 demands.
struct Quoted<T>(T);

impl<T: Display> Display for Quoted<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        write!(Escape(f), "{}", self.0)?;
        f.write_str("\"")
    }
}

struct Escape<'a, 'f>(&'a mut Formatter<'f>);

impl fmt::Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '"' | '\\' => write!(self.0, "\\{character}"),
            '\0'..='\u{1f}' => write!(self.0, "\\u{:04x}", u32::from(character)),
            other => self.0.write_char(other),
        })
    }
}
