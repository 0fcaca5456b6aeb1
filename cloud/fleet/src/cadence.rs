//! How often readings are stored (decision 4), for publishers that do not number.
//!
//! Gateways thin before they send, and what they number is stored whatever its pace: an acknowledged number can be
//! looked for. A publisher without numbers may send each second for ever; of that, one reading per ten seconds is
//! kept, all of them on battery, in a test and 30 s after a change, and a burst is let through, so that a few
//! readings sent by hand are never thinned. In: times. Out: store or not. What is thinned is counted.

use wire::UtcMs;

/// Spacing that is always stored, milliseconds.
pub const DEFAULT_SPACING_MS: i64 = 10_000;
/// After a change of flags, conditions or unknown codes, everything is stored for this long, milliseconds.
pub const AFTER_CHANGE_MS: i64 = 30_000;
/// Readings closer than the spacing that are let through before thinning begins; time without readings refills it.
pub const BURST: i64 = 60;

/// What is remembered between readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Cadence {
    /// Time of the unnumbered reading stored last.
    #[n(0)]
    last_stored: Option<UtcMs>,
    /// Burst used, in milliseconds of spacing; falls as time passes.
    #[n(1)]
    #[cbor(default)]
    used_ms: i64,
    /// When `used_ms` was true.
    #[n(2)]
    used_at: Option<UtcMs>,
}

impl Cadence {
    /// Whether to store an unnumbered reading taken at `time` and received at `received_at`; `busy` while on
    /// battery, in a test or just after a change.
    pub fn admit(&mut self, time: UtcMs, received_at: UtcMs, busy: bool) -> bool {
        let passed_ms = self.used_at.map_or(0, |at| received_at.since(at).max(0));
        self.used_ms = self.used_ms.saturating_sub(passed_ms).max(0);
        self.used_at = Some(received_at);
        let spaced =
            self.last_stored.is_none_or(|last| time.since(last).saturating_abs() >= DEFAULT_SPACING_MS);
        let store = busy || spaced || self.used_ms <= FULL_MS.saturating_sub(DEFAULT_SPACING_MS);
        if store {
            self.last_stored = Some(time);
            // Whatever is stored counts, so that burst and spacing together never give two per spacing for ever.
            self.used_ms = self.used_ms.saturating_add(DEFAULT_SPACING_MS).min(FULL_MS);
        }
        store
    }
}

const FULL_MS: i64 = DEFAULT_SPACING_MS * BURST;

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(count: i64, spacing_ms: i64, busy: bool) -> i64 {
        let mut cadence = Cadence::default();
        let times = (0..count).map(|n| UtcMs(n * spacing_ms));
        times.filter(|time| cadence.admit(*time, *time, busy)).count().try_into().unwrap()
    }

    #[test]
    fn each_second_for_an_hour_becomes_the_burst_and_one_in_ten() {
        let kept = stored(3_600, 1_000, false);
        assert!((360..=360 + 2 * BURST).contains(&kept), "{kept}");
        assert_eq!(stored(3_600, 1_000, true), 3_600, "all of them while busy");
        assert_eq!(stored(3_600, 10_000, false), 3_600, "the default pace is never thinned");
        assert_eq!(stored(BURST, 1, false), BURST, "a burst by hand is never thinned");
    }

    #[test]
    fn a_backlog_at_the_default_pace_is_kept_though_it_arrives_at_once() {
        let mut cadence = Cadence::default();
        assert!((0..5_000).all(|n| cadence.admit(UtcMs(n * 10_000), UtcMs(50_000_000), false)));
    }
}
