//! Argon2id (RFC 9106): hash, verify, and the same work where there is nothing to verify against.
//!
//! In: a password as typed, a PHC string. Out: yes or no. Verification runs on threads of its own, a few at a time, as
//! each takes 19 MiB, and with a low priority. Never logs or keeps a password.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::{
    Output, ParamsString, PasswordHash, PasswordHasher, PasswordVerifier, SaltString,
};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::oneshot;

use crate::random;

/// Memory per hash, KiB; with two passes and one lane this is OWASP's recommendation for Argon2id.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Verifications at once at most: 76 MiB. Half of the cores if that is fewer, the rest being for readings and pages.
const AT_ONCE: usize = 4;
/// Sign-ins waiting for their turn; more are told to come back.
const WAITING: usize = 64;
/// How far verification stands back in the system's scheduler, from 0 to 19: beside a thread that takes all it can get, it
/// gets a quarter of a core.
const GIVES_WAY: i32 = 5;
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

/// Verifies on a few threads of its own, which give way to everything else: a storm of sign-ins must not hold up readings.
#[derive(Clone, Debug)]
pub struct Verifier {
    jobs: SyncSender<Job>,
    checked: Arc<AtomicU64>,
}

/// What such a thread does next.
type Job = Box<dyn FnOnce() + Send>;

impl Default for Verifier {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (jobs, waiting) = mpsc::sync_channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..(cores / 2).clamp(1, AT_ONCE) {
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new().name("passwords".into());
            if let Err(error) = thread.spawn(move || work(&waiting)) {
                tracing::error!(%error, "a thread that verifies passwords cannot be started");
            }
        }
        Self { jobs, checked: Arc::default() }
    }
}

impl Verifier {
    /// Whether `password` is that of `stored`. Where `stored` is `None` the same work is done for `nobodys` ([`nobodys`]), and the
    /// answer is no.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
        nobodys: String,
    ) -> Result<bool, PasswordError> {
        let checked = Arc::clone(&self.checked);
        self.do_next(move || {
            let known = stored.is_some();
            let phc = stored.unwrap_or(nobodys);
            let parsed = PasswordHash::new(&phc).map_err(|error| PasswordError::Argon2(error.to_string()))?;
            // The parameters of the stored hash are used, so that raising ours signs nobody out.
            let right = argon2()?.verify_password(password.as_bytes(), &parsed).is_ok();
            checked.fetch_add(1, Ordering::Relaxed);
            Ok(right && known)
        })
        .await?
    }

    /// How often Argon2 was computed to verify, for accounts that are there and for nobody's alike.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// The hash of a new password with what `judged` says of it, if that lets it pass; it may take its time too.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn hash_if<T: Send + 'static, E: Send + 'static>(
        &self,
        judged: impl FnOnce() -> Result<(String, T), E> + Send + 'static,
    ) -> Result<Result<(String, T), E>, PasswordError> {
        self.do_next(move || match judged() {
            Ok((password, said)) => hash(&password).map(|hash| Ok((hash, said))),
            Err(refused) => Ok(Err(refused)),
        })
        .await?
    }

    /// Does `what` when its turn has come.
    async fn do_next<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (done, answer) = oneshot::channel();
        // Nobody listens any more where the one who asked has gone.
        let job: Job = Box::new(move || drop(done.send(what())));
        self.jobs.try_send(job).map_err(|_| PasswordError::Busy)?;
        answer.await.map_err(|_| PasswordError::Argon2("the thread ended in the middle".to_owned()))
    }
}

/// One thread, until nobody can ask any more.
fn work(waiting: &Mutex<Receiver<Job>>) {
    // What is refused only leaves it as urgent as the rest.
    let _ = rustix::process::nice(GIVES_WAY);
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // One that panics has printed why, and takes nobody else's turn with it.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let parameters =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| PasswordError::Argon2(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

/// A hash of nothing anybody types, so that an unknown account costs what a known one does. `of`: 32 bytes that nobody can guess,
/// of the account's name alone. Argon2id goes through its memory as password and salt say; those who are there have a salt each, and so
/// those who are not: what is the same for all of them could be learnt, and told.
///
/// # Errors
/// [`PasswordError::Argon2`], which cannot happen with these parameters.
pub fn nobodys(of: &[u8; 32]) -> Result<String, PasswordError> {
    let told = |error: argon2::password_hash::Error| PasswordError::Argon2(error.to_string());
    let salt = SaltString::encode_b64(of.first_chunk::<16>().unwrap_or(&[0; 16])).map_err(told)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2()?.params()).map_err(told)?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(of).map_err(told)?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 6.2.8, 11.4.2.
    #[test]
    fn a_hash_says_argon2id_and_verifies_only_its_password() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let phc = hash("correct horse battery").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let verifier = Verifier::default();
        let verify = |word: &str, phc: Option<String>| {
            let instead = nobodys(&[7; 32]).unwrap();
            runtime.block_on(verifier.verify(word.to_owned(), phc, instead)).unwrap()
        };
        assert!(verify("correct horse battery", Some(phc.clone())));
        assert!(!verify("correct horse batterz", Some(phc)));
        assert!(!verify("correct horse battery", None));
        assert_eq!(verifier.checked(), 3);
    }

    /// ASVS 5.0: 11.4.2.
    #[test]
    fn nobodys_hash_costs_what_a_new_one_does() {
        let cost = |phc: &str| {
            let parsed = PasswordHash::new(phc).unwrap();
            (parsed.algorithm.to_string(), parsed.version, Params::try_from(&parsed).unwrap())
        };
        let (one, other) = (nobodys(&[7; 32]).unwrap(), nobodys(&[8; 32]).unwrap());
        let usual = hash("correct horse battery").unwrap();
        assert_eq!(cost(&one), cost(&usual));
        assert_eq!(one.len(), usual.len(), "salt and output as long");
        let salt = |phc: &str| phc.split('$').nth(4).unwrap().to_owned();
        assert_ne!(salt(&one), salt(&other), "two who are not there share no salt");
    }
}
