//! Which stretch of time a chart, a table or a file covers.
//!
//! In: what the address says. Out: from and to within the thirty days that are kept, or a sentence on what to write.

use wire::UtcMs;

use super::words::Local;
use crate::Error;

/// Name and length of each range, milliseconds.
pub const RANGES: [(&str, i64); 5] =
    [("1h", 3_600_000), ("6h", 21_600_000), ("24h", 86_400_000), ("7d", 604_800_000), ("30d", 2_592_000_000)];
/// What is shown where nothing is chosen.
const DEFAULT_RANGE: &str = "24h";
/// Nothing is kept for longer, milliseconds.
pub const KEPT_MS: i64 = 2_592_000_000;

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From here on.
    pub from: UtcMs,
    /// Up to before here.
    pub to: UtcMs,
    /// Name of the range, if it is one of [`RANGES`].
    pub range: &'static str,
    /// Ends now and goes on.
    pub at_now: bool,
}

impl Span {
    /// From `range` and `end`, or `from` and `to`: RFC 3339, or milliseconds since 1970.
    ///
    /// # Errors
    /// [`Error::Request`] with what to write.
    pub fn parse(pairs: &[(String, String)], now: UtcMs) -> Result<Self, Error> {
        let text = |name: &str| {
            pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, v)| v.as_str())
        };
        if text("from").is_some() || text("to").is_some() {
            let to = text("to").map_or(Ok(now), |text| time("to", text))?;
            let from = text("from").map_or(Ok(to.plus_ms(-86_400_000)), |text| time("from", text))?;
            return Self::between(from, to, now);
        }
        let asked = text("range").unwrap_or(DEFAULT_RANGE);
        let Some((range, length)) = RANGES.iter().find(|(name, _)| *name == asked) else {
            let names: Vec<_> = RANGES.iter().map(|(name, _)| *name).collect();
            return Err(Error::Request(format!(
                "There is no range {asked:?}; write one of {}.",
                names.join(", ")
            )));
        };
        let end = text("end").map(|text| time("end", text)).transpose()?;
        let to = end.unwrap_or(now).min(now).max(now.plus_ms(length - KEPT_MS));
        Ok(Self { from: to.plus_ms(-length), to, range, at_now: to == now })
    }

    /// Between two instants.
    ///
    /// # Errors
    /// [`Error::Request`] where they are in the wrong order or further apart than what is kept.
    pub fn between(from: UtcMs, to: UtcMs, now: UtcMs) -> Result<Self, Error> {
        if from >= to {
            return Err(Error::Request("`from` must be before `to`.".to_owned()));
        }
        if to.since(from) > KEPT_MS {
            let words = "At most 30 days at a time: readings are deleted after 30 days. Move `from` or `to`.";
            return Err(Error::Request(words.to_owned()));
        }
        Ok(Self { from, to, range: "", at_now: to == now })
    }

    /// Milliseconds.
    #[must_use]
    pub const fn length(&self) -> i64 {
        self.to.since(self.from)
    }

    /// `Nov 16, 3:07 AM to now`.
    #[must_use]
    pub fn words(&self, local: &Local) -> String {
        let to = if self.at_now { "now".to_owned() } else { local.day_and_time(self.to) };
        format!("{} to {to}", local.day_and_time(self.from))
    }

    /// `range=24h&end=…` that shows this again.
    #[must_use]
    pub fn query(&self) -> String {
        match (self.range, self.at_now) {
            ("", _) => format!("from={}&to={}", self.from, self.to),
            (range, true) => format!("range={range}"),
            (range, false) => format!("range={range}&end={}", self.to),
        }
    }

    /// The same length earlier.
    #[must_use]
    pub fn earlier(&self) -> Self {
        Self { from: self.from.plus_ms(-self.length()), to: self.from, range: self.range, at_now: false }
    }

    /// The same length later, if that is not the future.
    #[must_use]
    pub fn later(&self, now: UtcMs) -> Option<Self> {
        let to = self.to.plus_ms(self.length()).min(now);
        (!self.at_now && to > self.to).then(|| Self {
            from: to.plus_ms(-self.length()),
            to,
            range: self.range,
            at_now: to == now,
        })
    }
}

fn time(name: &str, text: &str) -> Result<UtcMs, Error> {
    // A plus that somebody did not escape arrives as a space.
    let fixed = text.replace(' ', "+");
    let parsed = UtcMs::parse_rfc3339(&fixed).or_else(|| text.parse().ok().map(UtcMs));
    parsed.ok_or_else(|| {
        Error::Request(format!(
            "`{name}` is not a time: write RFC 3339 like 2026-11-16T03:07:00Z, or milliseconds since 1970."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Span, Error> {
        let pairs: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Span::parse(&pairs, UtcMs(10 * KEPT_MS))
    }

    #[test]
    fn ranges_end_now_unless_said_and_never_leave_what_is_kept() {
        let now = UtcMs(10 * KEPT_MS);
        let day = parse(&[]).unwrap();
        assert_eq!((day.range, day.at_now, day.length()), ("24h", true, 86_400_000));
        assert_eq!(day.later(now), None);
        assert_eq!(day.earlier().later(now).unwrap(), day);
        let past = parse(&[("range", "1h"), ("end", "1970-01-01T00:00:00Z")]).unwrap();
        assert_eq!(past.from, now.plus_ms(-KEPT_MS));
        assert!(parse(&[("range", "2h")]).unwrap_err().to_string().contains("24h"));
        assert!(parse(&[("from", "yesterday")]).unwrap_err().to_string().contains("RFC 3339"));
        assert!(parse(&[("from", "2"), ("to", "1")]).is_err());
        assert!(parse(&[("from", "0"), ("to", "2592000001")]).is_err());
        assert_eq!(parse(&[("from", "1970-01-01T00:00:00 00:00"), ("to", "5")]).unwrap().to, UtcMs(5));
    }
}
