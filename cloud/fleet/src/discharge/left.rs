//! How much light is left, counted while the battery feeds the load.
//!
//! In: the state and its newest moment. Out: [`Left`], counted anew once a minute: between, it is the clock that counts down. A fit
//! of the curve for each reading of ten thousand inverters in one outage would cost more than all the rest.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::inverter::InverterState;
use crate::readiness::{Moment, countdown};

/// Counted anew after this, milliseconds.
const ANEW_MS: i64 = 60_000;

/// How much light was left, and when that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Left {
    /// Counted then.
    #[n(0)]
    pub at: UtcMs,
    /// `None`: nothing told enough.
    #[n(1)]
    pub range: Option<Range>,
}

/// Seconds left when it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Range {
    /// Most likely.
    #[n(0)]
    pub seconds: f32,
    /// Nine times in ten it is between this and `high_s`.
    #[n(1)]
    pub low_s: f32,
    /// See `low_s`.
    #[n(2)]
    pub high_s: f32,
}

impl Left {
    /// When the lights go out: most likely, and between which instants nine times in ten.
    #[must_use]
    pub fn until(&self) -> Option<(UtcMs, UtcMs, UtcMs)> {
        let at = |seconds: f32| self.at.plus_ms(ms(seconds));
        self.range.map(|range| (at(range.seconds), at(range.low_s), at(range.high_s)))
    }
}

/// Counts where it is time to.
pub(super) fn count(state: &mut InverterState, moment: &Moment) {
    if !moment.is_feeding() {
        state.left = None;
    } else if state.left.is_none_or(|left| moment.at.since(left.at) >= ANEW_MS) {
        let range = countdown(&state.readiness, moment).map(|told| Range {
            seconds: narrow(told.left_s),
            low_s: narrow(told.low_s),
            high_s: narrow(told.high_s),
        });
        state.left = Some(Left { at: moment.at, range });
    }
}

#[expect(clippy::cast_possible_truncation, reason = "hours at most")]
fn ms(seconds: f32) -> i64 {
    (f64::from(seconds) * 1000.0) as i64
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a runtime")]
const fn narrow(seconds: f64) -> f32 {
    seconds as f32
}
