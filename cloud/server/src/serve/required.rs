//! How long each inverter must hold, as people said it, on its way to the inverter's one owner.
//!
//! In: rows of inverters whenever any changed, by whatever process. Out: an act in the journal where what is known of an
//! inverter goes by another number, told once. So that alarms and pages go by the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fleet::screen::DEFAULT_REQUIRED_MINUTES;
use fleet::{Act, InverterKey};
use store::journal::Body;
use web::Live;

use super::Parts;
use crate::clock::Clock;
use crate::ingest::Ingest;
use crate::live::LiveStates;
use crate::pipeline::Counters;

/// What was said, and to whom it was told.
pub(super) struct Required {
    live: Arc<LiveStates>,
    pipeline: Arc<Counters>,
    ingest: Ingest,
    clock: Clock,
    told: HashMap<InverterKey, Option<u32>>,
    /// Rows changed since the last look.
    changed: Vec<(InverterKey, Option<u32>)>,
}

impl Required {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            live: Arc::clone(&parts.live),
            pipeline: Arc::clone(&parts.pipeline_counters),
            ingest: parts.ingest.clone(),
            clock: Arc::clone(&parts.clock),
            told: HashMap::new(),
            changed: Vec::new(),
        }
    }

    /// Rows may have changed: these are all.
    pub(super) fn changed(&mut self, rows: Vec<(InverterKey, Option<u32>)>) {
        self.changed = rows;
    }

    /// Tells what is not known yet; not before everything of earlier runs is.
    pub(super) fn tell(&mut self) {
        if self.pipeline.following.load(Ordering::Relaxed) == 0 {
            return;
        }
        for (inverter, minutes) in std::mem::take(&mut self.changed) {
            let known = self.live.state(inverter);
            let known = known.map_or(DEFAULT_REQUIRED_MINUTES, |state| state.rules.required_minutes());
            let differs = known != minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES);
            let told = self.told.get(&inverter).copied();
            // What was told and is not shown yet is on its way.
            if (differs && told != Some(minutes)) || told.is_some_and(|told| told != minutes) {
                self.told.insert(inverter, minutes);
                let payload = Act::Require { minutes }.to_bytes();
                self.ingest.record((self.clock)(), Body::Act { inverter, payload });
            }
        }
    }
}
