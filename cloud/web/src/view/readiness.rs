//! Battery readiness in words: what it rests on, how sure that is, whether it protects, where it is going.
//!
//! In: an outlook, the site's time. Out: sentences. A number is never said without what it rests on, and where there is none it is said why.

use fleet::readiness::outlook::Outlook;
use fleet::readiness::{Basis, Estimate, Forecast, Kind, Lamps, Protection, Why, forecast, lamps};
use fleet::self_test::Standing;
use fleet::{InverterState, Screen};
use wire::UtcMs;

use super::words::{self, Local, NB};

/// Protection, `data-s`, name in the API, the word people read.
const PROTECTIONS: [(Protection, &str, &str, &str); 5] = [
    (Protection::Protected, "ok", "protected", "Protected"),
    (Protection::Recharging { full_in_s: None }, "test", "recharging", "Recharging"),
    (Protection::Degraded, "warn", "degraded", "Degraded"),
    (Protection::Unprotected, "alarm", "unprotected", "Unprotected"),
    (Protection::Unknown, "off", "unknown", "Unknown"),
];

/// The side panel on the battery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Battery {
    /// `data-s`.
    pub state: &'static str,
    /// `Protected`, `Recharging, full at about 2:20 PM`, and so on.
    pub title: String,
    /// What that means.
    pub detail: String,
    /// Name and what is known.
    pub facts: Vec<(&'static str, String)>,
}

impl Battery {
    /// What is known of the battery of an inverter that has reported.
    #[must_use]
    pub fn new(screen: &Screen, state: &InverterState, local: &Local) -> Option<Self> {
        screen.last_reading?;
        let outlook = &screen.outlook;
        let (data, title) = match outlook.protection {
            Some(protection) => (line(protection).1, protection_words(protection, outlook, local)),
            None => ("bat", "Feeding the load".to_owned()),
        };
        let mut facts = Vec::new();
        let mut add =
            |name, value: Option<String>| facts.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
        add("Charge", outlook.charge.filter(|_| outlook.protection.is_some()).map(charge_words));
        add("Full battery", outlook.full.map(|full| plus_minus(&full)));
        let required_s = f64::from(screen.required_minutes) * 60.0;
        add("Trend", trend(state, outlook, required_s, local));
        add("Lamps", Some(lamps_words(lamps(&state.readiness.evidence)).to_owned()));
        let due = state.tests.due(state.rules.rule_set(), local.now());
        let due = due.filter(|_| fleet::self_test::recognises(state));
        add("Monthly test", due.map(|due| standing(due.monthly, local)));
        add("Annual test", due.map(|due| standing(due.annual, local)));
        if !fleet::self_test::recognises(state) {
            add("Tests", Some("Tests and outages are not recognized on this stream.".to_owned()));
        }
        add("Rules", Some(state.rules.rule_set().source.to_owned()));
        let detail = detail(screen, state.rules.keeps_logbook());
        Some(Self { state: data, title, detail, facts })
    }
}

fn line(protection: Protection) -> (Protection, &'static str, &'static str, &'static str) {
    let same = |one: &Protection| std::mem::discriminant(one) == std::mem::discriminant(&protection);
    PROTECTIONS
        .iter()
        .find(|(one, ..)| same(one))
        .copied()
        .unwrap_or((protection, "off", "unknown", "Unknown"))
}

/// Its name in the API.
#[must_use]
pub fn protection_name(protection: Protection) -> &'static str {
    line(protection).2
}

/// `Protected`; `Recharging, full at about 2:20 PM`.
#[must_use]
pub fn protection_words(protection: Protection, outlook: &Outlook, local: &Local) -> String {
    let word = line(protection).3;
    match full_at(outlook, local.now()) {
        Some(at) if matches!(protection, Protection::Recharging { .. }) => {
            format!("{word}, full at about {}", local.soon(at))
        }
        _ => word.to_owned(),
    }
}

/// When it is full again, to five minutes; it is counted, not known.
#[must_use]
pub fn full_at(outlook: &Outlook, now: UtcMs) -> Option<UtcMs> {
    const STEP_MS: i64 = 5 * 60_000;
    #[expect(clippy::cast_possible_truncation, reason = "a day or two")]
    let ms = (f64::from(outlook.full_in_s?) * 1000.0) as i64;
    Some(UtcMs(now.plus_ms(ms).0.div_euclid(STEP_MS).saturating_mul(STEP_MS).saturating_add(STEP_MS)))
}

