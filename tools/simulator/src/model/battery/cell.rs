//! One cell of a valve-regulated lead-acid string: two wells of charge and what stands between them and the terminals.
//!
//! In: a rate of discharge or charge, temperature, age, steps of time. Out: charge and terminal voltage. Frozen as a truth
//! to measure estimators against (ADR 23): no estimator may share these equations. Sources stand at each term.

/// Rate that the charge-transfer term is scaled by, per hour.
const EXCHANGE_RATE: f64 = 0.02;
/// Charge drawn at which the coup de fouet is deepest, as a share of capacity (Pascoe and Anbuky, 2002: the trough comes
/// within the first minutes).
const DIP_AT: f64 = 0.012;
/// Rate that the depth of the coup de fouet is stated at, per hour.
const DIP_RATE: f64 = 0.5;
/// Diffusion quickens by this share per °C.
const EXCHANGE_PER_C: f64 = 0.02;
/// A cell that is forced on after it is empty falls to this, V.
const LEAST_V: f64 = 0.5;

/// What a cell is made of. Rates are capacities per hour, so that one cell stands for any size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chemistry {
    /// Share of the charge that is at hand at once (Manwell and McGowan, 1993, kinetic battery model: c).
    pub well: f64,
    /// How fast the rest follows, per hour (the same: k').
    pub exchange_per_h: f64,
    /// Voltage at rest when full, V.
    pub rest_v: f64,
    /// Its fall as the well at hand empties, V.
    pub fall_v: f64,
    /// Ohmic loss, V at a rate of 1 per hour.
    pub ohm_v: f64,
    /// The part of it that grows as the well empties, by its power −1.5 (Copetti et al., 1993).
    pub knee_v: f64,
    /// Charge transfer: V per unit of asinh(rate / 0.02).
    pub transfer_v: f64,
    /// Depth of the coup de fouet after a long float, V at a rate of 0.5 per hour.
    pub dip_v: f64,
    /// Capacity gained per °C above 25.
    pub capacity_per_c: f64,
    /// Resistance lost per °C above 25.
    pub resistance_per_c: f64,
    /// Resistance gained per year of age.
    pub growth_per_year: f64,
    /// The power of age by which capacity is lost.
    pub fade_power: f64,
}

impl Default for Chemistry {
    fn default() -> Self {
        Self {
            well: 0.70,
            exchange_per_h: 2.0,
            rest_v: 2.13,
            fall_v: 0.17,
            ohm_v: 0.05,
            knee_v: 0.006,
            transfer_v: 0.015,
            dip_v: 0.02,
            capacity_per_c: 0.006,
            resistance_per_c: 0.007,
            growth_per_year: 0.04,
            fade_power: 2.0,
        }
    }
}

/// Charge of one cell: how full each well is, 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    hand: f64,
    bound: f64,
    drawn: f64,
    rested: bool,
}

impl Cell {
    /// Both wells filled to `charge`; `rested`: after a long float.
    pub const fn new(charge: f64, rested: bool) -> Self {
        Self { hand: charge, bound: charge, drawn: 0.0, rested }
    }

    /// Charge in both wells, 0 to 1.
    pub fn charge(&self, chemistry: &Chemistry) -> f64 {
        chemistry.well * self.hand + (1.0 - chemistry.well) * self.bound
    }

    /// Moves on by `dt_s` seconds at `rate` per hour (negative: charging); `capacity` is that of this cell now, as a share of
    /// a new one's at 25 °C.
    pub fn step(&mut self, chemistry: &Chemistry, rate: f64, capacity: f64, temperature_c: f64, dt_s: f64) {
        let hours = dt_s / 3600.0;
        let well = chemistry.well;
        let exchange = chemistry.exchange_per_h * (EXCHANGE_PER_C * (temperature_c - 25.0)).exp();
        // Steps of an hour while charging must not overshoot: what flows at most makes the wells level.
        let share = 1.0 - (-exchange * hours).exp();
        let flow = well * (1.0 - well) * (self.bound - self.hand) * share;
        self.hand += (flow - rate * hours / capacity.max(0.05)) / well;
        self.bound -= flow / (1.0 - well);
        if self.hand > 1.0 {
            self.bound += (self.hand - 1.0) * well / (1.0 - well);
        }
        self.hand = self.hand.clamp(0.0, 1.0);
        self.bound = self.bound.clamp(0.0, 1.0);
        self.drawn = if rate > 0.0 { self.drawn + rate * hours / capacity.max(0.05) } else { 0.0 };
    }

    /// Says that it has floated long enough for a coup de fouet at the next discharge.
    pub const fn rest(&mut self) {
        self.rested = true;
    }

    /// Says that it has been discharged.
    pub const fn used(&mut self) {
        self.rested = false;
    }

    /// Terminal voltage while it gives `rate` per hour; `resistance` is its growth with age.
    pub fn voltage(&self, chemistry: &Chemistry, rate: f64, resistance: f64, temperature_c: f64) -> f64 {
        let cold = (1.0 - chemistry.resistance_per_c * (temperature_c - 25.0)).clamp(0.5, 2.0);
        let ohm = chemistry.ohm_v + chemistry.knee_v / (self.hand + 0.01).powf(1.5);
        let dip = if self.rested {
            let way = self.drawn / DIP_AT;
            chemistry.dip_v * (rate / DIP_RATE).max(0.0).sqrt() * way * (1.0 - way).exp()
        } else {
            0.0
        };
        let open = chemistry.rest_v - chemistry.fall_v * (1.0 - self.hand);
        (open - rate * ohm * resistance * cold - chemistry.transfer_v * (rate / EXCHANGE_RATE).asinh() - dip)
            .max(LEAST_V)
    }
}

/// Watts per cell and ampere hour that empty a full new cell at 25 °C to `cutoff_v` in `minutes`: found by halving.
pub fn power_for(chemistry: &Chemistry, minutes: f64, cutoff_v: f64) -> f64 {
    let (mut low, mut high) = (0.02_f64, 20.0_f64);
    for _ in 0..18 {
        let middle = (low * high).sqrt();
        if lasts(chemistry, middle, minutes, cutoff_v) { low = middle } else { high = middle }
    }
    low
}

fn lasts(chemistry: &Chemistry, power: f64, minutes: f64, cutoff_v: f64) -> bool {
    const STEPS: u32 = 120;
    let dt_s = minutes * 60.0 / f64::from(STEPS);
    let mut cell = Cell::new(1.0, false);
    let mut voltage = 2.0;
    for _ in 0..STEPS {
        let rate = power / voltage;
        cell.step(chemistry, rate, 1.0, 25.0, dt_s);
        voltage = cell.voltage(chemistry, rate, 1.0, 25.0);
        if voltage <= cutoff_v {
            return false;
        }
    }
    true
}
