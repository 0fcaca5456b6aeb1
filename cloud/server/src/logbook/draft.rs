//! What waits, as the entry that it will be.
//!
//! In: what the store lets wait. Out: words, numbers and names as they are known now; nothing where the record went meanwhile.

use fleet::logbook::{Inverter, Note, What};
use store::state::{Draft, StateError, StateStore, Waiting};
use web::Live;

use crate::live::LiveStates;

/// The entry of what waits.
pub(super) async fn of(
    store: &StateStore,
    live: &LiveStates,
    waiting: &Waiting,
) -> Result<Option<Draft>, StateError> {
    let key = waiting.inverter;
    let Some(inverter) = store.inverter(key).await? else { return Ok(None) };
    let what = match &waiting.note {
        Some((text, by)) => {
            // Whoever left in these seconds is named by nothing.
            let by = store.account(*by).await?.map(|account| account.name).unwrap_or_default();
            What::Note(Note { about: waiting.record_key.clone(), text: text.clone(), by })
        }
        None => {
            let Some(row) = store.record(key, &waiting.record_key).await? else { return Ok(None) };
            let state = live.state(key).unwrap_or_default();
            What::of(&row.record, state.rules.rule_set(), state.rules.required_minutes())
        }
    };
    let site = match inverter.site {
        Some(site) => store.site_by_key(site).await?.map(|site| site.name),
        None => None,
    };
    let named = Inverter { serial: inverter.serial.as_str().to_owned(), name: inverter.name, site };
    let (id, record_key) = (waiting.id, waiting.record_key.clone());
    Ok(Some(Draft { id, inverter: key, named, record_key, what }))
}
