//! The power flow: utility, charger, battery, inverter, load, and which way the power goes.
//!
//! In: an inverter's newest values and what the screen says. Out: two drawings' worth of words and states. Thick: feeds
//! the load. Thin: charging. Dotted: idle or not known. A stale state is drawn all dotted.

use std::borrow::Borrow;

use fleet::{Freshness, InverterState, Screen};
use wire::{Flag, Quantity};

use super::words::{self, NB};

/// The drawing's contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The path in a sentence, for those who do not see it.
    pub label: String,
    /// Beside the heading.
    pub summary: &'static str,
    /// Above the direct path.
    pub caption: &'static str,
    /// Utility is lost: red cross.
    pub lost: bool,
    /// Utility feeds the load directly.
    pub direct: bool,
    /// The charger charges.
    pub charging: bool,
    /// `data-s` of the path from the battery, where it feeds the load.
    pub from_battery: Option<&'static str>,
    /// The five nodes.
    pub utility: Node,
    /// Load.
    pub load: Node,
    /// Charger.
    pub charger: Node,
    /// Battery.
    pub battery: Node,
    /// Inverter.
    pub inverter: Node,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// `data-s`; `None`: idle or not known.
    pub state: Option<&'static str>,
    /// Number and unit, or a word.
    pub value: String,
}

