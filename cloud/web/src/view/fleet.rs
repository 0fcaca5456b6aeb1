//! The fleet page: one answer, six tiles, the list with what needs attention on top.
//!
//! In: the inverters that somebody may see, their live states, a filter. Out: words and rows. Filters and order live in
//! the address, so that a view can be sent to somebody.

use std::sync::Arc;

use fleet::screen::DEFAULT_REQUIRED_MINUTES;
use fleet::{Freshness, InverterState, Ready, Role, Screen, ScreenState, screen};
use serde::Deserialize;
use store::state::VisibleInverter;
use wire::{Quantity, UtcMs};

use super::bar::Bar;
use super::hero;
use super::signals;
use super::strip::Strip;
use super::words::{self, Local, NB};
use crate::Context;

/// Rows on one page of the list.
pub const PAGE: usize = 50;
/// From this many on the list is split into pages.
pub const SPLIT: usize = 100;

/// What is shown; lives in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Part of a name, site, model or serial number.
    pub q: String,
    /// Public id of a site.
    pub site: String,
    /// Short name of a state.
    pub state: String,
    /// `name`, `hold`, or attention first.
    pub sort: String,
    /// Page of the list, from 1.
    pub page: usize,
}

/// One inverter with what is known of it now.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its row and the caller's role.
    pub row: VisibleInverter,
    /// Its newest state; empty where it never reported.
    pub state: Arc<InverterState>,
    /// What the screen says.
    pub screen: Screen,
}

/// The answer panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Ready ones.
    pub ready: usize,
    /// All.
    pub total: usize,
    /// The answer.
    pub headline: String,
    /// Why.
    pub why: String,
    /// By state.
    pub tiles: Vec<Tile>,
}

/// One tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// `data-s`.
    pub state: &'static str,
    /// Its word.
    pub word: &'static str,
    /// How many.
    pub count: usize,
    /// Shows only these, or all again.
    pub href: String,
    /// Only these are shown now.
    pub current: bool,
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Groups of rows.
    pub groups: Vec<Group>,
    /// What stands where nothing is.
    pub empty: Empty,
    /// Words for the mark in the column's head.
    pub mark: String,
    /// Page and pages.
    pub page: usize,
    /// How many.
    pub pages: usize,
    /// Address of the page before.
    pub earlier: Option<String>,
    /// Address of the page after.
    pub later: Option<String>,
}

/// Words where the list is empty.
#[derive(Clone, Debug, Default)]
pub struct Empty {
    /// Icon.
    pub icon: &'static str,
    /// What.
    pub title: String,
    /// Why.
    pub why: &'static str,
    /// A filter can be taken away.
    pub clear: bool,
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Heading.
    pub title: String,
    /// How many, in words.
    pub count: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

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

impl Known {
    /// What is known now of a row.
    #[must_use]
    pub fn new(context: &Context, row: VisibleInverter, now: UtcMs) -> Self {
        let state = context.live().state(row.inverter.key).unwrap_or_default();
        let required = row.inverter.required_minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES);
        let screen = screen(&state, required, now);
        Self { row, state, screen }
    }

    /// The inverter's times.
    #[must_use]
    pub fn local(&self, now: UtcMs) -> Local {
        Local::new(self.row.site.as_ref().map_or("UTC", |site| &site.time_zone), now)
    }

    /// Name, or the serial number where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.row.inverter.name.is_empty() {
            self.row.inverter.serial.as_str()
        } else {
            &self.row.inverter.name
        }
    }

    fn matches(&self, filter: &Filter) -> bool {
        let site = self.row.site.as_ref();
        let found = |text: &str, needle: &str| text.to_lowercase().contains(needle);
        let needle = filter.q.trim().to_lowercase();
        let inverter = &self.row.inverter;
        (needle.is_empty()
            || found(self.name(), &needle)
            || found(inverter.serial.as_str(), &needle)
            || found(&inverter.model, &needle)
            || site.is_some_and(|site| found(&site.name, &needle)))
            && (filter.site.is_empty() || site.is_some_and(|site| site.public_id == filter.site))
            && (filter.state.is_empty() || self.screen.state.short_name() == filter.state)
    }

    fn needs_attention(&self) -> bool {
        !matches!(self.screen.state, ScreenState::Normal | ScreenState::Testing)
    }
}

