//! What is true now, for pages: the newest state of each inverter, and a pulse when it changed.
//!
//! In: states from the pipeline, a few times a second and only those that changed. Out: shared, immutable states and
//! a broadcast of keys. A lost pulse costs freshness, never data. Never computes anything.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use fleet::{InverterKey, InverterState};
use tokio::sync::broadcast;

/// Pulses that a slow page may be behind before it is told that it lagged: two rounds of 5,000 inverters.
const PULSES: usize = 8_192;

/// The states as the pipeline last showed them.
#[derive(Debug)]
pub struct LiveStates {
    states: RwLock<HashMap<InverterKey, Arc<InverterState>>>,
    pulses: broadcast::Sender<InverterKey>,
}

impl Default for LiveStates {
    fn default() -> Self {
        Self { states: RwLock::default(), pulses: broadcast::Sender::new(PULSES) }
    }
}

impl LiveStates {
    /// Shows new states, then tells of them.
    pub fn show(&self, changed: impl IntoIterator<Item = (InverterKey, Arc<InverterState>)>) {
        let mut keys = Vec::new();
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        for (key, state) in changed {
            states.insert(key, state);
            keys.push(key);
        }
        drop(states);
        if self.pulses.receiver_count() > 0 {
            for key in keys {
                // Nobody listening any more is no error.
                let _ = self.pulses.send(key);
            }
        }
    }

    /// Inverters that ever reported.
    #[must_use]
    pub fn count(&self) -> usize {
        self.states.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl web::Live for LiveStates {
    fn state(&self, inverter: InverterKey) -> Option<Arc<InverterState>> {
        self.states.read().unwrap_or_else(PoisonError::into_inner).get(&inverter).cloned()
    }

    fn pulses(&self) -> broadcast::Receiver<InverterKey> {
        self.pulses.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use web::Live;

    #[test]
    fn a_pulse_comes_after_its_state() {
        let live = LiveStates::default();
        let mut pulses = live.pulses();
        assert!(live.state(InverterKey(1)).is_none());
        let state = InverterState { unknown: vec!["AR=1".to_owned()], ..InverterState::default() };
        live.show([(InverterKey(1), Arc::new(state))]);
        let key = pulses.try_recv().unwrap();
        assert_eq!(live.state(key).unwrap().unknown, ["AR=1"]);
        assert!(pulses.try_recv().is_err());
    }
}
