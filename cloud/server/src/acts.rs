//! People's acts on their way into the journal, where the inverter's one owner applies them.
//!
//! In: acts from `web`. Out: records in the journal, and word when they are on disk; for an attempt at pairing a tick
//! when its time is over, so that who waits is told then. Decides nothing.

use std::time::Duration;

use fleet::pairing::WINDOW_MS;
use fleet::{Act, InverterKey};
use store::journal::Body;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wire::UtcMs;

use crate::clock::{self, Clock};
use crate::ingest::Ingest;

/// Whom an act concerns that concerns no inverter; the store's numbers begin at 1.
pub const NOBODY: InverterKey = InverterKey(0);

/// The way in.
pub struct Acts {
    ingest: Ingest,
    clock: Clock,
    stopping: CancellationToken,
}

impl Acts {
    /// Into the journal of `ingest`.
    #[must_use]
    pub fn new(ingest: Ingest, clock: Clock, stopping: CancellationToken) -> Self {
        Self { ingest, clock, stopping }
    }

    /// The ordinary tick would do as well, up to ten seconds later.
    fn tick_when_over(&self) {
        let (ingest, clock) = (self.ingest.clone(), self.clock.clone());
        let window = Duration::from_millis(WINDOW_MS.unsigned_abs());
        tokio::spawn(self.stopping.clone().run_until_cancelled_owned(async move {
            clock::sleep(window).await;
            ingest.record(clock(), Body::Tick);
        }));
    }
}

impl web::Acts for Acts {
    fn act(&self, at: UtcMs, inverter: Option<InverterKey>, act: Act) -> oneshot::Receiver<()> {
        if matches!(act, Act::Claim { .. }) {
            self.tick_when_over();
        }
        self.ingest.act(at, inverter.unwrap_or(NOBODY), act.to_bytes())
    }
}
