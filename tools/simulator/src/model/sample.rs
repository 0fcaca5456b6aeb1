//! What the inverter's own instruments say, with their noise, as one observation.
//!
//! In: the model's state. Out: [`Observation`], numbered. Values are rounded by [`Quantity::to_scaled`], nowhere else.

use wire::{Condition, Flag, Flags, Observation, Quantity, Sample};

use super::load::POWER_FACTOR;
use super::{Inverter, Mode, Phases, Stage};

/// Input current is drawn at this efficiency, charger included.
const LINE_EFFICIENCY: f64 = 0.97;
/// Shares of the load on the three phases.
const PHASE_SHARES: [f64; 3] = [0.36, 0.33, 0.31];

impl Inverter {
    /// Measures everything once; each call has the next sequence number.
    pub fn observe(&mut self) -> Observation {
        let sample = self.measure();
        let sequence = self.sequence;
        self.sequence += 1;
        Observation {
            serial: Some(self.parameters.serial),
            boot: Some(self.parameters.boot),
            sequence: Some(sequence),
            uptime_ms: Some(self.uptime_ms()),
            sample,
            button: Some(self.button()),
            test: self.test().cloned(),
        }
    }

    fn measure(&mut self) -> Sample {
        let mut sample =
            Sample { flags: self.flags(), conditions: self.alarms.conditions(), ..Sample::default() };
        let output_w = self.output_w();
        let output = self.output();
        let phases = if self.parameters.phases == Phases::Three { 3.0 } else { 1.0 };
        let output_va = output_w / POWER_FACTOR;
        let output_a = if output.0 > 1.0 { output_va / output.0 } else { 0.0 };
        let charge_w = self.battery.current_a().max(0.0) * self.battery.voltage();
        let input_w = if self.mode == Mode::Line {
            output_w / LINE_EFFICIENCY + charge_w / 0.9
        } else {
            charge_w / 0.9
        };
        let input_w = if self.mains.is_present() { input_w } else { 0.0 };
        let input_a =
            if self.mains.is_present() { input_w / phases / self.mains.voltage().max(1.0) } else { 0.0 };
        let sensors = self.parameters.sensors;
        let battery_v =
            self.battery.voltage() * sensors.volt_gain + sensors.volt_noise * self.source.normal();
        let battery_a = self.battery.current_a() * sensors.ampere_gain;
        let read_w = output_w * sensors.watt_gain;
        let rows = [
            (Quantity::INPUT_VOLTAGE, self.mains.voltage()),
            (Quantity::INPUT_FREQUENCY, self.mains.frequency()),
            (Quantity::INPUT_CURRENT, input_a),
            (Quantity::INPUT_REALPOWER, input_w),
            (Quantity::OUTPUT_VOLTAGE, output.0),
            (Quantity::OUTPUT_FREQUENCY, output.1),
            (Quantity::OUTPUT_CURRENT, output_a / phases),
            (Quantity::OUTPUT_POWERFACTOR, if output_w > 0.0 { POWER_FACTOR } else { 0.0 }),
            (Quantity::OUTPUT_ENERGY, self.energy_wh),
            (Quantity::REALPOWER, read_w),
            (Quantity::POWER, output_va),
            (Quantity::LOAD, 100.0 * read_w / self.parameters.rated_w),
            (Quantity::BATTERY_VOLTAGE, battery_v),
            (Quantity::BATTERY_CURRENT, battery_a),
            (Quantity::BATTERY_POWER, battery_a * battery_v),
            (Quantity::BATTERY_TEMPERATURE, self.climate.battery_c() + sensors.celsius_offset),
            (Quantity::BATTERY_CHARGE, 100.0 * self.battery.charge()),
            (Quantity::BATTERY_RUNTIME, self.runtime_s().min(86_400.0)),
            (Quantity::AMBIENT_TEMPERATURE, self.climate.ambient_c()),
            (Quantity::TEMPERATURE, self.climate.cabinet_c()),
            (Quantity::DEVICE_UPTIME, self.uptime_s.floor()),
            (Quantity::BATTERY_SECONDS, self.battery_s.floor()),
        ];
        for (quantity, value) in rows {
            put(&mut sample, quantity, value);
        }
        if self.parameters.phases == Phases::Three {
            self.measure_phases(&mut sample, output.0, output_w);
        }
        sample
    }

    fn measure_phases(&mut self, sample: &mut Sample, output_v: f64, output_w: f64) {
        let quantities = [
            (Quantity::INPUT_L1_VOLTAGE, Quantity::OUTPUT_L1_VOLTAGE, Quantity::OUTPUT_L1_CURRENT),
            (Quantity::INPUT_L2_VOLTAGE, Quantity::OUTPUT_L2_VOLTAGE, Quantity::OUTPUT_L2_CURRENT),
            (Quantity::INPUT_L3_VOLTAGE, Quantity::OUTPUT_L3_VOLTAGE, Quantity::OUTPUT_L3_CURRENT),
        ];
        for ((input, output, current), share) in quantities.into_iter().zip(PHASE_SHARES) {
            let spread = 1.0 + 0.002 * self.source.normal();
            let amperes = if output_v > 1.0 { output_w * share / POWER_FACTOR / output_v } else { 0.0 };
            put(sample, input, self.mains.voltage() * spread);
            put(sample, output, output_v);
            put(sample, current, amperes);
        }
    }

    /// Volts and hertz at the output.
    fn output(&self) -> (f64, f64) {
        match self.mode {
            Mode::Line if self.alarms.is_forced(Condition::OUTPUT_FAULT) => (0.0, 0.0),
            Mode::Line => (self.mains.voltage(), self.mains.frequency()),
            Mode::Battery | Mode::Test => (self.parameters.output_v, self.parameters.frequency_hz),
            Mode::Off(_) => (0.0, 0.0),
        }
    }

    pub(super) fn flags(&self) -> Flags {
        let conditions = self.alarms.conditions();
        let broken = [
            Condition::INVERTER_FAULT,
            Condition::OUTPUT_FAULT,
            Condition::OUTPUT_BREAKER,
            Condition::OVERLOAD_SHUTDOWN,
            Condition::INVERTER_OVERTEMP,
            Condition::BATTERY_LOW,
        ];
        let mut flags = Flags::default();
        flags.set(Flag::BatteryPower, self.is_feeding());
        flags.set(Flag::LinePresent, self.mains.is_present());
        flags.set(Flag::BatteryCharging, matches!(self.battery.stage(), Stage::Bulk | Stage::Absorption));
        flags.set(Flag::SystemReady, !broken.iter().any(|c| conditions.value(*c) == Some(true)));
        flags
    }
}

fn put(sample: &mut Sample, quantity: Quantity, value: f64) {
    if let Some(scaled) = quantity.to_scaled(value) {
        sample.quantities.set(quantity, scaled);
    }
}
