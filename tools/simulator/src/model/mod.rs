//! One inverter: utility, load, battery, climate, self-tests, conditions, cabinet button.
//!
//! In: [`Parameters`], steps of time, commands. Out: an [`wire::Observation`] whenever asked. Deterministic: the same
//! parameters, steps and commands give the same observations. Never reads a clock.

mod alarms;
mod battery;
mod climate;
mod load;
mod mains;
mod noise;
mod parameters;
pub mod population;
mod sample;
mod self_test;

use wire::{Button, Condition, Conditions, Flags, SelfTest, TestKind, time::DAY_MS};

pub use battery::{Chemistry, Stage};
pub use noise::Source;
pub use parameters::{Parameters, Phases, Schedule, Sensors};

use alarms::{Alarms, Facts, OVERLOAD_SHUTDOWN_S};
use battery::{Battery, Demand};
use climate::Climate;
use load::Load;
use mains::Mains;
use self_test::{Ending, Tests};

/// Longest inner step while the battery feeds the load, and otherwise, seconds.
const FEEDING_STEP_S: f64 = 1.0;
const IDLE_STEP_S: f64 = 10.0;

/// An inverter that lives by [`Inverter::step`].
#[derive(Debug, Clone)]
pub struct Inverter {
    parameters: Parameters,
    source: Source,
    mains: Mains,
    load: Load,
    climate: Climate,
    battery: Battery,
    tests: Tests,
    alarms: Alarms,
    mode: Mode,
    discharge_s: f64,
    overloaded_s: f64,
    fell_short: bool,
    uptime_s: f64,
    battery_s: f64,
    energy_wh: f64,
    presses: u64,
    pressed_at_s: f64,
    sequence: u64,
}

/// Where the load's power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The utility, directly.
    Line,
    /// The battery, because the utility is away.
    Battery,
    /// The battery, in a self-test.
    Test,
    /// Nowhere: the battery gave up, or the inverter shut down or is broken.
    Off(Off),
}

/// Why the load has no power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// The battery gave up.
    Empty,
    /// Too much load for too long.
    Overload,
    /// `inverter.fault` or `output.fault`.
    Fault,
}

/// Why a self-test cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TestRefused {
    /// The load is on the battery already, or has no power.
    #[error("no test now: the load is not on utility power (try `mains on` and wait five seconds)")]
    NotOnLine,
    /// Another test runs.
    #[error("no test now: one is running (try `test stop`)")]
    Running,
}

/// The part of an inverter's state that is reported at once when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urgent {
    flags: Flags,
    conditions: Conditions,
    presses: u64,
    test: Option<(u64, wire::TestResult)>,
}

