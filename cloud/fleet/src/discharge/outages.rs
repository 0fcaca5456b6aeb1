//! Outages as the record keeps them: how long the battery fed, how low it went, what was said at the start, when it was full again.
//!
//! In: moments in order, what readiness knew before each. Out: an [`Outage`] when it is over, and once more when the battery is full again.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::readiness::charge::Charge;
use crate::readiness::{Bank, Load, Moment, Readiness, Source, estimate};
use crate::record::{Outage, Predicted};

use super::GAP_MS;

/// What is remembered of outages between moments.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Outages {
    #[n(0)]
    running: Option<Running>,
    /// Over, and the battery is not full yet.
    #[n(1)]
    charging: Option<Outage>,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
struct Running {
    #[n(0)]
    started: UtcMs,
    #[n(1)]
    last: UtcMs,
    #[n(2)]
    lowest_v: Option<f32>,
    /// Mean so far.
    #[n(3)]
    load: Option<Load>,
    #[n(4)]
    loads: u32,
    #[n(5)]
    predicted: Option<Predicted>,
    #[n(6)]
    contact_lost: bool,
    /// Last battery voltage that was seen, V.
    #[n(7)]
    #[cbor(default)]
    last_v: Option<f32>,
}

impl Outages {
    /// Whether one goes on.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Takes the next moment, before `readiness` does; gives an outage that ended with it.
    pub fn take(&mut self, moment: &Moment, readiness: &Readiness) -> Option<Outage> {
        if moment.source == Source::Outage {
            let running = self.running.get_or_insert_with(|| Running::begin(moment, readiness));
            running.go_on(moment);
            return None;
        }
        let over = self.running.take()?.end(moment, readiness.bank.as_ref());
        // Of two in a row, the battery is charged for the last only.
        self.charging = Some(over.clone());
        Some(over)
    }

    /// Takes the next moment, after `readiness` did; gives the last outage once more where the battery is full again.
    pub fn charged(&mut self, moment: &Moment, charge: &Charge) -> Option<Outage> {
        let full = moment.source == Source::Line && charge.share().is_some() && charge.is_full();
        let over = self.charging.take_if(|_| full)?;
        Some(Outage { recharged: Some(moment.at), ..over })
    }

    /// What a backlog knew counts where nothing goes on since.
    pub fn adopt(&mut self, earlier: Self) {
        let newer = |known: &Outage| earlier.charging.as_ref().is_none_or(|one| known.started > one.started);
        if self.running.is_none() && !self.charging.as_ref().is_some_and(newer) {
            self.charging = earlier.charging;
        }
    }

    /// Contact was lost: whether the one that ran goes on, a backlog will tell that began as a copy of this.
    pub(super) fn cut(&mut self) {
        self.running = None;
    }

    /// What went on at `at` began when `earlier`, which a backlog followed up to there, says.
    pub(super) fn join(&mut self, at: UtcMs, earlier: &Self) {
        if let Some(running) = self.running.as_mut().filter(|running| running.started == at) {
            running.join(earlier.running.as_ref());
        }
        if let Some(charging) = self.charging.take_if(|charging| charging.started == at) {
            self.charging = Some(earlier.joined(charging));
        }
    }

    /// An outage that is over, with what was before it was seen.
    pub(super) fn joined(&self, later: Outage) -> Outage {
        let Some(running) = self.running.as_ref().filter(|running| running.started < later.started) else {
            return later;
        };
        let ms = later.started.since(running.started);
        #[expect(clippy::cast_precision_loss, reason = "hours at most")]
        let before_s = ms as f32 / 1000.0;
        Outage {
            started: running.started,
            length_s: before_s + later.length_s,
            lowest_v: lowest(running.lowest_v, later.lowest_v),
            load: mean(running.load, before_s, later.load, later.length_s),
            predicted: running.predicted,
            contact_lost: true,
            ..later
        }
    }

    /// Whether it holds what [`Outages::forget_before`] would take.
    #[must_use]
    pub fn holds_before(&self, before: UtcMs) -> bool {
        self.charging.as_ref().is_some_and(|outage| outage.started < before)
    }

    /// Forgets what ended before an instant.
    pub fn forget_before(&mut self, before: UtcMs) {
        self.charging.take_if(|outage| outage.started < before);
    }
}

impl Running {
    fn begin(moment: &Moment, readiness: &Readiness) -> Self {
        let charge = readiness.charge.share().unwrap_or(1.0);
        let said = estimate(&readiness.evidence, moment, f64::from(charge));
        let predicted = said.map(|said| Predicted {
            runtime_s: narrow(said.seconds),
            low_s: narrow(said.low_s),
            high_s: narrow(said.high_s),
        });
        Self {
            started: moment.at,
            last: moment.at,
            lowest_v: None,
            load: None,
            loads: 0,
            predicted,
            contact_lost: false,
            last_v: None,
        }
    }

    fn go_on(&mut self, moment: &Moment) {
        self.contact_lost |= moment.at.since(self.last) > GAP_MS;
        self.last = moment.at;
        self.lowest_v = lowest(self.lowest_v, moment.volts);
        self.last_v = moment.volts.or(self.last_v);
        let Some(load) = moment.load else { return };
        let mean = self.load.get_or_insert(load);
        if mean.unit == load.unit {
            self.loads = self.loads.saturating_add(1);
            #[expect(clippy::cast_precision_loss, reason = "a mean")]
            let count = self.loads as f32;
            mean.value += (load.value - mean.value) / count;
        }
    }

    /// It goes on from one that a backlog followed.
    fn join(&mut self, earlier: Option<&Self>) {
        let Some(earlier) = earlier.filter(|earlier| earlier.started < self.started) else { return };
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let counts = (earlier.loads as f32, self.loads as f32);
        self.load = mean(earlier.load, counts.0, self.load, counts.1);
        self.loads = self.loads.saturating_add(earlier.loads);
        self.lowest_v = lowest(earlier.lowest_v, self.lowest_v);
        (self.started, self.predicted, self.contact_lost) = (earlier.started, earlier.predicted, true);
    }

    /// It ended with `moment`, or was last seen before a silence. An inverter without power is silent too: that the line is there when it
    /// is heard again does not say that the battery held until then.
    fn end(self, moment: &Moment, bank: Option<&Bank>) -> Outage {
        let lost = moment.at.since(self.last) > GAP_MS;
        let emptied = lost && bank.zip(self.last_v).is_some_and(|(bank, last_v)| bank.is_at_cutoff(last_v));
        let until = if lost { self.last } else { moment.at };
        #[expect(clippy::cast_precision_loss, reason = "hours at most")]
        let length_s = until.since(self.started) as f32 / 1000.0;
        Outage {
            started: self.started,
            length_s,
            gave_up: emptied || moment.source == Source::Nothing,
            lowest_v: self.lowest_v,
            load: self.load,
            predicted: self.predicted,
            recharged: None,
            contact_lost: self.contact_lost || lost,
            end_unseen: lost && !emptied,
        }
    }
}

fn lowest(one: Option<f32>, other: Option<f32>) -> Option<f32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Of two means, each with its weight; the later one's where their units differ.
fn mean(one: Option<Load>, weight: f32, other: Option<Load>, other_weight: f32) -> Option<Load> {
    let (Some(one), Some(other)) = (one, other) else { return other.or(one) };
    if one.unit != other.unit || weight + other_weight <= 0.0 {
        return Some(other);
    }
    let value = (one.value * weight + other.value * other_weight) / (weight + other_weight);
    Some(Load { value, ..other })
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a runtime")]
const fn narrow(seconds: f64) -> f32 {
    seconds as f32
}
