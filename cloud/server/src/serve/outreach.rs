//! Has those told whom offers and invitations concern.
//!
//! In: the people's door. Out: letters in the outbox, within a second or two. A failure is told and tried again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);

/// Starts the task.
pub(super) fn spawn(people: web::Context, stopping: &CancellationToken) {
    tokio::spawn(stopping.clone().run_until_cancelled_owned(async move {
        loop {
            if let Err(error) = web::outreach::tell(&people).await {
                tracing::error!(%error, "nobody was told of offers; trying again");
            }
            tokio::time::sleep(EVERY).await;
        }
    }));
}