impl Inverter {
    /// An inverter that has been running since long on utility power, its battery charged as the parameters say.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        let mut inverter = Self {
            source: Source::new(parameters.seed),
            mains: Mains::new(&parameters),
            load: Load::new(&parameters),
            climate: Climate::new(&parameters),
            battery: Battery::new(&parameters),
            tests: Tests::new(parameters.required_minutes, parameters.monthly_s, parameters.schedule),
            alarms: Alarms::default(),
            mode: Mode::Line,
            discharge_s: 0.0,
            overloaded_s: 0.0,
            fell_short: false,
            uptime_s: 0.0,
            battery_s: 0.0,
            energy_wh: 0.0,
            presses: 0,
            pressed_at_s: 0.0,
            sequence: 0,
            parameters,
        };
        inverter.tick(0.0);
        inverter
    }

    /// Moves on by `dt_s` seconds, in inner steps short enough for the battery's knee.
    pub fn step(&mut self, dt_s: f64) {
        let mut left = dt_s.max(0.0);
        while left > 0.0 {
            let limit = if self.mode == Mode::Line { IDLE_STEP_S } else { FEEDING_STEP_S };
            let step = left.min(limit);
            self.tick(step);
            left -= step;
        }
    }

    /// Moves on by `dt_s` seconds of quiet at once: on utility power, full and floating, nothing due within. Where that is not
    /// so it steps as [`Inverter::step`] does. The same ageing and the same balance of temperatures as by steps; the
    /// noise of the moments between is not drawn.
    pub fn skip(&mut self, dt_s: f64) {
        let quiet = self.mode == Mode::Line
            && self.mains.is_qualified()
            && self.battery.stage() == Stage::Float
            && self.tests.next_in(self.uptime_s).is_none_or(|due_s| due_s > dt_s);
        if !quiet {
            return self.step(dt_s);
        }
        let dt_s = dt_s.max(0.0);
        self.uptime_s += dt_s;
        let hour = self.hour();
        self.climate.settle(dt_s, hour);
        self.battery.float_for(dt_s, self.climate.battery_c());
        self.energy_wh += self.output_w() * dt_s / 3600.0;
        self.load.step(dt_s, hour, &mut self.source);
        self.tick(0.0);
    }

    fn tick(&mut self, dt_s: f64) {
        self.uptime_s += dt_s;
        let hour = self.hour();
        self.mains.step(dt_s, &mut self.source);
        self.load.step(dt_s, hour, &mut self.source);
        if let Some(kind) = self.tests.due(self.uptime_s) {
            // A test that cannot start now is missed; the cloud is what notices.
            let _ = self.start_test(kind);
        }
        self.choose_mode(dt_s);
        self.run_battery(dt_s);
        let converted = if self.is_feeding() { self.output_w() / self.parameters.rated_w } else { 0.0 };
        self.climate.step(dt_s, hour, converted, &mut self.source);
        self.energy_wh += self.output_w() * dt_s / 3600.0;
        let facts = self.facts();
        self.alarms.step(&facts);
    }

    /// One transition per tick is enough: ticks are short.
    fn choose_mode(&mut self, dt_s: f64) {
        let broken = self.alarms.is_forced(Condition::INVERTER_FAULT)
            || self.alarms.is_forced(Condition::OUTPUT_FAULT);
        self.mode = match self.mode {
            Mode::Line if !self.mains.is_present() => Mode::Battery,
            Mode::Test if !self.mains.is_present() => {
                self.end_test(Ending::Stopped);
                Mode::Battery
            }
            Mode::Battery | Mode::Off(_) if self.mains.is_qualified() => Mode::Line,
            Mode::Off(Off::Fault) if !broken && !self.mains.is_present() => Mode::Battery,
            Mode::Off(Off::Overload) if self.load.share() < 1.0 => Mode::Battery,
            same => same,
        };
        if self.is_feeding() {
            self.watch_discharge(dt_s, broken);
        } else if self.mode == Mode::Line {
            self.discharge_s = 0.0;
            self.overloaded_s = 0.0;
        }
        if self.mode == Mode::Test && self.tests.step(dt_s) == Some(Ending::Complete) {
            self.end_test(Ending::Complete);
            self.mode = Mode::Line;
        }
    }

    fn watch_discharge(&mut self, dt_s: f64, broken: bool) {
        self.discharge_s += dt_s;
        self.battery_s += dt_s;
        self.overloaded_s = if self.load.share() > 1.10 { self.overloaded_s + dt_s } else { 0.0 };
        let off = if broken {
            Off::Fault
        } else if self.battery.is_empty() {
            self.fell_short |= self.discharge_s < self.parameters.required_minutes * 60.0;
            Off::Empty
        } else if self.overloaded_s > OVERLOAD_SHUTDOWN_S {
            Off::Overload
        } else {
            return;
        };
        let testing = self.mode == Mode::Test;
        self.end_test(Ending::Gave);
        self.mode = if testing { Mode::Line } else { Mode::Off(off) };
    }

    fn run_battery(&mut self, dt_s: f64) {
        let demand = if self.is_feeding() {
            Demand::Feed(self.output_w())
        } else if self.mains.is_present() && !self.alarms.is_forced(Condition::CHARGER_FAULT) {
            Demand::Charge
        } else {
            Demand::Rest
        };
        self.battery.step(dt_s, demand, self.climate.battery_c());
        if self.fell_short && self.battery.stage() == Stage::Float {
            self.fell_short = false;
        }
    }

    fn end_test(&mut self, ending: Ending) {
        self.tests.end(ending, self.battery.voltage(), self.battery.cell_voltage());
    }

    fn facts(&self) -> Facts {
        Facts {
            utility_lost: self.mains.is_lost(),
            input_low: self.mains.is_low(),
            input_high: self.mains.is_high(),
            on_battery: !matches!(self.mode, Mode::Line),
            battery_empty: self.mode == Mode::Off(Off::Empty),
            runtime_s: self.runtime_s(),
            load: self.load.share(),
            load_against_usual: self.load.against_usual(),
            overload_shutdown: self.mode == Mode::Off(Off::Overload),
            fell_short: self.fell_short,
            ambient_c: self.climate.ambient_c(),
            cabinet_c: self.climate.cabinet_c(),
        }
    }

    fn hour(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one day")]
        let start_s = self.parameters.start.0.rem_euclid(DAY_MS) as f64 / 1000.0;
        (start_s + self.uptime_s).rem_euclid(86_400.0) / 3600.0
    }

    const fn is_feeding(&self) -> bool {
        matches!(self.mode, Mode::Battery | Mode::Test)
    }

    /// Watts at the output: what the load asks for while there is power and the breaker is closed.
    fn output_w(&self) -> f64 {
        let off = matches!(self.mode, Mode::Off(_)) || self.alarms.is_forced(Condition::OUTPUT_BREAKER);
        if off { 0.0 } else { self.load.power_w() }
    }

    fn runtime_s(&self) -> f64 {
        self.battery.runtime_s(self.load.power_w(), self.climate.battery_c())
    }
}

