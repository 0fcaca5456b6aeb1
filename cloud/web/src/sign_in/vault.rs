//! The key of the second factors: it lies in a file outside the database, so that the database alone, or a copy of it,
//! opens nothing.
//!
//! In: 32 bytes from the server. Out: secrets of authenticator apps and webhooks sealed and opened (AES-256-GCM, a random
//! nonce each, bound to the account; a key for each purpose), keyed hashes of recovery codes, of codes that are sent to
//! telephones and of names that have no account. Never printed.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::AccountKey;

use crate::random::{self, RandomFailed};

/// The key from which the vault's own are made.
pub struct FactorsKey([u8; 32]);

/// The key does not fit, or what was sealed was changed or is another account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a second factor cannot be opened: is `factors_key` the file that this data_dir began with?")]
pub struct Closed;

impl FactorsKey {
    /// A new one.
    ///
    /// # Errors
    /// The random generator failed.
    pub fn new() -> Result<Self, RandomFailed> {
        random::bytes32().map(Self)
    }

    /// Reads what [`FactorsKey::reveal`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// For its file, and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl std::fmt::Debug for FactorsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FactorsKey(…)")
    }
}

/// Seals, opens, hashes.
pub struct Vault {
    seal: RandomizedNonceKey,
    webhooks: RandomizedNonceKey,
    hash: hmac::Key,
    telephones: hmac::Key,
    nobody: hmac::Key,
}

impl Vault {
    /// Makes the vault's keys, one per purpose, from the one in the file.
    ///
    /// # Errors
    /// [`Closed`], which cannot happen with a key of 32 bytes.
    pub fn new(key: &FactorsKey) -> Result<Self, Closed> {
        let root = Salt::new(HKDF_SHA256, &[]).extract(&key.0);
        let sealing = |purpose: &[u8]| {
            RandomizedNonceKey::new(&AES_256_GCM, &derived(&root, purpose)?).map_err(|_| Closed)
        };
        let hashing =
            |purpose: &[u8]| Ok::<_, Closed>(hmac::Key::new(hmac::HMAC_SHA256, &derived(&root, purpose)?));
        Ok(Self {
            seal: sealing(b"totp secrets")?,
            webhooks: sealing(b"webhook secrets")?,
            hash: hashing(b"recovery codes")?,
            telephones: hashing(b"telephone codes")?,
            nobody: hashing(b"passwords of nobody")?,
        })
    }

    /// Seals a secret of an account: nonce, then what is sealed, then the tag.
    ///
    /// # Errors
    /// [`Closed`]: the random generator failed.
    pub fn seal(&self, account: AccountKey, secret: &[u8]) -> Result<Vec<u8>, Closed> {
        sealed(&self.seal, account, secret)
    }

    /// Opens what [`Vault::seal`] made for the same account.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn open(&self, account: AccountKey, sealed: &[u8]) -> Result<Vec<u8>, Closed> {
        opened(&self.seal, account, sealed)
    }

    /// Seals what a webhook of an account is signed with.
    ///
    /// # Errors
    /// [`Closed`]: the random generator failed.
    pub fn seal_webhook(&self, account: AccountKey, secret: &[u8]) -> Result<Vec<u8>, Closed> {
        sealed(&self.webhooks, account, secret)
    }

    /// Opens what [`Vault::seal_webhook`] made for the same account.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn open_webhook(&self, account: AccountKey, sealed: &[u8]) -> Result<Vec<u8>, Closed> {
        opened(&self.webhooks, account, sealed)
    }

    /// What the store keeps of a code that was sent to a telephone: of a million codes, the hash alone would tell which.
    #[must_use]
    pub fn hash_telephone_code(&self, account: AccountKey, telephone: &str, code: &str) -> [u8; 32] {
        tagged(&self.telephones, account, &[telephone, " ", code])
    }

    /// What stands in the place of the stored password of a name that has no account: always the same for it, and known to nobody.
    #[must_use]
    pub fn nobodys_password(&self, name: &str) -> [u8; 32] {
        bytes(hmac::sign(&self.nobody, name.as_bytes()))
    }

    /// What the store keeps of a recovery code. Without the key's file, trying codes against it leads nowhere.
    #[must_use]
    pub fn hash(&self, account: AccountKey, code: &str) -> [u8; 32] {
        tagged(&self.hash, account, &[code])
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

fn sealed(key: &RandomizedNonceKey, account: AccountKey, secret: &[u8]) -> Result<Vec<u8>, Closed> {
    let mut sealed = secret.to_vec();
    let nonce = key.seal_in_place_append_tag(bound_to(account), &mut sealed);
    let nonce = nonce.map_err(|_| Closed)?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

fn opened(key: &RandomizedNonceKey, account: AccountKey, sealed: &[u8]) -> Result<Vec<u8>, Closed> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Closed)?;
    let mut opened = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let secret = key.open_in_place(nonce, bound_to(account), &mut opened).map_err(|_| Closed)?;
    Ok(secret.to_vec())
}

