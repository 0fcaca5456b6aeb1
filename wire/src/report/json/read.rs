//! What the keys of a report in JSON mean: each object is a table of keys and a function that takes one.
//!
//! In: serde_json's tokens. Out: a [`Report`]. `null` is the same as a missing key.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess};
use serde_json::value::RawValue;

use super::decimal;
use super::object::{Fields, From, Item, Object, Text};
use crate::report::cbor::VERSION;
use crate::report::event::{Kind, Parts};
use crate::report::{BootId, Event, LinkCounts, MAX_RECORDS, Quality, Reading, Report};
use crate::{Condition, Flag, Quantity, Sample, Scaled, TestKind, TestResult};

/// Reads one report; `key` is left at the key whose value was being read.
pub(super) fn report<'de, D: Deserializer<'de>>(
    deserializer: D,
    key: &Cell<&'static str>,
) -> Result<Report, D::Error> {
    let mut report = Report::default();
    Object(&mut report, key).deserialize(deserializer)?;
    Ok(report)
}

impl<'de> Fields<'de> for Report {
    const KEYS: &'static [&'static str] =
        &["version", "boot", "uptime_ms", "time", "readings", "events", "link"];

    fn field<A: MapAccess<'de>>(
        &mut self,
        key: &'static str,
        from: &mut From<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            "version" => match from.number()? {
                None | Some(VERSION) => {}
                Some(other) => {
                    let problem = format!("this reader knows version {VERSION}, the report has {other}");
                    return Err(A::Error::custom(problem));
                }
            },
            "boot" => self.boot = boot(from)?,
            "uptime_ms" => self.uptime_ms = from.number()?,
            "time" => self.time = from.time()?,
            "readings" => from.list(&mut self.readings, MAX_RECORDS - self.events.len())?,
            "events" => from.list(&mut self.events, MAX_RECORDS - self.readings.len())?,
            _ => {
                let mut link = LinkCounts::default();
                from.object(&mut link)?;
                self.link = Some(link);
            }
        }
        Ok(())
    }
}

fn boot<'de, A: MapAccess<'de>>(from: &mut From<'_, A>) -> Result<Option<BootId>, A::Error> {
    let Some(text) = from.text()? else { return Ok(None) };
    let problem = || A::Error::custom(format!("expected 32 hexadecimal digits, found {text:?}"));
    BootId::parse_hex(&text).map(Some).ok_or_else(problem)
}

impl<'de> Fields<'de> for LinkCounts {
    const KEYS: &'static [&'static str] = &["frames_good", "frames_bad", "silent_ms"];

    fn field<A: MapAccess<'de>>(
        &mut self,
        key: &'static str,
        from: &mut From<'_, A>,
    ) -> Result<(), A::Error> {
        let number = from.number()?.unwrap_or_default();
        match key {
            "frames_good" => self.frames_good = number,
            "frames_bad" => self.frames_bad = number,
            _ => self.silent_ms = number,
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for Reading {
    const KEYS: &'static [&'static str] =
        &["sequence", "uptime_ms", "time", "quality", "quantities", "flags", "conditions", "unknown"];

    fn field<A: MapAccess<'de>>(
        &mut self,
        key: &'static str,
        from: &mut From<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            "sequence" => self.sequence = from.number()?,
            "uptime_ms" => self.uptime_ms = from.number()?,
            "time" => self.time = from.time()?,
            "quality" => {
                self.quality = from.text()?.map(|name| Quality::from_name(&name)).unwrap_or_default()
            }
            "quantities" => from.object(&mut Quantities(&mut self.sample))?,
            "flags" => from.object(&mut Flags(&mut self.sample))?,
            "conditions" => from.object(&mut Conditions(&mut self.sample))?,
            _ => {
                let mut unknown = Vec::new();
                from.list(&mut unknown, usize::MAX)?;
                unknown.iter().for_each(|Text(text): &Text<'_>| self.sample.push_unknown(text));
            }
        }
        Ok(())
    }

    fn other(&mut self, key: &str, raw: &str) {
        self.sample.push_unknown_display(&format_args!("{key}={raw}"));
    }
}

struct Quantities<'a>(&'a mut Sample);

