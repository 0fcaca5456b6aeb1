//! One discharge as it unfolds: what is kept of it, and what it says of the battery.
//!
//! In: moments on battery. Out: points for [`super::curve`], sums, and at the end [`Evidence`]. Bounded: at most [`MOST_BINS`] points,
//! however long it lasts.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::bank::Bank;
use super::curve::{self, Point, Time};
use super::evidence::{End, Evidence, Kind};
use super::moment::{Load, Moment, Source};
use super::pace;

/// Points kept of one discharge.
pub const MOST_BINS: usize = 32;
/// Seconds of one point at first; twice as many whenever there is no room.
const FIRST_WIDTH_S: f32 = 60.0;
/// A longer silence within a discharge is not bridged: what the load was is not known, seconds.
const LONGEST_GAP_S: f64 = 1_800.0;
/// A runtime that loads are compared around within one discharge, seconds.
const AROUND_S: f64 = 6_000.0;
/// The load's noise is evened out over this, seconds; what differs by more than such a share is another load.
const STEADY_S: f64 = 120.0;
const STEP: f32 = 0.04;
/// Voltages are compared with the one before where readings come as often as this, seconds; noise is known after so many, and taken as
/// so much before, V.
const READ_OFTEN_S: f64 = 15.0;
const LEAST_FALLS: u32 = 20;
const UNTOLD_NOISE_V: f32 = 0.05;
/// Uncertainty of the end where the battery gave up: the last reading may be seconds before it.
const GAVE_UP_SIGMA: f64 = 0.007;

/// A discharge that goes on.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Episode {
    /// When it began.
    #[n(0)]
    pub started: UtcMs,
    /// The last moment of it.
    #[n(1)]
    pub last: UtcMs,
    /// By a test.
    #[n(2)]
    pub test: bool,
    /// The load that time is counted at: the first.
    #[n(3)]
    pub load: Load,
    /// Share of full charge that it began with, 0 to 1; `None` where nothing told.
    #[n(4)]
    pub charge: Option<f32>,
    /// Seconds used up, counted at `load`.
    #[n(5)]
    pub used_s: f32,
    /// Ampere hours drawn; 0 where no current is told.
    #[n(6)]
    pub drawn_ah: f32,
    /// Seconds without readings.
    #[n(7)]
    pub silent_s: f32,
    /// Last voltage, V, and load.
    #[n(8)]
    pub last_v: f32,
    #[n(9)]
    last_load: f32,
    #[n(10)]
    width_s: f32,
    #[n(11)]
    bins: Vec<Bin>,
    #[n(12)]
    celsius: Mean,
    #[n(13)]
    mean_load: Mean,
    /// The load now without the last minute's noise; 0: not counted yet.
    #[n(14)]
    #[cbor(default)]
    steady_load: f32,
    /// From one reading of the voltage to the next, V, and its square: what does not fall steadily is noise.
    #[n(15)]
    #[cbor(default)]
    fall_v: Mean,
    #[n(16)]
    #[cbor(default)]
    fall_squared: Mean,
}

/// Means over a stretch of a discharge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(array)]
struct Bin {
    #[n(0)]
    used_s: Mean,
    #[n(1)]
    volts: Mean,
    #[n(2)]
    load: Mean,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(array)]
struct Mean {
    #[n(0)]
    count: u32,
    #[n(1)]
    mean: f32,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.count = self.count.saturating_add(1);
        self.mean += (value - self.mean) / counted(self.count);
    }

    fn join(self, other: Self) -> Self {
        let count = self.count.saturating_add(other.count);
        let mean =
            (self.mean * counted(self.count) + other.mean * counted(other.count)) / counted(count.max(1));
        Self { count, mean }
    }

    fn value(self) -> Option<f32> {
        (self.count > 0).then_some(self.mean)
    }
}

