//! What reading JSON by tables of keys takes from `serde`: objects, arrays, strings without a copy.
//!
//! In: a deserializer. Out: each known key once to [`Fields::field`], every other raw to [`Fields::other`]; the key whose value is
//! being read stays in a cell for the error.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::UtcMs;
use crate::report::MAX_RECORDS;

/// What an object's keys mean.
pub(super) trait Fields<'de> {
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
pub(super) struct From<'a, A> {
    pub(super) map: &'a mut A,
    key: &'a Cell<&'static str>,
}

impl<'de, A: MapAccess<'de>> From<'_, A> {
    pub(super) fn number(&mut self) -> Result<Option<u64>, A::Error> {
        self.map.next_value()
    }

    pub(super) fn text(&mut self) -> Result<Option<Cow<'de, str>>, A::Error> {
        self.map.next_value::<Option<Text<'de>>>().map(|text| text.map(|Text(text)| text))
    }

    pub(super) fn time(&mut self) -> Result<Option<UtcMs>, A::Error> {
        let Some(text) = self.text()? else { return Ok(None) };
        UtcMs::parse_rfc3339(&text).map(Some).ok_or_else(|| {
            A::Error::custom(format!(
                "expected an RFC 3339 time such as 2026-11-23T03:12:09.250Z, found {text:?}"
            ))
        })
    }

    pub(super) fn object<F: Fields<'de>>(&mut self, fields: &mut F) -> Result<(), A::Error> {
        self.map.next_value_seed(Object(fields, self.key))
    }

    pub(super) fn list<T: Item<'de>>(&mut self, into: &mut Vec<T>, most: usize) -> Result<(), A::Error> {
        self.map.next_value_seed(List { into, most, key: self.key })
    }
}

/// A member of an array.
pub(super) trait Item<'de>: Sized {
    fn read<D: Deserializer<'de>>(deserializer: D, key: &Cell<&'static str>) -> Result<Self, D::Error>;
}

/// Reads an object into its fields; `null` leaves them as they are.
pub(super) struct Object<'a, F>(pub(super) &'a mut F, pub(super) &'a Cell<&'static str>);

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
pub(super) struct List<'a, T> {
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
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

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