/// Where things are in one of the two drawings.
#[derive(Debug)]
pub struct Layout {
    /// Class of the SVG.
    pub class: &'static str,
    /// View box.
    pub view: &'static str,
    /// Paths: direct, utility to charger, charger to battery, battery to inverter, inverter to load.
    pub paths: [&'static str; 5],
    /// Arrow heads on these paths: (path, transform).
    pub arrows: [(usize, &'static str); 6],
    /// Side of a node, side of its icon, inset of the icon.
    pub size: (&'static str, &'static str),
    /// Nodes: utility, load, charger, battery, inverter: box x, y, icon x, y, text x, name y, value y, text class.
    pub nodes: [Place; 5],
    /// Centre of the direct path: x.
    pub middle: &'static str,
    /// The cross.
    pub cross: &'static str,
}

/// Where one node is.
#[derive(Debug)]
pub struct Place {
    /// Name.
    pub name: &'static str,
    /// Icon.
    pub icon: &'static str,
    /// Box: x, y.
    pub at: (&'static str, &'static str),
    /// Icon: x, y.
    pub icon_at: (&'static str, &'static str),
    /// Text: x, y of the name, y of the value.
    pub text: (&'static str, &'static str, &'static str),
    /// Class of the text group.
    pub class: &'static str,
}

const fn place(
    name: &'static str,
    icon: &'static str,
    at: (&'static str, &'static str),
    icon_at: (&'static str, &'static str),
    text: (&'static str, &'static str, &'static str),
    class: &'static str,
) -> Place {
    Place { name, icon, at, icon_at, text, class }
}

/// The drawing below and from 700 px.
pub static LAYOUTS: [Layout; 2] = [
    Layout {
        class: "flow--narrow",
        view: "0 0 326 220",
        paths: [
            "M55 70H271",
            "M32 93V146Q32 156 42 156H61",
            "M107 156H140",
            "M186 156H219",
            "M265 156H284Q294 156 294 146V93",
        ],
        arrows: [
            (0, "translate(163 70)"),
            (1, "translate(50.5 156)"),
            (2, "translate(124.5 156)"),
            (3, "translate(203.5 156)"),
            (4, "translate(277.5 156)"),
            (4, "translate(294 122.5) rotate(-90)"),
        ],
        size: ("46", "23"),
        nodes: [
            place("Utility", "utility", ("9", "47"), ("20.5", "58.5"), ("9", "12", "30"), "fl-start"),
            place("Load", "lamp", ("271", "47"), ("282.5", "58.5"), ("317", "12", "30"), "fl-end"),
            place("Charger", "charger", ("61", "133"), ("72.5", "144.5"), ("84", "197", "215"), ""),
            place("Battery", "battery", ("140", "133"), ("151.5", "144.5"), ("163", "197", "215"), ""),
            place("Inverter", "inverter", ("219", "133"), ("230.5", "144.5"), ("242", "197", "215"), ""),
        ],
        middle: "163",
        cross: "M157 64l12 12M169 64l-12 12",
    },
    Layout {
        class: "flow--wide",
        view: "0 0 640 224",
        paths: [
            "M85 70H555",
            "M56 99V146Q56 156 66 156H149",
            "M207 156H291",
            "M349 156H433",
            "M491 156H574Q584 156 584 146V99",
        ],
        arrows: [
            (0, "translate(320 70)"),
            (1, "translate(106.5 156)"),
            (2, "translate(250 156)"),
            (3, "translate(392 156)"),
            (4, "translate(535.5 156)"),
            (4, "translate(584 125.5) rotate(-90)"),
        ],
        size: ("58", "29"),
        nodes: [
            place("Utility", "utility", ("27", "41"), ("41.5", "55.5"), ("56", "12", "30"), ""),
            place("Load", "lamp", ("555", "41"), ("569.5", "55.5"), ("584", "12", "30"), ""),
            place("Charger", "charger", ("149", "127"), ("163.5", "141.5"), ("178", "203", "221"), ""),
            place("Battery", "battery", ("291", "127"), ("305.5", "141.5"), ("320", "203", "221"), ""),
            place("Inverter", "inverter", ("433", "127"), ("447.5", "141.5"), ("462", "203", "221"), ""),
        ],
        middle: "320",
        cross: "M314 64l12 12M326 64l-12 12",
    },
];

impl Flow {
    /// What flows now.
    #[must_use]
    pub fn new(screen: &Screen, state: &InverterState) -> Self {
        let stale = screen.freshness == Freshness::Offline;
        let lost = screen.on_battery_since.is_some();
        let from_battery = lost || state.flag(Flag::BatteryPower) == Some(true);
        let current = state.value(Quantity::BATTERY_CURRENT).map(|(scaled, _)| scaled);
        let charging = !from_battery
            && state.flag(Flag::BatteryCharging).unwrap_or_else(|| current.is_some_and(|scaled| scaled > 0));
        let present = state.flag(Flag::LinePresent).or_else(|| present_by_voltage(state));
        let direct = present == Some(true) && !from_battery;
        let tone = if lost { "bat" } else { "test" };
        let values = Values { state };
        let load = values.load();
        let node =
            |state: Option<&'static str>, value: String| Node { state: state.filter(|_| !stale), value };
        let mut flow = Self {
            label: String::new(),
            summary: "",
            caption: "",
            lost: lost && !stale,
            direct: direct && !stale,
            charging: charging && !stale,
            from_battery: (from_battery && !stale).then_some(tone),
            utility: node(
                if lost { Some("alarm") } else { present.filter(|p| *p).map(|_| "ok") },
                values.utility(),
            ),
            load: node(if from_battery { Some(tone) } else { direct.then_some("ok") }, load.clone()),
            charger: node(charging.then_some("ok"), values.charger(charging, current, from_battery)),
            battery: node(
                if from_battery { Some(tone) } else { charging.then_some("ok") },
                values.short(Quantity::BATTERY_VOLTAGE, 1),
            ),
            inverter: node(
                from_battery.then_some(tone),
                if from_battery { load } else { "Standing by".to_owned() },
            ),
        };
        if stale || (present.is_none() && !from_battery) {
            flow.inverter.value = "–".to_owned();
        }
        flow.describe(stale, present);
        flow
    }

    /// The nodes in the layouts' order.
    #[must_use]
    pub fn nodes(&self) -> [&Node; 5] {
        [&self.utility, &self.load, &self.charger, &self.battery, &self.inverter]
    }

    /// Class of a path, `data-s` of it.
    #[must_use]
    pub fn path(&self, path: impl Borrow<usize>) -> (&'static str, &'static str) {
        let on = |condition: bool, class, state| if condition { (class, state) } else { ("fl-idle", "") };
        match path.borrow() {
            0 => on(self.direct, "fl-on", "ok"),
            1 | 2 => on(self.charging, "fl-trickle", "ok"),
            _ => on(self.from_battery.is_some(), "fl-on", self.from_battery.unwrap_or("")),
        }
    }

    fn describe(&mut self, stale: bool, present: Option<bool>) {
        let words = |node: &Node| node.value.replace(NB, " ");
        let (battery, load, utility) = (words(&self.battery), words(&self.load), words(&self.utility));
        (self.summary, self.caption, self.label) = if stale {
            (
                "Last known values",
                "",
                "Where power flows now is not known; the values are the last known.".to_owned(),
            )
        } else if self.lost {
            (
                "Load fed by battery",
                "No utility power",
                format!(
                    "No utility power. The battery, {battery}, feeds the inverter, which feeds the load of {load}."
                ),
            )
        } else if self.from_battery.is_some() {
            (
                "Load fed by battery",
                "Self-test",
                format!(
                    "A self-test runs: the battery, {battery}, feeds the load of {load}. Utility power is present."
                ),
            )
        } else if self.direct {
            let charging =
                if self.charging { "The charger charges the battery." } else { "The charger is idle." };
            (
                "Load fed by utility",
                "Direct path",
                format!(
                    "Utility power, {utility}, feeds the load of {load} directly. {charging} The inverter is standing by."
                ),
            )
        } else if present.is_none() {
            ("", "Not reported", "This inverter does not report whether utility power is present.".to_owned())
        } else {
            ("", "", "Utility power is not present, and the battery does not feed the load.".to_owned())
        };
    }
}

fn present_by_voltage(state: &InverterState) -> Option<bool> {
    let (scaled, _) =
        state.value(Quantity::INPUT_VOLTAGE).or_else(|| state.value(Quantity::INPUT_L1_VOLTAGE))?;
    // Below 10 V nothing feeds a load.
    Some(scaled >= 100)
}

struct Values<'a> {
    state: &'a InverterState,
}

impl Values<'_> {
    fn short(&self, quantity: Quantity, decimals: u8) -> String {
        self.state.value(quantity).map_or_else(
            || "–".to_owned(),
            |(scaled, _)| format!("{}{NB}{}", words::number(quantity, scaled, decimals), quantity.unit()),
        )
    }

    fn utility(&self) -> String {
        let quantity = [Quantity::INPUT_VOLTAGE, Quantity::INPUT_L1_VOLTAGE]
            .into_iter()
            .find(|quantity| self.state.value(*quantity).is_some())
            .unwrap_or(Quantity::INPUT_VOLTAGE);
        self.short(quantity, 0)
    }

    fn load(&self) -> String {
        let watts = self.state.value(Quantity::REALPOWER).map(|(watts, _)| words::power(watts, "kW", "W"));
        let volt_amperes = self.state.value(Quantity::POWER).map(|(va, _)| words::power(va, "kVA", "VA"));
        match watts.or(volt_amperes) {
            Some((value, unit)) => format!("{value}{NB}{unit}"),
            None => self.short(Quantity::LOAD, 0),
        }
    }

    fn charger(&self, charging: bool, current: Option<i64>, from_battery: bool) -> String {
        match current {
            Some(_) if charging => self.short(Quantity::BATTERY_CURRENT, 1),
            _ if from_battery => "Off".to_owned(),
            _ if charging => "On".to_owned(),
            Some(_) => "Idle".to_owned(),
            None => "–".to_owned(),
        }
    }
}
