//! Second factors: which an account has, who must have one, what a password alone needs, whether a passkey was copied.
//!
//! In: what the store holds of an account. Out: yes or no, and how long things count. The codes and signatures
//! themselves are checked in `web`. Pure: never reads a clock.

use crate::password;

const MINUTE_MS: i64 = 60_000;
/// From the right password to the second factor, milliseconds.
pub const PENDING_MS: i64 = 5 * MINUTE_MS;
/// From a challenge to a passkey's answer, milliseconds (WebAuthn recommends five minutes).
pub const CHALLENGE_MS: i64 = 5 * MINUTE_MS;
/// Wrong codes after one right password; then the password is asked again and its owner is told.
pub const WRONG_CODES: u32 = 5;
/// Recovery codes in a set.
pub const RECOVERY_CODES: usize = 10;
/// Length of a step of an authenticator app, milliseconds (RFC 6238).
pub const STEP_MS: i64 = 30_000;
/// Steps before and after the present one whose code is taken: clocks differ, people type.
pub const STEPS_AROUND: i64 = 1;
/// Passkeys of one account.
pub const MOST_PASSKEYS: usize = 20;

/// A kind of second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An authenticator app (TOTP).
    App,
    /// A passkey.
    Passkey,
}

impl Kind {
    /// In a sentence: "Your authenticator app was removed."
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::App => "authenticator app",
            Self::Passkey => "passkey",
        }
    }
}

/// The second factors that an account has. Recovery codes stand in for one; they are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// A confirmed authenticator app.
    pub app: bool,
    /// Passkeys that count.
    pub passkeys: usize,
}

impl Held {
    /// Whether there is any.
    #[must_use]
    pub const fn any(self) -> bool {
        self.app || self.passkeys > 0
    }

    /// The same less one of a kind.
    #[must_use]
    pub const fn without(self, kind: Kind) -> Self {
        match kind {
            Kind::App => Self { app: false, ..self },
            Kind::Passkey => Self { passkeys: self.passkeys.saturating_sub(1), ..self },
        }
    }
}

/// Whether an account has what is asked of it: operators must have a second factor, and so must the members of an
/// organization that demands it.
#[must_use]
pub const fn satisfied(held: Held, operator: bool, demanded: bool) -> bool {
    held.any() || !(operator || demanded)
}

/// Whether a factor may go: the last one only where the password does by itself (decision 30).
#[must_use]
pub const fn may_remove(held: Held, kind: Kind, password_stands_alone: bool) -> bool {
    password_stands_alone || held.without(kind).any()
}

/// Whether a password is long enough to do without a second factor. It is noted when the password is set, as a hash
/// does not tell it later.
#[must_use]
pub fn stands_alone(password: &str) -> bool {
    password.chars().count() >= password::MIN_CHARACTERS
}

/// Whether a passkey's counter went on. One that stands still or goes back belongs to a copy, or to the original after
/// the copy was used. Authenticators that do not count say 0 (WebAuthn 7.2, step 22).
#[must_use]
pub const fn counts_on(known: u32, said: u32) -> bool {
    (known == 0 && said == 0) || said > known
}

/// The steps of an authenticator app whose codes are taken at a time, in milliseconds since 1970: those around it that
/// are newer than the last one taken, so that each code counts once.
pub fn steps_at(now_ms: i64, last_taken: i64) -> impl Iterator<Item = i64> {
    let present = now_ms.div_euclid(STEP_MS);
    (present - STEPS_AROUND..=present + STEPS_AROUND).filter(move |step| *step > last_taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_must_have_a_factor_and_who_may_lose_it() {
        let none = Held::default();
        let app = Held { app: true, passkeys: 0 };
        let two = Held { app: true, passkeys: 1 };
        for (held, operator, demanded, expect) in [
            (none, false, false, true),
            (none, true, false, false),
            (none, false, true, false),
            (app, true, true, true),
            (Held { app: false, passkeys: 2 }, true, false, true),
        ] {
            assert_eq!(satisfied(held, operator, demanded), expect, "{held:?} {operator} {demanded}");
        }
        for (held, kind, alone, expect) in [
            (app, Kind::App, false, false),
            (app, Kind::App, true, true),
            (two, Kind::App, false, true),
            (two, Kind::Passkey, false, true),
            (Held { app: false, passkeys: 1 }, Kind::Passkey, false, false),
        ] {
            assert_eq!(may_remove(held, kind, alone), expect, "{held:?} {kind:?} {alone}");
        }
        assert!(stands_alone("ñññññññññññññññ") && !stands_alone("ññññññññññññññ"));
    }

    #[test]
    fn a_counter_goes_on_or_is_not_kept() {
        for (known, said, expect) in
            [(0, 0, true), (0, 1, true), (7, 8, true), (7, 7, false), (7, 6, false), (7, 0, false)]
        {
            assert_eq!(counts_on(known, said), expect, "{known} {said}");
        }
    }

    proptest! {
        /// A code is taken from a step before its own to the end of a step after, and never twice.
        #[test]
        fn a_code_counts_for_three_steps_and_once(step in 0_i64..100_000_000, offset in -200_000_i64..200_000) {
            let now = step * STEP_MS + offset;
            let taken = steps_at(now, -10).any(|taken| taken == step);
            prop_assert_eq!(taken, (-STEP_MS..2 * STEP_MS).contains(&offset));
            prop_assert!(!steps_at(now, step).any(|taken| taken <= step));
        }
    }
}
