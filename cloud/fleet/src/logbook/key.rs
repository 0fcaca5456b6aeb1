//! The key that a logbook is signed with, and the one that it is checked by.
//!
//! In: 32 secret bytes that the caller keeps. Out: Ed25519 signatures (RFC 8032), which need no randomness; public keys as OpenSSL
//! knows them (RFC 8410), and their fingerprints. Never prints what is secret.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::hex::{self, Hash};

/// What stands before the 32 bytes of a public key where it is written as DER (RFC 8410, section 4).
const DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// Checks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// Names a public key: the SHA-256 of its DER, as `openssl pkey -pubin -outform DER | sha256sum` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub Hash);

/// Why there is no signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are no Ed25519 key")]
pub struct InvalidKey;

/// Why there is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library could not sign")]
pub struct Unsigned;

impl Signer {
    /// Of 32 secret random bytes.
    ///
    /// # Errors
    /// [`InvalidKey`]; no 32 bytes are known for which it is.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| InvalidKey)?;
        let public = pair.public_key().as_ref().try_into().map(PublicKey).map_err(|_| InvalidKey)?;
        Ok(Self { pair, public })
    }

    /// What it is checked by.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs.
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], Unsigned> {
        let signature = self.pair.try_sign(bytes).map_err(|_| Unsigned)?;
        signature.as_ref().try_into().map_err(|_| Unsigned)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public.fingerprint())
    }
}

impl PublicKey {
    /// Of its 32 bytes. Whether they are a point of the curve, the first check says.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Of its 64 digits, as a line of a logbook names it.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        hex::decode(digits.as_bytes()).map(Self)
    }

    /// Of its DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        der.strip_prefix(&DER)?.try_into().ok().map(Self)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As OpenSSL writes it.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        [DER.as_slice(), &self.0].concat()
    }

    /// Its name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Hash::of(&self.der()))
    }

    /// Whether `signature` is one of `bytes` by this key.
    #[must_use]
    pub fn signed(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hash(self.0).fmt(f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Fingerprint {
    /// Of its 64 digits; spaces, colons and upper case, as people copy it, do not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.chars().filter(|c| !c.is_whitespace() && *c != ':');
        Hash::parse(&digits.map(|c| c.to_ascii_lowercase()).collect::<String>()).map(Self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, TEST 3.
    /// ASVS 5.0: 11.2.1.
    #[test]
    fn it_signs_as_the_standard_says() {
        let seed = hex::decode(b"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7").unwrap();
        let signer = Signer::from_seed(&seed).unwrap();
        let public = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
        assert_eq!(signer.public().to_string(), public);
        let signature = signer.sign(&[0xaf, 0x82]).unwrap();
        let expect: [u8; 64] = hex::decode(
            b"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        )
        .unwrap();
        assert_eq!(signature, expect);
        assert!(signer.public().signed(&[0xaf, 0x82], &signature));
        assert!(!signer.public().signed(&[0xaf, 0x83], &signature));
        assert!(!format!("{signer:?}").contains("c5aa8df4"), "{signer:?}");
    }

    #[test]
    fn a_public_key_and_its_fingerprint_lead_back() {
        let key = Signer::from_seed(&[7; 32]).unwrap().public();
        assert_eq!(PublicKey::from_der(&key.der()), Some(key));
        assert_eq!(PublicKey::parse(&key.to_string()), Some(key));
        assert_eq!(PublicKey::from_der(&key.der()[1..]), None);
        let print = key.fingerprint();
        let copied: Vec<String> = print
            .to_string()
            .to_uppercase()
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8(pair.to_vec()).unwrap())
            .collect();
        assert_eq!(Fingerprint::parse(&copied.join(":")), Some(print));
        assert_eq!(Fingerprint::parse(&format!(" {print}\n")), Some(print));
        assert_eq!(Fingerprint::parse("abc"), None);
    }
}
