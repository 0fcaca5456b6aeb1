//! The answer at the top of an inverter's page: will the lights last?
//!
//! In: what the screen says, the site's time. Out: state, big number, two sentences. Says "Unknown" where nothing is
//! known; never takes an old value for a new one.

use fleet::readiness::Protection;
use fleet::{Freshness, InverterState, Ready, Screen, ScreenState};

use super::bar::{self, Bar};
use super::readiness;
use super::words::{self, Local, NB};

/// The panel's words.
#[derive(Clone, Debug)]
pub struct Hero {
    /// `data-s`.
    pub state: &'static str,
    /// Small line with the icon.
    pub eye: String,
    /// The answer.
    pub big: String,
    /// What the number is.
    pub small: String,
    /// What follows from it.
    pub sub: String,
    /// What it rests on.
    pub basis: String,
    /// Purple frame: it happens now.
    pub emergency: bool,
    /// The runtime bar; `None` before the first reading.
    pub bar: Option<Bar>,
}

impl Hero {
    /// The answer for one inverter now.
    #[must_use]
    pub fn new(screen: &Screen, state: &InverterState, local: &Local) -> Self {
        let now = local.now();
        let test_since = state.test_since(now);
        let bar = Some(Bar::new(screen, test_since, now));
        let required = screen.required_minutes;
        if screen.last_reading.is_none() {
            return Self {
                state: "off",
                eye: "No reading yet".to_owned(),
                big: "Unknown".to_owned(),
                small: String::new(),
                sub: "First readings arrive within a minute of the gateway's start.".to_owned(),
                basis: String::new(),
                emergency: false,
                bar: None,
            };
        }
        if screen.on_battery_since.is_some() {
            return on_battery(screen, local, bar);
        }
        if screen.freshness == Freshness::Offline {
            return offline(screen, local, bar);
        }
        let why = screen.outlook.why.map(|why| readiness::why_words(why, state.rules.keeps_logbook()));
        let why = why.unwrap_or_default();
        let (hold, ours) = (screen.would_hold_minutes, screen.outlook.now);
        let (state, eye) = head(screen, local);
        Self {
            state,
            eye,
            big: match (ours, hold) {
                (Some(told), _) => readiness::plus_minus(&told),
                (None, Some(minutes)) => words::minutes(minutes),
                (None, None) => "Not known yet".to_owned(),
            },
            small: if hold.is_some() { format!("would hold, {required} required") } else { String::new() },
            sub: follows(screen, &why, local),
            basis: match (ours, hold) {
                (Some(told), _) => readiness::basis(&told, local),
                (None, Some(_)) => own(&why),
                (None, None) => String::new(),
            },
            emergency: false,
            bar,
        }
    }
}

/// State and the line above the number: whether it is ready, and whether the lights are protected.
fn head(screen: &Screen, local: &Local) -> (&'static str, String) {
    let (state, eye) = match (screen.state, screen.ready) {
        (ScreenState::Alarm, _) => ("alarm", format!("Not ready: {}", first_words(screen))),
        (ScreenState::Testing, _) => ("test", "Self-test running".to_owned()),
        (_, Ready::Unknown) => ("off", "Not known whether it is ready".to_owned()),
        (ScreenState::Warning, Ready::Yes) => ("ok", "Ready, with a warning".to_owned()),
        (_, Ready::Yes) => ("ok", "Ready".to_owned()),
        (_, Ready::No) => ("alarm", "Not ready".to_owned()),
    };
    let Some(protection) = screen.outlook.protection.filter(|one| *one != Protection::Unknown) else {
        return (state, eye);
    };
    let charges = matches!(protection, Protection::Recharging { .. }) && screen.state == ScreenState::Normal;
    let state = match state {
        "ok" if protection == Protection::Degraded => "warn",
        "alarm" if charges => "test",
        state => state,
    };
    (state, format!("{eye} · {}", readiness::protection_words(protection, &screen.outlook, local)))
}

