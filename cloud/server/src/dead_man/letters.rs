//! Letters to operators: the service ails, it is well again.
//!
//! In: the watcher's reports. Out: mails in the outbox, few of them (`fleet::dead_man::News`). Whether they can leave is
//! another matter: `/health` and the watchdog do not go this way.

use std::sync::Arc;
use std::time::Duration;

use fleet::dead_man::{News, Told};
use store::state::StateStore;
use tokio_util::sync::CancellationToken;
use web::mail::{Letter, service as words};
use wire::UtcMs;

use super::beat::passed_ms;
use super::{Report, Watcher};

/// How often reports are looked through.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whom to write to, and with which links.
pub struct Letters {
    /// Has the operators' addresses and the outbox.
    pub state: StateStore,
    /// Where people find our pages.
    pub origin: String,
}

/// Starts looking.
pub fn spawn(letters: Letters, watcher: Arc<Watcher>, stopping: &CancellationToken) {
    let stopping = stopping.clone();
    tokio::spawn(stopping.run_until_cancelled_owned(async move { letters.run(&watcher).await }));
}

impl Letters {
    async fn run(&self, watcher: &Watcher) {
        let mut news = News::default();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(report) = watcher.report() else { continue };
            let bad: Vec<&'static str> = report.bad().map(|finding| finding.check.name).collect();
            let at_ms = i64::try_from(passed_ms()).unwrap_or(i64::MAX);
            let mut next = news.clone();
            let Some(told) = next.look(&bad, at_ms) else {
                news = next;
                continue;
            };
            match self.write(told, &report).await {
                Ok(()) => news = next,
                // Looked at anew in a second, as if nothing had been told.
                Err(error) => tracing::warn!(%error, "operators could not be written to; trying again"),
            }
        }
    }

    async fn write(&self, told: Told, report: &Report) -> anyhow::Result<()> {
        let now: UtcMs = report.looked_at;
        let (letter, what): (Letter, _) = match told {
            Told::Ails => {
                let bad: Vec<_> = report.bad().collect();
                (words::ails(&self.origin, &bad, now)?, "ails")
            }
            Told::Over => (words::well_again(&self.origin, now)?, "well"),
        };
        let operators = self.state.operators().await?;
        let keys: Vec<String> =
            operators.iter().map(|account| format!("service:{what}:{}:{}", now.0, account.key.0)).collect();
        let mails: Vec<_> = operators
            .iter()
            .zip(&keys)
            .map(|(account, key)| letter.notice(&account.email, key, now))
            .collect();
        self.state.queue_mails(&mails).await?;
        tracing::info!(operators = mails.len(), what, "operators are written to about the service");
        Ok(())
    }
}
