//! `admin account totp`: an authenticator app for an account, printed once.
//!
//! In: whose. Out: the secret on standard output, alone on its line; its address for QR codes and the recovery codes on
//! standard error. It counts at once, and every session of the account ends.

use anyhow::{Context, bail};
use store::state::{Email, StateStore};
use web::sign_in::enroll;
use wire::UtcMs;

use crate::config::Config;
use crate::data_dir::factors_key;

/// Makes and prints it.
///
/// # Errors
/// There is no such account, it has an app already, or the store or the key's file failed.
pub async fn run(
    email: &Email,
    replace: bool,
    config: &Config,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let account = state.account_by_email(email).await?;
    let account = account.with_context(|| {
        format!("there is no account {email}. Make it first: inverter-connect admin account add {email}")
    })?;
    let key = factors_key(config, state).await?;
    let origin = config.people.origin(config.listen);
    let made = enroll::app(state, &key, &origin, &account, replace, now).await?;
    let Some(made) = made else {
        bail!("{email} has an authenticator app. To make another in its place, add --replace");
    };
    println!("{}", made.secret);
    eprintln!("{}\n\nRecovery codes, each works once:\n{}", made.address, made.recovery.join("\n"));
    eprintln!("\nThis is shown once. Hand it over to nobody but the account's owner.");
    Ok(())
}
