//! What is known of the string itself: how many cells, and at which voltage the inverter gives up.
//!
//! In: a float voltage, an end of a discharge. Out: volts per cell. Never asks anybody: it is read off the telemetry.

use minicbor::{Decode, Encode};

/// Blocs of lead-acid batteries have six cells (12 V); strings have whole blocs.
const BLOC_CELLS: f32 = 6.0;
/// Float voltage of a cell around room temperature, V (makers state 2.25 to 2.30).
const FLOAT_CELL_V: f32 = 2.27;
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