fn detail(screen: &Screen, logbook: bool) -> String {
    let (outlook, required) = (&screen.outlook, screen.required_minutes);
    match outlook.protection {
        None if screen.on_battery_since.is_none() => {
            "A self-test runs. It is ready again when it has charged.".to_owned()
        }
        None if screen.holds_until.is_some() => "How long it holds is counted down above.".to_owned(),
        None => "How long it holds is not known.".to_owned(),
        Some(Protection::Protected) => {
            format!("Also by the lower end of the estimate it holds the {required} required minutes.")
        }
        Some(Protection::Recharging { .. }) => {
            format!("When full it holds the {required} required minutes. Now it would fall short.")
        }
        Some(Protection::Degraded)
            if outlook.now.is_some_and(|now| now.low_s >= f64::from(required) * 60.0) =>
        {
            "It would hold now, and it cannot be charged after that.".to_owned()
        }
        Some(Protection::Degraded) => {
            format!("It may fall short: the estimate reaches to both sides of {required} minutes.")
        }
        Some(Protection::Unprotected) => match outlook.now {
            Some(now) if now.high_s < f64::from(required) * 60.0 => {
                format!("Even by the upper end of the estimate it falls short of {required} minutes.")
            }
            _ => "The inverter could not feed the lights: look at the alarms.".to_owned(),
        },
        Some(Protection::Unknown) => outlook.why.map_or(String::new(), |why| why_words(why, logbook)),
    }
}

/// `118 min ± 9`: most likely, and half of the interval in which it is nine times in ten.
#[must_use]
pub fn plus_minus(estimate: &Estimate) -> String {
    format!("{} ±{NB}{}", words::minutes(minutes(estimate.seconds)), half(estimate))
}

/// Half of the interval, minutes; at least one, as no battery is known to the minute.
#[must_use]
pub fn half(estimate: &Estimate) -> u32 {
    rounded((estimate.high_s - estimate.low_s) / 120.0).max(1)
}

/// `Estimated from the Mar 12 annual test, the load now and the cabinet temperature. Nine times in ten it is from 109 to 127 min.`
#[must_use]
pub fn basis(estimate: &Estimate, local: &Local) -> String {
    let Basis { evidence, load, celsius, charge } = estimate.basis;
    let mut parts = vec![format!("the {} {}", local.day(evidence.at), kind(evidence.kind))];
    #[expect(clippy::float_cmp, reason = "the same number where no load is told now")]
    if load.value == evidence.load.value {
        parts.push("its load".to_owned());
    } else {
        parts.push("the load now".to_owned());
    }
    if celsius.is_some() {
        parts.push("the cabinet temperature".to_owned());
    }
    if charge < 1.0 {
        parts.push("what the battery has charged since".to_owned());
    }
    let last = parts.pop().unwrap_or_default();
    format!(
        "Estimated from {} and {last}. Nine times in ten it is from {} to {}.",
        parts.join(", "),
        minutes(estimate.low_s),
        words::minutes(rounded(estimate.high_s / 60.0))
    )
}

/// Why nothing is said.
#[must_use]
pub fn why_words(why: Why, logbook: bool) -> String {
    let when = if logbook { "" } else { " in the last 30\u{a0}days" };
    match why {
        Why::NoVoltage => "Its battery voltage is not reported, and all rests on that.".to_owned(),
        Why::NoTest => format!("No test and no outage was seen{when}. It needs one annual test."),
        Why::TooShort => format!("The tests seen{when} were too short to tell. It needs one annual test."),
        Why::NotCharged => {
            "The battery was not full when the last test began. It needs a test with a full one.".to_owned()
        }
        Why::Uncertain => {
            "The last test tells too little about the load and the temperature now. It needs one annual test."
                .to_owned()
        }
    }
}

/// Name of a reason in the API.
#[must_use]
pub const fn why_name(why: Why) -> &'static str {
    match why {
        Why::NoVoltage => "no_voltage",
        Why::NoTest => "no_test",
        Why::TooShort => "too_short",
        Why::NotCharged => "not_charged",
        Why::Uncertain => "uncertain",
    }
}

/// What kind of discharge it was.
#[must_use]
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Annual => "annual test",
        Kind::Monthly => "monthly test",
        Kind::Manual | Kind::Test => "test",
        Kind::Outage => "outage",
    }
}

/// The forecast for the load and temperature that the estimate is for.
#[must_use]
pub fn ahead(state: &InverterState, outlook: &Outlook, required_s: f64, now: UtcMs) -> Option<Forecast> {
    let basis = outlook.full?.basis;
    forecast(&state.readiness.evidence, basis.load, basis.celsius, required_s, now)
}

fn trend(state: &InverterState, outlook: &Outlook, required_s: f64, local: &Local) -> Option<String> {
    let Some(told) = ahead(state, outlook, required_s, local.now()) else {
        return outlook.full.map(|_| "Not known yet. It needs two long tests half a year apart.".to_owned());
    };
    let required = rounded(required_s / 60.0);
    let fades = format!("{:+.1}\u{a0}% a year", told.per_year * 100.0).replace('-', "−");
    Some(match (told.at, told.earliest) {
        (Some(at), _) if at <= local.now() => format!("{fades}. It falls short of {required} min now."),
        (Some(at), Some(earliest)) => format!(
            "{fades}. {required} min no longer hold about {}, perhaps from {} on.",
            local.month(at),
            local.month(earliest)
        ),
        (Some(at), None) => format!("{fades}. {required} min no longer hold about {}.", local.month(at)),
        (None, _) => format!("{fades}. It holds {required} min for ten years and more."),
    })
}

