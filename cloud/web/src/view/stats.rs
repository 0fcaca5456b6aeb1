//! Six tiles with the values that matter, and the list of all values.
//!
//! In: an inverter's newest values, each with its own age. Out: a number, its unit and one line of context; a dash and
//! "Not reported" where there is none, and the value's own age where it is older than the newest reading.

use fleet::InverterState;
use wire::{Flag, Quantity, Scaled, UtcMs};

use super::words::{self, Local, NB};

/// A value this much older than the newest reading says so, milliseconds.
const OLD_MS: i64 = 60_000;

/// One tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What.
    pub name: &'static str,
    /// The number, or a dash.
    pub value: String,
    /// Its unit.
    pub unit: &'static str,
    /// Context.
    pub note: String,
}

/// One line of the list of all values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Name for people.
    pub label: &'static str,
    /// Name in the API.
    pub name: &'static str,
    /// Number and unit.
    pub value: String,
    /// When it was read.
    pub time: UtcMs,
    /// `2 s ago`.
    pub age: String,
}

/// Quantity and what people call it.
static LABELS: &[(Quantity, &str)] = &[
    (Quantity::INPUT_VOLTAGE, "Utility voltage"),
    (Quantity::INPUT_FREQUENCY, "Utility frequency"),
    (Quantity::INPUT_CURRENT, "Utility current"),
    (Quantity::INPUT_REALPOWER, "Utility power"),
    (Quantity::OUTPUT_VOLTAGE, "Output voltage"),
    (Quantity::OUTPUT_CURRENT, "Output current"),
    (Quantity::OUTPUT_FREQUENCY, "Output frequency"),
    (Quantity::OUTPUT_POWERFACTOR, "Power factor"),
    (Quantity::OUTPUT_ENERGY, "Energy out"),
    (Quantity::REALPOWER, "Load"),
    (Quantity::POWER, "Apparent load"),
    (Quantity::LOAD, "Load, share"),
    (Quantity::BATTERY_VOLTAGE, "Battery voltage"),
    (Quantity::BATTERY_CURRENT, "Battery current"),
    (Quantity::BATTERY_POWER, "Battery power"),
    (Quantity::BATTERY_TEMPERATURE, "Battery temperature"),
    (Quantity::BATTERY_CHARGE, "Battery charge"),
    (Quantity::BATTERY_RUNTIME, "Would hold"),
    (Quantity::BATTERY_SECONDS, "Total on battery"),
    (Quantity::AMBIENT_TEMPERATURE, "Cabinet temperature"),
    (Quantity::TEMPERATURE, "Inverter temperature"),
    (Quantity::DEVICE_UPTIME, "Inverter up"),
];

/// What people call a quantity; the technical name where they have no other.
#[must_use]
pub fn label(quantity: Quantity) -> &'static str {
    LABELS.iter().find(|(known, _)| *known == quantity).map_or_else(|| quantity.name(), |(_, label)| label)
}

/// The same, short, for the lane of a chart, where the axis says what is measured.
#[must_use]
pub fn lane_label(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::INPUT_VOLTAGE | Quantity::INPUT_L1_VOLTAGE => "Utility",
        Quantity::BATTERY_VOLTAGE => "Battery",
        other => label(other),
    }
}

/// The six tiles; `stale` where the inverter is not heard any more.
#[must_use]
pub fn tiles(state: &InverterState, stale: bool, local: &Local) -> Vec<Stat> {
    let reader = Reader { state, local, stale };
    let on_battery = state.on_battery_since;
    let current = state.value(Quantity::BATTERY_CURRENT).map(|(scaled, _)| scaled);
    let discharging = current.is_some_and(|scaled| scaled < 0);
    vec![
        reader.tile(
            "Utility in",
            &[Quantity::INPUT_VOLTAGE, Quantity::INPUT_L1_VOLTAGE],
            0,
            on_battery.map_or_else(
                || reader.short(Quantity::INPUT_FREQUENCY, 1),
                |since| format!("Lost at {}", local.exact(since)),
            ),
        ),
        reader.tile(
            "Output",
            &[Quantity::OUTPUT_VOLTAGE, Quantity::OUTPUT_L1_VOLTAGE],
            0,
            joined(&[reader.short(Quantity::OUTPUT_FREQUENCY, 1), reader.short(Quantity::OUTPUT_CURRENT, 1)]),
        ),
        reader.load(),
        reader.tile("Battery", &[Quantity::BATTERY_VOLTAGE], 1, reader.charge()),
        reader.current(if discharging { "Discharge" } else { "Charging" }),
        reader.tile(
            "Cabinet",
            &[Quantity::AMBIENT_TEMPERATURE, Quantity::BATTERY_TEMPERATURE, Quantity::TEMPERATURE],
            0,
            joined(&[
                reader.named("battery", Quantity::BATTERY_TEMPERATURE),
                reader.named("inverter", Quantity::TEMPERATURE),
            ]),
        ),
    ]
}

