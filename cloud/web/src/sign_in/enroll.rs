//! An authenticator app made by an operator on the command line: for the first operator, and for who has lost everything
//! and was verified anew.
//!
//! In: the store, the key of the second factors, an account. Out: a secret that counts at once and recovery codes, to be
//! handed over once. Every session of the account ends, and its owner is told.

use fleet::audit::Verb;
use fleet::factors::{Kind, STEP_MS};
use store::state::{Account, Act, By, Codes, FactorChange, StateStore};
use wire::UtcMs;

use super::factors::letter_key;
use super::vault::{FactorsKey, Vault};
use super::{recovery, totp};
use crate::{Error, mail, random};

/// What was made, to be shown once, and never in a log.
pub struct Enrolled {
    /// The secret, base 32, in groups.
    pub secret: String,
    /// The same as apps read it.
    pub address: String,
    /// Ten codes.
    pub recovery: Vec<String>,
}

/// Makes an app for an account; with `evidence`, which the acts keep, in place of the one that it has, if any. `None`: it has
/// one.
///
/// # Errors
/// [`Error::Internal`].
pub async fn app(
    state: &StateStore,
    key: &FactorsKey,
    origin: &str,
    account: &Account,
    evidence: Option<&str>,
    now: UtcMs,
) -> Result<Option<Enrolled>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::internal("make an authenticator app", error);
    let vault = Vault::new(key).map_err(|error| failed(&error))?;
    let act = |verb| -> Result<Act, Error> {
        let salt = random::bytes32().map_err(|error| failed(&error))?;
        let act = Act::new(verb, By::CommandLine, now, salt).of_account(account.key);
        Ok(act.with_detail(match evidence {
            Some(evidence) => format!("{}, {evidence}", Kind::App.word()),
            None => Kind::App.word().to_owned(),
        }))
    };
    let secret = totp::Secret::new().map_err(|error| failed(&error))?;
    let sealed = vault.seal(account.key, secret.bytes()).map_err(|error| failed(&error))?;
    let codes = recovery::set().map_err(|error| failed(&error))?;
    let hashes: Vec<_> = codes.iter().map(|code| vault.hash(account.key, code)).collect();
    let (gone, act, key) = (act(Verb::FactorRemove)?, act(Verb::FactorAdd)?, letter_key()?);
    let letter = mail::factors::added(origin, "Authenticator app, made by an operator", now, None)?;
    let letters = [letter.notice(&account.email, &key, now)];
    // No code was typed in: those of now and later count.
    let before_now = now.0.div_euclid(STEP_MS) - 2;
    let change = FactorChange {
        account: account.key,
        act: &act,
        keep: None,
        letters: &letters,
        codes: Codes::Replace(&hashes),
    };
    let made = state.enroll_totp(sealed, before_now, now, evidence.is_some().then_some(&gone), &change).await;
    if made.map_err(|error| failed(&error))?.is_none() {
        return Ok(None);
    }
    let address = secret.address(account.email.as_str());
    Ok(Some(Enrolled { secret: secret.grouped(), address, recovery: codes }))
}
