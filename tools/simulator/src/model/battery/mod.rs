//! A valve-regulated lead-acid battery: charge, discharge, temperature, age; and what the inverter's own gauge says of it.
//!
//! In: power drawn or leave to charge, temperature, steps of time. Out: voltage, current, and the inverter's word for charge
//! and minutes left, which is by Peukert's law and as far off as such gauges are. When the battery is empty follows from
//! the cells alone ([`cell`]). The figures are those of a typical bank of two-volt cells; sources are named where there is one.

mod cell;

use super::noise::lag;
use super::parameters::Parameters;

use cell::Cell;
pub use cell::Chemistry;

/// The gauge's exponent of Peukert's law.
const PEUKERT: f64 = 1.15;
/// The gauge's capacity gained per °C above 25 (IEEE 485, cell size correction, about 0.8 %).
const CAPACITY_PER_C: f64 = 0.008;
/// Below this, V per cell, the gauge goes by the voltage: so many seconds are left from here to the end.
const KNEE_CELL_V: f64 = 1.85;
const KNEE_S: f64 = 1_200.0;
/// The gauge's charge while the battery still feeds.
const GAUGE_LEAST: f64 = 0.005;
/// Charge that is left in the cells where the gauge says that there is none.
const LEFT_AT_THE_END: f64 = 0.17;
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
    chemistry: Chemistry,
    weak: Option<Weak>,
    capacity_ah: f64,
    rated_w: f64,
    rated_s: f64,
    age_years: f64,
    stage: Stage,
    cell: Cell,
    cell_v: f64,
    current_a: f64,
    discharged_s: f64,
    absorption_left_s: f64,
    gauge: f64,
    /// Gauge and charge at the last end of a discharge: between them and full the gauge follows the charge.
    turned: (f64, f64),
}

/// The part of a string that is weaker than the rest.
#[derive(Debug, Clone, Copy)]
struct Weak {
    /// Share of the cells, and their capacity as a share of the others'.
    share: f64,
    capacity: f64,
    cell: Cell,
}

