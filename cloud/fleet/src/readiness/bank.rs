//! What is known of the string itself: how many cells, and at which voltage the inverter gives up.
//!
//! In: a float voltage, an end of a discharge. Out: volts per cell. Never asks anybody: it is read off the telemetry.

use minicbor::{Decode, Encode};
use wire::time::{DAY_MS, HOUR_MS};

use super::moment::Moment;

/// Blocs of lead-acid batteries have six cells (12 V); strings have whole blocs.
const BLOC_CELLS: f32 = 6.0;
/// Float voltage of a cell around room temperature, V (makers state 2.25 to 2.30).
const FLOAT_CELL_V: f32 = 2.27;
/// A charger on float keeps a cell within this at 25 °C, V; below it charges or rests, above it is in absorption.
const FLOATS_V: (f32, f32) = (2.20, 2.33);
/// Chargers that follow the temperature hold a cell so much higher for each °C, V.
const FLOAT_V_PER_C: f32 = -0.003;
const FLOAT_AT_C: f32 = 25.0;
/// No cell floats or rests above the first, and none that floats, or rests full, is below the second, V: another number of cells is there.
const MOST_V: f32 = 2.42;
const LEAST_V: f32 = 2.12;
/// The inverter's own gauge says full from here on, percent.
const FULL_PERCENT: f32 = 97.0;
/// Where inverters give up unless they have shown otherwise, V per cell.
const CUTOFF_CELL_V: f32 = 1.75;
/// Seen last this near to the cut-off it gave up, V per cell.
const AT_CUTOFF_V: f64 = 0.02;
/// Ends outside this are no cut-off of a lead-acid cell.
const CUTOFF_RANGE_V: std::ops::RangeInclusive<f32> = 1.55..=1.90;

/// A string of lead-acid cells.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Bank {
    /// Cells in series; 6 to 360.
    #[n(0)]
    pub cells: f32,
    /// The inverter gives up here, V per cell.
    #[n(1)]
    pub cutoff_cell_v: f32,
}

impl Bank {
    /// Of the terminal voltage on float, V; `None` where no string of whole blocs floats so.
    #[must_use]
    pub fn from_float(volts: f32) -> Option<Self> {
        let blocs = (volts / FLOAT_CELL_V / BLOC_CELLS).round();
        let cells = blocs * BLOC_CELLS;
        let fits = (1.0..=60.0).contains(&blocs) && (2.10..=2.45).contains(&(volts / cells));
        fits.then_some(Self { cells, cutoff_cell_v: CUTOFF_CELL_V })
    }

    /// Of a moment whose voltage is that of a float charge at its temperature; `None` where it is another.
    #[must_use]
    pub fn floating(moment: &Moment) -> Option<Self> {
        let volts = moment.volts?;
        let bank = Self::from_float(volts)?;
        let (least, most) = FLOATS_V;
        let follows_v = follows_v(moment);
        let range = least + follows_v.min(0.0)..=most + follows_v.max(0.0);
        range.contains(&(volts / bank.cells)).then_some(bank)
    }

    /// The string that a full battery shows, whose voltage has been the same for so long. A voltage is taken for that of a float charge where the
    /// inverter says that it does not charge; where it says nothing, or calls that charging, too, if it stays for a day: no other one does.
    #[must_use]
    pub fn first(moment: &Moment, steady_ms: i64) -> Option<Self> {
        let floats = moment.charging == Some(false) || steady_ms >= DAY_MS;
        Self::floating(moment).filter(|_| floats)
    }

    /// The string that is there instead of this one, where a voltage that stays cannot be this one's.
    ///
    /// More cells: no voltage that is held is that high, so an hour of it will do. Fewer: an empty battery whose charger is dead looks the same, and
    /// would be taken for a full one that lasts longer than it does; so a current must be told to go in, and nothing say that it is not full.
    #[must_use]
    pub fn instead(&self, moment: &Moment, steady_ms: i64) -> Option<Self> {
        let cell_v = moment.volts? / self.cells;
        let (idle, day) = (moment.charging == Some(false), steady_ms >= DAY_MS);
        let more = cell_v > MOST_V + follows_v(moment).max(0.0) && (day || (idle && steady_ms >= HOUR_MS));
        let fewer = cell_v < LEAST_V && day && idle && is_fed(moment);
        if !more && !fewer {
            return None;
        }
        Self::floating(moment).filter(|other| other.cells != self.cells)
    }

    /// Volts per cell.
    #[must_use]
    pub fn cell_v(&self, volts: f32) -> f64 {
        f64::from(volts / self.cells)
    }

    /// Whether an inverter that fed at this many volts was about to give up.
    #[must_use]
    pub fn is_at_cutoff(&self, volts: f32) -> bool {
        self.cell_v(volts) - f64::from(self.cutoff_cell_v) <= AT_CUTOFF_V
    }

    /// It gave up at this many volts: now that is known.
    pub fn gave_up_at(&mut self, volts: f32) {
        let cell_v = volts / self.cells;
        if CUTOFF_RANGE_V.contains(&cell_v) {
            self.cutoff_cell_v = cell_v;
        }
    }

    /// It still feeds at this many volts: the cut-off is no higher.
    pub fn feeds_at(&mut self, volts: f32) {
        let cell_v = volts / self.cells;
        if cell_v < self.cutoff_cell_v && CUTOFF_RANGE_V.contains(&cell_v) {
            self.cutoff_cell_v = cell_v;
        }
    }
}

/// What a charger that follows the temperature adds to a cell, V. Whether this one does is not known: both are right.
fn follows_v(moment: &Moment) -> f32 {
    moment.celsius.map_or(0.0, |celsius| FLOAT_V_PER_C * (celsius - FLOAT_AT_C))
}

/// A current goes in, and nothing says that it is not full.
fn is_fed(moment: &Moment) -> bool {
    moment.amperes.is_some_and(|amperes| amperes > 0.0)
        && moment.percent.is_none_or(|percent| percent >= FULL_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_from_the_float_voltage() {
        for (volts, cells) in [(13.6, 6.0), (54.5, 24.0), (136.4, 60.0), (134.0, 60.0), (272.8, 120.0)] {
            assert_eq!(Bank::from_float(volts).map(|bank| bank.cells), Some(cells), "{volts}");
        }
        assert_eq!(Bank::from_float(0.0), None);
        assert_eq!(Bank::from_float(f32::NAN), None);
        assert_eq!(Bank::from_float(20.0), None, "between one bloc and two");
    }
}
