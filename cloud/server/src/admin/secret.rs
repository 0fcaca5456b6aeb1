//! Random names and tokens.
//!
//! In: nothing. Out: text of random bits from the library that TLS links, and what the store keeps of it.

use anyhow::anyhow;
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A name for the outside that tells nothing: 128 random bits, 22 characters of base64url.
///
/// # Errors
/// The system gives no random bytes.
pub fn public_id() -> anyhow::Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?))
}

/// A token of 256 random bits, 43 characters of base64url, and the hash of its bytes that the store keeps.
///
/// # Errors
/// The system gives no random bytes.
pub fn token() -> anyhow::Result<(String, [u8; 32])> {
    let bytes = random::<32>()?;
    Ok((URL_SAFE_NO_PAD.encode(bytes), sha256(&bytes)))
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| anyhow!("the system gives no random bytes"))?;
    Ok(bytes)
}
