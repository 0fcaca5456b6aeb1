//! How often mails may be asked for: per address and per source, with pauses that grow; and how often one may be told of
//! what others offer.
//!
//! In: an address, a source, now. Out: whether this one is answered; who asked is never told. Unknown addresses are
//! counted like known ones. In memory only, and bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use fleet::AccountKey;
use fleet::registration::Purpose;
use wire::UtcMs;

use crate::sign_in::delay::Source;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Most addresses and most sources remembered; beyond it the oldest are forgotten.
const REMEMBERED: usize = 20_000;

/// How the pauses of one kind grow.
struct Growth {
    /// Answered without a pause.
    free: u32,
    /// The first pause; each further one doubles.
    first_ms: i64,
    /// The longest.
    longest_ms: i64,
    /// Without another question for this long all is forgotten.
    forget_ms: i64,
}

/// Nobody's mailbox is filled: three at once, then one in 2, 4, 8 and from then on 15 minutes. A link counts for 30, so
/// that its owner always holds a good one.
const ADDRESS: Growth =
    Growth { free: 3, first_ms: 2 * MINUTE_MS, longest_ms: 15 * MINUTE_MS, forget_ms: 6 * 60 * MINUTE_MS };
/// An office behind one address registers its people in one morning.
const SOURCE: Growth =
    Growth { free: 20, first_ms: 5_000, longest_ms: 10 * MINUTE_MS, forget_ms: 60 * MINUTE_MS };

/// What one offers another again and again is worth few letters: it waits at the other's page all the same.
const PAIR: Growth =
    Growth { free: 5, first_ms: 10 * MINUTE_MS, longest_ms: 6 * HOUR_MS, forget_ms: 24 * HOUR_MS };
/// Several accounts that do so together.
const RECIPIENT: Growth =
    Growth { free: 30, first_ms: MINUTE_MS, longest_ms: HOUR_MS, forget_ms: 24 * HOUR_MS };
/// An installer hands a hundred inverters over in one morning.
const MAKER: Growth =
    Growth { free: 100, first_ms: 10_000, longest_ms: 10 * MINUTE_MS, forget_ms: 24 * HOUR_MS };

/// What was asked for, by address and by source.
#[derive(Debug, Default)]
pub struct Limits {
    addresses: Mutex<Asked<(Purpose, String)>>,
    sources: Mutex<Asked<Source>>,
    makers: Mutex<Asked<AccountKey>>,
    pairs: Mutex<Asked<(AccountKey, String)>>,
    recipients: Mutex<Asked<String>>,
}

impl Limits {
    /// Whether a mail to `address`, asked for by `source`, may be answered; counts it if so. Each purpose by itself: who
    /// asks to register an address cannot keep its owner from a new password. Nor can a source that is slowed down.
    #[must_use]
    pub fn allow(&self, purpose: Purpose, address: &str, source: Source, now: UtcMs) -> bool {
        lock(&self.sources).count(source, &SOURCE, now)
            && lock(&self.addresses).count((purpose, address.to_owned()), &ADDRESS, now)
    }

    /// Whether a letter may tell `recipient`, an address or an organization's code, of what `maker` offers; counts it if so.
    #[must_use]
    pub fn may_tell(&self, maker: AccountKey, recipient: &str, now: UtcMs) -> bool {
        lock(&self.makers).count(maker, &MAKER, now)
            && lock(&self.pairs).count((maker, recipient.to_owned()), &PAIR, now)
            && lock(&self.recipients).count(recipient.to_owned(), &RECIPIENT, now)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    answered: u32,
    last: UtcMs,
    free_at: UtcMs,
}

#[derive(Debug)]
struct Asked<K>(HashMap<K, Counted>);

impl<K> Default for Asked<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Asked<K> {
    /// One that comes too early does not lengthen the pause: a stranger cannot keep the owner's mail away for ever.
    fn count(&mut self, key: K, growth: &Growth, now: UtcMs) -> bool {
        self.make_room(&key, growth, now);
        let counted = self.0.entry(key).or_insert(Counted { answered: 0, last: now, free_at: now });
        if now.since(counted.last) >= growth.forget_ms {
            *counted = Counted { answered: 0, last: now, free_at: now };
        }
        if now < counted.free_at {
            return false;
        }
        counted.answered = counted.answered.saturating_add(1);
        counted.last = now;
        let doublings = counted.answered.checked_sub(growth.free);
        let pause = doublings.map_or(0, |doublings| {
            growth.first_ms.saturating_mul(1 << doublings.min(20)).min(growth.longest_ms)
        });
        counted.free_at = now.plus_ms(pause);
        true
    }

