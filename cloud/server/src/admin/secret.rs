//! Random names, and fingerprints of certificates.
//!
//! In: nothing, or a certificate. Out: text that tells nothing; SHA-256. Tokens are `web::sign_in::secret`'s.

use aws_lc_rs::digest;
use web::sign_in::secret::Secret;

/// Characters of a public id: 132 random bits as base64url.
const PUBLIC_ID_LENGTH: usize = 22;

/// A name for the outside that tells nothing.
///
/// # Errors
/// The system gives no random bytes.
pub fn public_id() -> anyhow::Result<String> {
    Ok(Secret::new()?.reveal().chars().take(PUBLIC_ID_LENGTH).collect())
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
