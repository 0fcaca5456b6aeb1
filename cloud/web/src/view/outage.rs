//! A power loss in words: the page and the letter say the same.
//!
//! In: the record of an outage, the site's clock. Out: what it came to, sentences, figures.

use fleet::readiness::Load;
use fleet::readiness::moment::Unit;
use fleet::record::{Ending, Outage, Predicted};
use wire::UtcMs;

use super::bar::Bar;
use super::readiness::minutes;
use super::words::{self, Local, NB};

/// A power loss as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `ok`, `alarm` where the lights went out, `off` where nobody knows.
    pub state: &'static str,
    /// Its word.
    pub word: &'static str,
    /// What it came to.
    pub title: String,
    /// When.
    pub when: String,
    /// Predicted against actual, and what is to be done about it.
    pub says: Vec<String>,
    /// Figures.
    pub facts: Vec<(&'static str, String)>,
}

/// The colour of an outage's end, and its word.
#[must_use]
pub const fn tag(ending: Ending) -> (&'static str, &'static str) {
    match ending {
        Ending::GaveUp => ("alarm", "Gave up"),
        Ending::Unknown => ("off", "Not known"),
        Ending::Held => ("ok", "Held"),
    }
}

/// How long the battery fed the load: `24 min`, or `at least 24 min` where its end was not seen.
#[must_use]
pub fn fed(outage: &Outage) -> String {
    let length = words::held(outage.length_s.into());
    if outage.end_unseen { format!("at least {length}") } else { length }
}

/// The runtime bar of an outage, against the minutes that are required.
#[must_use]
pub fn bar(outage: &Outage, required: u32) -> Bar {
    let said = outage.predicted.map(|said| whole(said.runtime_s));
    // The minutes that `words::held` says.
    let held = minutes(f64::from(outage.length_s) + 0.5);
    Bar::of_outage(held, said, outage, required)
}

impl Told {
    /// Of an outage.
    #[must_use]
    pub fn new(outage: &Outage, local: &Local) -> Self {
        let (state, word) = tag(outage.ending());
        let mut says = vec![predicted(outage)];
        if outage.contact_lost {
            says.push(
                "Contact was lost during it. What is said here was told of later, and may not be the whole of it."
                    .to_owned(),
            );
        }
        Self {
            state,
            word,
            title: title(outage),
            when: when(outage, local),
            says,
            facts: facts(outage, local),
        }
    }

    /// One line of a letter that tells of several.
    #[must_use]
    pub fn line(&self) -> String {
        let figures = self.facts.iter().filter(|(name, _)| ONE_LINE.contains(name));
        let figures: Vec<String> = figures.map(|(name, value)| format!("{name}: {value}.")).collect();
        format!("{}. {}. {}", self.title, self.when, figures.join(" "))
    }
}

const LOWEST: &str = "Lowest battery voltage";
const LAST_SEEN: &str = "Last seen on battery";
const PREDICTED: &str = "Predicted at its start";
const FULL: &str = "Battery full again";
/// What is worth saying of each of several.
const ONE_LINE: [&str; 3] = [LOWEST, PREDICTED, FULL];

fn ended(outage: &Outage) -> UtcMs {
    fleet::Record::Outage(outage.clone()).ended()
}

fn title(outage: &Outage) -> String {
    let length = fed(outage);
    match outage.ending() {
        Ending::GaveUp => format!("The battery gave up after {length}"),
        Ending::Unknown => format!("The battery fed for {length}; how it ended is not known"),
        Ending::Held => format!("The battery held for {length}, until power was back"),
    }
}

fn when(outage: &Outage, local: &Local) -> String {
    let (from, to) = (local.whole(outage.started), local.whole(ended(outage)));
    if outage.end_unseen {
        format!("On battery from {from}, last seen so {to}")
    } else {
        format!("On battery from {from} to {to}")
    }
}

fn predicted(outage: &Outage) -> String {
    let Some(said) = outage.predicted else {
        return "How long the battery would hold was not known when power was lost, so there is nothing to compare."
            .to_owned();
    };
    let (held_s, length) = (outage.length_s, words::held(outage.length_s.into()));
    let said_words = spread(&said);
    if outage.end_unseen {
        return format!(
            "When power was lost it was said to hold {said_words}. It was seen to feed for {length}, and nobody knows how \
             much longer it did: there is nothing to compare."
        );
    }
    match outage.gave_up {
        true if held_s < said.low_s => format!(
            "When power was lost it was said to hold {said_words}. It held {length}: less than that. Do not rely on this \
             battery; have it looked at, and tested in full."
        ),
        true => {
            format!(
                "When power was lost it was said to hold {said_words}. It held {length}, as was to be expected."
            )
        }
        false if held_s > said.high_s => {
            format!("When power was lost it was said to hold {said_words}. It held longer: {length}.")
        }
        false => {
            format!("When power was lost it was said to hold {said_words}. {length} of that were needed.")
        }
    }
}

/// `118 min (109 to 127)`.
fn spread(said: &Predicted) -> String {
    format!(
        "{} ({}{NB}to{NB}{})",
        words::minutes(whole(said.runtime_s)),
        whole(said.low_s),
        whole(said.high_s)
    )
}

