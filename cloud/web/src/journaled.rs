//! What people do to inverters' states, by way of the journal, and a moment's wait until pages show what came of it.
//!
//! In: acts that the caller may do. Out: nothing, once they are on disk and, if that is soon, shown.

use std::time::Duration;

use fleet::{Act, InverterKey, InverterState};
use futures_util::future::try_join_all;
use tokio::sync::broadcast::error::RecvError;

use crate::{Context, Error};

/// A page that follows an act waits this long for what came of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Journals the same act for each of `inverters`; `done` says of a state that it shows.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn act(
    context: &Context,
    inverters: &[InverterKey],
    act: &Act,
    done: impl Fn(&InverterState) -> bool,
) -> Result<(), Error> {
    let (mut pulses, now) = (context.live().pulses(), context.now());
    // Together: they share one write to disk.
    try_join_all(inverters.iter().map(|key| context.act(now, Some(*key), act.clone()))).await?;
    let shown = |key: &InverterKey| context.live().state(*key).is_none_or(|state| done(&state));
    let all_shown = async {
        while !inverters.iter().all(shown) {
            if matches!(pulses.recv().await, Err(RecvError::Closed)) {
                break;
            }
        }
    };
    // What takes longer is done all the same; the page shows it when it is.
    let _ = tokio::time::timeout(PATIENCE, all_shown).await;
    Ok(())
}
