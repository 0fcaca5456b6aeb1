//! Instants and numbers as a line writes them.
//!
//! In: milliseconds, single-precision numbers. Out: RFC 3339 in UTC; decimals rounded to what was measured, so that people read what
//! they expect. Back again: the same, to those decimals.

use serde::{Deserialize, Deserializer, Serializer, de};
use wire::UtcMs;

/// An instant.
pub(super) mod time {
    use super::{Deserialize, Deserializer, Serializer, UtcMs, de};

    pub fn serialize<S: Serializer>(time: &UtcMs, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UtcMs, D::Error> {
        let text = String::deserialize(from)?;
        UtcMs::parse_rfc3339(&text).ok_or_else(|| de::Error::custom("an instant is RFC 3339"))
    }
}

/// One that may be unknown.
pub(super) mod maybe_time {
    use super::{Deserialize, Deserializer, Serializer, UtcMs, de};

    pub fn serialize<S: Serializer>(time: &Option<UtcMs>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.collect_str(time),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<UtcMs>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let time = UtcMs::parse_rfc3339(&text).ok_or_else(|| de::Error::custom("an instant is RFC 3339"))?;
        Ok(Some(time))
    }
}

/// `value` with so many decimals; 0 for what is no number.
pub(super) fn rounded(value: f32, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    let value = (f64::from(value) * scale).round() / scale;
    if value.is_finite() { value } else { 0.0 }
}

/// Single precision is what it came from.
#[expect(clippy::cast_possible_truncation, reason = "it was written from an f32")]
pub(super) fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_expect_them() {
        let check = |value, decimals, expect: &str| {
            assert_eq!(serde_json::to_string(&rounded(value, decimals)).unwrap(), expect)
        };
        check(122.9, 2, "122.9");
        check(0.1 + 0.2, 1, "0.3");
        check(5_400.0, 1, "5400.0");
        check(-1.005, 2, "-1.0");
        check(f32::NAN, 1, "0.0");
        check(f32::INFINITY, 1, "0.0");
    }
}
