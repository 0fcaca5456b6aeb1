//! A growing delay per account and per source after failed sign-ins; never a lock-out.
//!
//! In: who tries from where, and when. Out: how long to wait before looking at the password, or that the line is too long.
//! Who tries many at once gains nothing: those of a source stand in one line, and so do the codes of an account, whose
//! password is known by whoever types them. Passwords of an account do not: a stranger would fill the owner's line. The right
//! password is taken after the wait whatever happened before. In memory only; never tells whether an account exists, as
//! unknown names are counted alike.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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
/// As many of a source are looked at within its delay: two a second once that is the longest. While a guesser fills the line, others of
/// the same source are told to come again.
const AT_ONCE: u32 = 32;
/// Failures are forgotten after this long without another.
const FORGET_MS: i64 = 15 * 60_000;
/// Most accounts and most sources remembered; beyond it the oldest are forgotten.
const REMEMBERED: usize = 20_000;

/// When an attempt is made: by the clock on the wall, by which failures are forgotten, and by one that nobody sets, by which
/// lines are kept.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Wall.
    pub utc: UtcMs,
    /// Monotonic.
    pub at: Instant,
}

/// So many wait already that this one would wait for longer than the longest delay: it is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

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
    ///
    /// # Errors
    /// [`LineTooLong`].
    pub fn attempt(&self, account: &str, source: Source, now: Now) -> Result<Duration, LineTooLong> {
        // First: what is not looked at is no failure of the account, and its names push no other out of memory.
        let of_source = self.of_source(source, now)?;
        let of_account = delay(lock(&self.accounts).count(account.to_owned(), now.utc), LONGEST_ACCOUNT);
        Ok(of_account.max(of_source))
    }

    /// As [`Delays::attempt`], for the code after the right password: whoever guesses there has the password, so its
    /// owner is not kept out by strangers, each guess may cost as much as a source's, and they come one after the other.
    ///
    /// # Errors
    /// [`LineTooLong`].
    pub fn second_step(&self, account: &str, source: Source, now: Now) -> Result<Duration, LineTooLong> {
        let of_source = self.of_source(source, now)?;
        let mut accounts = lock(&self.accounts);
        let turn = delay(accounts.count(account.to_owned(), now.utc), LONGEST_SOURCE);
        Ok(accounts.stand_in_line(account, turn, now.at)?.max(of_source))
    }

    fn of_source(&self, source: Source, now: Now) -> Result<Duration, LineTooLong> {
        let mut sources = lock(&self.sources);
        let failures = sources.count(source, now.utc);
        let longest = delay(failures.saturating_sub(OFFICE), LONGEST_SOURCE);
        Ok(sources.stand_in_line(&source, longest / AT_ONCE, now.at)?.max(longest))
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Failures<K>(HashMap<K, Failed>);

#[derive(Clone, Copy, Debug)]
struct Failed {
    count: u32,
    last: UtcMs,
    /// When the line is empty.
    free_at: Option<Instant>,
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Failures<K> {
    fn count(&mut self, key: K, now: UtcMs) -> u32 {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, failed| now.since(failed.last) < FORGET_MS);
            if self.0.len() >= REMEMBERED
                && let Some(oldest) =
                    self.0.iter().min_by_key(|(_, failed)| failed.last).map(|(key, _)| key.clone())
            {
                self.0.remove(&oldest);
            }
        }
        let failed = self.0.entry(key).or_insert(Failed { count: 0, last: now, free_at: None });
        if now.since(failed.last) >= FORGET_MS {
            failed.count = 0;
        }
        failed.count = failed.count.saturating_add(1);
        failed.last = now;
        failed.count
    }

    /// Takes a turn of this length behind those that wait: until when it is over.
    fn stand_in_line<Q>(&mut self, key: &Q, turn: Duration, now: Instant) -> Result<Duration, LineTooLong>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Some(failed) = self.0.get_mut(key) else { return Ok(turn) };
        let over = failed.free_at.map_or(now, |free_at| free_at.max(now)) + turn;
        let wait = over.duration_since(now);
        if wait > LONGEST_SOURCE {
            return Err(LineTooLong);
        }
        failed.free_at = Some(over);
        Ok(wait)
    }

    fn forget<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.remove(key);
    }

    fn take_back(&mut self, key: &K) {
        if let Some(failed) = self.0.get_mut(key) {
            failed.count = failed.count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::from(text.parse::<IpAddr>().ok())
    }

    /// So long after one beginning, by both clocks.
    struct Clock(Instant);

    impl Clock {
        fn at(&self, ms: i64) -> Now {
            Now { utc: UtcMs(ms), at: self.0 + Duration::from_millis(ms.unsigned_abs()) }
        }
    }

    fn clock() -> Clock {
        Clock(Instant::now())
    }

    #[test]
    fn three_are_free_then_the_delay_doubles_up_to_its_longest() {
        let (delays, clock) = (Delays::default(), clock());
        let each_minute = |at: i64| delays.attempt("a", source("192.0.2.1"), clock.at(at * 60_000));
        let waits: Vec<_> = (0..32).map(|at| each_minute(at).unwrap().as_millis()).collect();
        assert_eq!(waits[..9], [0, 0, 0, 250, 500, 1000, 2000, 4000, 4000]);
        assert_eq!(waits[26..], [4000, 4000, 8000, 16_000, 16_000, 16_000], "the source's own");
    }

    #[test]
    fn an_office_signs_in_at_once_and_a_guesser_behind_its_address_is_slowed_down() {
        let (delays, clock) = (Delays::default(), clock());
        let attempt = |at| delays.attempt(&format!("name{at}"), source("192.0.2.1"), clock.at(0));
        let waits: Vec<_> = (0..26).map(|at| attempt(at).unwrap().as_millis()).collect();
        assert!(waits[..23].iter().all(|wait| *wait == 0), "{waits:?}");
        assert_eq!(waits[23..], [250, 500, 1000]);
    }

    /// When each of so many attempts of one moment is looked at, ms.
    fn looked_at(many: usize, attempt: impl Fn(usize) -> Result<Duration, LineTooLong>) -> Vec<u128> {
        (0..many).filter_map(|at| attempt(at).ok()).map(|wait| wait.as_millis()).collect()
    }

    /// ASVS 5.0: 6.3.1.
    #[test]
    fn many_at_once_from_one_source_are_looked_at_no_faster_than_two_a_second() {
        let (delays, clock) = (Delays::default(), clock());
        let from = source("192.0.2.1");
        let at_once = looked_at(1000, |at| delays.attempt(&format!("name{at}"), from, clock.at(0)));
        assert!(at_once.len() < 23 + 6 + 32, "{at_once:?}");
        // For an hour two hundred of them each second: what is looked at in its last half.
        let mut looked = Vec::new();
        for second in 1..3600 {
            let now = clock.at(second * 1000);
            let all = looked_at(200, |at| delays.attempt(&format!("name{at}"), from, now));
            looked.extend(all.into_iter().map(|wait| wait + u128::from(second.unsigned_abs()) * 1000));
        }
        let late = looked.iter().filter(|at| (1_800_000..3_600_000).contains(*at)).count();
        assert!((3000..=3650).contains(&late), "{late} in half an hour");
        assert!(
            lock(&delays.accounts).0.len() < 23 + 6 + 32 + 200,
            "names of those that were not looked at are kept"
        );
        // Others are not in that line.
        assert_eq!(delays.attempt("name", source("192.0.2.2"), clock.at(0)).unwrap(), Duration::ZERO);
    }

    /// ASVS 5.0: 6.3.1.
    #[test]
    fn codes_of_one_account_are_looked_at_one_after_the_other_wherever_they_come_from() {
        let (delays, clock) = (Delays::default(), clock());
        let everywhere = |at: usize| source(&format!("2001:db8:0:{at:x}::1"));
        let at_once = looked_at(200, |at| delays.second_step("owner", everywhere(at), clock.at(0)));
        assert_eq!(at_once, [0, 0, 0, 250, 750, 1750, 3750, 7750, 15_750], "then the line is too long");
        let mut looked = 0;
        for second in 1..3600 {
            let now = clock.at(second * 1000);
            looked += looked_at(200, |at| delays.second_step("owner", everywhere(at), now)).len();
        }
        assert!((200..=225).contains(&looked), "{looked} in an hour: one in sixteen seconds");
        // The owner's password is not in that line.
        assert_eq!(delays.attempt("owner", source("192.0.2.7"), clock.at(0)).unwrap(), LONGEST_ACCOUNT);
    }

    /// ASVS 5.0: 6.1.1.
    #[test]
    fn a_stranger_elsewhere_costs_the_owner_four_seconds_at_most() {
        let (delays, clock) = (Delays::default(), clock());
        for at in 0..1000 {
            let _ = delays.attempt("owner", source(&format!("2001:db8:0:{at:x}::1")), clock.at(0));
        }
        let attempt = || delays.attempt("owner", source("192.0.2.7"), clock.at(0)).unwrap();
        assert_eq!(attempt(), LONGEST_ACCOUNT);
        delays.succeeded("owner", source("192.0.2.7"));
        assert_eq!(attempt(), Duration::ZERO);
    }

    #[test]
    fn a_known_password_does_not_make_codes_free_to_guess() {
        let (delays, clock) = (Delays::default(), clock());
        let mut waits = Vec::new();
        for at in 0..6 {
            // Right password, wrong code, each time from elsewhere.
            let (from, now) = (source(&format!("192.0.2.{at}")), clock.at(i64::from(at) * 60_000));
            let _ = delays.attempt("owner", from, now);
            delays.half_way(from);
            waits.push(delays.second_step("owner", from, now).unwrap().as_millis());
        }
        assert_eq!(waits, [0, 250, 1000, 4000, 16_000, 16_000]);
        let password = delays.attempt("owner", source("198.51.100.1"), clock.at(360_000));
        assert_eq!(password.unwrap(), LONGEST_ACCOUNT, "bounded");
    }

    /// ASVS 5.0: 15.3.4.
    #[test]
    fn one_network_is_one_source_and_time_forgets() {
        let (delays, clock) = (Delays::default(), clock());
        for at in 0..28 {
            let _ = delays.attempt(&format!("name{at}"), source(&format!("2001:db8::{at}")), clock.at(0));
        }
        let attempt = |name, from, at| delays.attempt(name, source(from), clock.at(at)).unwrap();
        assert!(attempt("fresh", "2001:db8::ffff", 0) > Duration::ZERO);
        assert_eq!(attempt("fresher", "2001:db8::1", FORGET_MS), Duration::ZERO);
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