fn lamps_words(lamps: Lamps) -> String {
    let share = |lost: f32| rounded(f64::from(lost) * 100.0);
    match lamps {
        Lamps::Unknown => "Not known yet. It needs three tests.".to_owned(),
        Lamps::Steady => "As many as before, by the load in tests".to_owned(),
        Lamps::Warning(lost) => format!("{}{NB}% less load in the last test. Some may be out.", share(lost)),
        Lamps::Fault(lost) => format!("{}{NB}% less load in the last test. Lamps are out.", share(lost)),
    }
}

/// Name in the API.
#[must_use]
pub const fn lamps_name(lamps: Lamps) -> &'static str {
    match lamps {
        Lamps::Unknown => "unknown",
        Lamps::Steady => "steady",
        Lamps::Warning(_) => "fewer",
        Lamps::Fault(_) => "lost",
    }
}

fn standing(standing: Standing, local: &Local) -> String {
    match standing {
        Standing::Done { next } => format!("Next due {}", local.day_and_year(next)),
        Standing::Due { by } => format!("Due now, at the latest {}", local.day_and_year(by)),
        Standing::Missed { since } => format!("Missed since {}", local.day_and_year(since)),
    }
}

fn charge_words(share: f32) -> String {
    if share >= 0.97 { "Full".to_owned() } else { format!("{}{NB}%", rounded(f64::from(share) * 100.0)) }
}

/// Whole minutes that surely are over.
#[must_use]
pub fn minutes(seconds: f64) -> u32 {
    rounded((seconds / 60.0).floor())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "minutes and shares, never below 0"
)]
fn rounded(value: f64) -> u32 {
    value.max(0.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet::readiness::{End, Evidence, Load, Unit};

    const NOON: &str = "2026-11-17T17:00:00Z";

    fn estimate(minutes: f64, charge: f64) -> Estimate {
        let load = Load { value: 6_100.0, unit: Unit::Watt };
        let evidence = Evidence {
            kind: Kind::Annual,
            at: UtcMs::parse_rfc3339("2026-03-12T15:00:00Z").unwrap(),
            length_s: 5_400.0,
            end: End::Over,
            charge: Some(1.0),
            load,
            load_mean: load.value,
            celsius: Some(25.0),
            end_cell_v: 1.9,
            whole: Some((8.8, 0.04)),
        };
        let now = Load { value: 6_000.0, ..load };
        let basis = Basis { evidence, load: now, celsius: Some(27.0), charge };
        let seconds = minutes * 60.0;
        Estimate { seconds, low_s: 0.925 * seconds, high_s: 1.075 * seconds, basis }
    }

    fn local() -> Local {
        Local::new("America/New_York", UtcMs::parse_rfc3339(NOON).unwrap())
    }

    #[test]
    fn a_number_says_what_it_rests_on_and_how_sure_it_is() {
        assert_eq!(plus_minus(&estimate(118.0, 1.0)), "118\u{a0}min ±\u{a0}9");
        assert_eq!(
            basis(&estimate(118.0, 1.0), &local()),
            "Estimated from the Mar\u{a0}12 annual test, the load now and the cabinet temperature. Nine times in ten it is from \
             109 to 127\u{a0}min."
        );
        assert!(basis(&estimate(60.0, 0.6), &local()).contains("and what the battery has charged since."));
        let mut same = estimate(118.0, 1.0);
        same.basis.load = same.basis.evidence.load;
        assert!(basis(&same, &local()).contains("annual test, its load and"), "{}", basis(&same, &local()));
    }

    #[test]
    fn each_protection_has_its_word_and_unknown_its_reason() {
        let check = |protection, full_in_s, expect: &str| {
            let outlook = Outlook {
                protection: Some(protection),
                now: None,
                full: None,
                charge: None,
                full_in_s,
                why: Some(Why::NoTest),
            };
            assert_eq!(protection_words(protection, &outlook, &local()), expect);
        };
        check(Protection::Protected, None, "Protected");
        check(
            Protection::Recharging { full_in_s: Some(8_300.0) },
            Some(8_300.0),
            "Recharging, full at about 2:20\u{a0}PM",
        );
        check(Protection::Degraded, None, "Degraded");
        check(Protection::Unprotected, None, "Unprotected");
        check(Protection::Unknown, None, "Unknown");
        assert_eq!(
            why_words(Why::NoTest, false),
            "No test and no outage was seen in the last 30\u{a0}days. It needs one annual test."
        );
        assert_eq!(why_words(Why::NoTest, true), "No test and no outage was seen. It needs one annual test.");
    }
}
