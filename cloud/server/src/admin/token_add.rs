//! `admin token add`: an API token, printed once.
//!
//! In: whose. Out: the token on standard output, alone on its line; the store keeps its hash.

use store::state::{Email, NewToken, StateStore, TokenReach, TokenScope};
use web::sign_in::secret::Secret;
use wire::UtcMs;

use super::grant_add;

/// Makes and prints it.
///
/// # Errors
/// There is no such account, or the store failed.
pub async fn run(email: &Email, name: &str, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let account = grant_add::account(email, state).await?;
    let token = Secret::new()?;
    let token_hash = token.hash();
    let reach = &TokenReach { scope: TokenScope::Read, inverters: None };
    state
        .create_token(NewToken { token_hash, account, name, reach, created_at: now, expires_at: None })
        .await?;
    println!("{}", token.reveal());
    eprintln!("This is shown once. Use it as: Authorization: Bearer TOKEN");
    Ok(())
}
