//! Proving who one is: by a password, by the code of a second factor, by a passkey.
//!
//! In: an address or an account, what was typed, what a passkey signed. Out: the account, or nothing. Passwords and codes
//! come after the growing delay, the same work being done for an account that is not there or disabled; a signature
//! cannot be guessed and needs none.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use fleet::AccountKey;
use fleet::audit::Verb;
use fleet::factors::Held;
use serde::Deserialize;
use store::state::{Account, Act, By, Email};

use super::delay::{LineTooLong, Now, Source};
use super::factors::{from, letter_key};
use super::password::{self, PasswordError};
use super::{factors, failed, recovery, totp};
use crate::paced::Kind;
use crate::webauthn::assertion::{self, Answer, Kept};
use crate::webauthn::challenge::Purpose;
use crate::webauthn::{Refused, decode};
use crate::{Context, Error, mail, random};

/// Somebody whose password was right.
#[derive(Clone, Debug)]
pub struct Proved {
    /// Who.
    pub account: Account,
    /// With any of these the password alone is not enough.
    pub held: Held,
}

/// By what a sign-in was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A mailed link made the account just now.
    Link,
    /// The password alone.
    Password,
    /// The password, and the authenticator app.
    App,
    /// The password, and a recovery code.
    Recovery,
    /// A passkey.
    Passkey,
}

impl Way {
    /// As the audit log has it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Link => "by a mailed link",
            Self::Password => "by password",
            Self::App => "by password and authenticator app",
            Self::Recovery => "by password and recovery code",
            Self::Passkey => "by passkey",
        }
    }
}

/// The account of an address, if the password is its own.
///
/// # Errors
/// [`Error::Busy`], [`Error::Internal`].
pub async fn by_password(
    context: &Context,
    email: &str,
    password: String,
    address: Option<IpAddr>,
) -> Result<Option<Proved>, Error> {
    let email = Email::parse(email).ok();
    let name = email.as_ref().map_or("", Email::as_str);
    let source = Source::from(address);
    wait(context.delays().attempt(name, source, now(context))).await?;
    let account = match &email {
        Some(email) => context.state().account_by_email(email).await,
        None => Ok(None),
    };
    let account = account.map_err(|error| Error::internal("look up an account", error))?;
    let whose = account.as_ref().map(|account| account.key);
    let account = account.filter(|account| !account.disabled);
    let too_long = password.len() > password::MAX_BYTES;
    let stored = account.as_ref().filter(|_| !too_long).map(|account| account.password_hash.clone());
    let no_answer = |error| match error {
        PasswordError::Busy => Error::Busy,
        other => Error::internal("verify a password", other),
    };
    // Made for all: it shall not be told by the time that it takes.
    let nobodys = password::nobodys(&context.vault().nobodys_password(name)).map_err(no_answer)?;
    let right = context.verifier().verify(password, stored, nobodys).await.map_err(no_answer)?;
    let Some(account) = account.filter(|_| right) else {
        failed::note(context, Kind::Password, "a wrong password", whose, address);
        return Ok(None);
    };
    let held = factors::held(context, account.key).await?;
    if held.any() {
        // The account's failures stay until the second step: a known password must not make codes free to guess.
        context.delays().half_way(source);
    } else {
        context.delays().succeeded(name, source);
    }
    Ok(Some(Proved { account, held }))
}

/// What `typed` is: the present code of the account's authenticator app, or a recovery code of it. Either is used up.
///
/// # Errors
/// [`Error::Busy`], [`Error::Internal`].
pub async fn by_code(
    context: &Context,
    account: &Account,
    typed: &str,
    address: Option<IpAddr>,
) -> Result<Option<Way>, Error> {
    let (name, source) = (account.email.as_str(), Source::from(address));
    wait(context.delays().second_step(name, source, now(context))).await?;
    let way = match (totp::digits(typed), recovery::parse(typed)) {
        (Some(_), _) => app(context, account, typed).await?.then_some(Way::App),
        (None, Some(code)) => recovery_code(context, account, &code, address).await?.then_some(Way::Recovery),
        (None, None) => None,
    };
    match way {
        Some(_) => context.delays().succeeded(name, source),
        None => failed::note(context, Kind::Code, "a wrong code", Some(account.key), address),
    }
    Ok(way)
}

fn now(context: &Context) -> Now {
    Now { utc: context.now(), at: Instant::now() }
}

async fn wait(delay: Result<Duration, LineTooLong>) -> Result<(), Error> {
    tokio::time::sleep(delay.map_err(|LineTooLong| Error::Busy)?).await;
    Ok(())
}

