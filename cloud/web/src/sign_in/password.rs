//! Argon2id (RFC 9106): hash, verify, and the same work where there is nothing to verify against.
//!
//! In: a password as typed, a PHC string. Out: yes or no. Verification runs on blocking threads, a few at a time, as
//! each takes 19 MiB. Never logs or keeps a password.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::random;

/// Memory per hash, KiB; with two passes and one lane this is OWASP's recommendation for Argon2id.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Verifications at once at most: 76 MiB. Half of the cores if that is fewer, the rest being for readings and pages.
const AT_ONCE: usize = 4;
/// Sign-ins waiting for their turn; more are told to come back.
const WAITING: usize = 64;
/// Longest password, bytes of UTF-8: 128 characters of the widest kind.
pub const MAX_BYTES: usize = 512;

/// A password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Argon2 refused; a wrong PHC string in the store, or no memory.
    #[error("argon2: {0}")]
    Argon2(String),
    /// No randomness for a salt.
    #[error(transparent)]
    Random(#[from] random::RandomFailed),
    /// More sign-ins wait than this server lets wait.
    #[error("too many sign-ins at once")]
    Busy,
}

/// Hashes a new password to a PHC string. Takes some 20 ms of one core; call it where that may block.
///
/// # Errors
/// No randomness or no memory.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let salt = random::bytes32()?;
    let salt = salt.first_chunk::<16>().unwrap_or(&[0; 16]);
    let salt = SaltString::encode_b64(salt).map_err(|error| PasswordError::Argon2(error.to_string()))?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Argon2(error.to_string()))
}

/// Bounds how many verifications run and wait.
#[derive(Clone, Debug)]
pub struct Verifier {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Verifier {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            running: Arc::new(Semaphore::new((cores / 2).clamp(1, AT_ONCE))),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }
}

impl Verifier {
    /// Whether `password` is that of `stored`. Where `stored` is `None` the same work is done and the answer is no.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, PasswordError> {
        let _place = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        let _turn = self.running.acquire().await.map_err(|_| PasswordError::Busy)?;
        let verified = tokio::task::spawn_blocking(move || {
            let known = stored.is_some();
            let phc = match stored {
                Some(phc) => phc,
                None => nobodys()?.to_owned(),
            };
            let parsed = PasswordHash::new(&phc).map_err(|error| PasswordError::Argon2(error.to_string()))?;
            // The parameters of the stored hash are used, so that raising ours signs nobody out.
            Ok(argon2()?.verify_password(password.as_bytes(), &parsed).is_ok() && known)
        });
        verified.await.map_err(|error| PasswordError::Argon2(error.to_string()))?
    }

    /// The hash of a new password, if `judged` lets it pass; it may take its time too.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn hash_if<E: Send + 'static>(
        &self,
        judged: impl FnOnce() -> Result<String, E> + Send + 'static,
    ) -> Result<Result<String, E>, PasswordError> {
        let _place = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        let _turn = self.running.acquire().await.map_err(|_| PasswordError::Busy)?;
        let hashed = tokio::task::spawn_blocking(move || match judged() {
            Ok(password) => hash(&password).map(Ok),
            Err(refused) => Ok(Err(refused)),
        });
        hashed.await.map_err(|error| PasswordError::Argon2(error.to_string()))?
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let parameters =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| PasswordError::Argon2(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

/// A hash of nothing anybody types, so that an unknown account costs what a known one does.
fn nobodys() -> Result<&'static str, PasswordError> {
    static PHC: OnceLock<String> = OnceLock::new();
    if let Some(phc) = PHC.get() {
        return Ok(phc);
    }
    let fresh = hash(&random::reference())?;
    Ok(PHC.get_or_init(|| fresh))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_says_argon2id_and_verifies_only_its_password() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let phc = hash("correct horse battery").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let verifier = Verifier::default();
        let verify = |word: &str, phc: Option<String>| {
            runtime.block_on(verifier.verify(word.to_owned(), phc)).unwrap()
        };
        assert!(verify("correct horse battery", Some(phc.clone())));
        assert!(!verify("correct horse batterz", Some(phc)));
        assert!(!verify("correct horse battery", None));
    }
}