impl Answer {
    /// The answer for everything that somebody may see.
    #[must_use]
    pub fn new(all: &[Known], filter: &Filter) -> Self {
        let total = all.len();
        let ready = all.iter().filter(|known| known.screen.ready == Ready::Yes).count();
        let headline = match (ready, total) {
            (_, 0) => "No inverters yet.".to_owned(),
            (1, 1) => "Yes. It is ready.".to_owned(),
            (0, 1) => "No. It is not ready.".to_owned(),
            (ready, total) if ready == total => format!("Yes. All {total} are ready."),
            (0, total) => format!("No. None of {total} is ready."),
            (ready, total) => {
                format!("Not all. {ready} of {total} {} ready.", if ready == 1 { "is" } else { "are" })
            }
        };
        let tiles = ScreenState::TABLE.iter().map(|(state, short, _, word)| {
            let current = filter.state == *short;
            let shown = Filter {
                state: if current { String::new() } else { (*short).to_owned() },
                page: 0,
                ..filter.clone()
            };
            Tile {
                state: short,
                word,
                count: all.iter().filter(|known| known.screen.state == *state).count(),
                href: format!("/fleet{}", shown.query()),
                current,
            }
        });
        Self { ready, total, headline, why: why(all), tiles: tiles.collect() }
    }
}

/// At most three sentences on what is not ready, the most urgent first.
fn why(all: &[Known]) -> String {
    if all.is_empty() {
        return "An inverter shows here once it is registered and somebody shares it with you.".to_owned();
    }
    let mut not: Vec<_> = all.iter().filter(|known| known.screen.ready != Ready::Yes).collect();
    not.sort_by_key(|known| (known.screen.state, known.screen.active.first().map(|active| active.since)));
    let mut sentences: Vec<String> = not.iter().take(3).map(|known| sentence(known)).collect();
    match not.len() {
        0 => {
            let warned = all.iter().filter(|known| known.screen.state == ScreenState::Warning).count();
            if warned > 0 {
                sentences.push(format!("{warned} with a warning. Each would hold as long as required."));
            } else {
                sentences.push("Each reports, has no alarm and would hold as long as required.".to_owned());
            }
        }
        1..=3 => {}
        more => sentences.push(format!("And {} more.", more - 3)),
    }
    sentences.join(" ")
}

fn sentence(known: &Known) -> String {
    let name = known.name();
    match known.screen.state {
        ScreenState::OnBattery => format!("{name} is running on battery."),
        ScreenState::Offline => format!("{name} is not reporting."),
        ScreenState::Testing => format!("{name} is being tested."),
        ScreenState::Alarm => format!("{name}: {}.", hero::first_words(&known.screen)),
        _ if known.screen.ready == Ready::Unknown => format!("{name} does not say how long it would hold."),
        _ => format!("{name} is not ready."),
    }
}

impl Row {
    /// One row.
    #[must_use]
    pub fn new(known: &Known, strip: Option<Arc<Strip>>, now: UtcMs) -> Self {
        let local = known.local(now);
        let screen = &known.screen;
        let test_since = known
            .state
            .test
            .as_ref()
            .filter(|test| test.in_progress())
            .map(|test| test.started.unwrap_or(test.told));
        let stale = screen.freshness == Freshness::Offline;
        let load = known.state.value(Quantity::LOAD).filter(|_| !stale);
        Self {
            id: known.row.inverter.public_id.clone(),
            state: screen.state.short_name(),
            word: screen.state.word(),
            name: known.name().to_owned(),
            view_only: known.row.role == Role::ReadOnly,
            note: note(known, &local, test_since),
            attention: screen.state != ScreenState::Normal,
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
            let kind = known.state.test.as_ref().map_or("self", |test| test.kind.as_str());
            test_since.map_or_else(identity, |time| format!("{} test {}", upper_first(kind), since(time)))
        }
        (ScreenState::Normal, ..) => identity(),
        _ => screen.active.first().map_or_else(identity, |active| match signals::since(active, local) {
            Some(since) => format!("{} since {since}", active.condition.words()),
            None => active.condition.words().to_owned(),
        }),
    }
}

/// `monthly` → `Monthly`.
#[must_use]
pub fn upper_first(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

impl Filter {
    /// `?q=…&site=…`, empty where nothing is filtered.
    #[must_use]
    pub fn query(&self) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let pairs = [
            ("q", self.q.trim()),
            ("site", &self.site),
            ("state", &self.state),
            ("sort", &self.sort),
            ("page", &page),
        ];
        let mut query = String::new();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    query.push(char::from(byte));
                } else {
                    query.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        query
    }

    /// Values nobody can choose are taken for none.
    #[must_use]
    pub fn cleaned(mut self) -> Self {
        self.q = self.q.chars().take(100).collect();
        if ScreenState::from_short_name(&self.state).is_none() {
            self.state.clear();
        }
        if !["name", "hold"].contains(&self.sort.as_str()) {
            self.sort.clear();
        }
        self
    }
}

