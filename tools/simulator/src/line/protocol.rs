//! How an inverter of a given make says what it knows.
//!
//! In: an [`Observation`] of the model. Out: the bytes of one frame, block or set of pages. The foreign streams leave
//! out what the real equipment does not send.

use wire::mate::{self, Address};
use wire::{Condition, Conditions, Flag, Observation, Quantity, native, ve_direct};

/// A serial protocol to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Protocol {
    /// The project's own push link.
    #[default]
    Native,
    /// Victron VE.Direct TEXT, as a Phoenix inverter with a battery monitor sends it.
    VeDirect,
    /// OutBack MATE status pages of one FX (port 1) and one FLEXnet DC (port a).
    Mate,
}

impl Protocol {
    /// The name in a gateway's configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::VeDirect => "ve-direct",
            Self::Mate => "mate",
        }
    }

    /// Appends one frame, block or set of pages.
    pub fn encode(self, observation: &Observation, out: &mut Vec<u8>) {
        match self {
            Self::Native => native::encode(observation, out),
            Self::VeDirect => ve_direct_block(observation, out),
            Self::Mate => mate_pages(observation, out),
        }
    }

    /// Whether changes are sent at once and not only each second.
    #[must_use]
    pub const fn is_prompt(self) -> bool {
        matches!(self, Self::Native)
    }
}

/// Labels as in the maker's "VE.Direct Protocol" paper, revision 3.33. Every 30th block is followed by a HEX frame,
/// as from a device that announces a changed register.
fn ve_direct_block(observation: &Observation, out: &mut Vec<u8>) {
    let at = |quantity, factor: f64| (value(observation, quantity) * factor).round().to_string();
    let conditions = observation.sample.conditions;
    let alarm = bits(conditions, &VE_DIRECT_ALARMS);
    let on_battery = observation.sample.flags.value(Flag::BatteryPower) == Some(true);
    let to_go =
        if on_battery { (value(observation, Quantity::BATTERY_RUNTIME) / 60.0).round() } else { -1.0 };
    let serial = observation.serial.map(|serial| serial.to_string()).unwrap_or_default();
    let fields = [
        ("PID", "0xA279".to_owned()),
        ("FW", "0121".to_owned()),
        ("SER#", serial),
        ("MODE", "2".to_owned()),
        ("CS", if raised(conditions, Condition::INVERTER_FAULT) { "2" } else { "9" }.to_owned()),
        ("AC_OUT_V", at(Quantity::OUTPUT_VOLTAGE, 100.0)),
        ("AC_OUT_I", at(Quantity::OUTPUT_CURRENT, 10.0)),
        ("AC_OUT_S", at(Quantity::POWER, 1.0)),
        ("V", at(Quantity::BATTERY_VOLTAGE, 1000.0)),
        ("I", at(Quantity::BATTERY_CURRENT, 1000.0)),
        ("P", at(Quantity::BATTERY_POWER, 1.0)),
        ("T", at(Quantity::BATTERY_TEMPERATURE, 1.0)),
        ("SOC", at(Quantity::BATTERY_CHARGE, 10.0)),
        ("TTG", to_go.to_string()),
        ("AR", alarm.to_string()),
        ("WARN", alarm.to_string()),
        ("OR", "0x00000000".to_owned()),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(label, value)| (*label, value.as_str())).collect();
    ve_direct::encode(&fields, out);
    if observation.sequence.is_some_and(|sequence| sequence % 30 == 29) {
        hex_frame(0xed8d, scaled(observation, Quantity::BATTERY_VOLTAGE), out);
    }
}

/// `AR` and `WARN` bits, "VE.Direct Protocol" 3.33, table of alarm reasons.
const VE_DIRECT_ALARMS: [(Condition, u32); 7] = [
    (Condition::BATTERY_LOW, 1),
    (Condition::BATTERY_NEAR_LOW, 4),
    (Condition::INVERTER_OVERTEMP, 64),
    (Condition::AMBIENT_HIGH, 64),
    (Condition::OVERLOAD, 256),
    (Condition::OVERLOAD_SHUTDOWN, 256),
    (Condition::OUTPUT_FAULT, 4096),
];

/// `:A` (asynchronous register announcement), register and value little-endian, and a check byte that makes the sum
/// of all bytes 0x55 ("BlueSolar HEX protocol").
fn hex_frame(register: u16, value: u16, out: &mut Vec<u8>) {
    let [register_low, register_high] = register.to_le_bytes();
    let [value_low, value_high] = value.to_le_bytes();
    let body = [register_low, register_high, 0, value_low, value_high];
    let check = body.iter().fold(0x55_u8.wrapping_sub(0x0a), |sum, byte| sum.wrapping_sub(*byte));
    out.extend_from_slice(b":A");
    for byte in body.iter().chain([&check]) {
        out.extend_from_slice(format!("{byte:02X}").as_bytes());
    }
    out.push(b'\n');
}

