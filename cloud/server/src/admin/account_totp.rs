//! `admin account totp`: an authenticator app for an account, printed once.
//!
//! In: whose; in place of another, who verified the owner, when and how, which the acts keep. Out: the secret on standard output, alone on its line; its address for QR codes and the recovery codes on
//! standard error. It counts at once, and every session of the account ends.

use anyhow::{Context, bail};
use clap::Args;
use store::state::{Email, StateStore};
use web::sign_in::enroll;
use wire::UtcMs;

use super::evidence::Evidence;
use crate::config::Config;
use crate::data_dir::factors_key;

/// `admin account totp`
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose.
    #[arg(value_parser = super::email)]
    email: Email,
    /// In place of the one that the account has; its owner lost that and was verified anew.
    #[arg(long, requires_all = ["verified_by", "verified_on", "how"])]
    replace: bool,
    /// Who verified that the person is the account's owner.
    #[arg(long, value_name = "WHO", requires = "replace")]
    verified_by: Option<String>,
    /// The day on which they did, `YYYY-MM-DD`.
    #[arg(long, value_name = "DATE", requires = "replace")]
    verified_on: Option<String>,
    /// How, for the next operator: the number that was called back, the paper that was seen.
    #[arg(long, value_name = "TEXT", requires = "replace")]
    how: Option<String>,
}

/// Makes and prints it.
///
/// # Errors
/// There is no such account, it has an app already, it is not said who verified the owner, or the store or the key's file failed.
pub async fn run(
    arguments: &Arguments,
    config: &Config,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let (email, evidence) = (&arguments.email, arguments.evidence(now)?);
    let account = state.account_by_email(email).await?;
    let account = account.with_context(|| {
        format!("there is no account {email}. Make it first: inverter-connect admin account add {email}")
    })?;
    let key = factors_key(config, state).await?;
    let origin = config.people.origin(config.listen);
    let made = enroll::app(state, &key, &origin, &account, evidence.as_deref(), now).await?;
    let Some(made) = made else {
        bail!(
            "{email} has an authenticator app. To make another in its place, add --replace with \
             --verified-by, --verified-on and --how"
        );
    };
    println!("{}", made.secret);
    eprintln!("{}\n\nRecovery codes, each works once:\n{}", made.address, made.recovery.join("\n"));
    eprintln!("\nThis is shown once. Hand it over to nobody but the account's owner.");
    Ok(())
}

impl Arguments {
    /// In words, where an app is to be replaced.
    fn evidence(&self, now: UtcMs) -> anyhow::Result<Option<String>> {
        if !self.replace {
            return Ok(None);
        }
        let [by, how] = [&self.verified_by, &self.how].map(|text| text.as_deref().unwrap_or_default());
        let day = Some(self.verified_on.as_deref().unwrap_or_default());
        Ok(Some(Evidence::new(by, ("--how", how), day, now)?.to_string()))
    }
}