    fn make_room(&mut self, key: &K, growth: &Growth, now: UtcMs) {
        if self.0.len() < REMEMBERED || self.0.contains_key(key) {
            return;
        }
        self.0.retain(|_, counted| now.since(counted.last) < growth.forget_ms);
        if self.0.len() >= REMEMBERED {
            let oldest = self.0.iter().min_by_key(|(_, counted)| counted.last).map(|(key, _)| key.clone());
            oldest.map(|key| self.0.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn source(text: &str) -> Source {
        Source::from(text.parse::<IpAddr>().ok())
    }

    #[test]
    fn three_mails_are_free_then_the_pauses_grow_to_a_quarter_of_an_hour() {
        let limits = Limits::default();
        let mut answered = Vec::new();
        for second in 0..3600_u16 {
            let from = source(&format!("192.0.{}.{}", second / 250, second % 250));
            if limits.allow(Purpose::Reset, "ann@x.test", from, UtcMs(i64::from(second) * 1000)) {
                answered.push(second / 60);
            }
        }
        assert_eq!(answered, [0, 0, 0, 2, 6, 14, 29, 44, 59], "minutes");
        let from = source("198.51.100.1");
        assert!(!limits.allow(Purpose::Reset, "ann@x.test", from, UtcMs(3_600_000)));
        assert!(limits.allow(Purpose::Register, "ann@x.test", from, UtcMs(3_600_000)));
    }

    #[test]
    fn nobodys_mailbox_is_filled_with_offers_and_who_does_it_keeps_no_other_away() {
        let limits = Limits::default();
        let told = |maker, to: &str, hours: std::ops::Range<i64>| {
            let seconds = hours.start * 3600..hours.end * 3600;
            seconds.filter(|second| limits.may_tell(AccountKey(maker), to, UtcMs(second * 1000))).count()
        };
        assert_eq!(told(1, "ann@x.test", 0..24), 13, "a day of one offer a second");
        assert_eq!(told(1, "ann@x.test", 24..48), 4);
        assert!(limits.may_tell(AccountKey(2), "ann@x.test", UtcMs(48 * 3_600_000)));
        // From a hundred accounts: once an hour.
        let day = (100..200).map(|maker| told(maker, "bob@x.test", 0..1)).sum::<usize>();
        assert!(day < 45, "{day}");
        // A hundred inverters to a hundred people: each is told.
        let all = (0..100).filter(|at| limits.may_tell(AccountKey(3), &format!("{at}@x.test"), UtcMs(0)));
        assert_eq!(all.count(), 100);
    }

    #[test]
    fn a_source_is_slowed_down_whatever_addresses_it_asks_for_and_another_is_not() {
        let limits = Limits::default();
        let ask = |at: i64, from: &str| {
            limits.allow(Purpose::Register, &format!("{at}-{from}@x.test"), source(from), UtcMs(at * 1000))
        };
        let answered = (0..3600).filter(|at| ask(*at, "2001:db8::1")).count();
        assert!((20..35).contains(&answered), "{answered}");
        assert!(!ask(3600, "2001:db8::2"), "the same network");
        assert!(ask(3600, "2001:db8:0:1::1"));
        assert!(ask(9000, "2001:db8::3"), "forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let mut asked = Asked::default();
        for at in 0..REMEMBERED + 100 {
            asked.count(at, &ADDRESS, UtcMs(0));
        }
        assert_eq!(asked.0.len(), REMEMBERED);
    }
}
