//! Names of what is new: the code that names an alarm in addresses, the number of an incident.
//!
//! In: what they are made from. Out: text and numbers that look random and are the same each time. An alarm's code follows
//! from its inverter's public id, which is random, and from its own name: nobody can guess it from another, and a store that
//! was restored gives the same. A code opens nothing: whoever follows it needs access to the inverter.

use std::collections::HashSet;

use aws_lc_rs::digest;
use store::state::IncidentKey;

/// Characters of a code: short enough for a text message, long enough that two seldom are the same.
const CODE: usize = 8;
/// Letters and digits that nobody confuses.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// The code of an alarm that none of `taken` is.
pub fn code(inverter: &str, alarm: &str, taken: &HashSet<String>) -> String {
    let mut code = attempt(inverter, alarm, 0);
    let mut tries = 1..u32::MAX;
    while taken.contains(&code) {
        let Some(next) = tries.next() else { break };
        code = attempt(inverter, alarm, next);
    }
    code
}

/// The code that an alarm has where nobody else has it.
pub fn first_code(inverter: &str, alarm: &str) -> String {
    attempt(inverter, alarm, 0)
}

fn attempt(inverter: &str, alarm: &str, attempt: u32) -> String {
    let hash = digest::digest(&digest::SHA256, format!("alarm\n{inverter}\n{alarm}\n{attempt}").as_bytes());
    let letters = hash.as_ref().iter().take(CODE);
    letters
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect()
}

/// The number of the incident that begins with an alarm, told at `at_ms`.
pub fn incident(inverter: &str, alarm: &str, at_ms: i64) -> IncidentKey {
    let hash = digest::digest(&digest::SHA256, format!("incident\n{inverter}\n{alarm}\n{at_ms}").as_bytes());
    let number = hash.as_ref().iter().take(8).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    // Never negative: it stands in keys.
    IncidentKey(number & i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_short_the_same_each_time_and_nobody_elses() {
        let first = first_code("k3v9", "battery.low/t1");
        assert_eq!(first, first_code("k3v9", "battery.low/t1"));
        assert_eq!((first.len(), code("k3v9", "battery.low/t1", &HashSet::new())), (8, first.clone()));
        assert!(first.bytes().all(|byte| ALPHABET.contains(&byte)));
        let other = code("k3v9", "battery.low/t1", &HashSet::from([first.clone()]));
        assert_ne!(other, first);
        assert_ne!(first_code("k3v8", "battery.low/t1"), first);
        let many: HashSet<_> = (0..10_000).map(|n| first_code("k3v9", &format!("x/t{n}"))).collect();
        assert_eq!(many.len(), 10_000);
    }

    #[test]
    fn incidents_have_numbers_of_their_own() {
        let many: HashSet<_> = (0..10_000).map(|n| incident("k3v9", "x/t1", n).0).collect();
        assert!(many.len() == 10_000 && many.iter().all(|number| *number >= 0));
        assert_eq!(incident("k3v9", "x/t1", 5), incident("k3v9", "x/t1", 5));
    }
}
