//! Fragments rendered lately, so that one change is rendered once however many pages show it.
//!
//! In: what a fragment depends on: the inverter's state (by identity), the change counter, the second it is, what kind
//! of fragment. Out: the text, from memory or made now. Bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fleet::{InverterKey, InverterState};

use crate::Error;

/// Fragments kept; beyond it all are forgotten. At 8 KB each, 16 MB.
const KEPT: usize = 2_000;

/// What kind of fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The parts of an inverter's page.
    Page,
    /// A row of the list for those who may manage.
    Row,
    /// A row of the list for those who may only look.
    RowViewOnly,
}

#[derive(Debug)]
struct Entry {
    state: Arc<InverterState>,
    generation: u64,
    second: i64,
    text: Arc<str>,
}

/// The fragments.
#[derive(Debug, Default)]
pub struct Rendered(Mutex<HashMap<(InverterKey, Kind), Entry>>);

impl Rendered {
    /// The fragment, made by `render` unless the same was made within this second.
    ///
    /// # Errors
    /// What `render` says.
    pub fn fragment(
        &self,
        inverter: InverterKey,
        kind: Kind,
        state: &Arc<InverterState>,
        generation: u64,
        second: i64,
        render: impl FnOnce() -> Result<String, Error>,
    ) -> Result<Arc<str>, Error> {
        let key = (inverter, kind);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.get(&key)
            && Arc::ptr_eq(&entry.state, state)
            && entry.generation == generation
            && entry.second == second
        {
            return Ok(Arc::clone(&entry.text));
        }
        let text: Arc<str> = render()?.into();
        if kept.len() >= KEPT {
            kept.clear();
        }
        let entry = Entry { state: Arc::clone(state), generation, second, text: Arc::clone(&text) };
        kept.insert(key, entry);
        Ok(text)
    }
}
