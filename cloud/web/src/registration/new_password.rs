//! A password that somebody chooses.
//!
//! In: the password exactly as typed, the words of this person, whether a second factor is asked for beside it. Out: its
//! hash and whether it does without the factor, or which rules it breaks. The rules are `fleet::password`'s; the estimate
//! and the hash are work, so that they wait for their turn like sign-ins do.

use fleet::password::{Judgement, judge};
use store::state::ChosenPassword;

use crate::sign_in::password::PasswordError;
use crate::{Context, Error};

/// A password that keeps every rule that it must.
pub struct Taken {
    hash: String,
    stands_alone: bool,
}

impl Taken {
    /// As the store takes it.
    #[must_use]
    pub fn chosen(&self) -> ChosenPassword<'_> {
        ChosenPassword { hash: &self.hash, stands_alone: self.stands_alone }
    }

    /// Its hash alone, where there is no factor and so it does without.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// The password, if it keeps the rules: those of a password alone, or beside a factor the milder ones (decision 30).
///
/// # Errors
/// [`Error::Busy`], [`Error::Internal`].
pub async fn taken(
    context: &Context,
    password: String,
    words: Vec<String>,
    factor: bool,
) -> Result<Result<Taken, Judgement>, Error> {
    let judging = move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let alone = judge(&password, &words, false);
        if alone.is_good() {
            return Ok((password, true));
        }
        let judgement = if factor { judge(&password, &words, true) } else { alone };
        if judgement.is_good() { Ok((password, false)) } else { Err(judgement) }
    };
    let hashed = context.verifier().hash_if(judging).await.map_err(|error| match error {
        PasswordError::Busy => Error::Busy,
        other => Error::internal("hash a password", other),
    })?;
    Ok(hashed.map(|(hash, stands_alone)| Taken { hash, stands_alone }))
}