impl Episode {
    /// Begins with a moment on battery; `None` while it tells no voltage or load. `charge`: what the battery had, 0 to 1.
    #[must_use]
    pub fn begin(moment: &Moment, charge: Option<f32>) -> Option<Self> {
        let (volts, load) = (moment.volts?, moment.load?);
        let mut episode = Self {
            started: moment.at,
            last: moment.at,
            test: moment.source == Source::Test,
            load,
            charge,
            used_s: 0.0,
            drawn_ah: 0.0,
            silent_s: 0.0,
            last_v: volts,
            last_load: load.value,
            width_s: FIRST_WIDTH_S,
            bins: Vec::new(),
            celsius: Mean::default(),
            mean_load: Mean::default(),
            steady_load: load.value,
            fall_v: Mean::default(),
            fall_squared: Mean::default(),
        };
        episode.note(moment, volts, load.value);
        Some(episode)
    }

    /// Goes on with a moment on battery. One that tells no voltage or no load of the same unit is passed over.
    pub fn push(&mut self, moment: &Moment) {
        let load = moment.load.filter(|load| load.unit == self.load.unit);
        let (Some(volts), Some(load)) = (moment.volts, load) else { return };
        let passed_s = seconds(moment.at.since(self.last));
        if passed_s <= 0.0 {
            return;
        }
        self.test &= moment.source == Source::Test;
        let between = (self.last_load + load.value) / 2.0;
        let pace = pace::use_up(AROUND_S, f64::from(self.load.value), f64::from(between.max(1e-3)));
        self.used_s += narrow(passed_s * pace);
        self.drawn_ah += (-moment.amperes.unwrap_or(0.0)).max(0.0) * narrow(passed_s) / 3600.0;
        if passed_s > 60.0 {
            self.silent_s += narrow(passed_s);
        }
        if passed_s > LONGEST_GAP_S {
            // The load between is not known: as if it had begun with an unknown charge.
            self.charge = None;
        }
        self.last = moment.at;
        let same_load = self.steady(load.value, passed_s);
        if same_load && passed_s <= READ_OFTEN_S {
            let fall_v = self.last_v - volts;
            self.fall_v.add(fall_v);
            self.fall_squared.add(fall_v * fall_v);
        }
        self.note(moment, volts, load.value);
    }

    fn note(&mut self, moment: &Moment, volts: f32, load: f32) {
        (self.last_v, self.last_load) = (volts, load);
        self.mean_load.add(load);
        if let Some(celsius) = moment.celsius {
            self.celsius.add(celsius);
        }
        let at = (self.used_s / self.width_s).floor();
        let open =
            self.bins.last().and_then(|bin| bin.used_s.value()).map(|used| (used / self.width_s).floor());
        if open != Some(at) {
            if self.bins.len() >= MOST_BINS {
                self.halve();
            }
            self.bins.push(Bin::default());
        }
        let (used_s, share) = (self.used_s, load / self.load.value);
        if let Some(bin) = self.bins.last_mut() {
            bin.used_s.add(used_s);
            bin.volts.add(volts);
            bin.load.add(share);
        }
    }

    fn halve(&mut self) {
        self.width_s *= 2.0;
        let pairs = self.bins.chunks(2).map(|pair| {
            pair.iter().copied().reduce(|a, b| Bin {
                used_s: a.used_s.join(b.used_s),
                volts: a.volts.join(b.volts),
                load: a.load.join(b.load),
            })
        });
        self.bins = pairs.flatten().collect();
    }

    /// The load now: without noise, and at once where it has changed.
    #[must_use]
    pub fn load_now(&self) -> f32 {
        if self.steady_load > 0.0 { self.steady_load } else { self.last_load }
    }

    /// Evens the load out; whether it is the same as before.
    fn steady(&mut self, load: f32, passed_s: f64) -> bool {
        let apart = load - self.steady_load;
        let changed = apart.abs() > STEP * self.steady_load;
        let share = if changed { 1.0 } else { 1.0 - (-passed_s / STEADY_S).exp() };
        self.steady_load += apart * narrow(share);
        !changed
    }

