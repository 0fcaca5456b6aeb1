//! How many cells a string has is counted from a voltage that a charger holds, and counted again where it was counted wrongly.

use fleet::readiness::{Bank, End, Kind, Load, Moment, Readiness, Source, Unit};
use wire::UtcMs;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
/// Float of a string of 60 cells, V, and what its charger gives in absorption.
const FLOAT_V: f32 = 136.4;
const ABSORPTION_V: f32 = 144.0;

/// A battery, and what its readings tell beside the voltage.
struct Watched {
    readiness: Readiness,
    at: UtcMs,
    like: Moment,
}

impl Watched {
    fn new(charging: Option<bool>, amperes: Option<f32>) -> Self {
        let at = UtcMs(1_800_000_000_000);
        let like = Moment {
            at,
            source: Source::Line,
            volts: None,
            amperes,
            celsius: Some(25.0),
            load: Some(Load { value: 6_100.0, unit: Unit::Watt }),
            percent: None,
            charging,
        };
        Self { readiness: Readiness::default(), at, like }
    }

    /// With a bank that was counted before, and a test of full length.
    fn with_cells(cells: f32, charging: Option<bool>, amperes: Option<f32>) -> Self {
        let mut watched = Self::new(charging, amperes);
        watched.readiness.bank = Some(Bank { cells, cutoff_cell_v: 1.75 });
        watched.test(122.0, 114.0);
        assert!(watched.readiness.evidence[0].whole.is_some());
        watched
    }

    fn cells(&self) -> Option<f32> {
        self.readiness.bank.map(|bank| bank.cells)
    }

    fn take(&mut self, source: Source, volts: f32, passed_s: i64) {
        self.at = self.at.plus_ms(passed_s * 1000);
        let moment = Moment { at: self.at, source, volts: Some(volts), ..self.like };
        self.readiness.take(&moment, Some(Kind::Annual));
    }

    /// Utility power is there, and the voltage stays.
    fn hold(&mut self, volts: f32, seconds: i64) -> &mut Self {
        (0..seconds / 60).for_each(|_| self.take(Source::Line, volts, 60));
        self
    }

    /// A test of 90 minutes, and charging a minute after it.
    fn test(&mut self, from: f32, to: f32) {
        for tens in 0..=540 {
            self.take(Source::Test, from + (to - from) * tens as f32 / 540.0, 10);
        }
        self.take(Source::Line, 128.0, 1);
    }
}

#[test]
fn a_good_test_after_a_first_contact_in_absorption_is_good() {
    for gauge in [None, Some(98.0)] {
        let mut watched = Watched::new(Some(true), Some(6.0));
        watched.like.percent = gauge;
        watched.hold(ABSORPTION_V, 4 * HOUR_S);
        assert_eq!(watched.cells(), None, "a cell in absorption is no cell on float");
        watched.like.charging = Some(false);
        watched.hold(FLOAT_V, 600);
        assert_eq!(watched.cells(), Some(60.0));
        watched.test(122.0, 112.8);
        let evidence = watched.readiness.evidence[0];
        assert_eq!(evidence.end, End::Over, "it stopped in time: {evidence:?}");
        assert!((f64::from(evidence.end_cell_v) - 1.88).abs() < 0.005 && evidence.whole.is_some());
    }
}

#[test]
fn a_battery_that_recharges_or_rests_is_not_counted() {
    // Nothing tells whether it charges; and an inverter that calls a float charge charging.
    for charging in [None, Some(true)] {
        let mut watched = Watched::new(charging, None);
        for volts in [123.0, 124.5, 126.0, 128.0, 132.0, 138.0, ABSORPTION_V] {
            watched.hold(volts, 2 * HOUR_S);
            assert_eq!(watched.cells(), None, "{volts} V");
        }
        watched.hold(FLOAT_V, 20 * HOUR_S);
        assert_eq!(watched.cells(), None, "it may fall yet");
        watched.hold(FLOAT_V + 1.0, 5 * HOUR_S);
        assert_eq!(watched.cells(), Some(60.0), "no other voltage stays for a day");
    }
    // A gateway that was silent in between has not seen that it stays.
    let mut silent = Watched::new(None, None);
    silent.hold(FLOAT_V, HOUR_S);
    silent.take(Source::Line, FLOAT_V, DAY_S);
    assert_eq!(silent.cells(), None);
    // What an outage drew is not back because a voltage would fit some string on float.
    let mut drawn = Watched::new(Some(false), Some(0.0));
    drawn.test(122.0, 112.0);
    drawn.hold(123.0, 2 * HOUR_S);
    assert_eq!(drawn.cells(), None);
    assert!(!drawn.readiness.charge.is_full());
}

#[test]
fn a_charger_that_follows_the_temperature_is_on_float_in_the_cold_and_in_the_heat() {
    for (celsius, cell_v) in [(0.0, 2.348), (10.0, 2.27), (10.0, 2.325), (40.0, 2.20), (40.0, 2.27)] {
        let mut watched = Watched::new(Some(false), Some(0.2));
        watched.like.celsius = Some(celsius);
        watched.hold(60.0 * cell_v, 60);
        assert_eq!(watched.cells(), Some(60.0), "{celsius} °C");
    }
}

#[test]
fn too_few_cells_are_counted_again_and_what_rested_on_them_is_not_told() {
    let mut watched = Watched::with_cells(54.0, Some(false), Some(0.3));
    let (known, before) = (watched.readiness.bank, watched.readiness.evidence[0]);
    watched.take(Source::Line, 240.0, 60);
    watched.hold(FLOAT_V, 50 * 60);
    assert_eq!(watched.readiness.bank, known, "for less than an hour: it may be a sensor's mistake");
    watched.hold(FLOAT_V, 20 * 60);
    assert_eq!(watched.cells(), Some(60.0));
    let evidence = watched.readiness.evidence[0];
    assert_eq!((evidence.whole, evidence.load_mean), (None, before.load_mean), "lamps are told by it still");
    assert!((evidence.end_cell_v - before.end_cell_v * 0.9).abs() < 1e-4);
    watched.test(122.0, 113.0);
    assert!(watched.readiness.evidence[1].whole.is_some_and(|(ln_s, _)| ln_s.exp() < 9_000.0));
}

#[test]
fn too_many_cells_are_counted_again_where_a_current_proves_the_float_charge() {
    let counted = |charging, amperes, percent| {
        let mut watched = Watched::with_cells(66.0, charging, amperes);
        watched.like.percent = percent;
        watched.hold(FLOAT_V, 25 * HOUR_S).cells()
    };
    assert_eq!(counted(Some(false), Some(0.3), None), Some(60.0));
    assert_eq!(counted(Some(false), Some(0.3), Some(99.0)), Some(60.0));
    // Sixty-six cells, empty, with a dead charger look the same.
    assert_eq!(counted(Some(false), Some(0.0), None), Some(66.0));
    assert_eq!(counted(Some(false), None, Some(99.0)), Some(66.0));
    assert_eq!(counted(Some(false), Some(0.3), Some(40.0)), Some(66.0));
    assert_eq!(counted(Some(true), Some(0.3), None), Some(66.0));
}

#[test]
fn what_fits_is_not_counted_again() {
    for volts in [129.0, 132.0, FLOAT_V, 140.0, ABSORPTION_V] {
        let mut watched = Watched::with_cells(60.0, Some(false), Some(0.3));
        let before = watched.readiness.bank;
        watched.hold(volts, 3 * DAY_S);
        assert_eq!(watched.readiness.bank, before, "{volts} V");
        assert!(watched.readiness.evidence[0].whole.is_some());
    }
}
