//! What the standards ask for, as data: adding one is one line of the table.

use wire::time::DAY_MS;

/// What a standard asks of self-tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSet {
    /// Stable for ever: snapshots and the journal carry it.
    pub code: u8,
    /// Its name in the store and in the API.
    pub name: &'static str,
    /// Where it is written.
    pub source: &'static str,
    /// A short test is asked for so long after the last, milliseconds.
    pub monthly_ms: i64,
    /// Sooner after the last one does not count as the next, milliseconds; 0: no such rule.
    pub monthly_least_ms: i64,
    /// Later than this after the last it was missed, milliseconds.
    pub monthly_most_ms: i64,
    /// The short test lasts at least this, seconds; 0: as long as it takes to see that the lamps light.
    pub monthly_s: u32,
    /// The long test is asked for so long after the last, milliseconds.
    pub annual_ms: i64,
    /// It is said to be due this long before, milliseconds.
    pub annual_notice_ms: i64,
}

/// NFPA 101 (2021), 7.9.3.1.1: every 30 days, at least 3 and at most 5 weeks apart, 30 s; each year 1½ hours.
pub const NFPA_101: RuleSet = RuleSet {
    code: 0,
    name: "nfpa_101",
    source: "NFPA 101, 7.9.3",
    monthly_ms: 30 * DAY_MS,
    monthly_least_ms: 21 * DAY_MS,
    monthly_most_ms: 35 * DAY_MS,
    monthly_s: 30,
    annual_ms: 365 * DAY_MS,
    annual_notice_ms: 30 * DAY_MS,
};

/// EN 50172, 7.2 and EN 62034: each month long enough to see each lamp; each year the rated duration.
pub const EN_50172: RuleSet = RuleSet {
    code: 1,
    name: "en_50172",
    source: "EN 50172, 7.2; EN 62034",
    monthly_ms: 30 * DAY_MS,
    monthly_least_ms: 0,
    monthly_most_ms: 35 * DAY_MS,
    monthly_s: 0,
    annual_ms: 365 * DAY_MS,
    annual_notice_ms: 30 * DAY_MS,
};

/// Every rule set that can be chosen; the first is what is usual.
pub static RULE_SETS: [RuleSet; 2] = [NFPA_101, EN_50172];

impl RuleSet {
    /// By code; what is usual where there is none such.
    #[must_use]
    pub fn of(code: Option<u8>) -> &'static Self {
        static USUAL: RuleSet = NFPA_101;
        RULE_SETS.iter().find(|set| Some(set.code) == code).unwrap_or(&USUAL)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        RULE_SETS.iter().find(|set| set.name == name)
    }
}
