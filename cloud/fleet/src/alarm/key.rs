//! What an alarm is about: a condition, and of some conditions which one of several.
//!
//! In: conditions, raw codes, numbers of limits. Out: [`Key`], the text that names it, and back. An inverter has at most
//! one open alarm per key.

use minicbor::{Decode, Encode};

use crate::Condition;

/// What an alarm is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(array)]
pub struct Key {
    /// The condition.
    #[n(0)]
    pub condition: Condition,
    /// Which one of several, where there are several.
    #[n(1)]
    pub subject: Subject,
}

/// Which one of several.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Subject {
    /// There is only one.
    #[n(0)]
    Only,
    /// A code as the inverter sent it, at most [`wire::sample::MAX_UNKNOWN_BYTES`].
    #[n(1)]
    Code(#[n(0)] Box<str>),
    /// A limit that a person set, by its number.
    #[n(2)]
    Limit(#[n(0)] u32),
}

impl Key {
    /// The only one of `condition`.
    #[must_use]
    pub const fn of(condition: Condition) -> Self {
        Self { condition, subject: Subject::Only }
    }

    /// Of a code that nobody here knows.
    #[must_use]
    pub fn code(raw: &str) -> Self {
        Self { condition: Condition::UNKNOWN_CODE, subject: Subject::Code(raw.into()) }
    }

    /// Of a limit that a person set.
    #[must_use]
    pub const fn limit(number: u32) -> Self {
        Self { condition: Condition::LIMIT_CROSSED, subject: Subject::Limit(number) }
    }

    /// The raw code, where it is about one.
    #[must_use]
    pub fn raw(&self) -> Option<&str> {
        match &self.subject {
            Subject::Code(raw) => Some(raw),
            Subject::Only | Subject::Limit(_) => None,
        }
    }

    /// The limit's number, where it is about one.
    #[must_use]
    pub const fn limit_number(&self) -> Option<u32> {
        match self.subject {
            Subject::Limit(number) => Some(number),
            Subject::Only | Subject::Code(_) => None,
        }
    }

    /// The key of a text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, subject) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let condition = Condition::from_name(name)?;
        match (subject, condition) {
            (Some(raw), Condition::UNKNOWN_CODE) => Some(Self::code(raw)),
            (Some(number), Condition::LIMIT_CROSSED) => number.parse().ok().map(Self::limit),
            (None, condition) => Some(Self::of(condition)),
            (Some(_), _) => None,
        }
    }
}

impl From<Condition> for Key {
    fn from(condition: Condition) -> Self {
        Self::of(condition)
    }
}

/// `battery.low`, `device.unknown_code:AR=0x4000`, `limit.crossed:7`.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.subject {
            Subject::Only => write!(f, "{}", self.condition),
            Subject::Code(raw) => write!(f, "{}:{raw}", self.condition),
            Subject::Limit(number) => write!(f, "{}:{number}", self.condition),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_key_and_leads_back() {
        let check = |key: Key, text: &str| {
            assert_eq!(key.to_string(), text);
            assert_eq!(Key::parse(text), Some(key));
        };
        check(Key::of(Condition::BATTERY_LOW), "battery.low");
        check(Key::code("AR=0x40:00"), "device.unknown_code:AR=0x40:00");
        check(Key::limit(7), "limit.crossed:7");
        assert_eq!(Key::parse("battery.low:7"), None);
        assert_eq!(Key::parse("limit.crossed:x"), None);
        assert_eq!(Key::parse("battery.high"), None);
    }
}
