//! A valve-regulated lead-acid battery: charge, discharge, temperature, age.
//!
//! In: power drawn or leave to charge, temperature, steps of time. Out: voltage, current, charge, minutes left.
//! The figures are those of a typical bank of two-volt cells; sources are named where there is one.

use super::noise::lag;
use super::parameters::Parameters;

/// Exponent of Peukert's law for the quick discharges of this trade: twice the load, less than half the time.
const PEUKERT: f64 = 1.15;
/// Capacity gained per °C above 25 (IEEE 485, cell size correction, about 0.8 %).
const CAPACITY_PER_C: f64 = 0.008;
/// Years of service life at 25 °C, when four fifths of the capacity are left; halved by each 10 °C more (Arrhenius).
const SERVICE_YEARS: f64 = 10.0;
/// Volts per cell at which discharge ends, and the least the cell falls to.
pub const CUTOFF_CELL_V: f64 = 1.75;
/// Volts per cell in float and in absorption at 25 °C, and their change per °C.
const FLOAT_CELL_V: f64 = 2.273;
const ABSORPTION_CELL_V: f64 = 2.40;
const CELL_V_PER_C: f64 = -0.003;
/// Charger's largest current and the current at which absorption ends, as shares of capacity per hour.
const BULK_RATE: f64 = 0.12;
const ABSORPTION_END_RATE: f64 = 0.01;
const FLOAT_RATE: f64 = 0.003;
/// Share of the current that is stored.
const CHARGE_EFFICIENCY: f64 = 0.9;
/// Power lost in the inverter, share of the load, and its own use, share of rated.
const CONVERSION_LOSS: f64 = 0.08;
const OWN_USE: f64 = 0.005;
/// Charge lost per second at rest: 3 % a month.
const SELF_DISCHARGE_PER_S: f64 = 0.03 / 2_592_000.0;

/// What the battery does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Charging at the charger's limit.
    Bulk,
    /// Charging at constant voltage.
    Absorption,
    /// Full, kept so.
    Float,
    /// Feeding the load.
    Discharging,
    /// Neither: charger off or no utility.
    Resting,
}

/// What is asked of the battery during one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Demand {
    /// Feed a load of this many watts at the output.
    Feed(f64),
    /// Charge if there is need.
    Charge,
    /// Nothing.
    Rest,
}

/// One bank of cells in series.
#[derive(Debug, Clone)]
pub struct Battery {
    cells: f64,
    nominal_v: f64,
    rated_w: f64,
    rated_s: f64,
    charge: f64,
    age_years: f64,
    stage: Stage,
    cell_v: f64,
    current_a: f64,
    discharged_s: f64,
    absorption_left_s: f64,
}