impl Battery {
    /// As installed, with its age and charge.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let charge = parameters.charge.clamp(0.0, 1.0);
        let (cells, chemistry) = (parameters.cells(), parameters.chemistry);
        let per_cell_w = drawn_w(parameters.rated_w, parameters.rated_w) / cells;
        let rested = charge > 0.97;
        let cell = Cell::new(charge_of(charge), rested);
        let (share, capacity) = parameters.weak_block;
        let mut battery = Self {
            cells,
            chemistry,
            weak: (share > 0.0).then_some(Weak { share, capacity, cell }),
            capacity_ah: per_cell_w / cell::power_for(&chemistry, parameters.rated_minutes, CUTOFF_CELL_V),
            rated_w: parameters.rated_w,
            rated_s: parameters.rated_minutes * 60.0,
            age_years: parameters.age_years.max(0.0),
            stage: if rested { Stage::Float } else { Stage::Bulk },
            cell,
            cell_v: FLOAT_CELL_V,
            current_a: 0.0,
            discharged_s: 0.0,
            absorption_left_s: 0.0,
            gauge: charge,
            turned: (charge, charge_of(charge)),
        };
        battery.cell_v = battery.charging_cell_v(25.0);
        battery
    }

    /// Moves on by `dt_s` seconds (keep it at or below a few seconds while feeding).
    pub fn step(&mut self, dt_s: f64, demand: Demand, temperature_c: f64) {
        self.grow_older(dt_s, temperature_c);
        let target_cell_v = match demand {
            Demand::Feed(load_w) => self.feed(dt_s, load_w, temperature_c),
            Demand::Charge => self.recharge(dt_s, temperature_c),
            Demand::Rest => self.rest(dt_s, temperature_c),
        };
        self.cell_v = lag(self.cell_v, target_cell_v, 4.0, dt_s);
    }

    /// A quiet stretch on float, at once: it is older and full, and nothing else has changed. Only from [`Stage::Float`].
    pub fn float_for(&mut self, seconds: f64, temperature_c: f64) {
        self.grow_older(seconds, temperature_c);
        self.fill();
        self.cell_v = self.charging_cell_v(temperature_c);
        self.current_a = FLOAT_RATE * self.capacity_ah;
    }

    fn fill(&mut self) {
        self.cell = Cell::new(1.0, true);
        if let Some(weak) = &mut self.weak {
            weak.cell = self.cell;
        }
        (self.gauge, self.turned) = (1.0, (1.0, 1.0));
    }

    /// Twice as fast for each 10 °C more (Arrhenius).
    fn grow_older(&mut self, seconds: f64, temperature_c: f64) {
        self.age_years += seconds / 31_557_600.0 * ((temperature_c - 25.0) / 10.0).exp2();
    }

    fn feed(&mut self, dt_s: f64, load_w: f64, temperature_c: f64) -> f64 {
        if self.stage != Stage::Discharging {
            self.discharged_s = 0.0;
        }
        self.stage = Stage::Discharging;
        self.discharged_s += dt_s;
        self.current_a = -drawn_w(load_w, self.rated_w) / self.voltage().max(1.0);
        let rate = -self.current_a / self.capacity_ah;
        let cell_v = self.string_step(rate, temperature_c, dt_s);
        let spent = dt_s / self.full_discharge_s(load_w, temperature_c);
        self.gauge = (self.gauge - spent).max(GAUGE_LEAST.min(self.gauge));
        if cell_v <= CUTOFF_CELL_V {
            self.gauge = 0.0;
        }
        self.turned = (self.gauge, self.cell.charge(&self.chemistry));
        cell_v
    }

    /// Moves all cells on and gives their mean voltage.
    fn string_step(&mut self, rate: f64, temperature_c: f64, dt_s: f64) -> f64 {
        let warm = (1.0 + self.chemistry.capacity_per_c * (temperature_c - 25.0)).clamp(0.4, 1.2);
        let capacity = self.health() * warm;
        let resistance = 1.0 + self.chemistry.growth_per_year * self.age_years;
        let chemistry = self.chemistry;
        self.cell.step(&chemistry, rate, capacity, temperature_c, dt_s);
        let others = self.cell.voltage(&chemistry, rate, resistance, temperature_c);
        let Some(weak) = &mut self.weak else { return others };
        weak.cell.step(&chemistry, rate, capacity * weak.capacity, temperature_c, dt_s);
        let least = weak.cell.voltage(&chemistry, rate, resistance / weak.capacity, temperature_c);
        others * (1.0 - weak.share) + least * weak.share
    }

    fn recharge(&mut self, dt_s: f64, temperature_c: f64) -> f64 {
        if matches!(self.stage, Stage::Discharging | Stage::Resting) {
            // The longer the discharge, the longer the full voltage is held; a 30 s test still gets five minutes.
            self.absorption_left_s = (3.0 * self.discharged_s).clamp(300.0, 14_400.0);
            self.stage =
                if self.cell.charge(&self.chemistry) < 0.85 { Stage::Bulk } else { Stage::Absorption };
            self.discharged_s = 0.0;
        }
        let charge = self.cell.charge(&self.chemistry);
        let absorption_rate = BULK_RATE * (-(charge - 0.85).max(0.0) / 0.05).exp();
        let rate_per_h = match self.stage {
            Stage::Bulk => BULK_RATE,
            Stage::Absorption => absorption_rate,
            _ => FLOAT_RATE + 0.15 * (1.0 - charge),
        };
        match self.stage {
            Stage::Bulk if charge >= 0.85 => self.stage = Stage::Absorption,
            Stage::Absorption => {
                self.absorption_left_s -= dt_s;
                if absorption_rate < ABSORPTION_END_RATE && self.absorption_left_s <= 0.0 {
                    self.stage = Stage::Float;
                }
            }
            _ => {}
        }
        self.string_step(-rate_per_h * CHARGE_EFFICIENCY, temperature_c, dt_s);
        let charge = self.cell.charge(&self.chemistry);
        let (gauge, from) = self.turned;
        self.gauge = (1.0 - (1.0 - gauge) * (1.0 - charge) / (1.0 - from).max(1e-6)).clamp(self.gauge, 1.0);
        if self.stage == Stage::Float && charge > 0.98 {
            self.rested(true);
        } else if charge < 0.9 {
            self.rested(false);
        }
        self.current_a = rate_per_h * self.capacity_ah;
        self.charging_cell_v(temperature_c)
    }

    /// A coup de fouet comes of a full battery that has floated; the next discharge soon after one has none.
    fn rested(&mut self, rested: bool) {
        let all = std::iter::once(&mut self.cell).chain(self.weak.as_mut().map(|weak| &mut weak.cell));
        all.for_each(|cell| if rested { cell.rest() } else { cell.used() });
    }

    fn rest(&mut self, dt_s: f64, temperature_c: f64) -> f64 {
        self.stage = Stage::Resting;
        self.current_a = 0.0;
        self.string_step(SELF_DISCHARGE_PER_S * 3600.0, temperature_c, dt_s);
        self.gauge = (self.gauge - SELF_DISCHARGE_PER_S * dt_s).max(0.0);
        self.turned = (self.gauge, self.cell.charge(&self.chemistry));
        1.97 + 0.17 * self.turned.1
    }

    fn charging_cell_v(&self, temperature_c: f64) -> f64 {
        let compensation = CELL_V_PER_C * (temperature_c - 25.0).clamp(-25.0, 25.0);
        let base = match self.stage {
            Stage::Bulk => {
                let charge = self.cell.charge(&self.chemistry);
                2.10 + (ABSORPTION_CELL_V - 2.10) * (charge / 0.85).clamp(0.0, 1.0).powf(1.5)
            }
            Stage::Absorption => ABSORPTION_CELL_V,
            _ => FLOAT_CELL_V,
        };
        base + compensation
    }

    /// Seconds a full battery feeds `load_w`, by the gauge.
    fn full_discharge_s(&self, load_w: f64, temperature_c: f64) -> f64 {
        let share = (load_w / self.rated_w).max(0.03);
        self.rated_s * self.health() * warmth(temperature_c) / share.powf(PEUKERT)
    }

    /// Seconds the battery would feed `load_w` from now, by the inverter's own gauge.
    #[must_use]
    pub fn runtime_s(&self, load_w: f64, temperature_c: f64) -> f64 {
        let by_charge = self.gauge * self.full_discharge_s(load_w, temperature_c);
        let knee = (self.cell_v - CUTOFF_CELL_V) / (KNEE_CELL_V - CUTOFF_CELL_V);
        let at_the_knee = self.stage == Stage::Discharging && knee < 1.0;
        if at_the_knee { by_charge.min(KNEE_S * knee.max(0.0)) } else { by_charge }
    }

    /// Whether it can feed no longer: by the voltage alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stage == Stage::Discharging && self.cell_v <= CUTOFF_CELL_V
    }

    /// Share of the new capacity that is left: 1 when new, 0.8 at the end of service life, then falling fast.
    #[must_use]
    pub fn health(&self) -> f64 {
        (1.0 - 0.2 * (self.age_years / SERVICE_YEARS).powf(self.chemistry.fade_power)).clamp(0.2, 1.0)
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

    /// 0 to 1, by the inverter's own gauge: 0 where the battery gave up.
    #[must_use]
    pub const fn charge(&self) -> f64 {
        self.gauge
    }

    /// What it does now.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Sets the charge, 0 to 1: for a person at the console.
    pub fn set_charge(&mut self, charge: f64) {
        self.gauge = charge.clamp(0.0, 1.0);
        self.cell = Cell::new(charge_of(self.gauge), false);
        if let Some(weak) = &mut self.weak {
            weak.cell = self.cell;
        }
        self.turned = (self.gauge, charge_of(self.gauge));
        if matches!(self.stage, Stage::Float | Stage::Absorption | Stage::Bulk) {
            self.stage = if charge_of(self.gauge) < 0.85 { Stage::Bulk } else { Stage::Absorption };
        }
    }

    /// Sets the age in years: for a person at the console.
    pub fn set_age(&mut self, years: f64) {
        self.age_years = years.max(0.0);
    }
}

/// Watts taken from the battery for `load_w` at the output.
fn drawn_w(load_w: f64, rated_w: f64) -> f64 {
    load_w * (1.0 + CONVERSION_LOSS) + OWN_USE * rated_w
}

/// Charge of the cells where the gauge says `gauge`.
fn charge_of(gauge: f64) -> f64 {
    LEFT_AT_THE_END + (1.0 - LEFT_AT_THE_END) * gauge
}

/// The gauge's capacity at a temperature, as a share of that at 25 °C.
fn warmth(temperature_c: f64) -> f64 {
    (1.0 + CAPACITY_PER_C * (temperature_c - 25.0)).clamp(0.5, 1.12)
}

#[cfg(test)]
mod tests;
