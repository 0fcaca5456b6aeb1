//! Recovery codes: twelve letters and digits that nobody confuses, in three groups.
//!
//! In: nothing, or what somebody typed. Out: a set of ten, or the code in its one form. Shown once; the store keeps
//! keyed hashes (`vault`).

use fleet::factors::RECOVERY_CODES;

use crate::random::{self, ALPHABET, RandomFailed};

const GROUPS: usize = 3;
const GROUP: usize = 4;

/// A new set, each of 60 random bits.
///
/// # Errors
/// The random generator failed.
pub fn set() -> Result<Vec<String>, RandomFailed> {
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

fn code() -> Result<String, RandomFailed> {
    let letters: Vec<char> = random::bytes32()?
        .iter()
        .take(GROUPS * GROUP)
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|byte| char::from(*byte))
        .collect();
    Ok(letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// The code that somebody typed, whatever its case and whatever stands between.
#[must_use]
pub fn parse(typed: &str) -> Option<String> {
    let letters: Vec<char> = typed
        .chars()
        .filter(|character| !character.is_whitespace() && !matches!(character, '-' | '–'))
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let ours = |letter: &char| u8::try_from(*letter).is_ok_and(|byte| ALPHABET.contains(&byte));
    let whole = letters.len() == GROUPS * GROUP && letters.iter().all(ours);
    whole.then(|| {
        letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 6.5.3, 6.5.4, 11.5.1.
    #[test]
    fn ten_different_codes_that_are_read_back_however_they_are_typed() {
        let mut set = set().unwrap();
        assert_eq!(set.len(), 10);
        for code in &set {
            assert_eq!(code.len(), 14, "{code}");
            assert_eq!(parse(code).as_ref(), Some(code));
            assert_eq!(parse(&format!("  {} ", code.to_lowercase().replace('-', " "))).as_ref(), Some(code));
            assert_eq!(parse(&code.replace('-', "")).as_ref(), Some(code));
        }
        set.sort();
        set.dedup();
        assert_eq!(set.len(), 10);
        for wrong in ["", "123456", "AAAA-AAAA-AAA", "AAAA-AAAA-AAAAA", "AAAA-AAAA-AAA0", "AAAA-AAAA-AAAÄ"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
