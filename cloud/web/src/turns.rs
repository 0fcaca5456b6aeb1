//! Expensive reads at a time: so many in all, and fewer of one account, so that nobody takes them all.
//!
//! In: whose read it is. Out: a turn to hold while it lasts, or [`Error::Busy`] at once. Never makes anybody wait, and knows
//! nothing of what is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fleet::AccountKey;

use crate::Error;

/// At a time in all. Each is milliseconds of one core and the disk; a hundred people look at charts meanwhile.
const IN_ALL: usize = 64;
/// Of one account: ten pages may be live, each with a chart, and a report beside them.
pub const OF_ONE: usize = 16;

/// Turns that are taken.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<HashMap<AccountKey, usize>>>);

/// A turn: given back when it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    turns: Turns,
    account: AccountKey,
}

impl Turns {
    /// Takes a turn for a read of `account`.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn take(&self, account: AccountKey) -> Result<Turn, Error> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Each account that is in the table holds one at least: it is never larger than the bound.
        let in_all: usize = taken.values().sum();
        let own = taken.get(&account).copied().unwrap_or(0);
        if in_all >= IN_ALL || own >= OF_ONE {
            return Err(Error::Busy);
        }
        taken.insert(account, own + 1);
        Ok(Turn { turns: self.clone(), account })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.account) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.account)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_and_what_is_given_back_is_there_again() {
        let turns = Turns::default();
        let take = |account| turns.take(AccountKey(account));
        let mut held: Vec<Turn> = (0..OF_ONE).map(|_| take(1).unwrap()).collect();
        assert!(matches!(take(1), Err(Error::Busy)));
        let others: Vec<Turn> = (0..IN_ALL - OF_ONE).map(|at| take(2 + at as i64 / 8).unwrap()).collect();
        assert!(matches!(take(99), Err(Error::Busy)), "in all");
        held.pop();
        let given_back = take(99).unwrap();
        assert!(matches!(take(1), Err(Error::Busy)), "it is another\u{2019}s now");
        drop((held, others, given_back));
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
