//! Lines of the log that strangers cause: so many a second of each kind, so that nobody fills the log.
//!
//! In: that there is something to say of a kind, when. Out: whether it is its turn, and how many went unsaid since the one
//! before. Never keeps what would have been said.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of a kind are counted over this long.
const EVERY: Duration = Duration::from_secs(1);

/// What the line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that changes something came from another site.
    OtherSite,
    /// A name that is not ours was asked for.
    Host,
    /// A password was not the account's.
    Password,
    /// A code was not the account's.
    Code,
    /// A passkey was refused.
    Passkey,
    /// A token of the API was refused.
    Token,
    /// Somebody who is not signed in was refused something, and was shown a reference.
    Stranger,
    /// Somebody who is signed in was.
    Refused,
}

impl Kind {
    /// Lines each second. Of references more, so that the one that somebody tells is there.
    const fn most(self) -> u32 {
        match self {
            Self::Stranger => 20,
            Self::Refused => 50,
            _ => 1,
        }
    }
}

/// How many kinds there are.
const KINDS: usize = Kind::Refused as usize + 1;

/// What was written of each kind.
#[derive(Debug, Default)]
pub struct Paced(Mutex<[Pace; KINDS]>);

#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    since: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Paced {
    /// Whether a line of this kind may be written now, and how many were left out since the last one.
    pub fn turn(&self, kind: Kind, now: Instant) -> Option<u64> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = paces.get_mut(kind as usize)?;
        if pace.since.is_none_or(|since| now.saturating_duration_since(since) >= EVERY) {
            (pace.since, pace.written) = (Some(now), 0);
        }
        if pace.written >= kind.most() {
            pace.left_out = pace.left_out.saturating_add(1);
            return None;
        }
        pace.written += 1;
        Some(std::mem::take(&mut pace.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_each_second_and_the_next_says_how_many_went_unsaid() {
        let (paced, begun) = (Paced::default(), Instant::now());
        let turn = |kind, ms| paced.turn(kind, begun + Duration::from_millis(ms));
        assert_eq!(turn(Kind::Host, 0), Some(0));
        for ms in 1..1000 {
            assert_eq!(turn(Kind::Host, ms), None);
        }
        assert_eq!(turn(Kind::OtherSite, 500), Some(0), "each kind by itself");
        assert_eq!(turn(Kind::Host, 1000), Some(999));
        assert_eq!(turn(Kind::Host, 5000), Some(0));
        let of = |kind: Kind| (0..1000).filter(|ms| turn(kind, 10_000 + ms).is_some()).count();
        assert_eq!((of(Kind::Stranger), of(Kind::Refused)), (20, 50), "of references more");
        assert_eq!(turn(Kind::Stranger, 11_000), Some(980));
    }
}
