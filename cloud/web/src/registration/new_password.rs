//! A password that somebody chooses.
//!
//! In: the password exactly as typed, the words of this person. Out: its hash, or which rules it breaks. The rules are
//! `fleet::password`'s; the estimate and the hash are work, so that they wait for their turn like sign-ins do.

use fleet::password::{Judgement, judge};

use crate::sign_in::password::PasswordError;
use crate::{Context, Error};

/// The hash of a password that keeps every rule.
///
/// # Errors
/// [`Error::Busy`], [`Error::Internal`].
pub async fn taken(
    context: &Context,
    password: String,
    words: Vec<String>,
) -> Result<Result<String, Judgement>, Error> {
    let judged = move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let judgement = judge(&password, &words, false);
        if judgement.is_good() { Ok(password) } else { Err(judgement) }
    };
    context.verifier().hash_if(judged).await.map_err(|error| match error {
        PasswordError::Busy => Error::Busy,
        other => Error::internal("hash a password", other),
    })
}
