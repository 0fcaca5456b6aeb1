//! What one discharge has told of a battery, kept after it.
//!
//! In: a discharge that is over. Out: a small record, and the time it stands for at another load and temperature. Never kept longer than
//! its owner may: [`super::state::Readiness::forget_before`].

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::curve::Time;
use super::moment::Load;
use super::pace;

/// What kind of discharge it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// The yearly test of full length.
    #[n(0)]
    Annual,
    /// A monthly test.
    #[n(1)]
    Monthly,
    /// A test that a person started.
    #[n(2)]
    Manual,
    /// A test of a kind that nobody told.
    #[n(3)]
    Test,
    /// A power failure.
    #[n(4)]
    Outage,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum End {
    /// Utility power took over, or the test was over.
    #[n(0)]
    Over,
    /// The battery could feed no longer.
    #[n(1)]
    GaveUp,
}

/// What one discharge has told.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Evidence {
    /// What it was.
    #[n(0)]
    pub kind: Kind,
    /// When it began.
    #[n(1)]
    pub at: UtcMs,
    /// How long it lasted, seconds.
    #[n(2)]
    pub length_s: f32,
    /// How it ended.
    #[n(3)]
    pub end: End,
    /// Share of full charge that it began with, 0 to 1, where that was told.
    #[n(4)]
    pub charge: Option<f32>,
    /// The load that `whole` is at.
    #[n(5)]
    pub load: Load,
    /// The mean load, in the same unit.
    #[n(6)]
    pub load_mean: f32,
    /// Mean temperature, °C.
    #[n(7)]
    pub celsius: Option<f32>,
    /// Volts per cell at the end.
    #[n(8)]
    pub end_cell_v: f32,
    /// Logarithm of the seconds from full to the cut-off at `load` and `celsius`, and its deviation.
    #[n(9)]
    pub whole: Option<(f32, f32)>,
}

/// Where no temperature is told, it is taken as this far from the same, °C.
const UNTOLD_C: f64 = 5.0;
/// Where none is told at all, a battery ages as at this, °C.
const AGES_AT_C: f64 = 25.0;
/// Not all lose the same in a year.
const FADE_SIGMA_PER_YEAR: f64 = 0.02;
/// What two discharges of one battery differ by, all else being equal.
const REPEAT_SIGMA: f64 = 0.01;
/// Less than this at the start, and it is no evidence of the whole.
pub(super) const FULL: f32 = 0.95;

impl Evidence {
    /// The time from full at another load and temperature, at `now`. `None` where it tells nothing of that: another unit, not begun
    /// full, too short.
    #[must_use]
    pub fn time_at(&self, load: Load, celsius: Option<f32>, now: UtcMs) -> Option<Time> {
        let (ln_s, sigma) = self.whole?;
        if load.unit != self.load.unit || load.value <= 0.0 || self.charge.is_some_and(|charge| charge < FULL)
        {
            return None;
        }
        let (from, to) = (f64::from(self.load.value), f64::from(load.value));
        let same_s = pace::at_load(f64::from(ln_s).exp(), from, to);
        let (then_c, now_c) = (self.celsius.map(f64::from), celsius.map(f64::from));
        let (warmer, warmth_sigma, aged_at_c) = match (then_c, now_c) {
            (Some(then), Some(now)) => {
                let warmer = pace::warmth(now, same_s) / pace::warmth(then, same_s);
                (warmer, pace::warmth_sigma(then, now), f64::midpoint(then, now))
            }
            (one, other) => (1.0, pace::warmth_sigma(0.0, UNTOLD_C), one.or(other).unwrap_or(AGES_AT_C)),
        };
        let years = self.age_years(now);
        let seconds = same_s * warmer * (-pace::fade_per_year(aged_at_c) * years).exp();
        let parts = [
            f64::from(sigma),
            pace::load_sigma(from, to),
            warmth_sigma,
            FADE_SIGMA_PER_YEAR * years,
            REPEAT_SIGMA,
        ];
        let sigma = parts.iter().map(|part| part * part).sum::<f64>().sqrt();
        Some(Time { ln_s: seconds.ln(), sigma })
    }

    /// The string turned out to have another number of cells, `ratio` times as many: what was read off the curve is wrong. Length and load stay.
    pub(super) fn recount(&mut self, ratio: f32) {
        self.whole = None;
        self.end_cell_v /= ratio;
    }

    /// Years since it was; 0 where it is yet to come.
    #[must_use]
    pub fn age_years(&self, now: UtcMs) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of some years")]
        let ms = now.since(self.at).max(0) as f64;
        ms / 31_557_600_000.0
    }
}
