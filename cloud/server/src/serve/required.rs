//! What people said of each inverter in rows, on its way to the inverter's one owner: how long it must hold, how much its
//! conditions matter, whether its tests and outages are kept for years.
//!
//! In: rows whenever any changed, by whatever process, and when a grant ended. Out: an act in the journal where what is known
//! of an inverter goes by something else, told once. So that alarms, pages and a replay go by the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fleet::alarm::Severities;
use fleet::screen::DEFAULT_REQUIRED_MINUTES;
use fleet::{Act, InverterKey};
use store::journal::Body;
use web::Live;

use super::Parts;
use crate::clock::Clock;
use crate::ingest::Ingest;
use crate::live::LiveStates;
use crate::pipeline::Counters;

/// What rows say of one inverter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// How long it must hold, minutes; `None`: what is usual.
    pub minutes: Option<u32>,
    /// How much conditions matter to those who manage it.
    pub severities: Severities,
    /// An organization that manages it keeps a logbook.
    pub keeps: bool,
}

/// What was said, and to whom it was told.
pub(super) struct Required {
    live: Arc<LiveStates>,
    pipeline: Arc<Counters>,
    ingest: Ingest,
    clock: Clock,
    told: HashMap<InverterKey, Said>,
    /// Rows changed since the last look.
    changed: Vec<(InverterKey, Said)>,
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
    pub(super) fn changed(&mut self, rows: Vec<(InverterKey, Said)>) {
        self.changed = rows;
    }

    /// Tells what is not known yet; not before everything of earlier runs is.
    pub(super) fn tell(&mut self) {
        if self.pipeline.following.load(Ordering::Relaxed) == 0 {
            return;
        }
        for (inverter, said) in std::mem::take(&mut self.changed) {
            for act in self.news(inverter, &said) {
                self.ingest.record((self.clock)(), Body::Act { inverter, payload: act.to_bytes() });
                self.told.insert(inverter, said.clone());
            }
        }
    }

    /// What an inverter's owner does not know yet. What was told and is not shown yet is on its way.
    fn news(&self, inverter: InverterKey, said: &Said) -> Vec<Act> {
        let (known, told) = (self.live.state(inverter), self.told.get(&inverter));
        let mut news = Vec::new();
        let minutes = known.as_ref().map_or(DEFAULT_REQUIRED_MINUTES, |state| state.rules.required_minutes());
        let differs = minutes != said.minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES);
        if told.map_or(differs, |told| told.minutes != said.minutes) {
            news.push(Act::Require { minutes: said.minutes });
        }
        let differs = known
            .as_ref()
            .map_or(!said.severities.is_empty(), |state| *state.rules.severities() != said.severities);
        if told.map_or(differs, |told| told.severities != said.severities) {
            news.push(Act::Grade { severities: said.severities.clone() });
        }
        let differs = known.map_or(said.keeps, |state| state.rules.keeps_logbook() != said.keeps);
        if told.map_or(differs, |told| told.keeps != said.keeps) {
            news.push(Act::KeepLogbook { keeps: said.keeps });
        }
        news
    }
}
