//! What stands behind the door in the house of these tests: the inverters as pages see them, the server as operators see it,
//! and the inverters' owner.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use fleet::Act as Pair;
use fleet::pairing::{End, Outcome, Pairing};
use fleet::{InverterKey, InverterState};
use store::state::StateStore;
use tokio::sync::{broadcast, oneshot};
use wire::UtcMs;

#[derive(Debug)]
pub struct FakeLive {
    pub states: Mutex<HashMap<InverterKey, Arc<InverterState>>>,
    pub pulses: broadcast::Sender<InverterKey>,
}

impl web::Live for FakeLive {
    fn state(&self, inverter: InverterKey) -> Option<Arc<InverterState>> {
        self.states.lock().unwrap().get(&inverter).cloned()
    }

    fn pulses(&self) -> broadcast::Receiver<InverterKey> {
        self.pulses.subscribe()
    }
}

/// The server behind the door, as operators see it.
#[derive(Debug, Default)]
pub struct FakeService {
    pub connected: Mutex<HashSet<InverterKey>>,
    pub health: Mutex<web::Health>,
}

impl web::Service for FakeService {
    fn connected(&self) -> HashSet<InverterKey> {
        self.connected.lock().unwrap().clone()
    }

    fn health(&self) -> web::Health {
        self.health.lock().unwrap().clone()
    }
}

/// Plays the inverters' owner, as the server's pipeline does, for what people do.
pub struct FakeActs {
    pub live: Arc<FakeLive>,
    pub claims: Mutex<HashMap<InverterKey, Pairing>>,
    pub state: StateStore,
}

impl web::Acts for FakeActs {
    fn act(&self, at: UtcMs, inverter: Option<InverterKey>, act: Pair) -> oneshot::Receiver<()> {
        let mut claims = self.claims.lock().unwrap();
        let (told, durable) = oneshot::channel();
        match (act, inverter) {
            (Pair::Claim { attempt, account }, Some(key)) => {
                claims.entry(key).or_default().claim(attempt, account, at);
            }
            (Pair::Claim { .. }, None) => {}
            (Pair::Cancel { attempt }, _) => {
                let _ = inverter.map(|key| claims.entry(key).or_default().cancel(attempt));
                let (state, outcome) = (self.state.clone(), Outcome { attempt, end: End::Cancelled, at });
                tokio::spawn(async move { state.end_pairing(&outcome, &[]).await.unwrap() });
            }
            (act, Some(key)) => {
                let mut states = self.live.states.lock().unwrap();
                let mut state = states.get(&key).map(|state| (**state).clone()).unwrap_or_default();
                fleet::alarm::act(&mut state, act, at);
                states.insert(key, Arc::new(state));
                let _ = self.live.pulses.send(key);
            }
            (act, None) => unreachable!("{act:?} is about no inverter"),
        }
        told.send(()).unwrap();
        durable
    }
}