    /// Deviation of one reading of the voltage, V.
    fn noise_v(&self) -> f32 {
        let (Some(fall), Some(squared)) = (self.fall_v.value(), self.fall_squared.value()) else {
            return UNTOLD_NOISE_V;
        };
        if self.fall_v.count < LEAST_FALLS {
            UNTOLD_NOISE_V
        } else {
            ((squared - fall * fall) / 2.0).max(0.0).sqrt()
        }
    }

    /// Its load and temperature, as a question to earlier evidence.
    #[must_use]
    pub fn as_moment(&self) -> Moment {
        Moment {
            at: self.last,
            source: if self.test { Source::Test } else { Source::Outage },
            volts: Some(self.last_v),
            amperes: None,
            celsius: self.celsius_mean(),
            load: Some(self.load),
            percent: None,
            charging: None,
        }
    }

    /// Seconds since it began.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        seconds(self.last.since(self.started))
    }

    /// Mean load so far, in the load's unit.
    #[must_use]
    pub fn load_mean(&self) -> f32 {
        self.mean_load.value().unwrap_or(self.load.value)
    }

    /// Mean temperature so far, °C, where one is told.
    #[must_use]
    pub fn celsius_mean(&self) -> Option<f32> {
        self.celsius.value()
    }

    /// Time from full to the cut-off at its load and temperature, by what is seen and what was known before.
    #[must_use]
    pub fn whole(&self, bank: &Bank, before: Option<Time>) -> Option<Time> {
        let seen = curve::fit(&self.points(bank), f64::from(bank.cutoff_cell_v))?;
        Some(before.map_or(seen, |before| seen.with(before)))
    }

    /// What was seen of it, at most [`MOST_BINS`] means and the last reading.
    #[must_use]
    pub fn points(&self, bank: &Bank) -> Vec<Point> {
        let noise_v = bank.cell_v(self.noise_v());
        let point = |bin: &Bin| {
            Some(Point {
                used_s: f64::from(bin.used_s.value()?),
                cell_v: bank.cell_v(bin.volts.value()?),
                load: f64::from(bin.load.value()?),
                noise_v: noise_v / f64::from(bin.volts.count.max(1)).sqrt(),
            })
        };
        let mut points: Vec<Point> = self.bins.iter().filter_map(point).collect();
        let load = f64::from(self.last_load / self.load.value);
        points.push(Point {
            used_s: f64::from(self.used_s),
            cell_v: bank.cell_v(self.last_v),
            load,
            noise_v,
        });
        points
    }

    /// Ends at `at`, and says what it tells of the battery.
    #[must_use]
    pub fn end(&self, bank: &Bank, end: End, kind: Kind, at: UtcMs) -> Evidence {
        let closed_s = seconds(at.since(self.started));
        let length_s = if closed_s - self.length_s() <= 60.0 { closed_s } else { self.length_s() };
        let whole = match end {
            End::GaveUp => Some(Time { ln_s: f64::from(self.used_s.max(1.0)).ln(), sigma: GAVE_UP_SIGMA }),
            End::Over => self.whole(bank, None),
        };
        // Told of little: what is missing may have been anything.
        let doubt = 0.1 * f64::from(self.silent_s) / self.length_s().max(1.0);
        Evidence {
            kind,
            at: self.started,
            length_s: narrow(length_s),
            end,
            charge: self.charge,
            load: Load { value: self.load.value, unit: self.load.unit },
            load_mean: self.load_mean(),
            celsius: self.celsius_mean(),
            end_cell_v: narrow(bank.cell_v(self.last_v)),
            whole: whole.map(|time| (narrow(time.ln_s), narrow(time.sigma.hypot(doubt)))),
        }
    }
}

fn seconds(ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a length of days at most is exact")]
    let ms = ms as f64;
    ms / 1000.0
}

fn counted(count: u32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a mean of sixteen million values is as good")]
    let count = count as f32;
    count
}

#[expect(clippy::cast_possible_truncation, reason = "six figures are enough")]
const fn narrow(value: f64) -> f32 {
    value as f32
}
