//! One row of the fleet's list.
//!
//! In: what is known of an inverter. Out: its state, what needs attention or what it is, how long it would hold.

use std::sync::Arc;

use fleet::readiness::Protection;
use fleet::{Freshness, Role, ScreenState};
use wire::{Quantity, UtcMs};

use super::bar::{self, Bar};
use super::fleet::Known;
use super::readiness;
use super::signals;
use super::strip::Strip;
use super::words::{self, Local, NB};

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Public id.
    pub id: String,
    /// `data-s`.
    pub state: &'static str,
    /// State's word.
    pub word: &'static str,
    /// Name.
    pub name: String,
    /// May only look.
    pub view_only: bool,
    /// What needs attention, or model and serial number.
    pub note: String,
    /// The note says what needs attention.
    pub attention: bool,
    /// Runtime bar.
    pub bar: Bar,
    /// `62 %`.
    pub load: String,
    /// Last 24 hours.
    pub strip: Option<Arc<Strip>>,
    /// Newest reading.
    pub read: Option<UtcMs>,
    /// Its age.
    pub age: String,
}

impl Row {
    /// One row.
    #[must_use]
    pub fn new(known: &Known, strip: Option<Arc<Strip>>, now: UtcMs) -> Self {
        let local = known.local(now);
        let screen = &known.screen;
        let test_since = known.state.test_since(now);
        let stale = screen.freshness == Freshness::Offline;
        let load = known.state.value(Quantity::LOAD).filter(|_| !stale);
        Self {
            id: known.row.inverter.public_id.clone(),
            state: screen.state.short_name(),
            word: screen.state.word(),
            name: known.name().to_owned(),
            view_only: known.row.role == Role::ReadOnly,
            note: maintained(known, &local, note(known, &local, test_since)),
            attention: screen.state != ScreenState::Normal || known.maintenance.is_some(),
            bar: Bar::new(screen, test_since, now),
            load: load.map_or_else(
                || "–".to_owned(),
                |(scaled, _)| format!("{}{NB}%", words::number(Quantity::LOAD, scaled, 0)),
            ),
            strip,
            read: screen.last_reading,
            age: screen.last_reading.map(|time| words::age(now.since(time))).unwrap_or_default(),
        }
    }
}

/// Where maintenance runs, that is said after what needs attention and in place of what the inverter is.
fn maintained(known: &Known, local: &Local, note: String) -> String {
    match &known.maintenance {
        None => note,
        Some(maintenance) if known.screen.state == ScreenState::Normal => maintenance.words(local),
        Some(maintenance) => format!("{note}. {}", maintenance.words(local)),
    }
}

fn note(known: &Known, local: &Local, test_since: Option<UtcMs>) -> String {
    let screen = &known.screen;
    let inverter = &known.row.inverter;
    let identity = || {
        let model = if inverter.model.is_empty() { String::new() } else { format!("{} · ", inverter.model) };
        format!("{model}{}", inverter.serial)
    };
    let since = |time: UtcMs| format!("since {}", local.soon(time));
    match (screen.state, screen.last_reading, screen.on_battery_since) {
        (ScreenState::OnBattery, last, Some(began)) => {
            match last.filter(|_| screen.freshness == Freshness::Offline) {
                Some(last) => format!("No utility power {}, contact lost {}", since(began), local.soon(last)),
                None => format!("No utility power {}", since(began)),
            }
        }
        (ScreenState::Offline, Some(last), _) => format!("No reading {}, state unknown", since(last)),
        (ScreenState::Offline, None, _) => "No reading yet".to_owned(),
        (ScreenState::Testing, ..) => {
            let told = known.state.test.as_ref().filter(|test| test.in_progress());
            let kind = told.map_or("self", |test| test.kind.as_str());
            test_since.map_or_else(identity, |time| format!("{} test {}", upper_first(kind), since(time)))
        }
        (ScreenState::Normal, ..) => match screen.outlook.protection {
            Some(Protection::Degraded) if bar::unsure(screen) => {
                format!("Degraded: may fall short of {}", words::minutes(screen.required_minutes))
            }
            Some(protection @ (Protection::Recharging { .. } | Protection::Degraded)) => {
                readiness::protection_words(protection, &screen.outlook, local)
            }
            _ => identity(),
        },
        _ => screen.active.first().map_or_else(identity, |active| match signals::since(active, local) {
            Some(since) => format!("{} since {since}", signals::title(active, &known.state.rules)),
            None => signals::title(active, &known.state.rules),
        }),
    }
}

/// `monthly` → `Monthly`.
#[must_use]
pub fn upper_first(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
