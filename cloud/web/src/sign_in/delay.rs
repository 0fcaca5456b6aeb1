//! A growing delay per account and per source after failed sign-ins; never a lock-out.
//!
//! In: who tries from where, and when. Out: how long to wait before looking at the password. The right password is
//! taken after the wait whatever happened before. In memory only; never tells whether an account exists, as unknown
//! names are counted alike.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wire::UtcMs;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 3;
/// More of them for a source: an office signs in at nine o'clock from one address, and each attempt counts as failed until
/// its password was found right.
const OFFICE: u32 = 20;
/// The first delay; each further failure doubles it.
const FIRST: Duration = Duration::from_millis(250);
/// Longest per account: the owner is never kept out for longer than this by a stranger.
const LONGEST_ACCOUNT: Duration = Duration::from_secs(4);
/// Longest per source: below the door's deadline for a response.
const LONGEST_SOURCE: Duration = Duration::from_secs(16);
/// Failures are forgotten after this long without another.
const FORGET_MS: i64 = 15 * 60_000;
/// Most accounts and most sources remembered; beyond it the oldest are forgotten.
const REMEMBERED: usize = 20_000;

/// Failures by account and by source.
#[derive(Debug, Default)]
pub struct Delays {
    accounts: Mutex<Failures<String>>,
    sources: Mutex<Failures<Source>>,
}

/// Where an attempt comes from: an IPv4 address or an IPv6 /64, `None` where the door did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(Option<[u8; 8]>);

impl From<Option<IpAddr>> for Source {
    fn from(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                [0, 0, 0, 0, a, b, c, d]
            }
            IpAddr::V6(v6) => *v6.octets().first_chunk::<8>().unwrap_or(&[0; 8]),
        }))
    }
}

/// As rows keep it: an address, or the first half of one; empty where the door did not say.
impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => Ok(()),
            Some([0, 0, 0, 0, a, b, c, d]) => std::net::Ipv4Addr::new(a, b, c, d).fmt(f),
            Some(half) => {
                let mut whole = [0; 16];
                whole.iter_mut().zip(half).for_each(|(to, from)| *to = from);
                write!(f, "{}/64", std::net::Ipv6Addr::from(whole))
            }
        }
    }
}

impl Delays {
    /// Counts an attempt as failed, beforehand, so that many at once grow the delay too; says how long to wait.
    #[must_use]
    pub fn attempt(&self, account: &str, source: Source, now: UtcMs) -> Duration {
        let by_account = lock(&self.accounts).count(account.to_owned(), now);
        let by_source = lock(&self.sources).count(source, now);
        delay(by_account, LONGEST_ACCOUNT).max(delay_of_source(by_source))
    }

    /// As [`Delays::attempt`], for the code after the right password: whoever guesses there has the password, so its
    /// owner is not kept out by strangers, and each guess may cost as much as a source's.
    #[must_use]
    pub fn second_step(&self, account: &str, source: Source, now: UtcMs) -> Duration {
        let by_account = lock(&self.accounts).count(account.to_owned(), now);
        let by_source = lock(&self.sources).count(source, now);
        delay(by_account, LONGEST_SOURCE).max(delay_of_source(by_source))
    }

    /// Takes back what was counted of the source: the password was right, the second factor is to come.
    pub fn half_way(&self, source: Source) {
        lock(&self.sources).take_back(&source);
    }

    /// Takes back what [`Delays::attempt`] counted: the password was right.
    pub fn succeeded(&self, account: &str, source: Source) {
        lock(&self.accounts).forget(account);
        lock(&self.sources).take_back(&source);
    }
}

fn delay(failures: u32, longest: Duration) -> Duration {
    match failures.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST.saturating_mul(1 << doublings.min(16)).min(longest),
    }
}