/// What a person at the cabinet, or a test, can do to it.
impl Inverter {
    /// Sets utility voltage as a share of nominal: 0 off, 1 on, 0.87 low, 1.12 high.
    pub fn set_mains(&mut self, level: f64) {
        self.mains.set_level(level);
        self.tick(0.0);
    }

    /// Presses the cabinet button.
    pub fn press_button(&mut self) {
        self.presses += 1;
        self.pressed_at_s = self.uptime_s;
    }

    /// Sets the load as a share of rated; `None`: back to usual.
    pub fn set_load(&mut self, share: Option<f64>) {
        self.load.set(share);
        self.tick(0.0);
    }

    /// Sets the temperature around the cabinet, °C; `None`: back to the site's own.
    pub fn set_ambient(&mut self, celsius: Option<f64>) {
        self.climate.set_ambient(celsius);
        self.tick(0.0);
    }

    /// Sets the battery's charge, 0 to 1.
    pub fn set_charge(&mut self, charge: f64) {
        self.battery.set_charge(charge);
    }

    /// Sets the battery's age, years.
    pub fn set_battery_age(&mut self, years: f64) {
        self.battery.set_age(years);
    }

    /// Starts a self-test.
    ///
    /// # Errors
    /// [`TestRefused`] when the inverter cannot.
    pub fn start_test(&mut self, kind: TestKind) -> Result<(), TestRefused> {
        if self.tests.running().is_some() {
            return Err(TestRefused::Running);
        }
        if self.mode != Mode::Line || !self.mains.is_present() {
            return Err(TestRefused::NotOnLine);
        }
        self.tests.start(kind, self.uptime_ms());
        self.discharge_s = 0.0;
        self.mode = Mode::Test;
        self.tick(0.0);
        Ok(())
    }

    /// Ends a running self-test early; nothing happens if none runs.
    pub fn stop_test(&mut self) {
        if self.mode == Mode::Test {
            self.end_test(Ending::Stopped);
            self.mode = Mode::Line;
            self.tick(0.0);
        }
    }

    /// Forces a condition or lets it go. Where the physics can bring it about, they do: `utility.lost` turns the
    /// utility off, `ambient.high` heats the cabinet, and so on; the rest is set in the frame.
    pub fn force(&mut self, condition: Condition, on: bool) {
        let load = self.parameters.typical_load;
        match condition {
            Condition::UTILITY_LOST => self.mains.set_level(if on { 0.0 } else { 1.0 }),
            Condition::INPUT_LOW => self.mains.set_level(if on { 0.86 } else { 1.0 }),
            Condition::INPUT_HIGH => self.mains.set_level(if on { 1.13 } else { 1.0 }),
            Condition::AMBIENT_HIGH => self.climate.set_ambient(on.then_some(43.0)),
            Condition::OVERLOAD => self.load.set(on.then_some(1.18)),
            Condition::LOAD_REDUCED => self.load.set(on.then_some(0.4 * load)),
            Condition::RUNTIME_SHORT if !on => self.fell_short = false,
            _ => {}
        }
        let physical = [
            Condition::UTILITY_LOST,
            Condition::INPUT_LOW,
            Condition::INPUT_HIGH,
            Condition::AMBIENT_HIGH,
            Condition::OVERLOAD,
        ];
        if !physical.contains(&condition) {
            self.alarms.force(condition, on);
        }
        self.tick(0.0);
    }
}

/// What can be asked of it.
impl Inverter {
    /// As built.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Where the load's power comes from.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// What the battery does.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.battery.stage()
    }

    /// Milliseconds since its start.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds since start, from 0 up"
    )]
    pub fn uptime_ms(&self) -> u64 {
        (self.uptime_s * 1000.0).round() as u64
    }

    /// The last or running self-test.
    #[must_use]
    pub const fn test(&self) -> Option<&SelfTest> {
        self.tests.record()
    }

    /// The cabinet button.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an age, from 0 up")]
    pub fn button(&self) -> Button {
        Button {
            count: self.presses,
            age_ms: if self.presses == 0 {
                0
            } else {
                ((self.uptime_s - self.pressed_at_s) * 1000.0).round() as u64
            },
        }
    }

    /// The part whose change is reported at once.
    #[must_use]
    pub fn urgent(&self) -> Urgent {
        Urgent {
            flags: self.flags(),
            conditions: self.alarms.conditions(),
            presses: self.presses,
            test: self.test().map(|test| (test.count, test.result.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
