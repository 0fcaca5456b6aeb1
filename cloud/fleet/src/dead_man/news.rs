//! When operators are written to that the service ails, and that it is well again.
//!
//! In: what is bad now, time. Out: a letter to be written, seldom: a service that comes and goes must not bury who is to mend
//! it. What is told by mail is told by `/health` and the outside watchdog, too, and by them at once.

use std::collections::BTreeSet;

/// What is bad must last this long before anybody is written to, milliseconds.
const LAST_MS: i64 = 60_000;
/// From one letter to the next, milliseconds.
const APART_MS: i64 = 30 * 60_000;
/// Nothing may be bad for this long before it is over, milliseconds.
const QUIET_MS: i64 = 5 * 60_000;

/// What was told.
#[derive(Clone, Debug, Default)]
pub struct News {
    told: BTreeSet<&'static str>,
    told_at: Option<i64>,
    bad_since: Option<i64>,
    well_since: Option<i64>,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The service ails, or ails in another way, too.
    Ails,
    /// Nothing is bad any more.
    Over,
}

impl News {
    /// `bad`: names of what is bad at `at_ms`, a clock that nobody sets.
    pub fn look(&mut self, bad: &[&'static str], at_ms: i64) -> Option<Told> {
        if bad.is_empty() {
            self.bad_since = None;
            let well_since = *self.well_since.get_or_insert(at_ms);
            let over = !self.told.is_empty() && at_ms.saturating_sub(well_since) >= QUIET_MS;
            if over {
                self.told.clear();
            }
            return over.then_some(Told::Over);
        }
        self.well_since = None;
        let bad_since = *self.bad_since.get_or_insert(at_ms);
        let lasts = at_ms.saturating_sub(bad_since) >= LAST_MS;
        let apart = self.told_at.is_none_or(|told_at| at_ms.saturating_sub(told_at) >= APART_MS);
        let news = bad.iter().any(|name| !self.told.contains(name));
        if !(lasts && apart && news) {
            return None;
        }
        self.told.extend(bad);
        self.told_at = Some(at_ms);
        Some(Told::Ails)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_when_it_lasts_again_when_more_is_bad_and_once_when_it_is_over() {
        let mut news = News::default();
        let mut check = |at_s: i64, bad: &[&'static str], expect| {
            assert_eq!(news.look(bad, at_s * 1_000), expect, "after {at_s} s");
        };
        check(0, &["disk"], None);
        check(59, &["disk"], None);
        check(60, &["disk"], Some(Told::Ails));
        check(61, &["disk"], None);
        // More is bad: told, but not before half an hour is over.
        check(120, &["disk", "mails"], None);
        check(1_859, &["disk", "mails"], None);
        check(1_860, &["disk", "mails"], Some(Told::Ails));
        check(7_200, &["disk", "mails"], None);
        // Over, after it was quiet.
        check(7_300, &[], None);
        check(7_500, &["mails"], None);
        check(7_600, &[], None);
        check(7_899, &[], None);
        check(7_900, &[], Some(Told::Over));
        check(8_000, &[], None);
        check(8_100, &["disk"], None);
        check(8_160, &["disk"], Some(Told::Ails));
    }

    #[test]
    fn what_comes_and_goes_each_minute_for_a_day_makes_few_letters() {
        let mut news = News::default();
        let letters = (0..86_400).filter(|s| {
            let bad: &[&'static str] = if s / 90 % 2 == 0 { &["disk"] } else { &[] };
            news.look(bad, s * 1_000).is_some()
        });
        assert_eq!(letters.count(), 1);
        let mut slow = News::default();
        let letters = (0..86_400).filter(|s| {
            let bad: &[&'static str] = if s / 400 % 2 == 0 { &["disk"] } else { &[] };
            slow.look(bad, s * 1_000).is_some()
        });
        assert!(letters.count() <= 2 * 48, "two in half an hour at most");
    }
}
