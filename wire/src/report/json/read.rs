//! JSON text → a report, by `serde` without derive: each object is a table of keys and a function that takes one.
//!
//! In: serde_json's tokens. Out: a [`Report`]. `null` is the same as a missing key.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::decimal;
use crate::report::cbor::VERSION;
use crate::report::event::{Kind, Parts};
use crate::report::{BootId, Event, LinkCounts, MAX_RECORDS, Quality, Reading, Report};
use crate::{Condition, Flag, Quantity, Sample, Scaled, TestKind, TestResult, UtcMs};

/// Reads one report; `key` is left at the key whose value was being read.
pub(super) fn report<'de, D: Deserializer<'de>>(
    deserializer: D,
    key: &Cell<&'static str>,
) -> Result<Report, D::Error> {
    let mut report = Report::default();
    Object(&mut report, key).deserialize(deserializer)?;
    Ok(report)
}

/// What an object's keys mean.
trait Fields<'de> {
    /// The keys that are known; each may come once.
    const KEYS: &'static [&'static str] = &[];

    /// Takes the value of a known key, which comes for the first time.
    fn field<A: MapAccess<'de>>(
        &mut self,
        key: &'static str,
        from: &mut From<'_, A>,
    ) -> Result<(), A::Error> {
        let _ = key;
        from.map.next_value::<serde::de::IgnoredAny>().map(|_| ())
    }

    /// Takes the value of any other key.
    fn other(&mut self, key: &str, raw: &str) {
        let _ = (key, raw);
    }
}

/// The object being read and the key it is at.
struct From<'a, A> {
    map: &'a mut A,
    key: &'a Cell<&'static str>,
}

impl<'de, A: MapAccess<'de>> From<'_, A> {
    fn number(&mut self) -> Result<Option<u64>, A::Error> {
        self.map.next_value()
    }

    fn text(&mut self) -> Result<Option<Cow<'de, str>>, A::Error> {
        self.map.next_value::<Option<Text<'de>>>().map(|text| text.map(|Text(text)| text))
    }

    fn time(&mut self) -> Result<Option<UtcMs>, A::Error> {
        let Some(text) = self.text()? else { return Ok(None) };
        UtcMs::parse_rfc3339(&text).map(Some).ok_or_else(|| {
            A::Error::custom(format!(
                "expected an RFC 3339 time such as 2026-11-23T03:12:09.250Z, found {text:?}"
            ))
        })
    }

    fn object<F: Fields<'de>>(&mut self, fields: &mut F) -> Result<(), A::Error> {
        self.map.next_value_seed(Object(fields, self.key))
    }

    fn list<T: Item<'de>>(&mut self, into: &mut Vec<T>, most: usize) -> Result<(), A::Error> {
        self.map.next_value_seed(List { into, most, key: self.key })
    }
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

/// A member of an array.
trait Item<'de>: Sized {
    fn read<D: Deserializer<'de>>(deserializer: D, key: &Cell<&'static str>) -> Result<Self, D::Error>;
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

/// Reads an object into its fields; `null` leaves them as they are.
struct Object<'a, F>(&'a mut F, &'a Cell<&'static str>);

impl<'de, F: Fields<'de>> DeserializeSeed<'de> for Object<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fields<'de>> Visitor<'de> for Object<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let outer = self.1.get();
        let mut seen = 0_u32;
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            match F::KEYS.iter().enumerate().find(|(_, known)| ***known == *key) {
                Some((at, known)) => {
                    self.1.set(known);
                    if seen & (1 << at) != 0 {
                        return Err(A::Error::custom(format!("key {known:?} comes twice")));
                    }
                    seen |= 1 << at;
                    self.0.field(known, &mut From { map: &mut map, key: self.1 })?;
                }
                None => self.0.other(&key, map.next_value::<&RawValue>()?.get()),
            }
            self.1.set(outer);
        }
        Ok(())
    }
}

/// Reads an array; `null` is an empty one.
struct List<'a, T> {
    into: &'a mut Vec<T>,
    most: usize,
    key: &'a Cell<&'static str>,
}

impl<'de, T: Item<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Item<'de>> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(item) = sequence.next_element_seed(Next(self.key, core::marker::PhantomData))? {
            if self.into.len() >= self.most {
                return Err(A::Error::custom(format!(
                    "a report has at most {MAX_RECORDS} readings and events"
                )));
            }
            self.into.push(item);
        }
        Ok(())
    }
}

struct Next<'a, T>(&'a Cell<&'static str>, core::marker::PhantomData<T>);

impl<'de, T: Item<'de>> DeserializeSeed<'de> for Next<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer, self.0)
    }
}

/// A string, borrowed from the input where it has no escapes.
struct Text<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl<'de> Visitor<'de> for AsText {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.into())))
            }
        }
        deserializer.deserialize_str(AsText)
    }
}
