//! `admin account add`: an account with a password.
//!
//! In: address, name, password. Out: a row; the password itself is kept nowhere.

use std::path::Path;

use fleet::audit::Verb;
use store::state::{Email, NewAccount, StateStore};
use wire::UtcMs;

use super::act::on_the_command_line;
use super::password;

/// Makes the account.
///
/// # Errors
/// The password is too weak, the address has an account, or the store failed.
pub async fn run(
    email: &Email,
    name: &str,
    password_file: Option<&Path>,
    operator: bool,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let password = password::read(password_file)?;
    password::check(&password, email.as_str(), name)?;
    let password_hash = &web::sign_in::password::hash(&password)?;
    let act = on_the_command_line(Verb::AccountAdd, now)?;
    state.add_account(NewAccount { email, name, password_hash, operator, created_at: now }, act).await?;
    println!("{}: account made", email.as_str());
    Ok(())
}
