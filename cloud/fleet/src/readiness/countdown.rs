//! How much longer the battery feeds the load, while it does: what was known before, corrected by the discharge as it unfolds.
//!
//! In: the running discharge, earlier evidence, the moment. Out: a [`Countdown`]. At first it is the evidence alone; the more of the
//! curve is seen the more that counts; without evidence it begins when the curve tells enough.

use super::curve::Time;
use super::episode::Episode;
use super::estimate::{self, MOST_SIGMA, NINE_IN_TEN};
use super::evidence::Evidence;
use super::moment::Moment;
use super::pace;
use super::state::Readiness;

/// How fast earlier evidence loses weight with the share of the discharge that is seen.
const FADES: f64 = 1.0;

/// How much longer it feeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Countdown {
    /// Seconds left at the load now, most likely.
    pub left_s: f64,
    /// Nine times in ten it is between this and `high_s`, seconds.
    pub low_s: f64,
    /// See `low_s`.
    pub high_s: f64,
    /// Seconds that it has fed so far.
    pub fed_s: f64,
    /// Earlier evidence that is counted with; `None`: this discharge alone.
    pub evidence: Option<Evidence>,
}

/// What is left at `moment`; `None` while the battery does not feed, or nothing tells enough.
#[must_use]
pub fn countdown(readiness: &Readiness, moment: &Moment) -> Option<Countdown> {
    let episode = readiness.running.as_ref().filter(|_| moment.is_feeding())?;
    let known = estimate::whole(&readiness.evidence, &episode.as_moment());
    let before = known.map(|(time, _)| from_charge(time, episode));
    let seen = readiness.bank.and_then(|bank| episode.whole(&bank, before));
    let whole = seen.or(before).filter(|time| time.sigma <= MOST_SIGMA)?;
    let load = f64::from(episode.load_now());
    let used_s = f64::from(episode.used_s);
    let from = f64::from(episode.load.value);
    let slower = pace::use_up(whole.ln_s.exp(), from, load);
    let left = |deviations: f64| ((whole.ln_s + deviations * whole.sigma).exp() - used_s).max(0.0) / slower;
    Some(Countdown {
        left_s: left(0.0),
        low_s: left(-NINE_IN_TEN),
        high_s: left(NINE_IN_TEN),
        fed_s: episode.length_s(),
        evidence: known.map(|(_, evidence)| evidence),
    })
}

/// The time from where it began: less than the whole where it was not full.
fn from_charge(time: Time, episode: &Episode) -> Time {
    let charge = f64::from(episode.charge.unwrap_or(1.0).clamp(0.05, 1.0));
    let ln_s = time.ln_s + charge.ln();
    // What was known came of a curve of the same shape, and errs as this one did until now: the more is seen, the less it
    // may hold back.
    let share = f64::from(episode.used_s) / ln_s.exp();
    Time { ln_s, sigma: time.sigma * (1.0 + FADES * share * share) }
}
