//! How long the battery would feed the load, and how that is known.
//!
//! In: evidence, the load and the temperature now, how full it is. Out: an [`Estimate`] with its basis and an interval, or none. One
//! piece of evidence is the basis: that which tells most about now. Means of several would be no easier to explain, and the
//! errors of two fits of one shape are the same error.

use super::curve::Time;
use super::evidence::Evidence;
use super::moment::{Load, Moment};

/// An interval of nine in ten is this many deviations each way.
pub(super) const NINE_IN_TEN: f64 = 1.645;
/// Less certain than this is not said: deviation of the logarithm.
pub const MOST_SIGMA: f64 = 0.11;
/// Two pieces of evidence that differ by more deviations than this tell of two batteries: the newer one counts.
const OTHER_BATTERY: f64 = 3.0;

/// How long the battery would feed the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seconds, most likely.
    pub seconds: f64,
    /// Nine times in ten it is no less, seconds: the lower end of the 90 % interval.
    pub low_s: f64,
    /// Its upper end, seconds.
    pub high_s: f64,
    /// What it rests on.
    pub basis: Basis,
}

/// What an estimate rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Basis {
    /// The discharge.
    pub evidence: Evidence,
    /// The load that was asked about.
    pub load: Load,
    /// The temperature that was asked about, °C; `None`: taken as that of the evidence.
    pub celsius: Option<f32>,
    /// How full the battery was taken to be, 0 to 1.
    pub charge: f64,
}

/// The time from full to the end at a moment's load and temperature, and the evidence it rests on.
#[must_use]
pub fn whole(evidence: &[Evidence], moment: &Moment) -> Option<(Time, Evidence)> {
    let load = moment.load?;
    let told = |one: &Evidence| one.time_at(load, moment.celsius, moment.at).map(|time| (time, *one));
    let mut best: Option<(Time, Evidence)> = None;
    // From the newest back: what contradicts a newer one was another battery, or a better one.
    for (time, one) in evidence.iter().rev().filter_map(told) {
        let Some((known, _)) = best else {
            best = Some((time, one));
            continue;
        };
        let apart = (time.ln_s - known.ln_s).abs() / time.sigma.hypot(known.sigma);
        if time.sigma < known.sigma && apart <= OTHER_BATTERY {
            best = Some((time, one));
        }
    }
    best
}

/// How long the battery would feed the load of `moment`; `charge` says how full it is, 0 to 1. `None`: nothing to base it on.
#[must_use]
pub fn estimate(evidence: &[Evidence], moment: &Moment, charge: f64) -> Option<Estimate> {
    let (time, basis) = whole(evidence, moment)?;
    let load = moment.load?;
    let basis = Basis { evidence: basis, load, celsius: moment.celsius, charge };
    (time.sigma <= MOST_SIGMA).then(|| spread(time, charge.clamp(0.0, 1.0), basis))
}

/// What is left of `time` with `charge` of it.
pub(super) fn spread(time: Time, charge: f64, basis: Basis) -> Estimate {
    let left = |deviations: f64| (time.ln_s + deviations * time.sigma).exp() * charge;
    Estimate { seconds: left(0.0), low_s: left(-NINE_IN_TEN), high_s: left(NINE_IN_TEN), basis }
}
