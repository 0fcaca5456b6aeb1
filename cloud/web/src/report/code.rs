//! The check code of a report: what a copy on paper is compared with a file by.
//!
//! In: the report's data as JSON. Out: the first 80 bits of its SHA-256 in groups of letters and digits that are not mistaken for each
//! other. The same data has the same code in every format; another figure anywhere gives another code. That a file is whole, and from
//! whom, its signature says.

use aws_lc_rs::digest::{SHA256, digest};

/// Crockford's: no I, L, O, U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code.
const LENGTH: usize = 16;
const GROUP: usize = 4;
/// Bits of a letter.
const BITS: usize = 5;
/// Bytes of the hash that are in it.
const BYTES: usize = LENGTH * BITS / 8;

/// `7KQ2-M4XD-03TB-PZ5E`.
#[must_use]
pub fn code(json: &[u8]) -> String {
    let hash = digest(&SHA256, json);
    let bits = hash.as_ref().iter().take(BYTES).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let mut code = String::new();
    for at in 0..LENGTH {
        if at > 0 && at % GROUP == 0 {
            code.push('-');
        }
        let letter = (bits >> (BITS * (LENGTH - 1 - at))) as usize % LETTERS.len();
        code.push(LETTERS.get(letter).copied().map_or('0', char::from));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_of_the_data_and_of_nothing_else() {
        // sha256("") = e3b0c442 98fc1c14 9afb…
        assert_eq!(code(b""), "WERC-8GMR-ZGE1-96QV");
        assert_ne!(code(b"{\"a\":1}"), code(b"{\"a\":2}"));
        assert_eq!(code(b"x").len(), LENGTH + LENGTH / GROUP - 1);
    }

    #[test]
    fn no_byte_is_left_out() {
        let json = crate::report::samples::plain().json().unwrap();
        let whole = code(&json);
        for at in 0..json.len() {
            let mut other = json.clone();
            other[at] ^= 1;
            assert_ne!(code(&other), whole, "byte {at} of {}", json.len());
        }
        assert_ne!(code(&json[1..]), whole);
        assert_ne!(code(&json[..json.len() - 1]), whole);
        assert_ne!(code(&[&json[..], b"\n"].concat()), whole);
    }
}
