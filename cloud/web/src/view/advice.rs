//! What to do about a condition, in one sentence.
//!
//! In: a condition. Out: plain words for the person who reads it at night. A condition without advice of its own gets
//! none rather than a phrase.

use fleet::Condition;

/// Condition, what it means for the lights, what to do.
static TABLE: &[(Condition, &str)] = &[
    (
        Condition::UTILITY_LOST,
        "The battery feeds the lights. Find out whether the building or one circuit is out.",
    ),
    (
        Condition::BATTERY_LOW,
        "The lights go out within minutes. Bring people to safety or restore utility power now.",
    ),
    (
        Condition::BATTERY_NEAR_LOW,
        "The battery is running down. Restore utility power or prepare for darkness.",
    ),
    (
        Condition::CHARGER_FAULT,
        "The battery no longer charges. It holds what it has now. Call service today.",
    ),
    (Condition::INVERTER_FAULT, "It may not feed the lights when utility power fails. Call service now."),
    (Condition::OUTPUT_FAULT, "Check the lighting circuits for a short circuit before anything else."),
    (Condition::OVERLOAD, "More is connected than it is made for. Take load off the emergency circuit."),
    (
        Condition::OVERLOAD_SHUTDOWN,
        "It switched itself off to protect itself. Take load off, then reset it at the cabinet.",
    ),
    (
        Condition::OUTPUT_BREAKER,
        "The lights on this output are dark. Find out why it tripped before closing it.",
    ),
    (Condition::INVERTER_OVERTEMP, "Check the cabinet's fan and air inlets. Call service if it stays."),
    (Condition::AMBIENT_HIGH, "Heat shortens battery life. Check the room's ventilation."),
    (Condition::INPUT_HIGH, "Have the utility voltage at the panel measured."),
    (Condition::INPUT_LOW, "Have the utility voltage at the panel measured."),
    (Condition::LOAD_REDUCED, "Some lamps may be out. Walk the escape route and look."),
    (Condition::RUNTIME_SHORT, "The battery did not last as long as required. Have it tested or replaced."),
    (
        Condition::BATTERY_WEAK,
        "If utility power failed now, the lights would go out too early. Have the battery checked.",
    ),
    (Condition::GATEWAY_OFFLINE, "The inverter may be fine; check its network and its gateway."),
    (
        Condition::SERIAL_SILENT,
        "The gateway works, the inverter is silent. Check the serial cable in the cabinet.",
    ),
    (Condition::WRONG_INVERTER, "Readings are not taken. Check which cable goes to which inverter."),
    (Condition::TEST_FAILED, "It may not hold as long as required. Have the battery checked and test again."),
    (
        Condition::TEST_RUNNING,
        "The battery feeds the lights on purpose. It is not ready until it has charged again.",
    ),
    (
        Condition::TEST_STUCK,
        "It says that a self-test has been running for longer than any test lasts. Look at the panel in the cabinet.",
    ),
    (
        Condition::LINK_UNSTABLE,
        "Check the gateway's power and network plug, and the serial cable in the cabinet.",
    ),
    (
        Condition::BATTERY_RECHARGING,
        "The battery fed the lights lately. It is ready again when it has charged.",
    ),
    (Condition::TEST_DUE, "Start it at the panel, or let the inverter's own schedule do it."),
    (
        Condition::TEST_MISSED,
        "Start it at the panel soon. Until then nobody knows whether the lights would last.",
    ),
    (
        Condition::LAMPS_FEWER,
        "Walk the escape route and look. A load that was changed on purpose is learned by the next tests.",
    ),
    (
        Condition::LAMPS_LOST,
        "Walk the escape route and replace what is dark. A load that was changed on purpose is learned by the next tests.",
    ),
    (Condition::UNKNOWN_CODE, "Look the code up in the inverter's manual, and tell us of it."),
    (Condition::VALUE_STALE, "The rest still comes. Look at the readings to see which value is old."),
    (Condition::LIMIT_CROSSED, "Somebody set this limit. Look at the readings to see by how much."),
];

/// What to do, where something is to be done.
#[must_use]
pub fn advice(condition: Condition) -> &'static str {
    TABLE.iter().find(|(known, _)| *known == condition).map_or("", |(_, words)| words)
}

/// The three steps for a lost utility, in the order they help.
pub const ON_BATTERY_STEPS: [(&str, &str); 3] = [
    (
        "See what is out.",
        "If other rooms have power, it is likely one circuit: check the breaker that feeds this inverter.",
    ),
    ("If the breaker trips again, leave it off", "and call your electrician."),
    ("Watch the minutes left.", "Before they run out, make sure that nobody depends on these lights."),
];
