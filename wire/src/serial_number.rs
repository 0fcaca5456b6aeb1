//! The serial number: what an inverter is called everywhere.
//!
//! In: text from a certificate, a frame or a person. Out: a [`Serial`] that can only hold a valid one.

use core::fmt;
use core::str::FromStr;

/// Longest serial number, bytes.
pub const MAX_LENGTH: usize = 32;
/// Shortest serial number, bytes.
pub const MIN_LENGTH: usize = 4;

/// An inverter's serial number: `[A-Z0-9-]{4,32}`, upper-cased on parsing. 33 bytes, no heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial {
    bytes: [u8; MAX_LENGTH],
    length: u8,
}

/// The text is not a serial number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a serial number is 4 to 32 of A-Z, 0-9 and '-'; this is not: {0:?}")]
pub struct InvalidSerial(pub alloc::string::String);

impl Serial {
    /// Parses `text`, upper-casing ASCII letters.
    ///
    /// # Errors
    /// [`InvalidSerial`] with at most the first 40 characters of `text`.
    pub fn parse(text: &str) -> Result<Self, InvalidSerial> {
        let invalid = || InvalidSerial(text.chars().take(40).collect());
        let length = u8::try_from(text.len()).map_err(|_| invalid())?;
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) {
            return Err(invalid());
        }
        let mut bytes = [0; MAX_LENGTH];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from.to_ascii_uppercase();
            if !(to.is_ascii_uppercase() || to.is_ascii_digit() || *to == b'-') {
                return Err(invalid());
            }
        }
        Ok(Self { bytes, length })
    }

    /// The serial number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.length)).and_then(|b| core::str::from_utf8(b).ok()).unwrap_or("")
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({})", self.as_str())
    }
}

impl FromStr for Serial {
    type Err = InvalidSerial;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl serde::Serialize for Serial {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Serial {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::string::String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(Serial::parse(text).ok().as_ref().map(Serial::as_str), expect, "{text:?}");
    }

    /// ASVS 5.0: 1.3.3, 5.4.2.
    #[test]
    fn parses_what_the_rule_allows_and_nothing_else() {
        check("2311-00421", Some("2311-00421"));
        check("hq19-abc", Some("HQ19-ABC"));
        check("ABC", None);
        check(&"A".repeat(32), Some(&"A".repeat(32)));
        check(&"A".repeat(33), None);
        check("AB_CD", None);
        check("ABCD\n", None);
        check("ÄBCD", None);
        check("", None);
    }
}