fn tagged(key: &hmac::Key, account: AccountKey, parts: &[&str]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(&account.0.to_be_bytes());
    parts.iter().for_each(|part| context.update(part.as_bytes()));
    bytes(context.sign())
}

fn bytes(tag: hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    bytes
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

fn derived(root: &Prk, purpose: &[u8]) -> Result<[u8; 32], Closed> {
    let mut key = [0; 32];
    let purpose = [purpose];
    let derived = root.expand(&purpose, Bytes32).map_err(|_| Closed)?;
    derived.fill(&mut key).map_err(|_| Closed)?;
    Ok(key)
}

fn bound_to(account: AccountKey) -> Aad<[u8; 8]> {
    Aad::from(account.0.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 11.3.1, 11.3.3.
    #[test]
    fn only_the_same_key_and_account_open_what_was_sealed_and_nothing_is_printed() {
        let key = FactorsKey::new().unwrap();
        let vault = Vault::new(&key).unwrap();
        let sealed = vault.seal(AccountKey(7), b"a secret of twenty b").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(vault.open(AccountKey(7), &sealed).unwrap(), b"a secret of twenty b");
        assert_eq!(vault.open(AccountKey(8), &sealed), Err(Closed), "moved to another account");
        let again = Vault::new(&FactorsKey::parse(&format!("{}\n", key.reveal())).unwrap()).unwrap();
        assert_eq!(again.open(AccountKey(7), &sealed).unwrap(), b"a secret of twenty b");
        let other = Vault::new(&FactorsKey::new().unwrap()).unwrap();
        assert_eq!(other.open(AccountKey(7), &sealed), Err(Closed));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(vault.open(AccountKey(7), &changed), Err(Closed), "byte {at}");
        }
        assert_ne!(vault.seal(AccountKey(7), b"x").unwrap(), vault.seal(AccountKey(7), b"x").unwrap());
        assert_eq!(vault.open(AccountKey(7), b"short"), Err(Closed));
        assert_ne!(vault.hash(AccountKey(7), "CODE"), vault.hash(AccountKey(8), "CODE"));
        assert_ne!(vault.hash(AccountKey(7), "CODE"), other.hash(AccountKey(7), "CODE"));
        assert_eq!(vault.nobodys_password("a@x.test"), again.nobodys_password("a@x.test"));
        assert_ne!(vault.nobodys_password("a@x.test"), vault.nobodys_password("b@x.test"));
        assert_ne!(vault.nobodys_password("a@x.test"), other.nobodys_password("a@x.test"));
        let hook = vault.seal_webhook(AccountKey(7), b"whsec").unwrap();
        assert_eq!(vault.open_webhook(AccountKey(7), &hook).unwrap(), b"whsec");
        assert_eq!(vault.open_webhook(AccountKey(8), &hook), Err(Closed));
        assert_eq!(vault.open(AccountKey(7), &hook), Err(Closed), "no webhook's secret stands for an app's");
        let code = |number| vault.hash_telephone_code(AccountKey(7), number, "123456");
        assert_ne!(code("+16175550119"), code("+16175550118"));
        assert!(!format!("{key:?} {vault:?}").contains(&key.reveal()[..8]));
        assert!(FactorsKey::parse("short").is_none());
    }
}
