//! How full the battery is, counted: what was drawn, what came back, how long until it is full.
//!
//! In: moments not on battery, discharges that ended. Out: a share of full charge, seconds to full. Where no current is told the
//! inverter's own gauge counts; where neither is, a day of charging (NFPA 111: 24 hours).

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::bank::Bank;
use super::moment::{Moment, Source};

/// Of what goes in, so much is stored.
const STORED: f32 = 0.9;
/// A charge is called full from here on, share and percent.
const FULL: f32 = 0.97;
const FULL_PERCENT: f32 = 97.0;
/// A cell on float shows at least this, V.
const FLOAT_LEAST_V: f64 = 2.18;
/// Without current and gauge, charging takes this long, seconds.
const DAY_S: f32 = 86_400.0;
/// A longer silence is not counted across, seconds.
const LONGEST_GAP_S: f32 = 3_600.0;
/// Up to this share a charger gives all it can; from there on what goes in falls as what is missing does.
const TAPER: f32 = 0.85;
/// A share is called full where this much is missing.
const REST: f32 = 1.0 - FULL;

/// How full the battery is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Charge {
    /// Share that is missing, 0 to 1; `None`: nobody knows.
    #[n(0)]
    missing: Option<f32>,
    /// Ampere hours from full to the end, by the last discharge; 0 where no current was told.
    #[n(1)]
    whole_ah: f32,
    /// The last moment that was counted.
    #[n(2)]
    at: Option<UtcMs>,
    /// The charger's current then, A.
    #[n(3)]
    amperes: f32,
}

impl Charge {
    /// Counts a moment that is not on battery.
    pub fn take(&mut self, moment: &Moment, bank: Option<&Bank>) {
        let passed_s = self.at.map_or(0.0, |at| seconds(moment.at.since(at))).clamp(0.0, LONGEST_GAP_S);
        self.at = Some(moment.at);
        self.amperes = moment.amperes.unwrap_or(0.0).max(0.0);
        if moment.source != Source::Line {
            return;
        }
        let gauge = moment.percent.map(|percent| (1.0 - percent / 100.0).clamp(0.0, 1.0));
        let full = is_floating(moment, bank) && moment.percent.is_none_or(|percent| percent >= FULL_PERCENT);
        let missing = match self.missing {
            _ if full => 0.0,
            None => match gauge {
                Some(missing) => missing,
                None => return,
            },
            Some(missing) => (missing - self.stored(missing, gauge, passed_s).max(0.0)).clamp(0.0, 1.0),
        };
        self.missing = Some(missing);
    }

    /// Share that came back in `passed_s` seconds: by the current, else by the gauge, else by the clock.
    fn stored(&self, missing: f32, gauge: Option<f32>, passed_s: f32) -> f32 {
        if self.whole_ah > 0.0 && self.amperes > 0.0 {
            return self.amperes * STORED * passed_s / 3600.0 / self.whole_ah;
        }
        gauge.map_or(passed_s / DAY_S, |gauge| missing - gauge)
    }

    /// A discharge ended that used `share` of the whole and drew `drawn_ah`.
    pub fn drawn(&mut self, share: f32, drawn_ah: f32) {
        let share = share.clamp(0.0, 1.0);
        if drawn_ah > 0.0 && share > 0.02 {
            self.whole_ah = drawn_ah / share;
        }
        self.missing = Some((self.missing.unwrap_or(0.0) + share).min(1.0));
    }

    /// Seconds until it is full, where it charges. `None`: it is full, it does not charge, or nobody knows.
    #[must_use]
    pub fn full_in_s(&self) -> Option<f32> {
        let missing = self.missing.filter(|missing| *missing > REST)?;
        if self.whole_ah <= 0.0 || self.amperes <= 0.0 {
            return Some(missing * DAY_S);
        }
        let per_s = self.amperes * STORED / 3600.0 / self.whole_ah;
        let bulk_s = (missing - (1.0 - TAPER)).max(0.0) / per_s;
        let tail = missing.min(1.0 - TAPER);
        Some(bulk_s + tail / per_s * (tail / REST).ln().max(0.0))
    }

    /// Nobody knows any more.
    pub fn unknown(&mut self) {
        self.missing = None;
    }

    /// Share of full charge, 0 to 1; `None`: nobody knows.
    #[must_use]
    pub fn share(&self) -> Option<f32> {
        self.missing.map(|missing| 1.0 - missing)
    }

    /// Whether it is full as far as anybody knows.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.missing.is_none_or(|missing| 1.0 - missing >= FULL)
    }
}

/// It says that it does not charge, and the voltage is that of a float charge.
fn is_floating(moment: &Moment, bank: Option<&Bank>) -> bool {
    let Some(volts) = moment.volts else { return false };
    let known = bank.copied().or_else(|| Bank::from_float(volts));
    moment.charging == Some(false) && known.is_some_and(|bank| bank.cell_v(volts) > FLOAT_LEAST_V)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a day at most matter")]
fn seconds(ms: i64) -> f32 {
    ms as f32 / 1000.0
}
