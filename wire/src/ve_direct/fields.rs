//! What the labels of a VE.Direct block mean.
//!
//! In: the lines of a block whose checksum was good. Out: an [`Observation`]. Labels and codes that the maker's document
//! has and this project has no place for are passed over by name; all others are carried raw.

use alloc::format;

use crate::{Condition, Flag, Observation, Quantity, Sample, Serial};

/// Measured values: label, quantity, and the fraction that turns the label's unit into scaled integers.
static VALUES: &[(&str, Quantity, i64, i64)] = &[
    ("V", Quantity::BATTERY_VOLTAGE, 1, 10),       // mV
    ("I", Quantity::BATTERY_CURRENT, 1, 10),       // mA
    ("P", Quantity::BATTERY_POWER, 1, 1),          // W
    ("T", Quantity::BATTERY_TEMPERATURE, 10, 1),   // °C
    ("SOC", Quantity::BATTERY_CHARGE, 1, 10),      // 0.1 %
    ("TTG", Quantity::BATTERY_RUNTIME, 60, 1),     // min
    ("VPV", Quantity::INPUT_VOLTAGE, 1, 100),      // mV
    ("PPV", Quantity::INPUT_REALPOWER, 1, 1),      // W
    ("IL", Quantity::OUTPUT_CURRENT, 1, 10),       // mA
    ("H19", Quantity::OUTPUT_ENERGY, 10, 1),       // 0.01 kWh, yield in all
    ("AC_OUT_V", Quantity::OUTPUT_VOLTAGE, 1, 10), // 0.01 V
    ("AC_OUT_I", Quantity::OUTPUT_CURRENT, 10, 1), // 0.1 A
    ("AC_OUT_S", Quantity::POWER, 1, 1),           // VA
    ("DC_IN_V", Quantity::INPUT_VOLTAGE, 1, 10),   // 0.01 V
    ("DC_IN_I", Quantity::INPUT_CURRENT, 10, 1),   // 0.1 A
    ("DC_IN_P", Quantity::INPUT_REALPOWER, 1, 1),  // W
];

/// Documented labels without a place here: identity, history counters, relays, second channels.
static PASSED_OVER: &[&str] = &[
    "PID", "FW", "FWE", "BMV", "CE", "VM", "DM", "MON", "MPPT", "LOAD", "Relay", "HSDS", "VS", "V2", "V3",
    "I2", "I3", "H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H9", "H10", "H11", "H12", "H13", "H14",
    "H15", "H16", "H17", "H18", "H20", "H21", "H22", "H23",
];

/// One cause in `AR` (alarm: an inverter has shut down) and `WARN` (warning: it has not), by bit.
struct Cause {
    bit: u64,
    alarm: Condition,
    warning: Condition,
    /// Battery monitors use the bit in the same sense.
    monitors: bool,
}

const fn cause(bit: u64, alarm: Condition, warning: Condition, monitors: bool) -> Cause {
    Cause { bit, alarm, warning, monitors }
}

static CAUSES: &[Cause] = &[
    cause(0x0001, Condition::BATTERY_LOW, Condition::BATTERY_NEAR_LOW, true), // low voltage
    cause(0x0004, Condition::BATTERY_NEAR_LOW, Condition::BATTERY_NEAR_LOW, true), // low state of charge
    cause(0x0040, Condition::INVERTER_OVERTEMP, Condition::INVERTER_OVERTEMP, false), // high temperature
    cause(0x0100, Condition::OVERLOAD_SHUTDOWN, Condition::OVERLOAD, false),  // overload
    cause(0x0400, Condition::OUTPUT_FAULT, Condition::OUTPUT_FAULT, false),   // low AC output voltage
    cause(0x0800, Condition::OUTPUT_FAULT, Condition::OUTPUT_FAULT, false),   // high AC output voltage
    cause(0x1000, Condition::OUTPUT_FAULT, Condition::OUTPUT_FAULT, false),   // short circuit
];

/// `CS`, state of operation: code, ready to feed the load (inverters), charging (chargers).
static STATES: &[(u64, Option<bool>, Option<bool>)] = &[
    (0, Some(false), Some(false)), // off
    (1, Some(true), Some(false)),  // low power, searching for a load
    (FAULT, Some(false), Some(false)),
    (3, Some(true), Some(true)),   // bulk
    (4, Some(true), Some(true)),   // absorption
    (5, Some(true), Some(true)),   // float
    (6, Some(true), Some(true)),   // storage
    (7, Some(true), Some(true)),   // equalise
    (9, Some(true), Some(false)),  // inverting
    (11, None, Some(false)),       // power supply
    (245, None, None),             // starting up
    (246, Some(true), Some(true)), // repeated absorption
    (247, Some(true), Some(true)), // automatic equalise
    (248, Some(true), Some(true)), // battery safe
    (252, None, None),             // external control
];
const FAULT: u64 = 2;

/// `MODE`: charger only, on, off, eco, hibernate.
const MODES: [u64; 5] = [1, 2, MODE_OFF, 5, 253];
const MODE_OFF: u64 = 4;

