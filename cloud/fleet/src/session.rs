//! How long a sign-in counts, and for what.
//!
//! In: when somebody proved who they are, when they were last seen, now. Out: whether the session counts, whether it
//! counts for everything or as a remembered device only, whether the proof is fresh. Pure arithmetic on times.

use wire::UtcMs;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Without a request for this long an active session is active no more, milliseconds.
pub const IDLE_MS: i64 = HOUR_MS;
/// This long after the proof an active session is active no more, whatever happens, milliseconds.
pub const ABSOLUTE_MS: i64 = 12 * HOUR_MS;
/// A remembered device is forgotten this long after the proof, milliseconds (decision 31).
pub const REMEMBERED_MS: i64 = 14 * 24 * HOUR_MS;
/// What is dangerous asks for a proof no older than this, milliseconds.
pub const FRESH_MS: i64 = 15 * MINUTE_MS;

/// What a session counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// Only what a remembered device may: view, acknowledge, shelve.
    Remembered,
    /// Everything that the account may.
    Active,
}

/// The instants of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When the person last proved who they are.
    pub confirmed_at: UtcMs,
    /// When the session was last used.
    pub last_seen_at: UtcMs,
    /// From this instant on it is not active, unless used before it.
    pub active_until: UtcMs,
    /// From this instant on it does not count at all.
    pub expires_at: UtcMs,
    /// Goes on as a remembered device when it is not active any more.
    pub remembered: bool,
}

impl Life {
    /// A session whose owner proves at `now` who they are.
    #[must_use]
    pub fn begin(now: UtcMs, remembered: bool) -> Self {
        let length = if remembered { REMEMBERED_MS } else { ABSOLUTE_MS };
        Self {
            confirmed_at: now,
            last_seen_at: now,
            active_until: now.plus_ms(IDLE_MS),
            expires_at: now.plus_ms(length),
            remembered,
        }
    }

    /// What it counts for at `now`; `None`: nothing.
    #[must_use]
    pub fn standing(&self, now: UtcMs) -> Option<Standing> {
        if now >= self.expires_at {
            None
        } else if now < self.active_until {
            Some(Standing::Active)
        } else {
            self.remembered.then_some(Standing::Remembered)
        }
    }

    /// The same after a use at `now`. A session that fell idle stays so: looking on a remembered device wakes nothing.
    #[must_use]
    pub fn used(self, now: UtcMs) -> Self {
        let active_until = match self.standing(now) {
            Some(Standing::Active) => {
                now.plus_ms(IDLE_MS).min(self.confirmed_at.plus_ms(ABSOLUTE_MS)).max(self.active_until)
            }
            _ => self.active_until,
        };
        Self { last_seen_at: self.last_seen_at.max(now), active_until, ..self }
    }

    /// When it ends if it is not used again.
    #[must_use]
    pub fn ends(&self) -> UtcMs {
        if self.remembered { self.expires_at } else { self.active_until.min(self.expires_at) }
    }

    /// Whether the proof is fresh enough for what is dangerous.
    #[must_use]
    pub fn is_fresh(&self, now: UtcMs) -> bool {
        self.standing(now) == Some(Standing::Active) && now.since(self.confirmed_at) < FRESH_MS
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// ASVS 5.0: 7.3.1.
    #[test]
    fn every_limit_holds_at_n_and_one_less() {
        let start = UtcMs(0);
        let plain = Life::begin(start, false);
        assert_eq!(plain.standing(UtcMs(IDLE_MS - 1)), Some(Standing::Active));
        assert_eq!(plain.standing(UtcMs(IDLE_MS)), None);
        assert!(plain.is_fresh(UtcMs(FRESH_MS - 1)) && !plain.is_fresh(UtcMs(FRESH_MS)));
        let remembered = Life::begin(start, true);
        assert_eq!(remembered.standing(UtcMs(IDLE_MS)), Some(Standing::Remembered));
        assert_eq!(remembered.standing(UtcMs(REMEMBERED_MS - 1)), Some(Standing::Remembered));
        assert_eq!(remembered.standing(UtcMs(REMEMBERED_MS)), None);
    }

    /// ASVS 5.0: 7.3.2.
    #[test]
    fn a_busy_session_is_active_for_twelve_hours_and_no_longer() {
        let mut life = Life::begin(UtcMs(0), true);
        let mut now = UtcMs(0);
        while now < UtcMs(ABSOLUTE_MS) {
            assert_eq!(life.standing(now), Some(Standing::Active), "{now:?}");
            life = life.used(now);
            now = now.plus_ms(IDLE_MS - 1);
        }
        assert_eq!(life.standing(UtcMs(ABSOLUTE_MS - 1)), Some(Standing::Active));
        assert_eq!(life.standing(UtcMs(ABSOLUTE_MS)), Some(Standing::Remembered));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Uses at any times: against the rules written down as they are said, step by step.
        /// ASVS 5.0: 7.3.2.
        #[test]
        fn any_life_keeps_the_rules(remembered: bool, steps in prop::collection::vec(0_i64..3 * HOUR_MS, 1..300)) {
            let mut life = Life::begin(UtcMs(0), remembered);
            let (mut now, mut last, mut fell_idle) = (0_i64, 0_i64, false);
            for step in steps {
                now += step;
                fell_idle |= now - last >= IDLE_MS || now >= ABSOLUTE_MS;
                let expected = match (fell_idle, remembered) {
                    (false, _) => Some(Standing::Active),
                    (true, true) if now < REMEMBERED_MS => Some(Standing::Remembered),
                    (true, _) => None,
                };
                prop_assert_eq!(life.standing(UtcMs(now)), expected);
                prop_assert_eq!(life.is_fresh(UtcMs(now)), !fell_idle && now < FRESH_MS);
                prop_assert_eq!(expected.is_some(), UtcMs(now) < life.ends());
                if expected.is_some() {
                    life = life.used(UtcMs(now));
                    last = now;
                }
            }
        }
    }
}
