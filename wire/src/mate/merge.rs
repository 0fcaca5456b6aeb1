//! The pages of one round → one sample.
//!
//! In: typed pages of an inverter's devices. Out: a [`Sample`]. Where two devices measure the same, the battery monitor
//! goes before the inverter and the inverter before the charge controller; currents of stacked inverters add up.

use alloc::format;

use super::Address;
use super::page::{Charger, Inverter, Monitor, Page};
use crate::{Condition, Flag, Quantity, Sample};

/// Bits of an inverter's error byte (guide, figure 5): it has shut down for this.
const ERRORS: [(u64, Condition); 8] = [
    (1, Condition::OUTPUT_FAULT),      // low AC output voltage
    (2, Condition::INVERTER_FAULT),    // stacking
    (4, Condition::INVERTER_OVERTEMP), // over temperature
    (8, Condition::BATTERY_LOW),       // low battery
    (16, Condition::INVERTER_FAULT),   // phase loss
    (32, Condition::INVERTER_FAULT),   // high battery
    (64, Condition::OUTPUT_FAULT),     // shorted output
    (128, Condition::INVERTER_FAULT),  // back feed
];

/// Bits of an inverter's warning byte (guide, figure 8) that have a condition.
const WARNINGS: [(u64, Condition); 2] = [(4, Condition::INPUT_HIGH), (8, Condition::INPUT_LOW)];

/// Operating modes of an inverter (guide, figure 4): load fed from the battery, charging, ready.
const MODES: [(u64, bool, bool, bool); 12] = [
    (0, false, false, false),  // inverter off
    (1, true, false, true),    // searching for a load
    (2, true, false, true),    // inverter on
    (3, false, true, true),    // bulk or absorption charge
    (4, false, false, true),   // silent
    (5, false, true, true),    // float
    (6, false, true, true),    // equalise
    (7, false, false, true),   // charger off
    (8, false, false, true),   // support: battery and input together
    (9, false, false, true),   // selling
    (10, false, false, true),  // pass through
    (90, false, false, false), // error
];

/// No AC at the input; 1 is "drop" (there, not used), 2 is "use".
const NO_AC: u64 = 0;
const AC_MODES: u64 = 3;

/// Merges the pages of a round.
pub(super) fn sample(round: &[(Address, Page)]) -> Sample {
    let mut sample = Sample::default();
    let mut each = |take: fn(&mut Sample, char, &Page)| {
        round.iter().for_each(|(address, page)| take(&mut sample, address.as_char(), page));
    };
    // `insert` keeps what is there, so the order of the three is the order of precedence.
    each(|sample, _, page| {
        if let Page::Monitor(page) = page {
            monitor(sample, page)
        }
    });
    each(|sample, address, page| {
        if let Page::Inverter(page) = page {
            inverter(sample, address, page)
        }
    });
    each(|sample, address, page| {
        if let Page::Charger(page) = page {
            charger(sample, address, page)
        }
    });
    // An inverter draws from the battery what no page tells, so a controller's current is not the battery's then.
    if !round.iter().any(|(_, page)| matches!(page, Page::Inverter(_)))
        && let Some((_, Page::Charger(page))) =
            round.iter().find(|(_, page)| matches!(page, Page::Charger(_)))
    {
        sample.quantities.insert(Quantity::BATTERY_CURRENT, page.charge_da * 10);
    }
    sample
}

fn monitor(sample: &mut Sample, page: &Monitor) {
    sample.quantities.insert(Quantity::BATTERY_VOLTAGE, page.battery_dv * 10);
    sample.quantities.insert(Quantity::BATTERY_CURRENT, page.current_da * 10);
    sample.quantities.insert(Quantity::BATTERY_CHARGE, page.charge_percent);
    if let Some(temperature_c) = page.temperature_c {
        sample.quantities.insert(Quantity::BATTERY_TEMPERATURE, temperature_c * 10);
    }
}

fn inverter(sample: &mut Sample, address: char, page: &Inverter) {
    sample.quantities.insert(Quantity::INPUT_VOLTAGE, page.input_v * 10);
    sample.quantities.insert(Quantity::OUTPUT_VOLTAGE, page.output_v * 10);
    sample.quantities.insert(Quantity::BATTERY_VOLTAGE, page.battery_dv * 10);
    add(sample, Quantity::INPUT_CURRENT, page.buy_ca);
    // The loads get what is inverted, and of what is bought all that is not charged.
    add(sample, Quantity::OUTPUT_CURRENT, (page.inverter_ca + page.buy_ca - page.charger_ca).max(0));

    match MODES.iter().find(|(mode, ..)| *mode == page.mode) {
        Some((_, battery_power, charging, ready)) => {
            any(sample, Flag::BatteryPower, *battery_power);
            any(sample, Flag::BatteryCharging, *charging);
            all(sample, Flag::SystemReady, *ready);
        }
        None => sample.push_unknown(&format!("{address}.mode=0x{:02X}", page.mode)),
    }
    if page.ac_mode < AC_MODES {
        all(sample, Flag::LinePresent, page.ac_mode != NO_AC);
        raise(sample, Condition::UTILITY_LOST, page.ac_mode == NO_AC);
    } else {
        sample.push_unknown(&format!("{address}.ac_mode=0x{:02X}", page.ac_mode));
    }
    for (bit, condition) in ERRORS {
        raise(sample, condition, page.errors & bit != 0);
    }
    for (bit, condition) in WARNINGS {
        raise(sample, condition, page.warnings & bit != 0);
    }
    carry(sample, address, "error", page.errors & !OWN_CONDITION);
    carry(sample, address, "warning", page.warnings & !(4 | 8));
}

/// Errors whose condition says all of it; the others are carried raw beside their condition.
const OWN_CONDITION: u64 = 4 | 8;

fn charger(sample: &mut Sample, address: char, page: &Charger) {
    sample.quantities.insert(Quantity::INPUT_VOLTAGE, page.panel_v * 10);
    sample.quantities.insert(Quantity::BATTERY_VOLTAGE, page.battery_dv * 10);
    // Silent, float, bulk, absorb, equalise (guide, figure 12).
    match page.mode {
        0..=4 => any(sample, Flag::BatteryCharging, page.mode != 0),
        _ => sample.push_unknown(&format!("{address}.mode=0x{:02X}", page.mode)),
    }
    raise(sample, Condition::CHARGER_FAULT, page.errors != 0);
    carry(sample, address, "error", page.errors);
}

fn add(sample: &mut Sample, quantity: Quantity, scaled: i64) {
    let before = sample.quantities.value(quantity).unwrap_or(0);
    sample.quantities.set(quantity, before + scaled);
}

fn any(sample: &mut Sample, flag: Flag, value: bool) {
    sample.flags.set(flag, value || sample.flags.value(flag) == Some(true));
}

fn all(sample: &mut Sample, flag: Flag, value: bool) {
    sample.flags.set(flag, value && sample.flags.value(flag) != Some(false));
}

fn raise(sample: &mut Sample, condition: Condition, value: bool) {
    sample.conditions.set(condition, value || sample.conditions.value(condition) == Some(true));
}

fn carry(sample: &mut Sample, address: char, what: &str, bits: u64) {
    if bits != 0 {
        sample.push_unknown(&format!("{address}.{what}=0x{bits:02X}"));
    }
}
