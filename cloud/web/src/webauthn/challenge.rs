//! Challenges: fresh for each answer, ours, short-lived, each good for one answer.
//!
//! In: a purpose, now. Out: 48 bytes: 16 random, the expiry, a keyed hash over both and the purpose. So nothing is kept
//! of challenges that nobody answers, however many are asked for; kept are those that were answered by a real passkey,
//! until they expire. The key is made at start: a restart ends all that are open.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use fleet::AccountKey;
use fleet::factors::CHALLENGE_MS;
use wire::UtcMs;

use super::Refused;
use crate::random::{self, RandomFailed};

const RANDOM: usize = 16;
const EXPIRY: usize = 8;

/// What a challenge is for. One for a sign-in is for anybody; the others are for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Make a passkey of this account.
    Register(AccountKey),
    /// Sign in.
    SignIn,
    /// Confirm that one is still this account's owner.
    Confirm(AccountKey),
}

/// Makes challenges and takes them back once.
pub struct Challenges {
    key: hmac::Key,
    answered: Mutex<HashMap<[u8; RANDOM], UtcMs>>,
}

impl Challenges {
    /// With a fresh key.
    ///
    /// # Errors
    /// The random generator failed.
    pub fn new() -> Result<Self, RandomFailed> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::bytes32()?);
        Ok(Self { key, answered: Mutex::default() })
    }

    /// A fresh challenge.
    ///
    /// # Errors
    /// The random generator failed.
    pub fn make(&self, purpose: Purpose, now: UtcMs) -> Result<Vec<u8>, RandomFailed> {
        let random = random::bytes32()?;
        let random = random.first_chunk::<RANDOM>().copied().unwrap_or_default();
        let expiry = now.plus_ms(CHALLENGE_MS).0.to_be_bytes();
        let tag = hmac::sign(&self.key, &signed(&random, &expiry, purpose));
        Ok([random.as_slice(), &expiry, tag.as_ref()].concat())
    }

    /// Whether a challenge is ours, for this purpose, and in time.
    ///
    /// # Errors
    /// [`Refused::Challenge`], [`Refused::Expired`].
    pub fn check(&self, challenge: &[u8], purpose: Purpose, now: UtcMs) -> Result<(), Refused> {
        let (random, expiry, tag) = parts(challenge)?;
        hmac::verify(&self.key, &signed(random, expiry, purpose), tag).map_err(|_| Refused::Challenge)?;
        if now.0 >= i64::from_be_bytes(*expiry) { Err(Refused::Expired) } else { Ok(()) }
    }

    /// Uses up a challenge that was answered by a passkey.
    ///
    /// # Errors
    /// [`Refused::Replayed`].
    pub fn take(&self, challenge: &[u8], now: UtcMs) -> Result<(), Refused> {
        let (random, expiry, _) = parts(challenge)?;
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.retain(|_, expiry| now < *expiry);
        let expiry = UtcMs(i64::from_be_bytes(*expiry));
        match answered.insert(*random, expiry) {
            None => Ok(()),
            Some(_) => Err(Refused::Replayed),
        }
    }
}

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Challenges(…)")
    }
}

/// Random bytes, expiry, tag.
type Parts<'a> = (&'a [u8; RANDOM], &'a [u8; EXPIRY], &'a [u8]);

fn parts(challenge: &[u8]) -> Result<Parts<'_>, Refused> {
    let (random, rest) = challenge.split_first_chunk::<RANDOM>().ok_or(Refused::Challenge)?;
    let (expiry, tag) = rest.split_first_chunk::<EXPIRY>().ok_or(Refused::Challenge)?;
    Ok((random, expiry, tag))
}

fn signed(random: &[u8; RANDOM], expiry: &[u8; EXPIRY], purpose: Purpose) -> Vec<u8> {
    let (kind, account) = match purpose {
        Purpose::Register(account) => (1_u8, account.0),
        Purpose::SignIn => (2, 0),
        Purpose::Confirm(account) => (3, account.0),
    };
    [random.as_slice(), expiry, &[kind], &account.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs(1_800_000_000_000);

    /// ASVS 5.0: 9.1.1, 9.1.2, 9.1.3, 9.2.1, 9.2.2, 9.2.3.
    #[test]
    fn a_challenge_counts_for_its_purpose_its_account_its_time_and_once() {
        let challenges = Challenges::new().unwrap();
        let mine = Purpose::Register(AccountKey(7));
        let challenge = challenges.make(mine, NOW).unwrap();
        assert_eq!(challenges.check(&challenge, mine, NOW), Ok(()));
        for other in [Purpose::Register(AccountKey(8)), Purpose::SignIn, Purpose::Confirm(AccountKey(7))] {
            assert_eq!(challenges.check(&challenge, other, NOW), Err(Refused::Challenge), "{other:?}");
        }
        assert_eq!(challenges.check(&challenge, mine, NOW.plus_ms(CHALLENGE_MS - 1)), Ok(()));
        assert_eq!(challenges.check(&challenge, mine, NOW.plus_ms(CHALLENGE_MS)), Err(Refused::Expired));
        for at in 0..challenge.len() {
            let mut changed = challenge.clone();
            changed[at] ^= 1;
            assert_eq!(challenges.check(&changed, mine, NOW), Err(Refused::Challenge), "byte {at}");
        }
        let foreign = Challenges::new().unwrap().make(mine, NOW).unwrap();
        assert_eq!(challenges.check(&foreign, mine, NOW), Err(Refused::Challenge));
        assert_eq!(challenges.take(&challenge, NOW), Ok(()));
        assert_eq!(challenges.take(&challenge, NOW), Err(Refused::Replayed));
        assert_eq!(challenges.take(&challenges.make(mine, NOW).unwrap(), NOW), Ok(()));
        assert_eq!(challenges.check(b"short", mine, NOW), Err(Refused::Challenge));
    }
}
