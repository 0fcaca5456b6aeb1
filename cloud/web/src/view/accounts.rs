//! Accounts for operators.
//!
//! In: rows. Out: lines in words.

use store::state::AccountRow;

use super::words::{self, Local};
use crate::link;

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its page.
    pub href: String,
    /// Address.
    pub email: String,
    /// Name; may be empty.
    pub name: String,
    /// Colour of the state.
    pub tone: &'static str,
    /// `Active`, `Disabled`.
    pub state: &'static str,
    /// May do the operator's work.
    pub operator: bool,
    /// Its second factors, in words.
    pub factors: String,
    /// What belongs to it, in words.
    pub facts: String,
    /// Open sessions.
    pub sessions: u64,
    /// API tokens that count.
    pub tokens: u64,
    /// Inverters that it has access to by itself.
    pub inverters: u64,
    /// In words.
    pub created: String,
    /// In words.
    pub last_sign_in: String,
    /// In words.
    pub last_seen: Option<String>,
}

/// The line of an account.
#[must_use]
pub fn line(row: &AccountRow, local: &Local) -> Line {
    let account = &row.account;
    let (tone, state) = if account.disabled { ("off", "Disabled") } else { ("ok", "Active") };
    Line {
        href: address(account.email.as_str(), ""),
        email: account.email.to_string(),
        name: account.name.clone(),
        tone,
        state,
        operator: account.operator,
        factors: factors(row),
        facts: [(row.inverters, "inverter"), (row.sessions, "session"), (row.tokens, "token")]
            .map(|(number, one)| words::counted(number, one))
            .join(" · "),
        sessions: row.sessions,
        tokens: row.tokens,
        inverters: row.inverters,
        created: local.time(account.created_at),
        last_sign_in: row.last_sign_in.map_or("never".to_owned(), |at| local.time(at)),
        last_seen: row.last_seen.map(|at| local.time(at)),
    }
}

fn factors(row: &AccountRow) -> String {
    let keys = words::counted(row.passkeys, "passkey");
    match (row.app, row.passkeys) {
        (false, 0) => "no second factor".to_owned(),
        (true, 0) => "authenticator app".to_owned(),
        (false, _) => keys,
        (true, _) => format!("authenticator app, {keys}"),
    }
}

/// The page of the account of an address, or of what was done there.
#[must_use]
pub fn address(email: &str, done: &str) -> String {
    link::with("/op/accounts/account", &[("email", email), ("done", done)])
}