fn delay_of_source(failures: u32) -> Duration {
    delay(failures.saturating_sub(OFFICE), LONGEST_SOURCE)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Failures<K>(HashMap<K, (u32, UtcMs)>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Failures<K> {
    fn count(&mut self, key: K, now: UtcMs) -> u32 {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, (_, last)| now.since(*last) < FORGET_MS);
            if self.0.len() >= REMEMBERED
                && let Some(oldest) =
                    self.0.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone())
            {
                self.0.remove(&oldest);
            }
        }
        let (failures, last) = self.0.entry(key).or_insert((0, now));
        if now.since(*last) >= FORGET_MS {
            *failures = 0;
        }
        *failures = failures.saturating_add(1);
        *last = now;
        *failures
    }

    fn forget<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.remove(key);
    }

    fn take_back(&mut self, key: &K) {
        if let Some((failures, _)) = self.0.get_mut(key) {
            *failures = failures.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::from(text.parse::<IpAddr>().ok())
    }

    #[test]
    fn three_are_free_then_the_delay_doubles_up_to_its_longest() {
        let delays = Delays::default();
        let waits: Vec<_> =
            (0..32).map(|at| delays.attempt("a", source("192.0.2.1"), UtcMs(at)).as_millis()).collect();
        assert_eq!(waits[..9], [0, 0, 0, 250, 500, 1000, 2000, 4000, 4000]);
        assert_eq!(waits[26..], [4000, 4000, 8000, 16_000, 16_000, 16_000], "the source's own");
    }

    #[test]
    fn an_office_signs_in_at_once_and_a_guesser_behind_its_address_is_slowed_down() {
        let delays = Delays::default();
        let waits: Vec<_> = (0..26)
            .map(|at| delays.attempt(&format!("name{at}"), source("192.0.2.1"), UtcMs(0)).as_millis())
            .collect();
        assert!(waits[..23].iter().all(|wait| *wait == 0), "{waits:?}");
        assert_eq!(waits[23..], [250, 500, 1000]);
    }

    #[test]
    fn a_stranger_elsewhere_costs_the_owner_four_seconds_at_most() {
        let delays = Delays::default();
        for at in 0..1000 {
            let _ = delays.attempt("owner", source(&format!("2001:db8:0:{at:x}::1")), UtcMs(0));
        }
        let wait = delays.attempt("owner", source("192.0.2.7"), UtcMs(0));
        assert_eq!(wait, LONGEST_ACCOUNT);
        delays.succeeded("owner", source("192.0.2.7"));
        assert_eq!(delays.attempt("owner", source("192.0.2.7"), UtcMs(0)), Duration::ZERO);
    }

    #[test]
    fn a_known_password_does_not_make_codes_free_to_guess() {
        let delays = Delays::default();
        let mut waits = Vec::new();
        for at in 0..6 {
            // Right password, wrong code, each time from elsewhere.
            let from = source(&format!("192.0.2.{at}"));
            let _ = delays.attempt("owner", from, UtcMs(0));
            delays.half_way(from);
            waits.push(delays.second_step("owner", from, UtcMs(0)).as_millis());
        }
        assert_eq!(waits, [0, 250, 1000, 4000, 16_000, 16_000]);
        assert_eq!(delays.attempt("owner", source("198.51.100.1"), UtcMs(0)), LONGEST_ACCOUNT, "bounded");
    }

    #[test]
    fn one_network_is_one_source_and_time_forgets() {
        let delays = Delays::default();
        for at in 0..28 {
            let _ = delays.attempt(&format!("name{at}"), source(&format!("2001:db8::{at}")), UtcMs(0));
        }
        assert!(delays.attempt("fresh", source("2001:db8::ffff"), UtcMs(0)) > Duration::ZERO);
        assert_eq!(delays.attempt("fresher", source("2001:db8::1"), UtcMs(FORGET_MS)), Duration::ZERO);
    }

    #[test]
    fn a_source_is_written_as_it_is_counted() {
        for (address, expect) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::7:8:9", "2001:db8::/64"),
        ] {
            assert_eq!(source(address).to_string(), expect);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut failures = Failures::default();
        for at in 0..REMEMBERED + 100 {
            failures.count(at, UtcMs(0));
        }
        assert_eq!(failures.0.len(), REMEMBERED);
    }
}
