//! Each act of the audit log as a line of the program's log, so that it leaves the machine with the log.
//!
//! In: what was committed to the audit log, by whatever process. Out: one line an act: number, verb, who, whom, hash. Never
//! details, never an address: those stay in the database, where they can be erased. `admin audit verify --expect` compares.

use std::time::Duration;

use store::state::{AuditLink, By, Sha256, StateError, StateStore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// An act is told at most so much later than it was done.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Read at once.
const PAGE: u64 = 500;

/// Says where the log stands, then follows it until told to end, and once more then.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn spawn(
    state: &StateStore,
    stopping: &CancellationToken,
) -> Result<JoinHandle<()>, StateError> {
    let (number, hash) = state.audit_head().await?;
    tracing::info!(number, hash = %hexadecimal(&hash), "audit log so far");
    Ok(tokio::spawn(follow(state.clone(), number, stopping.clone())))
}

async fn follow(state: StateStore, mut last: i64, stopping: CancellationToken) {
    let mut failing = false;
    loop {
        let ending = stopping.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none();
        match tell(&state, &mut last).await {
            Ok(()) => failing = false,
            // What is not told now is told when the store can be read again.
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, "acts of the audit log cannot be written here; trying again");
            }
            Err(_) => {}
        }
        if ending {
            return;
        }
    }
}

async fn tell(state: &StateStore, last: &mut i64) -> Result<(), StateError> {
    loop {
        let links = state.audit_links(*last, PAGE).await?;
        if links.is_empty() {
            return Ok(());
        }
        for link in links {
            *last = link.sequence;
            line(&link);
        }
    }
}

fn line(link: &AuditLink) {
    let (actor, by) = match link.by {
        Some(By::Account(key)) => ("account", Some(key.0)),
        Some(By::CommandLine) => ("command_line", None),
        Some(By::Service) => ("service", None),
        None => ("unknown", None),
    };
    let (account, hash) = (link.account.map(|key| key.0), hexadecimal(&link.hash));
    tracing::info!(number = link.sequence, verb = link.verb, actor, by, account, %hash, "audit");
}

fn hexadecimal(hash: &Sha256) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