async fn app(context: &Context, account: &Account, typed: &str) -> Result<bool, Error> {
    let app = context.state().totp(account.key).await;
    let app = app.map_err(|error| Error::internal("look up an authenticator app", error))?;
    let Some(app) = app.filter(|app| app.confirmed_at.is_some()) else { return Ok(false) };
    let secret = context.vault().open(account.key, &app.sealed_secret);
    let secret = secret.map_err(|error| Error::internal("open an authenticator app's secret", error))?;
    let step = totp::Secret::from_bytes(secret).step_of(typed, app.last_step, context.now());
    let Some(step) = step else { return Ok(false) };
    let taken = context.state().take_totp_step(account.key, step).await;
    taken.map_err(|error| Error::internal("take a code's step", error))
}

async fn recovery_code(
    context: &Context,
    account: &Account,
    code: &str,
    address: Option<IpAddr>,
) -> Result<bool, Error> {
    let failed = |error| Error::internal("take a recovery code", error);
    let (state, now) = (context.state(), context.now());
    let hash = context.vault().hash(account.key, code);
    let act = own(context, account, Verb::FactorRecoveryUse, address)?;
    let left = state.recovery_codes_left(account.key).await.map_err(failed)?.saturating_sub(1);
    let letter = mail::factors::recovery_used(context.origin(), left, now, from(address).as_deref())?;
    let key = letter_key()?;
    let letter = letter.notice(&account.email, &key, now);
    state.take_recovery_code(account.key, &hash, now, &act, &letter).await.map_err(failed)
}

/// What a page's script sends of a passkey's answer, base64url.
#[derive(Clone, Debug, Deserialize)]
pub struct Assertion {
    id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: String,
}

/// Longest credential id, bytes.
const MOST_ID: usize = 1_023;

/// The account whose passkey answered a challenge that was made for `purpose`. The outer error is ours.
///
/// # Errors
/// [`Error::Internal`].
pub async fn by_passkey(
    context: &Context,
    sent: &Assertion,
    purpose: Purpose,
    address: Option<IpAddr>,
) -> Result<Result<Account, Refused>, Error> {
    let mut whose = None;
    let proved = passkey(context, sent, purpose, address, &mut whose).await?;
    if let Err(refused) = &proved {
        let why = format_args!("a passkey was refused: {refused}");
        failed::note(context, Kind::Passkey, why, whose, address);
    }
    Ok(proved)
}

async fn passkey(
    context: &Context,
    sent: &Assertion,
    purpose: Purpose,
    address: Option<IpAddr>,
    whose: &mut Option<AccountKey>,
) -> Result<Result<Account, Refused>, Error> {
    let Ok(id) = decode(&sent.id, "the id", MOST_ID) else { return Ok(Err(Refused::Malformed("the id"))) };
    let (state, now) = (context.state(), context.now());
    let failed = |error| Error::internal("look up a passkey", error);
    let Some((passkey, handle)) = state.passkey(&id).await.map_err(failed)? else {
        return Ok(Err(Refused::Unknown));
    };
    *whose = Some(passkey.account);
    let account = state.account(passkey.account).await.map_err(failed)?;
    let account = account.filter(|account| !account.disabled && !passkey.suspect);
    let Some(account) = account else { return Ok(Err(Refused::Unknown)) };
    let answer = Answer {
        client_data: &sent.client_data,
        authenticator_data: &sent.authenticator_data,
        signature: &sent.signature,
        user_handle: &sent.user_handle,
    };
    let kept = Kept {
        public_key: &passkey.public_key,
        handle: &handle,
        counter: passkey.counter,
        backed_up: passkey.backed_up,
    };
    match assertion::verify(answer, kept, purpose, context.party(), context.challenges(), now) {
        Ok(counter) => {
            let used = state.passkey_used(passkey.key, passkey.counter, counter, now).await;
            // Somebody else's answer with the same counter was quicker.
            let used = used.map_err(|error| Error::internal("note a passkey's use", error))?;
            Ok(if used { Ok(account) } else { Err(Refused::Replayed) })
        }
        Err(Refused::Counter) => {
            let from = from(address);
            let letter = mail::factors::suspect(context.origin(), &passkey.name, now, from.as_deref())?;
            let key = letter_key()?;
            let act = own(context, &account, Verb::FactorSuspect, address)?.with_detail(passkey.name);
            let letter = letter.notice(&account.email, &key, now);
            let stopped = state.suspect_passkey(passkey.key, &act, &letter).await;
            stopped.map_err(|error| Error::internal("stop a passkey", error))?;
            Ok(Err(Refused::Counter))
        }
        Err(refused) => Ok(Err(refused)),
    }
}

/// An act of somebody who is only about to be signed in.
pub(crate) fn own(
    context: &Context,
    account: &Account,
    verb: Verb,
    address: Option<IpAddr>,
) -> Result<Act, Error> {
    let salt = random::bytes32().map_err(|error| Error::internal("write to the audit log", error))?;
    let act = Act::new(verb, By::Account(account.key), context.now(), salt);
    Ok(act.from_address(address).of_account(account.key))
}
