//! Who verified a person, when and how: said wherever an operator lets somebody in on another's word.
//!
//! In: what was typed. Out: what an act keeps of it, or what is missing.

use anyhow::{Context, bail};
use wire::UtcMs;

/// That a person is who they say.
pub struct Evidence {
    /// Who verified them.
    pub by: String,
    /// On which day, `YYYY-MM-DD`.
    pub day: String,
    /// Its beginning.
    pub at: UtcMs,
    /// How, so that the next operator can trace it.
    pub how: String,
}

impl Evidence {
    /// `how` with the name of its argument; the day is today unless set.
    ///
    /// # Errors
    /// Something is missing, or the day is none or in the future.
    pub fn new(
        by: &str,
        (argument, how): (&str, &str),
        day: Option<&str>,
        now: UtcMs,
    ) -> anyhow::Result<Self> {
        let (by, how) = (by.trim().to_owned(), how.trim().to_owned());
        if by.is_empty() || how.is_empty() {
            bail!(
                "say who verified the customer (--verified-by) and how ({argument}): the next operator has to trace it"
            );
        }
        let day = day.map_or_else(|| now.to_rfc3339().chars().take(10).collect(), str::to_owned);
        let at = UtcMs::parse_rfc3339(&format!("{day}T00:00:00Z")).filter(|day| *day <= now).with_context(
            || format!("--verified-on: {day:?} is not a day like 2026-11-17, today or earlier"),
        )?;
        Ok(Self { by, day, at, how })
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "verified by {} on {}: {}", self.by, self.day, self.how)
    }
}