impl<'de> Fields<'de> for Quantities<'_> {
    fn other(&mut self, key: &str, raw: &str) {
        let known = Quantity::from_name(key).and_then(|q| Some((q, decimal::parse(raw, q.decimals())?)));
        let taken = known.is_some_and(|(quantity, scaled)| self.0.quantities.insert(quantity, scaled));
        if !taken && raw != "null" {
            self.0.push_unknown_display(&format_args!("{key}={raw}"));
        }
    }
}

struct Flags<'a>(&'a mut Sample);

impl<'de> Fields<'de> for Flags<'_> {
    fn other(&mut self, key: &str, raw: &str) {
        match (Flag::from_name(key), raw) {
            (_, "null") => {}
            (Some(flag), "true" | "false") if self.0.flags.value(flag).is_none() => {
                self.0.flags.set(flag, raw == "true")
            }
            _ => self.0.push_unknown_display(&format_args!("{key}={raw}")),
        }
    }
}

struct Conditions<'a>(&'a mut Sample);

impl<'de> Fields<'de> for Conditions<'_> {
    fn other(&mut self, key: &str, raw: &str) {
        match (Condition::from_name(key), raw) {
            (_, "null") => {}
            (Some(condition), "true" | "false") if self.0.conditions.value(condition).is_none() => {
                self.0.conditions.set(condition, raw == "true");
            }
            _ => self.0.push_unknown_display(&format_args!("{key}={raw}")),
        }
    }
}

impl<'de> Fields<'de> for Parts {
    const KEYS: &'static [&'static str] = &[
        "sequence",
        "uptime_ms",
        "time",
        "kind",
        "boot",
        "count",
        "age_ms",
        "test",
        "result",
        "started",
        "length_s",
        "end_voltage",
        "first_sequence",
        "last_sequence",
        "from",
        "to",
        "found",
    ];

    fn field<A: MapAccess<'de>>(
        &mut self,
        key: &'static str,
        from: &mut From<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            "sequence" => self.sequence = from.number()?,
            "uptime_ms" => self.uptime_ms = from.number()?,
            "time" => self.time = from.time()?,
            "kind" => self.kind = from.text()?.map(|name| Kind::from_name(&name)),
            "boot" => self.boot = from.number()?,
            "count" => self.count = from.number()?,
            "age_ms" => self.age_ms = from.number()?,
            "test" => self.test = from.text()?.map(|name| TestKind::from_name(&name)),
            "result" => self.result = from.text()?.map(|name| TestResult::from_name(&name)),
            "started" => self.started = from.time()?,
            "length_s" => self.length_s = from.number()?,
            "end_voltage" => self.end_voltage = end_voltage(from)?,
            "first_sequence" => self.first_sequence = from.number()?,
            "last_sequence" => self.last_sequence = from.number()?,
            "from" => self.from = from.time()?,
            "to" => self.to = from.time()?,
            _ => self.found = from.text()?.map(Cow::into_owned),
        }
        Ok(())
    }
}

fn end_voltage<'de, A: MapAccess<'de>>(from: &mut From<'_, A>) -> Result<Option<Scaled>, A::Error> {
    let raw = from.map.next_value::<&RawValue>()?.get();
    if raw == "null" {
        return Ok(None);
    }
    let problem = || A::Error::custom(format!("expected a number of volts, found {raw:.40}"));
    decimal::parse(raw, Quantity::BATTERY_VOLTAGE.decimals()).map(Some).ok_or_else(problem)
}

impl<'de> Item<'de> for Reading {
    fn read<D: Deserializer<'de>>(deserializer: D, key: &Cell<&'static str>) -> Result<Self, D::Error> {
        let mut reading = Self::default();
        Object(&mut reading, key).deserialize(deserializer)?;
        Ok(reading)
    }
}

impl<'de> Item<'de> for Event {
    fn read<D: Deserializer<'de>>(deserializer: D, key: &Cell<&'static str>) -> Result<Self, D::Error> {
        let mut parts = Parts::default();
        Object(&mut parts, key).deserialize(deserializer)?;
        parts.build().map_err(D::Error::custom)
    }
}

impl<'de> Item<'de> for Text<'de> {
    /// A string is carried as it is, anything else as its JSON.
    fn read<D: Deserializer<'de>>(deserializer: D, _: &Cell<&'static str>) -> Result<Self, D::Error> {
        let raw = <&RawValue as serde::Deserialize>::deserialize(deserializer)?.get();
        Ok(serde_json::from_str::<Self>(raw).unwrap_or(Text(Cow::Borrowed(raw))))
    }
}