impl Battery {
    /// As installed, with its age and charge.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let charge = parameters.charge.clamp(0.0, 1.0);
        let stage = if charge > 0.97 { Stage::Float } else { Stage::Bulk };
        let mut battery = Self {
            cells: parameters.cells(),
            nominal_v: parameters.battery_v,
            rated_w: parameters.rated_w,
            rated_s: parameters.rated_minutes * 60.0,
            charge,
            age_years: parameters.age_years.max(0.0),
            stage,
            cell_v: FLOAT_CELL_V,
            current_a: 0.0,
            discharged_s: 0.0,
            absorption_left_s: 0.0,
        };
        battery.cell_v = battery.charging_cell_v(25.0);
        battery
    }

    /// Moves on by `dt_s` seconds (keep it at or below a few seconds while feeding).
    pub fn step(&mut self, dt_s: f64, demand: Demand, temperature_c: f64) {
        self.age_years += dt_s / 31_557_600.0 * ((temperature_c - 25.0) / 10.0).exp2();
        let target_cell_v = match demand {
            Demand::Feed(load_w) => self.feed(dt_s, load_w, temperature_c),
            Demand::Charge => self.recharge(dt_s, temperature_c),
            Demand::Rest => self.rest(dt_s),
        };
        self.cell_v = lag(self.cell_v, target_cell_v, 4.0, dt_s);
    }

    fn feed(&mut self, dt_s: f64, load_w: f64, temperature_c: f64) -> f64 {
        if self.stage != Stage::Discharging {
            self.discharged_s = 0.0;
        }
        self.stage = Stage::Discharging;
        self.discharged_s += dt_s;
        self.charge = (self.charge - dt_s / self.full_discharge_s(load_w, temperature_c)).max(0.0);
        let drawn_w = load_w * (1.0 + CONVERSION_LOSS) + OWN_USE * self.rated_w;
        self.current_a = -drawn_w / self.voltage().max(1.0);
        self.discharge_cell_v(load_w)
    }

    fn recharge(&mut self, dt_s: f64, temperature_c: f64) -> f64 {
        if matches!(self.stage, Stage::Discharging | Stage::Resting) {
            // The longer the discharge, the longer the full voltage is held; a 30 s test still gets five minutes.
            self.absorption_left_s = (3.0 * self.discharged_s).clamp(300.0, 14_400.0);
            self.stage = if self.charge < 0.85 { Stage::Bulk } else { Stage::Absorption };
            self.discharged_s = 0.0;
        }
        let absorption_rate = BULK_RATE * (-(self.charge - 0.85).max(0.0) / 0.05).exp();
        let rate_per_h = match self.stage {
            Stage::Bulk => BULK_RATE,
            Stage::Absorption => absorption_rate,
            _ => FLOAT_RATE + 0.15 * (1.0 - self.charge),
        };
        match self.stage {
            Stage::Bulk if self.charge >= 0.85 => self.stage = Stage::Absorption,
            Stage::Absorption => {
                self.absorption_left_s -= dt_s;
                if absorption_rate < ABSORPTION_END_RATE && self.absorption_left_s <= 0.0 {
                    self.stage = Stage::Float;
                }
            }
            _ => {}
        }
        let stored = rate_per_h * CHARGE_EFFICIENCY * dt_s / 3600.0;
        self.charge = (self.charge + stored).min(1.0);
        self.current_a = rate_per_h * self.capacity_ah();
        self.charging_cell_v(temperature_c)
    }

    fn rest(&mut self, dt_s: f64) -> f64 {
        self.stage = Stage::Resting;
        self.current_a = 0.0;
        self.charge = (self.charge - SELF_DISCHARGE_PER_S * dt_s).max(0.0);
        1.97 + 0.17 * self.charge
    }

    fn charging_cell_v(&self, temperature_c: f64) -> f64 {
        let compensation = CELL_V_PER_C * (temperature_c - 25.0).clamp(-25.0, 25.0);
        let base = match self.stage {
            Stage::Bulk => 2.10 + (ABSORPTION_CELL_V - 2.10) * (self.charge / 0.85).clamp(0.0, 1.0).powf(1.5),
            Stage::Absorption => ABSORPTION_CELL_V,
            _ => FLOAT_CELL_V,
        };
        base + compensation
    }

    /// A straight fall with charge and load, and a knee at the end that lands on the cut-off voltage.
    fn discharge_cell_v(&self, load_w: f64) -> f64 {
        let load = (load_w / self.rated_w).clamp(0.0, 1.5);
        let depth = 1.0 - self.charge;
        let straight = 2.12 - (0.10 + 0.05 * (1.0 - self.health())) * load - 0.20 * depth;
        let at_the_end = 2.12 - (0.10 + 0.05 * (1.0 - self.health())) * load - 0.20;
        let knee = (at_the_end - CUTOFF_CELL_V).max(0.03) * ((depth - 1.0) / 0.05).exp();
        straight - knee
    }

    /// Seconds a full battery feeds `load_w`.
    fn full_discharge_s(&self, load_w: f64, temperature_c: f64) -> f64 {
        let share = (load_w / self.rated_w).max(0.03);
        self.rated_s * self.health() * warmth(temperature_c) / share.powf(PEUKERT)
    }

    /// Seconds the battery would feed `load_w` from now.
    #[must_use]
    pub fn runtime_s(&self, load_w: f64, temperature_c: f64) -> f64 {
        self.charge * self.full_discharge_s(load_w, temperature_c)
    }

    /// Whether it can feed no longer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.charge <= 0.0 || (self.stage == Stage::Discharging && self.cell_v <= CUTOFF_CELL_V)
    }

    /// Share of the new capacity that is left: 1 when new, 0.8 at the end of service life, then falling fast.
    #[must_use]
    pub fn health(&self) -> f64 {
        (1.0 - 0.2 * (self.age_years / SERVICE_YEARS).powi(2)).clamp(0.2, 1.0)
    }

    /// Ampere hours at the 90-minute rate when new.
    #[must_use]
    pub fn capacity_ah(&self) -> f64 {
        self.rated_w * (1.0 + CONVERSION_LOSS) * self.rated_s / 3600.0 / self.nominal_v
    }

    /// Terminal voltage, V.
    #[must_use]
    pub fn voltage(&self) -> f64 {
        self.cell_v * self.cells
    }

    /// Volts per cell.
    #[must_use]
    pub const fn cell_voltage(&self) -> f64 {
        self.cell_v
    }

    /// Amperes, positive while charging.
    #[must_use]
    pub const fn current_a(&self) -> f64 {
        self.current_a
    }

    /// 0 to 1.
    #[must_use]
    pub const fn charge(&self) -> f64 {
        self.charge
    }

    /// What it does now.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Sets the charge, 0 to 1: for a person at the console.
    pub fn set_charge(&mut self, charge: f64) {
        self.charge = charge.clamp(0.0, 1.0);
        if matches!(self.stage, Stage::Float | Stage::Absorption | Stage::Bulk) {
            self.stage = if self.charge < 0.85 { Stage::Bulk } else { Stage::Absorption };
        }
    }

    /// Sets the age in years: for a person at the console.
    pub fn set_age(&mut self, years: f64) {
        self.age_years = years.max(0.0);
    }
}