/// Every value ever reported, in the table's order.
#[must_use]
pub fn lines(state: &InverterState, now: UtcMs) -> Vec<Line> {
    let line = |known: &fleet::level::Latest| Line {
        label: label(known.quantity),
        name: known.quantity.name(),
        value: with_unit(known.quantity, known.value),
        time: known.time,
        age: words::age(now.since(known.time)),
    };
    state.latest.iter().map(line).collect()
}

/// Number and unit as people write them; seconds as a length.
#[must_use]
pub fn with_unit(quantity: Quantity, scaled: Scaled) -> String {
    match quantity.unit() {
        "s" => words::length(scaled.saturating_mul(1000)),
        "" => words::number(quantity, scaled, 2),
        unit => format!("{}{NB}{unit}", words::number(quantity, scaled, quantity.decimals())),
    }
}

struct Reader<'a> {
    state: &'a InverterState,
    local: &'a Local,
    /// Nothing was heard for long: every value is what it *was*.
    stale: bool,
}

impl Reader<'_> {
    fn tile(&self, name: &'static str, quantities: &[Quantity], decimals: u8, note: String) -> Stat {
        let found =
            quantities.iter().find_map(|q| self.state.value(*q).map(|(scaled, time)| (*q, scaled, time)));
        match found {
            None => Stat { name, value: "–".to_owned(), unit: "", note: "Not reported".to_owned() },
            Some((quantity, scaled, time)) => Stat {
                name,
                value: words::number(quantity, scaled, decimals),
                unit: quantity.unit(),
                note: self.aged(note, time),
            },
        }
    }

    fn load(&self) -> Stat {
        let watts = self.state.value(Quantity::REALPOWER).map(|(w, time)| (words::power(w, "kW", "W"), time));
        let volt_amperes =
            self.state.value(Quantity::POWER).map(|(va, time)| (words::power(va, "kVA", "VA"), time));
        let power = watts.or(volt_amperes);
        let mut tile = self.tile("Load", &[Quantity::LOAD, Quantity::OUTPUT_L1_LOAD], 0, String::new());
        match power {
            Some(((value, unit), time)) if tile.unit.is_empty() => {
                tile = Stat { name: "Load", value, unit, note: self.aged(String::new(), time) };
            }
            Some(((value, unit), _)) if tile.note.is_empty() => tile.note = format!("{value}{NB}{unit}"),
            _ => {}
        }
        tile
    }

    fn current(&self, name: &'static str) -> Stat {
        let mut tile = self.tile(name, &[Quantity::BATTERY_CURRENT], 1, String::new());
        tile.value = tile.value.trim_start_matches('−').to_owned();
        if tile.note.is_empty()
            && let Some(watts) = self.battery_watts()
        {
            let (value, unit) = words::power(watts, "kW", "W");
            tile.note = format!("{value}{NB}{unit}");
        }
        tile
    }

    /// As reported, or current times voltage.
    #[expect(clippy::cast_possible_truncation, reason = "watts of real equipment are far below 2^52")]
    fn battery_watts(&self) -> Option<Scaled> {
        if let Some((watts, _)) = self.state.value(Quantity::BATTERY_POWER) {
            return Some(watts.abs());
        }
        let number =
            |quantity: Quantity| self.state.value(quantity).map(|(scaled, _)| quantity.to_f64(scaled));
        let watts = number(Quantity::BATTERY_CURRENT)? * number(Quantity::BATTERY_VOLTAGE)?;
        Some(watts.abs().round() as Scaled)
    }

    fn charge(&self) -> String {
        let percent = self.short(Quantity::BATTERY_CHARGE, 0);
        let doing = match self.state.flag(Flag::BatteryCharging) {
            Some(true) => "Charging",
            Some(false) if self.state.on_battery_since.is_none() && !percent.is_empty() => "Not charging",
            _ => "",
        };
        joined(&[doing.to_owned(), percent])
    }

    fn short(&self, quantity: Quantity, decimals: u8) -> String {
        self.state.value(quantity).map_or(String::new(), |(scaled, _)| {
            format!("{}{NB}{}", words::number(quantity, scaled, decimals), quantity.unit())
        })
    }

    fn named(&self, name: &str, quantity: Quantity) -> String {
        let short = self.short(quantity, 0);
        if short.is_empty() { short } else { format!("{name} {short}") }
    }

    /// A value older than the newest reading says so instead of its context; so does every value of an inverter that is
    /// not heard any more.
    fn aged(&self, note: String, time: UtcMs) -> String {
        let newest = self.state.last_reading.unwrap_or(time);
        if self.stale {
            format!("Was so at {}", self.local.soon(time))
        } else if newest.since(time) > OLD_MS {
            format!("Read {}", self.local.time(time))
        } else {
            note
        }
    }
}

fn joined(parts: &[String]) -> String {
    let mut out = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push_str(" · ");
        }
        out.push_str(part);
    }
    let mut characters = out.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
