//! What did not prove who one is, in the log.
//!
//! In: a kind, whose account it was for where there is one, from where. Out: a line, one a second of each kind, by the number
//! of the account. Never what was typed, and nothing that takes longer for an account that is there.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use fleet::AccountKey;

use super::delay::Source;
use crate::Context;
use crate::paced::Kind;

/// Writes it, if it is the turn of its kind.
pub fn note(
    context: &Context,
    kind: Kind,
    why: impl fmt::Display,
    account: Option<AccountKey>,
    address: Option<IpAddr>,
) {
    if let Some(left_out) = context.paced().turn(kind, Instant::now()) {
        let (account, source) = (Whose(account), Source::from(address));
        tracing::info!(%account, %source, left_out, "a sign-in failed: {why}");
    }
}

/// An account's number, or that there is none.
struct Whose(Option<AccountKey>);

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(AccountKey(key)) => write!(f, "{key}"),
            None => f.write_str("unknown"),
        }
    }
}