/// Capacity at a temperature, as a share of that at 25 °C.
fn warmth(temperature_c: f64) -> f64 {
    (1.0 + CAPACITY_PER_C * (temperature_c - 25.0)).clamp(0.5, 1.12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Serial, UtcMs};

    fn battery(age_years: f64, charge: f64) -> Battery {
        let serial = Serial::parse("TEST-1").unwrap();
        Battery::new(&Parameters { age_years, charge, ..Parameters::new(serial, 1, UtcMs(0)) })
    }

    fn minutes_until_empty(mut battery: Battery, load_w: f64, temperature_c: f64) -> f64 {
        let mut seconds = 0.0;
        while !battery.is_empty() && seconds < 1e6 {
            battery.step(1.0, Demand::Feed(load_w), temperature_c);
            seconds += 1.0;
        }
        seconds / 60.0
    }

    fn check(age_years: f64, load_w: f64, temperature_c: f64, expect: std::ops::Range<f64>) {
        let minutes = minutes_until_empty(battery(age_years, 1.0), load_w, temperature_c);
        assert!(expect.contains(&minutes), "{age_years} y, {load_w} W, {temperature_c} °C: {minutes} min");
    }

    #[test]
    fn minutes_follow_load_temperature_and_age() {
        check(0.0, 10_000.0, 25.0, 90.0..97.0);
        check(0.0, 5_000.0, 25.0, 190.0..215.0);
        check(0.0, 10_000.0, 5.0, 70.0..82.0);
        check(10.0, 10_000.0, 25.0, 70.0..78.0);
        check(15.0, 10_000.0, 25.0, 45.0..56.0);
    }

    #[test]
    fn voltage_falls_slowly_then_fast() {
        let mut battery = battery(0.0, 1.0);
        let mut at = |charge: f64| {
            while battery.charge() > charge {
                battery.step(1.0, Demand::Feed(6_100.0), 25.0);
            }
            battery.voltage()
        };
        let (early, middle, late, end) = (at(0.98), at(0.5), at(0.1), at(0.01));
        assert!((121.0..125.0).contains(&early), "{early}");
        assert!(early - middle < 7.0 && middle - late < 7.0, "{early} {middle} {late}");
        assert!(late - end > 4.0, "{late} {end}");
        assert!(end >= 105.0, "{end}");
    }

    #[test]
    fn recharge_takes_hours_and_ends_in_float() {
        let mut battery = battery(0.0, 1.0);
        while !battery.is_empty() {
            battery.step(1.0, Demand::Feed(10_000.0), 25.0);
        }
        let mut hours = 0.0;
        let mut stages = vec![];
        while battery.stage() != Stage::Float && hours < 100.0 {
            battery.step(10.0, Demand::Charge, 25.0);
            hours += 10.0 / 3600.0;
            if stages.last() != Some(&battery.stage()) {
                stages.push(battery.stage());
            }
        }
        assert!((8.0..24.0).contains(&hours), "{hours}");
        assert_eq!(stages, [Stage::Bulk, Stage::Absorption, Stage::Float]);
        assert!(battery.charge() > 0.95, "{}", battery.charge());
    }
}
