//! How full the battery is, counted: what was drawn, what came back, how long until it is full.
//!
//! In: moments not on battery, discharges that ended. Out: a share of full charge, seconds to full. Where no current is told the
//! inverter's own gauge counts; where neither is, a day of charging (NFPA 111: 24 hours), unless it is told that nothing goes in.

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
    /// Nothing goes in, as far as is told.
    #[n(4)]
    #[cbor(default)]
    idle: bool,
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
        self.idle = !may_charge(moment, bank);
        let gauge = moment.percent.map(|percent| (1.0 - percent / 100.0).clamp(0.0, 1.0));
        // How many cells rest or float at a voltage is a guess: what was drawn is not back for that.
        let guessed = bank.is_none() && !self.is_full();
        let full = !guessed
            && is_floating(moment, bank)
            && moment.percent.is_none_or(|percent| percent >= FULL_PERCENT);
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

    /// The battery feeds: what passes from here on is no charging.
    pub(super) const fn feeds(&mut self) {
        self.at = None;
    }

    /// Share that came back in `passed_s` seconds: by the current, else by the gauge, else by the clock where anything may go in.
    fn stored(&self, missing: f32, gauge: Option<f32>, passed_s: f32) -> f32 {
        if self.whole_ah > 0.0 && self.amperes > 0.0 {
            return self.amperes * STORED * passed_s / 3600.0 / self.whole_ah;
        }
        let by_clock = if self.idle { 0.0 } else { passed_s / DAY_S };
        gauge.map_or(by_clock, |gauge| missing - gauge)
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
        let missing = self.missing.filter(|missing| *missing > REST && !self.idle)?;
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
    moment.charging == Some(false) && is_held_up(moment, bank)
}

/// Whether anything may go in where nothing tells how much. A dead charger is not always said to be faulty: where no current flows, or
/// none is said to, the voltage must show that the battery is held up. Then a current of 0 is one too small to be told, or one that the
/// inverter tells on battery only.
fn may_charge(moment: &Moment, bank: Option<&Bank>) -> bool {
    let denied = moment.charging == Some(false) || moment.amperes.is_some_and(|amperes| amperes <= 0.0);
    !denied || is_held_up(moment, bank)
}

/// The voltage is one that no battery shows unless a charger holds it there.
fn is_held_up(moment: &Moment, bank: Option<&Bank>) -> bool {
    let Some(volts) = moment.volts else { return false };
    let known = bank.copied().or_else(|| Bank::floating(moment));
    known.is_some_and(|bank| bank.cell_v(volts) > FLOAT_LEAST_V)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a day at most matter")]
fn seconds(ms: i64) -> f32 {
    ms as f32 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: usize = 360;

    /// A string of 60 cells.
    fn bank() -> Bank {
        Bank::from_float(136.4).unwrap()
    }

    fn line(volts: f32, amperes: Option<f32>, charging: Option<bool>) -> Moment {
        Moment {
            at: UtcMs(1_800_000_000_000),
            source: Source::Line,
            volts: Some(volts),
            amperes,
            celsius: None,
            load: None,
            percent: None,
            charging,
        }
    }

    /// What `like` leaves, each ten seconds for so many of them, of a charge of which half is missing.
    fn after(tens: usize, like: Moment) -> Charge {
        let mut charge = Charge::default();
        charge.drawn(0.5, 50.0);
        for ten in 0..=tens {
            let at = like.at.plus_ms(i64::try_from(ten).unwrap() * 10_000);
            charge.take(&Moment { at, ..like }, Some(&bank()));
        }
        charge
    }

    #[test]
    fn a_day_without_a_current_charges_nothing() {
        let dead = [
            line(123.0, Some(0.0), None),
            line(123.0, Some(-0.2), Some(true)),
            line(126.0, Some(0.0), Some(false)),
            line(126.0, None, Some(false)),
            Moment { volts: None, ..line(0.0, Some(0.0), None) },
        ];
        for moment in dead {
            let charge = after(48 * HOUR, moment);
            assert_eq!((charge.share(), charge.full_in_s()), (Some(0.5), None), "{moment:?}");
            assert!(!charge.is_full());
        }
    }

    #[test]
    fn a_snapshot_from_before_leads_back() {
        let half = [0xa4, 0, 0xfa, 0x3f, 0, 0, 0, 1, 0xfa, 0x42, 0xc8, 0, 0, 2, 0xf6, 3, 0xfa, 0, 0, 0, 0];
        let charge: Charge = minicbor::decode(&half).unwrap();
        assert_eq!((charge.share(), charge.whole_ah, charge.idle), (Some(0.5), 100.0, false));
    }

    #[test]
    fn it_is_charged_by_the_current_else_by_the_gauge_else_by_the_clock() {
        fn check(like: Moment, share_after_an_hour: f32) {
            let share = after(HOUR, like).share().unwrap();
            assert!(
                (share - share_after_an_hour).abs() < 0.002,
                "{share} of {share_after_an_hour}: {like:?}"
            );
        }
        // Of 100 Ah.
        check(line(132.0, Some(5.0), None), 0.545);
        check(line(132.0, Some(5.0), Some(true)), 0.545);
        check(Moment { percent: Some(70.0), ..line(126.0, Some(0.0), Some(false)) }, 0.7);
        check(line(132.0, None, None), 0.5 + 1.0 / 24.0);
        check(line(132.0, None, Some(true)), 0.5 + 1.0 / 24.0);
        // Held up by a charger, with a current that is not told on utility power, or too small to be.
        check(line(134.0, Some(0.0), None), 0.5 + 1.0 / 24.0);
        check(line(134.0, Some(0.0), Some(true)), 0.5 + 1.0 / 24.0);
        assert!(after(12 * HOUR, line(134.0, Some(0.0), None)).is_full());
    }
}
