//! One inverter's page: the answer, the flow, the values, what holds, what it is.
//!
//! In: what is known of it now. Out: everything that its templates print. The same for everybody who may see it; what a
//! role changes stands outside these parts, so that one rendering serves all open pages.

use fleet::{Freshness, TestRecord};
use wire::{Quantity, UtcMs};

use super::fleet::Known;
use super::flow::Flow;
use super::hero::Hero;
use super::readiness::Battery;
use super::row::upper_first;
use super::signals::{self, Alarm, Signal};
use super::stats::{self, Line, Stat};
use super::words::{self, Local, NB};

/// The page's parts.
#[derive(Clone, Debug)]
pub struct View {
    /// Name.
    pub name: String,
    /// Site's name, may be empty.
    pub site: String,
    /// `data-s`.
    pub state: &'static str,
    /// State's word.
    pub word: &'static str,
    /// Newest reading.
    pub read: Option<UtcMs>,
    /// Its age.
    pub age: String,
    /// `Live`, `Late`, `Offline`.
    pub fresh_word: &'static str,
    /// Class of the live indicator.
    pub live_class: &'static str,
    /// Maintenance that runs.
    pub maintenance: Option<String>,
    /// The answer.
    pub hero: Hero,
    /// Power flow.
    pub flow: Flow,
    /// Six tiles.
    pub stats: Vec<Stat>,
    /// What holds.
    pub alarms: Vec<Alarm>,
    /// The battery, by what discharges told.
    pub battery: Option<Battery>,
    /// The last self-test.
    pub test: Option<Test>,
    /// Name and value.
    pub facts: Vec<(&'static str, String)>,
    /// Flags and conditions.
    pub signals: Vec<Signal>,
    /// Every value.
    pub lines: Vec<Line>,
}

/// The last self-test.
#[derive(Clone, Debug)]
pub struct Test {
    /// `data-s`.
    pub state: &'static str,
    /// Kind and result.
    pub title: String,
    /// When, how long, end voltage.
    pub detail: String,
}

/// Result, its colour, its word.
const RESULTS: [(&str, &str, &str); 5] = [
    ("in_progress", "test", "running"),
    ("passed", "ok", "passed"),
    ("warning", "warn", "passed with a remark"),
    ("failed", "alarm", "failed"),
    ("aborted", "warn", "ended early"),
];

impl View {
    /// Everything that the page shows of an inverter now.
    #[must_use]
    pub fn new(known: &Known, now: UtcMs) -> Self {
        let local = known.local(now);
        let (screen, state) = (&known.screen, &*known.state);
        let mut signals = signals::flags(state);
        signals.extend(signals::conditions(state, &local));
        let (fresh_word, live_class) = match screen.freshness {
            Freshness::Live => ("Live", ""),
            Freshness::Late => ("Late", "live--late"),
            Freshness::Offline => ("Offline", "live--off"),
        };
        Self {
            name: known.name().to_owned(),
            site: known.row.site.as_ref().map(|site| site.name.clone()).unwrap_or_default(),
            state: screen.state.short_name(),
            word: screen.state.word(),
            read: screen.last_reading,
            age: screen.last_reading.map(|time| words::age(now.since(time))).unwrap_or_default(),
            fresh_word,
            live_class,
            maintenance: known.maintenance.as_ref().map(|maintenance| maintenance.words(&local)),
            hero: Hero::new(screen, state, &local),
            flow: Flow::new(screen, state),
            stats: stats::tiles(state, screen.freshness == Freshness::Offline, &local),
            alarms: signals::alarms(screen, &state.rules, &local),
            battery: Battery::new(screen, state, &local),
            test: state.test.as_ref().and_then(|test| self_test(test, &local)),
            facts: facts(known, &local),
            signals,
            lines: stats::lines(state, now),
        }
    }
}

fn self_test(test: &TestRecord, local: &Local) -> Option<Test> {
    if test.result == "none" || test.result.is_empty() {
        return None;
    }
    let (_, state, word) = RESULTS.iter().find(|(name, ..)| *name == test.result).copied().unwrap_or((
        "",
        "off",
        test.result.as_str(),
    ));
    let mut detail = local.time(test.started.unwrap_or(test.told));
    if let Some(seconds) = test.length_s {
        detail.push_str(" · ");
        detail.push_str(&words::length(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)));
    }
    if let Some(voltage) = test.end_voltage {
        let voltage = words::number(Quantity::BATTERY_VOLTAGE, voltage, 1);
        detail.push_str(&format!(" · {voltage}{NB}V at end"));
    }
    Some(Test { state, title: format!("{}, {word}", upper_first(&test.kind)), detail })
}

fn facts(known: &Known, local: &Local) -> Vec<(&'static str, String)> {
    let inverter = &known.row.inverter;
    let state = &known.state;
    let mut facts = vec![("Serial", inverter.serial.to_string())];
    let mut add =
        |name, value: Option<String>| facts.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
    add("Model", Some(inverter.model.clone()));
    add("Site", known.row.site.as_ref().map(|site| site.name.clone()));
    add("Address", known.row.site.as_ref().map(|site| site.address.clone()));
    add("Registered", Some(local.day(inverter.registered_at)));
    add("Last contact", state.last_contact.map(|time| local.exact(time)));
    add(
        "Gateway up",
        state
            .gateway
            .and_then(|gateway| gateway.uptime_ms)
            .map(|ms| words::length(i64::try_from(ms).unwrap_or(i64::MAX))),
    );
    add(
        "Serial line",
        state.link.map(|link| match link.frames_bad {
            0 => format!("{} frames, none bad", words::count(link.frames_good)),
            bad => format!("{} frames, {} bad", words::count(link.frames_good), words::count(bad)),
        }),
    );
    add("Lost by gateway", Some(state.counters.lost_by_gateway).filter(|n| *n > 0).map(words::count));
    add("Unknown codes", Some(state.unknown.join(", ")));
    facts
}
