//! Session and API tokens: 256 random bits, shown once, kept as SHA-256 only.
//!
//! In: nothing, or text that claims to be a token. Out: a [`Secret`] and its hash. A secret cannot be printed or
//! compared; it is looked up by its hash.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random::{self, RandomFailed};

/// 256 random bits that prove who somebody is.
pub struct Secret([u8; 32]);

/// SHA-256 of a secret: what the store keeps. Nothing is gained by stealing it.
pub type SecretHash = [u8; 32];

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The random generator failed.
    pub fn new() -> Result<Self, RandomFailed> {
        random::bytes32().map(Self)
    }

    /// Reads 43 characters of base64url, in their one canonical form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (text.len() == 43 && length == 32).then_some(Self(bytes))
    }

    /// 43 characters of base64url, to be shown or sent once.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the store keeps.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, &self.0).as_ref()) {
            *to = *from;
        }
        hash
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 7.2.3, 11.5.1.
    #[test]
    fn text_and_back_and_never_printed() {
        let secret = Secret::new().unwrap();
        let text = secret.reveal();
        assert_eq!(text.len(), 43);
        assert_eq!(Secret::parse(&text).unwrap().hash(), secret.hash());
        assert!(!format!("{secret:?}").contains(&text[..8]));
        assert!(Secret::parse(&text[1..]).is_none());
        assert!(Secret::parse(&format!("{text}A")).is_none());
        assert!(Secret::parse("").is_none());
    }
}