/// What the list shows of `all`, in order, with the heading each stands under.
#[must_use]
pub fn arranged<'a>(all: &'a [Known], filter: &Filter) -> Vec<(String, &'a Known)> {
    let mut shown: Vec<(String, &Known)> = all
        .iter()
        .filter(|known| known.matches(filter))
        .map(|known| (heading(known, filter), known))
        .collect();
    match filter.sort.as_str() {
        "name" => shown.sort_by_key(|(_, known)| known.name().to_lowercase()),
        "hold" => shown.sort_by_key(|(_, known)| {
            (
                known.screen.would_hold_minutes.is_none(),
                known.screen.would_hold_minutes,
                known.name().to_lowercase(),
            )
        }),
        _ => shown.sort_by_key(|(heading, known)| {
            let calm = !known.needs_attention();
            let urgency = if calm { None } else { Some(known.screen.state) };
            (
                calm,
                urgency,
                if calm { heading.to_lowercase() } else { String::new() },
                known.name().to_lowercase(),
            )
        }),
    }
    shown
}

fn heading(known: &Known, filter: &Filter) -> String {
    match filter.sort.as_str() {
        "name" => "All, by name".to_owned(),
        "hold" => "All, shortest hold first".to_owned(),
        _ if known.needs_attention() => "Needs attention".to_owned(),
        _ => known.row.site.as_ref().map_or_else(|| "No site".to_owned(), |site| site.name.clone()),
    }
}

impl List {
    /// The list of what the filter shows.
    #[must_use]
    pub fn new(
        all: &[Known],
        filter: &Filter,
        strip: impl Fn(&Known) -> Option<Arc<Strip>>,
        now: UtcMs,
    ) -> Self {
        let shown = arranged(all, filter);
        let pages = if shown.len() > SPLIT { shown.len().div_ceil(PAGE) } else { 1 };
        let page = filter.page.clamp(1, pages);
        let (skip, take) = if pages > 1 { ((page - 1) * PAGE, PAGE) } else { (0, usize::MAX) };
        let mut groups: Vec<Group> = Vec::new();
        let mut counts: Vec<usize> = Vec::new();
        for (heading, known) in shown.iter().skip(skip).take(take) {
            if groups.last().is_none_or(|group| group.title != *heading) {
                groups.push(Group { title: heading.clone(), count: String::new(), rows: Vec::new() });
                counts.push(0);
            }
            if let (Some(group), Some(count)) = (groups.last_mut(), counts.last_mut()) {
                group.rows.push(Row::new(known, strip(known), now));
                *count += 1;
            }
        }
        for (group, here) in groups.iter_mut().zip(counts) {
            let of_site =
                |known: &&Known| known.row.site.as_ref().is_some_and(|site| site.name == group.title);
            let above = all.iter().filter(of_site).filter(|known| known.needs_attention()).count();
            let with_above = above > 0 && filter.state.is_empty() && filter.sort.is_empty();
            group.count = if with_above { format!("{here} here, {above} above") } else { here.to_string() };
        }
        let at = |page: usize| format!("/fleet{}", Filter { page, ..filter.clone() }.query());
        Self {
            empty: empty(all, filter),
            mark: mark(all),
            groups,
            page,
            pages,
            earlier: (page > 1).then(|| at(page - 1)),
            later: (page < pages).then(|| at(page + 1)),
        }
    }
}

fn mark(all: &[Known]) -> String {
    let mut required = all.iter().map(|known| known.screen.required_minutes);
    let first = required.next().unwrap_or(DEFAULT_REQUIRED_MINUTES);
    if required.all(|minutes| minutes == first) {
        format!("mark: {first}{NB}min required")
    } else {
        "mark: required".to_owned()
    }
}

fn empty(all: &[Known], filter: &Filter) -> Empty {
    if all.is_empty() {
        let why =
            "Nobody has given you access to an inverter. Ask whoever looks after them to share one with you.";
        return Empty { icon: "inverter", title: "No inverters yet".to_owned(), why, clear: false };
    }
    let q = filter.q.trim();
    let title = if q.is_empty() { "Nothing here".to_owned() } else { format!("Nothing called “{q}”") };
    Empty { icon: "search", title, why: "No inverter matches what you chose.", clear: true }
}