/// Fields and bits as in OutBack's "MATE Serial Communications Guide", revision 4.04, FX and FLEXnet DC pages.
fn mate_pages(observation: &Observation, out: &mut Vec<u8>) {
    let digits = |number: f64, width: usize| {
        let most = 10_f64.powi(i32::try_from(width).unwrap_or(3)) - 1.0;
        format!("{:0width$}", number.round().clamp(0.0, most))
    };
    let at = |quantity, factor: f64, width| digits(value(observation, quantity) * factor, width);
    let flags = observation.sample.flags;
    let conditions = observation.sample.conditions;
    let on_battery = flags.value(Flag::BatteryPower) == Some(true);
    let line = flags.value(Flag::LinePresent) == Some(true);
    let charging = flags.value(Flag::BatteryCharging) == Some(true);
    let load_a = value(observation, Quantity::OUTPUT_CURRENT);
    let input_a = value(observation, Quantity::INPUT_CURRENT);
    let mode = match (on_battery, charging) {
        (true, _) => "02",
        (false, true) => "03",
        (false, false) => "05",
    };
    let fields = [
        digits(if on_battery { load_a } else { 0.0 }, 2),
        digits(if line { (input_a - load_a).max(0.0) } else { 0.0 }, 2),
        digits(if line { input_a } else { 0.0 }, 2),
        at(Quantity::INPUT_VOLTAGE, 1.0, 3),
        at(Quantity::OUTPUT_VOLTAGE, 1.0, 3),
        "00".to_owned(),
        mode.to_owned(),
        digits(f64::from(bits(conditions, &MATE_ERRORS)), 3),
        if !line {
            "00"
        } else if on_battery {
            "01"
        } else {
            "02"
        }
        .to_owned(),
        at(Quantity::BATTERY_VOLTAGE, 10.0, 3),
        "000".to_owned(),
        digits(f64::from(bits(conditions, &MATE_WARNINGS)), 3),
    ];
    page('1', &fields, out);
    let amperes = value(observation, Quantity::BATTERY_CURRENT);
    let fields = [
        digits(amperes.abs() * 10.0, 4),
        "0000".to_owned(),
        "0000".to_owned(),
        "06".to_owned(),
        digits(value(observation, Quantity::BATTERY_CHARGE), 5),
        at(Quantity::BATTERY_VOLTAGE, 10.0, 3),
        at(Quantity::BATTERY_CHARGE, 1.0, 3),
        "100".to_owned(),
        // Status bit 3: shunt A carries a negative current.
        if amperes < 0.0 { "08" } else { "00" }.to_owned(),
        digits(value(observation, Quantity::BATTERY_TEMPERATURE) + 10.0, 2),
    ];
    page('a', &fields, out);
}

const MATE_ERRORS: [(Condition, u32); 5] = [
    (Condition::OUTPUT_FAULT, 64),
    (Condition::INVERTER_FAULT, 1),
    (Condition::INVERTER_OVERTEMP, 4),
    (Condition::BATTERY_LOW, 8),
    (Condition::OVERLOAD_SHUTDOWN, 1),
];

const MATE_WARNINGS: [(Condition, u32); 2] = [(Condition::INPUT_HIGH, 4), (Condition::INPUT_LOW, 8)];

fn page(address: char, fields: &[String], out: &mut Vec<u8>) {
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    if let Some(address) = Address::from_char(address) {
        mate::encode_page(address, &fields, out);
    }
}

fn value(observation: &Observation, quantity: Quantity) -> f64 {
    observation.sample.quantities.value(quantity).map_or(0.0, |scaled| quantity.to_f64(scaled))
}

fn scaled(observation: &Observation, quantity: Quantity) -> u16 {
    let value = observation.sample.quantities.value(quantity).unwrap_or(0);
    u16::try_from(value.max(0)).unwrap_or(u16::MAX)
}

fn raised(conditions: Conditions, condition: Condition) -> bool {
    conditions.value(condition) == Some(true)
}

fn bits(conditions: Conditions, table: &[(Condition, u32)]) -> u32 {
    table.iter().filter(|(condition, _)| raised(conditions, *condition)).fold(0, |all, (_, bit)| all | bit)
}
