//! JSON written straight into bytes, for answers of many thousand numbers.
//!
//! In: numbers kept as scaled integers, names from our own tables. Out: JSON. Escapes nothing: text from outside goes
//! through serde.

use wire::UtcMs;

/// JSON text written straight into bytes; names and labels come from our tables and need no escaping.
pub struct Json(pub Vec<u8>);

impl Json {
    /// An empty text.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds text as it is.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds a whole number.
    pub fn integer(&mut self, number: i64) -> &mut Self {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            at = at.saturating_sub(1);
            if let Some(digit) = digits.get_mut(at) {
                *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            }
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            self.0.push(b'-');
        }
        self.0.extend_from_slice(digits.get(at..).unwrap_or(&[]));
        self
    }

    /// Adds a number kept as an integer times 10^-`decimals`, without trailing zeros.
    pub fn scaled(&mut self, number: i64, decimals: u8) -> &mut Self {
        let (mut number, mut decimals) = (number, decimals);
        while decimals > 0 && number % 10 == 0 {
            number /= 10;
            decimals -= 1;
        }
        if decimals == 0 {
            return self.integer(number);
        }
        let mut unit = 1_u64;
        for _ in 0..decimals {
            unit *= 10;
        }
        if number < 0 {
            self.0.push(b'-');
        }
        let magnitude = number.unsigned_abs();
        self.integer(i64::try_from(magnitude / unit).unwrap_or(0)).text(".");
        let fraction = magnitude % unit;
        let mut place = unit / 10;
        while place > 0 {
            self.0.push(b'0' + u8::try_from(fraction / place % 10).unwrap_or(0));
            place /= 10;
        }
        self
    }

    /// Adds a list.
    pub fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.0.push(b'[');
        for (at, one) in items.iter().enumerate() {
            if at > 0 {
                self.0.push(b',');
            }
            item(self, one);
        }
        self.0.push(b']');
        self
    }

    /// Adds a time as RFC 3339 in quotes.
    pub fn time(&mut self, time: UtcMs) -> &mut Self {
        self.text("\"").text(&time.to_rfc3339()).text("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_json_writes_them() {
        let check = |number, decimals, expect: &str| {
            let mut out = Json::with_capacity(0);
            out.scaled(number, decimals);
            assert_eq!(String::from_utf8(out.0).unwrap(), expect);
        };
        check(13_642, 2, "136.42");
        check(13_640, 2, "136.4");
        check(13_600, 2, "136");
        check(-5, 2, "-0.05");
        check(0, 3, "0");
        check(i64::MIN + 1, 0, "-9223372036854775807");
        check(100, 0, "100");
    }
}