/// What follows from the number, or from its absence.
fn follows(screen: &Screen, why: &str, local: &Local) -> String {
    let (now, required) = (local.now(), screen.required_minutes);
    match (screen.state, screen.would_hold_minutes) {
        (ScreenState::Testing, _) => {
            "The battery feeds the lights on purpose. It is not ready until it has charged again.".to_owned()
        }
        (_, Some(minutes)) if minutes < required => format!(
            "{} short. If utility power failed now, the lights would go out about {}.",
            words::minutes(required.saturating_sub(minutes)),
            local.soon(now.plus_ms(i64::from(minutes) * 60_000))
        ),
        (_, Some(minutes)) => format!(
            "If utility power failed now, the lights should stay on until about {}.",
            local.soon(now.plus_ms(i64::from(minutes) * 60_000))
        ),
        (_, None) => format!("{why} Until then it does not count as ready."),
    }
}

/// The number is the inverter's own.
fn own(why: &str) -> String {
    let own = "As the inverter itself estimates from its battery and the load now.";
    if why.is_empty() { own.to_owned() } else { format!("{own} Ours is not known yet: {}", lower_first(why)) }
}

fn on_battery(screen: &Screen, local: &Local, bar: Option<Bar>) -> Hero {
    let since = screen.on_battery_since.unwrap_or(local.now());
    let until = screen.holds_until;
    let left = bar::minutes_left(screen, local.now());
    let required = screen.required_minutes;
    let offline = screen.freshness == Freshness::Offline;
    let sub = match (until, offline) {
        (Some(until), true) => format!(
            "Contact was lost {}. If nothing changed since, the lights hold until about {}.",
            local.soon(screen.last_reading.unwrap_or(since)),
            local.soon(until)
        ),
        (Some(until), false) => {
            let in_all = u32::try_from((until.since(since).max(0) + 30_000) / 60_000).unwrap_or(u32::MAX);
            format!(
                "Utility power is out. The emergency lights are on and should last until about {}: {} in all, {required} \
                 required.",
                local.soon(until),
                words::minutes(in_all)
            )
        }
        (None, true) => {
            format!(
                "Contact was lost {}. How long it holds is not known.",
                local.soon(screen.last_reading.unwrap_or(since))
            )
        }
        (None, false) => {
            "Utility power is out. The emergency lights are on. This inverter does not say for how long."
                .to_owned()
        }
    };
    Hero {
        state: "bat",
        eye: format!("On battery since {}", local.soon(since)),
        big: left.map_or_else(|| "Time left not known".to_owned(), |left| format!("About {left}{NB}min")),
        small: if left.is_some() { "of light left".to_owned() } else { String::new() },
        sub,
        basis: counted(screen, local),
        emergency: true,
        bar,
    }
}

/// What the countdown rests on.
fn counted(screen: &Screen, local: &Local) -> String {
    let Some((low, high)) = screen.holds_between else {
        let own = screen.holds_until.map(|_| "As the inverter itself estimates. We count along once the battery has shown enough of itself.");
        return own.unwrap_or_default().to_owned();
    };
    let before = screen.outlook.full.map(|full| full.basis.evidence);
    let from = before.map_or_else(
        || "Counted from this discharge".to_owned(),
        |one| {
            format!(
                "Counted from the {} {} and corrected as this discharge goes on",
                local.day(one.at),
                readiness::kind(one.kind)
            )
        },
    );
    format!(
        "{from}. Nine times in ten the lights go out between {} and {}.",
        local.soon(low),
        local.soon(high)
    )
}

fn offline(screen: &Screen, local: &Local, bar: Option<Bar>) -> Hero {
    let last = screen.last_reading.map(|time| local.soon(time)).unwrap_or_default();
    Hero {
        state: "off",
        eye: format!("No reading since {last}"),
        big: "Unknown".to_owned(),
        small: screen
            .would_hold_minutes
            .map_or(String::new(), |minutes| format!("was {} at {last}", words::minutes(minutes))),
        sub: "The inverter may be fine; check its network and its gateway. Below is what was last known."
            .to_owned(),
        basis: String::new(),
        emergency: false,
        bar,
    }
}

/// The most urgent condition in words.
#[must_use]
pub fn first_words(screen: &Screen) -> String {
    screen.active.first().map_or(String::new(), |active| lower_first(active.condition.words()))
}

/// `Charger fault` → `charger fault`, for the middle of a sentence.
#[must_use]
pub fn lower_first(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or(String::new(), |first| first.to_lowercase().chain(characters).collect())
}
