//! `admin token add`: an API token, printed once.
//!
//! In: whose, what it may do, on which inverters, for how long. Out: the token on standard output, alone on its line; the
//! store keeps its hash. It never reaches further than its account.

use anyhow::bail;
use fleet::audit::Verb;
use fleet::{TokenReach, TokenScope};
use store::state::{Email, NewToken, StateStore};
use web::sign_in::secret::Secret;
use wire::time::DAY_MS;
use wire::{Serial, UtcMs};

use super::{act, grant_add};

/// What to make.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Whose.
    #[arg(value_parser = super::email)]
    email: Email,
    /// What it is for.
    #[arg(long, default_value = "")]
    name: String,
    /// `read`, or `write`: reading and changing.
    #[arg(long, default_value = "read", value_parser = ["read", "write"])]
    scope: String,
    /// Days until it counts no more, a year at most.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=365))]
    expires: u16,
    /// Only this inverter; may be given again for more. All of the account's, those to come too, unless given.
    #[arg(long, value_name = "SERIAL")]
    inverter: Vec<Serial>,
}

/// Makes and prints it.
///
/// # Errors
/// There is no such account or inverter, or the store failed.
pub async fn run(arguments: Arguments, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let account = grant_add::account(&arguments.email, state).await?;
    let mut inverters = Vec::new();
    for serial in &arguments.inverter {
        match state.inverter_by_serial(*serial).await? {
            Some(inverter) => inverters.push(inverter.key),
            None => bail!("there is no inverter {serial}. See: inverter-connect admin device list"),
        }
    }
    inverters.sort_unstable();
    inverters.dedup();
    let reach = &TokenReach {
        scope: TokenScope::from_name(&arguments.scope).unwrap_or(TokenScope::Read),
        inverters: (!inverters.is_empty()).then_some(inverters),
    };
    let token = Secret::new()?;
    let (token_hash, name) = (token.hash(), arguments.name.as_str());
    let expires_at = Some(now.plus_ms(i64::from(arguments.expires) * DAY_MS));
    let act = act::on_the_command_line(Verb::TokenAdd, now)?;
    let act = act.with_detail(format!("{}, {name}", arguments.scope));
    state
        .create_token(NewToken { token_hash, account, name, reach, created_at: now, expires_at }, &act)
        .await?;
    println!("{}", token.reveal());
    eprintln!(
        "This is shown once and counts for {} days. Use it as: Authorization: Bearer TOKEN",
        arguments.expires
    );
    Ok(())
}
