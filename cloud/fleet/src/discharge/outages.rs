//! Outages as the record keeps them: how long the battery fed, how low it went, what was said at the start, when it was full again.
//!
//! In: moments in order, what readiness knew before each. Out: an [`Outage`] when it is over, and once more when the battery is full again.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::readiness::charge::Charge;
use crate::readiness::{Load, Moment, Readiness, Source, estimate};
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
        let over = self.running.take()?.end(moment);
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
        }
    }

    fn go_on(&mut self, moment: &Moment) {
        self.contact_lost |= moment.at.since(self.last) > GAP_MS;
        self.last = moment.at;
        self.lowest_v = match (self.lowest_v, moment.volts) {
            (Some(known), Some(volts)) => Some(known.min(volts)),
            (known, volts) => known.or(volts),
        };
        let Some(load) = moment.load else { return };
        let mean = self.load.get_or_insert(load);
        if mean.unit == load.unit {
            self.loads = self.loads.saturating_add(1);
            #[expect(clippy::cast_precision_loss, reason = "a mean")]
            let count = self.loads as f32;
            mean.value += (load.value - mean.value) / count;
        }
    }

    /// It ended with `moment`, or was last seen before a silence.
    fn end(self, moment: &Moment) -> Outage {
        let lost = moment.at.since(self.last) > GAP_MS;
        let until = if lost { self.last } else { moment.at };
        #[expect(clippy::cast_precision_loss, reason = "hours at most")]
        let length_s = until.since(self.started) as f32 / 1000.0;
        Outage {
            started: self.started,
            length_s,
            gave_up: moment.source == Source::Nothing,
            lowest_v: self.lowest_v,
            load: self.load,
            predicted: self.predicted,
            recharged: None,
            contact_lost: self.contact_lost || lost,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a runtime")]
const fn narrow(seconds: f64) -> f32 {
    seconds as f32
}
