//! An act on the command line, for the audit log.

use fleet::audit::Verb;
use store::state::{Act, By};
use web::sign_in::secret::Secret;
use wire::UtcMs;

/// Whoever may run this program does `verb` now.
///
/// # Errors
/// The system gives no random bytes.
pub fn on_the_command_line(verb: Verb, now: UtcMs) -> anyhow::Result<Act> {
    // The hash of a secret that nobody keeps is as random as the secret.
    Ok(Act::new(verb, By::CommandLine, now, Secret::new()?.hash()))
}