fn facts(outage: &Outage, local: &Local) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("On battery from", local.day_time_and_zone(outage.started)),
        (if outage.end_unseen { LAST_SEEN } else { "To" }, local.day_time_and_zone(ended(outage))),
        ("For", fed(outage)),
    ];
    facts.extend(outage.lowest_v.map(|volts| (LOWEST, format!("{volts:.1}{NB}V"))));
    facts.extend(outage.load.map(|load| ("Load, on average", load_words(load))));
    facts.extend(outage.predicted.map(|said| (PREDICTED, spread(&said))));
    let full =
        outage.recharged.map_or_else(|| "not yet, or not told".to_owned(), |at| local.day_time_and_zone(at));
    facts.push((FULL, full));
    facts
}

fn load_words(load: Load) -> String {
    let plain = i64::from(rounded(load.value));
    let (number, unit) = match load.unit {
        Unit::Watt | Unit::BatteryWatt => words::power(plain, "kW", "W"),
        Unit::VoltAmpere => words::power(plain, "kVA", "VA"),
        Unit::Percent => (plain.to_string(), "% of rated"),
    };
    format!("{number}{NB}{unit}")
}

fn whole(seconds: f32) -> u32 {
    rounded(seconds / 60.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "watts, minutes; a cast saturates"
)]
fn rounded(value: f32) -> u32 {
    value.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_795_000_000_000;

    fn outage(length_s: f32, gave_up: bool, predicted: Option<f32>) -> Outage {
        let said = |runtime_s: f32| Predicted { runtime_s, low_s: runtime_s * 0.9, high_s: runtime_s * 1.1 };
        Outage {
            started: UtcMs(T0),
            length_s,
            gave_up,
            lowest_v: Some(112.34),
            load: Some(Load { value: 6_120.0, unit: Unit::Watt }),
            predicted: predicted.map(said),
            recharged: None,
            contact_lost: false,
            end_unseen: false,
        }
    }

    #[test]
    fn what_was_said_is_held_against_what_was() {
        let local = Local::new("America/Chicago", UtcMs(T0 + 86_400_000));
        let check = |outage: Outage, expect: &str| {
            let told = Told::new(&outage, &local);
            assert!(told.says[0].contains(expect), "{expect:?} is not in {:?}", told.says);
        };
        check(
            outage(1_440.0, false, Some(7_080.0)),
            "118\u{a0}min (106\u{a0}to\u{a0}130). 24\u{a0}min of that were needed.",
        );
        check(
            outage(3_600.0, true, Some(7_080.0)),
            "It held 60\u{a0}min: less than that. Do not rely on this battery",
        );
        check(outage(7_000.0, true, Some(7_080.0)), "as was to be expected");
        check(outage(9_000.0, true, Some(7_080.0)), "as was to be expected");
        check(outage(9_000.0, false, Some(7_080.0)), "It held longer: 150\u{a0}min.");
        check(outage(9_000.0, false, None), "was not known when power was lost");
    }

    #[test]
    fn an_end_that_nobody_saw_is_never_told_as_held() {
        let local = Local::new("America/Chicago", UtcMs(T0 + 86_400_000));
        let unseen = |gave_up| Outage { end_unseen: true, ..outage(480.0, gave_up, Some(7_080.0)) };
        let told = Told::new(&unseen(false), &local);
        assert_eq!((told.state, told.word), ("off", "Not known"));
        assert_eq!(told.title, "The battery fed for at least 8\u{a0}min; how it ended is not known");
        assert!(told.says[0].ends_with("there is nothing to compare."), "{:?}", told.says);
        assert!(told.when.contains(", last seen so "), "{}", told.when);
        assert!(told.line().starts_with(&told.title) && !told.line().contains("held"), "{}", told.line());
        let fact =
            |name: &str| told.facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!((fact("For"), fact("To")), (Some("at least 8\u{a0}min"), None));
        assert!(bar(&unseen(false), 90).label.contains("for at least 8 minutes"));
        // Dark when it was seen again: it gave up, nobody knows after how long, and so not sooner than was said.
        let told = Told::new(&unseen(true), &local);
        assert_eq!(
            (told.state, told.title.as_str()),
            ("alarm", "The battery gave up after at least 8\u{a0}min")
        );
        assert!(!told.says[0].contains("less than that"), "{:?}", told.says);
        assert_eq!(bar(&unseen(true), 90).missing, 0.0);
    }

    #[test]
    fn figures_are_those_of_the_record() {
        let local = Local::new("America/Chicago", UtcMs(T0 + 86_400_000));
        let told = Told::new(&outage(1_440.0, false, Some(7_080.0)), &local);
        let fact = |name: &str| told.facts.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
        assert_eq!(fact("Lowest battery voltage"), "112.3\u{a0}V");
        assert_eq!(fact("Load, on average"), "6.1\u{a0}kW");
        assert_eq!(fact("Battery full again"), "not yet, or not told");
        assert_eq!((told.state, told.word), ("ok", "Held"));
        assert!(told.line().contains("Lowest battery voltage: 112.3"), "{}", told.line());
    }
}
