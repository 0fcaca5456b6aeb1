//! What happened at the device door since the start, as plain counters.
//!
//! In: one call per event, from any thread. Out: (name, value) pairs for health and metrics. Every refusal is counted
//! by its own name; nothing is refused silently.

use std::sync::atomic::{AtomicU64, Ordering};

use wire::mqtt::Refusal;

use super::{House, Refused};

/// Counters of the device door.
#[derive(Debug)]
pub struct Counters {
    /// TCP connections open now, both doors.
    pub connections: AtomicU64,
    /// TCP connections accepted.
    pub accepted: AtomicU64,
    /// Connections that chose the people's door.
    pub people: AtomicU64,
    /// TLS handshakes of devices completed.
    pub handshakes: AtomicU64,
    /// Sessions open now.
    pub sessions: AtomicU64,
    /// CONNECTs accepted.
    pub connects: AtomicU64,
    /// Sessions that took over an older one: flapping, if there are many.
    pub takeovers: AtomicU64,
    /// CONNECTs that had to wait for their turn.
    pub connects_delayed: AtomicU64,
    /// PUBLISHes of QoS 0.
    pub reports_qos0: AtomicU64,
    /// PUBLISHes of QoS 1.
    pub reports_qos1: AtomicU64,
    /// PUBACKs handed to the connection.
    pub acks: AtomicU64,
    /// Topic filters refused in SUBACKs.
    pub filters_refused: AtomicU64,
    /// Times a session stopped reading because it sent too fast.
    pub slowed: AtomicU64,
    rules: [AtomicU64; Refusal::TABLE.len()],
    house: [AtomicU64; House::TABLE.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            people: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            connects: AtomicU64::new(0),
            takeovers: AtomicU64::new(0),
            connects_delayed: AtomicU64::new(0),
            reports_qos0: AtomicU64::new(0),
            reports_qos1: AtomicU64::new(0),
            acks: AtomicU64::new(0),
            filters_refused: AtomicU64::new(0),
            slowed: AtomicU64::new(0),
            rules: [const { AtomicU64::new(0) }; Refusal::TABLE.len()],
            house: [const { AtomicU64::new(0) }; House::TABLE.len()],
        }
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    /// Counts a refusal by its name.
    pub fn refuse(&self, refused: Refused) {
        let counter = match refused {
            Refused::Rule(rule) => self.rules.get(rule.index()),
            Refused::House(house) => self.house.get(house.index()),
        };
        if let Some(counter) = counter {
            count(counter);
        }
    }

    /// How often this was refused.
    #[must_use]
    pub fn refused(&self, refused: impl Into<Refused>) -> u64 {
        let counter = match refused.into() {
            Refused::Rule(rule) => self.rules.get(rule.index()),
            Refused::House(house) => self.house.get(house.index()),
        };
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// Refusals of all names.
    #[must_use]
    pub fn refused_in_all(&self) -> u64 {
        self.refusals().map(|(_, value)| value).sum()
    }

    /// Every refusal's name and count.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let rules = Refusal::TABLE.iter().map(|rule| rule.name).zip(&self.rules);
        let house = House::TABLE.iter().map(|rule| rule.name).zip(&self.house);
        rules.chain(house).map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }

    /// Every counter that is not a refusal: name, what it counts, value.
    #[must_use]
    pub fn totals(&self) -> [(&'static str, u64); 13] {
        [
            ("connections", &self.connections),
            ("accepted", &self.accepted),
            ("people", &self.people),
            ("handshakes", &self.handshakes),
            ("sessions", &self.sessions),
            ("connects", &self.connects),
            ("takeovers", &self.takeovers),
            ("connects_delayed", &self.connects_delayed),
            ("reports_qos0", &self.reports_qos0),
            ("reports_qos1", &self.reports_qos1),
            ("acks", &self.acks),
            ("filters_refused", &self.filters_refused),
            ("slowed", &self.slowed),
        ]
        .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }
}
