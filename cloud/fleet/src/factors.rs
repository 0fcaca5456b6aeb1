//! Second factors: which an account has, who must have one and keeps it, whether a passkey was copied.
//!
//! In: what the store holds of an account. Out: yes or no, and how long things count. The codes and signatures
//! themselves are checked in `web`. Pure: never reads a clock.

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
}

/// Whether an account has what is asked of it: operators must have a second factor, and so must the members of an
/// organization that demands it.
#[must_use]
pub const fn satisfied(held: Held, operator: bool, demanded: bool) -> bool {
    held.any() || !(operator || demanded)
}

/// What an account needs a second factor for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Its password is too weak to do by itself (decision 30).
    pub weak_password: bool,
    /// It is an operator's.
    pub operator: bool,
    /// An organization demands a second factor of its members.
    pub demanded: bool,
}

/// Why the last factor stays, or why a password is not taken without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Operators must have one.
    #[error("operators must have a second factor")]
    Operator,
    /// An organization of the account demands one.
    #[error("an organization of this account demands a second factor")]
    Demanded,
    /// The password does not do by itself.
    #[error("the password is too short to do without a second factor")]
    WeakPassword,
}

/// Whether an account's factors may become `after`: the last one goes only where none is needed. Decided in the
/// transaction of the change, so that two that take one factor each cannot take both.
///
/// # Errors
/// [`Refusal`].
pub const fn may_become(before: Held, after: Held, needs: Needs) -> Result<(), Refusal> {
    if after.any() || !before.any() {
        Ok(())
    } else if needs.operator {
        Err(Refusal::Operator)
    } else if needs.demanded {
        Err(Refusal::Demanded)
    } else if needs.weak_password {
        Err(Refusal::WeakPassword)
    } else {
        Ok(())
    }
}

/// Whether a password may be an account's that has `held`.
///
/// # Errors
/// [`Refusal::WeakPassword`].
pub const fn may_guard(stands_alone: bool, held: Held) -> Result<(), Refusal> {
    if stands_alone || held.any() { Ok(()) } else { Err(Refusal::WeakPassword) }
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
    fn who_must_have_a_factor() {
        let none = Held::default();
        let app = Held { app: true, passkeys: 0 };
        for (held, operator, demanded, expect) in [
            (none, false, false, true),
            (none, true, false, false),
            (none, false, true, false),
            (app, true, true, true),
            (Held { app: false, passkeys: 2 }, true, false, true),
        ] {
            assert_eq!(satisfied(held, operator, demanded), expect, "{held:?} {operator} {demanded}");
        }
    }

    #[test]
    fn the_last_factor_goes_only_where_none_is_needed_and_says_what_needs_it() {
        let none = Held::default();
        let app = Held { app: true, passkeys: 0 };
        let two = Held { app: true, passkeys: 1 };
        let nothing = Needs::default();
        let all = Needs { weak_password: true, operator: true, demanded: true };
        for (before, after, needs, expect) in [
            (app, none, nothing, Ok(())),
            (app, none, Needs { weak_password: true, ..nothing }, Err(Refusal::WeakPassword)),
            (app, none, Needs { demanded: true, ..nothing }, Err(Refusal::Demanded)),
            (app, none, Needs { operator: true, ..nothing }, Err(Refusal::Operator)),
            (Held { app: false, passkeys: 1 }, none, all, Err(Refusal::Operator)),
            (two, app, all, Ok(())),
            (two, Held { app: false, passkeys: 1 }, all, Ok(())),
            // Nothing counted before: what opens nothing may always go.
            (none, none, all, Ok(())),
        ] {
            assert_eq!(may_become(before, after, needs), expect, "{before:?} {after:?} {needs:?}");
        }
        assert_eq!(may_guard(false, none), Err(Refusal::WeakPassword));
        assert_eq!([may_guard(false, app), may_guard(true, none)], [Ok(()), Ok(())]);
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