/// The codes of one block, which only together tell what kind of device speaks.
#[derive(Default)]
struct Codes<'a> {
    alarm: Option<u64>,
    alarm_on: Option<&'a str>,
    warning: Option<u64>,
    state: Option<u64>,
    mode: Option<u64>,
    error: Option<u64>,
    off_reason: Option<(u64, &'a str)>,
    /// The block has labels that only inverters send.
    inverter: bool,
    /// The block has labels that only chargers send.
    charger: bool,
}

/// The lines of a block, without the checksum's; `None` where they are no lines of printable text.
pub(super) fn observation(block: &[u8]) -> Option<Observation> {
    let text = core::str::from_utf8(block).ok()?;
    let mut observation = Observation::default();
    let mut codes = Codes::default();
    let mut lines = text.split("\r\n");
    if !lines.next()?.is_empty() {
        return None;
    }
    for line in lines {
        let (label, value) = line.split_once('\t')?;
        if label.is_empty() || !label.bytes().chain(value.bytes()).all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        if label == "SER#"
            && let Ok(serial) = Serial::parse(value)
        {
            observation.serial = Some(serial);
        } else if !(value == "---"
            || codes.take(label, value)
            || measured(&mut observation.sample, label, value))
        {
            observation.sample.push_unknown_display(&format_args!("{label}={value}"));
        }
    }
    codes.interpret(&mut observation.sample);
    Some(observation)
}

/// Whether the label is a measured value, or one that is passed over.
fn measured(sample: &mut Sample, label: &str, value: &str) -> bool {
    let Some((_, quantity, times, by)) = VALUES.iter().find(|(known, ..)| *known == label) else {
        return PASSED_OVER.contains(&label);
    };
    let Ok(number) = value.parse::<i32>() else { return false };
    // A time to go of -1 is "for ever": the battery is not being discharged.
    if *quantity == Quantity::BATTERY_RUNTIME && number < 0 {
        return true;
    }
    let twice = 2 * i64::from(number) * times / by;
    sample.quantities.set(*quantity, (twice + twice.signum()) / 2);
    true
}

/// Decimal, or hexadecimal after `0x`.
fn code(value: &str) -> Option<u64> {
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

impl<'a> Codes<'a> {
    /// Whether the label is one of the codes and its value can be read.
    fn take(&mut self, label: &str, value: &'a str) -> bool {
        self.inverter |= matches!(label, "MODE" | "AC_OUT_V");
        self.charger |= matches!(label, "ERR" | "VPV" | "PPV");
        let slot = match label {
            "AR" => &mut self.alarm,
            "WARN" => &mut self.warning,
            "CS" => &mut self.state,
            "MODE" => &mut self.mode,
            "ERR" => &mut self.error,
            "OR" => {
                self.off_reason = code(value).map(|reason| (reason, value));
                return self.off_reason.is_some();
            }
            "Alarm" if matches!(value, "ON" | "OFF" | "On" | "Off") => {
                self.alarm_on = Some(value);
                return true;
            }
            _ => return false,
        };
        *slot = code(value);
        slot.is_some()
    }

    fn interpret(&self, sample: &mut Sample) {
        self.causes("AR", self.alarm, |cause| cause.alarm, sample);
        self.causes("WARN", self.warning, |cause| cause.warning, sample);
        if matches!(self.alarm_on, Some("ON" | "On")) && self.alarm.unwrap_or(0) == 0 {
            sample.push_unknown("Alarm=ON");
        }
        if let Some(error) = self.error {
            sample.conditions.set(Condition::CHARGER_FAULT, error != 0);
            if error != 0 {
                sample.push_unknown(&format!("ERR={error}"));
            }
        }
        self.state_and_mode(sample);
        if let Some((1.., text)) = self.off_reason {
            sample.push_unknown(&format!("OR={text}"));
        }
    }

    /// Bits with a condition raise or clear it; the others are carried as one raw code.
    fn causes(&self, label: &str, bits: Option<u64>, pick: fn(&Cause) -> Condition, sample: &mut Sample) {
        let Some(bits) = bits else { return };
        let mut unknown = bits;
        for cause in CAUSES.iter().filter(|cause| self.inverter || cause.monitors) {
            let held = sample.conditions.value(pick(cause)) == Some(true);
            sample.conditions.set(pick(cause), held || bits & cause.bit != 0);
            unknown &= !cause.bit;
        }
        if unknown != 0 {
            sample.push_unknown(&format!("{label}=0x{unknown:04X}"));
        }
    }

    fn state_and_mode(&self, sample: &mut Sample) {
        if let Some(mode) = self.mode.filter(|mode| !MODES.contains(mode)) {
            sample.push_unknown(&format!("MODE={mode}"));
        }
        let Some(state) = self.state else { return };
        let Some((_, ready, charging)) = STATES.iter().find(|(code, ..)| *code == state) else {
            return sample.push_unknown(&format!("CS={state}"));
        };
        if self.inverter {
            sample.conditions.set(Condition::INVERTER_FAULT, state == FAULT);
            if let Some(ready) = ready {
                sample.flags.set(Flag::SystemReady, *ready && self.mode != Some(MODE_OFF));
            }
        } else if state == FAULT {
            sample.conditions.set(Condition::CHARGER_FAULT, true);
        }
        // "Not charging" from an inverter that has no charger would say nothing of the battery's real charger.
        if let Some(charging) = charging.filter(|charging| *charging || self.charger || !self.inverter) {
            sample.flags.set(Flag::BatteryCharging, charging);
        }
    }
}
