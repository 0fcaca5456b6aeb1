//! A battery voltage that stays the same, and since when.
//!
//! In: moments. Out: how long it has been about the same with utility power there. A charger holds a float voltage for as long as nothing
//! happens; those of charging rise and fall within hours.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::moment::{Moment, Source};

/// As much as a float voltage moves with the day's warmth, share.
const SAME: f32 = 0.02;
/// What was in a silence longer than this is not known, milliseconds.
const LONGEST_GAP_MS: i64 = wire::time::HOUR_MS;

/// Since when the voltage is about the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Steady {
    #[n(0)]
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(array)]
struct Held {
    #[n(0)]
    since: UtcMs,
    #[n(1)]
    last: UtcMs,
    /// The first of it, V.
    #[n(2)]
    volts: f32,
}

impl Steady {
    /// Takes the next moment; gives for how long its voltage has been held, milliseconds.
    pub fn take(&mut self, moment: &Moment) -> i64 {
        let (Source::Line, Some(volts)) = (moment.source, moment.volts) else {
            self.held = None;
            return 0;
        };
        let same = |held: &Held| {
            (volts - held.volts).abs() <= SAME * held.volts && moment.at.since(held.last) <= LONGEST_GAP_MS
        };
        let since = self.held.filter(same).unwrap_or(Held { since: moment.at, last: moment.at, volts });
        self.held = Some(Held { last: moment.at, ..since });
        moment.at.since(since.since)
    }
}
