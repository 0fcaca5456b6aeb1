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
        self.digits(number, 1)
    }

    /// Adds a whole number of at least so many digits.
    fn digits(&mut self, number: i64, least: usize) -> &mut Self {
        if number < 0 {
            self.0.push(b'-');
        }
        // From the last digit to the first. 64 bits have at most twenty; no quantity has more than a few decimals.
        let mut digits = [b'0'; 32];
        let mut count = 0;
        let mut rest = number.unsigned_abs();
        for digit in digits.iter_mut().rev() {
            if rest == 0 && count >= least {
                break;
            }
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            count += 1;
        }
        self.0.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
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
        self.digits(number, usize::from(decimals).saturating_add(1));
        let point = self.0.len().saturating_sub(usize::from(decimals));
        self.0.insert(point, b'.');
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

    /// ASVS 5.0: 1.2.3.
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
