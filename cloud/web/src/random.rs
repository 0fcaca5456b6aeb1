//! Random bytes for tokens, salts and references, from the library that TLS links already.
//!
//! In: nothing. Out: fresh randomness from the operating system's generator by way of aws-lc-rs. Never a counter or a
//! clock.

use aws_lc_rs::rand;

/// 256 random bits.
///
/// # Errors
/// The generator failed; nothing may be issued then.
pub fn bytes32() -> Result<[u8; 32], RandomFailed> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| RandomFailed)?;
    Ok(bytes)
}

/// The system's random generator failed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct RandomFailed;

/// Letters and digits that nobody confuses when reading them over the telephone.
pub(crate) const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Eight characters that name one failure on screen and in the log.
#[must_use]
pub fn reference() -> String {
    letters(&bytes32().unwrap_or([0; 32]), 8)
}

/// 22 characters, 110 bits, that name something outside and tell nothing.
///
/// # Errors
/// See [`bytes32`].
pub fn public_id() -> Result<String, RandomFailed> {
    Ok(letters(&bytes32()?, 22))
}

/// A number that names something and tells nothing: 48 bits, so that JSON's readers keep each of them.
///
/// # Errors
/// See [`bytes32`].
pub fn number() -> Result<i64, RandomFailed> {
    let bytes = bytes32()?;
    Ok(bytes.iter().take(6).fold(0, |number, byte| number << 8 | i64::from(*byte)))
}

/// So many random digits, eighteen at most.
///
/// # Errors
/// See [`bytes32`].
pub(crate) fn digits(count: usize) -> Result<String, RandomFailed> {
    // Of 128 bits: that some digits come a hair more often than others is lost in them.
    let number = bytes32()?.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let all = format!("{:018}", number % 1_000_000_000_000_000_000);
    Ok(all.get(all.len().saturating_sub(count)..).unwrap_or_default().to_owned())
}

/// Characters of an organization's code.
pub const CODE: usize = 10;

/// The code that names an organization outside: ten characters that people can read to each other.
///
/// # Errors
/// The system's random generator failed.
pub fn organization_code() -> Result<String, RandomFailed> {
    Ok(letters(&bytes32()?, CODE))
}

fn letters(bytes: &[u8; 32], count: usize) -> String {
    let letters = bytes.iter().take(count).filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
    letters.map(|byte| char::from(*byte)).collect()
}
