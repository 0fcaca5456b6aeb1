//! `admin clock confirm`: the machine's clock is right, so that what is older than 30 days may go.
//!
//! In: nothing but the clock. Out: the instant that is believed, with the act in the log; a running server sees it within
//! seconds.

use fleet::audit::Verb;
use store::state::StateStore;
use wire::UtcMs;

use super::act;

/// Confirms.
///
/// # Errors
/// The store failed.
pub async fn run(state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let kept = state.kept_clock().await?;
    state.confirm_clock(&act::on_the_command_line(Verb::ClockConfirm, now)?).await?;
    match kept {
        Some(kept) => println!("It is {now}; the last instant that was believed was {kept}."),
        None => println!("It is {now}."),
    }
    println!("What is older than 30 days now is deleted at the next turn, within ten minutes.");
    Ok(())
}
