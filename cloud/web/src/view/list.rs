//! The fleet's list: what needs attention on top, then site by site.
//!
//! In: every inverter that somebody may see, a filter. Out: groups of rows, pages beyond a hundred, words where nothing
//! is to be shown.

use std::sync::Arc;

use fleet::screen::DEFAULT_REQUIRED_MINUTES;
use wire::UtcMs;

use super::fleet::{Filter, Known};
use super::row::Row;
use super::strip::Strip;
use super::words::NB;

/// Rows on one page of the list.
pub const PAGE: usize = 50;
/// From this many on the list is split into pages.
pub const SPLIT: usize = 100;

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
    /// Whether adding one would help.
    pub add: bool,
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

/// What the list shows of `all`, in order, with the heading each stands under.
#[must_use]
pub fn arranged<'a>(all: &'a [Known], filter: &Filter) -> Vec<(String, &'a Known)> {
    let mut shown: Vec<(String, &Known)> = all
        .iter()
        .filter(|known| known.matches(filter))
        .map(|known| (heading(known, filter), known))
        .collect();
    match filter.sort.as_str() {
        "name" => shown.sort_by_cached_key(|(_, known)| known.name().to_lowercase()),
        "hold" => shown.sort_by_cached_key(|(_, known)| {
            (
                known.screen.would_hold_minutes.is_none(),
                known.screen.would_hold_minutes,
                known.name().to_lowercase(),
            )
        }),
        _ => shown.sort_by_cached_key(|(heading, known)| {
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
        let why = "Add one by its serial number and the button in its cabinet, or ask whoever looks after it to share it \
                   with you.";
        return Empty {
            icon: "inverter",
            title: "No inverters yet".to_owned(),
            why,
            clear: false,
            add: true,
        };
    }
    let q = filter.q.trim();
    let title = if q.is_empty() { "Nothing here".to_owned() } else { format!("Nothing called “{q}”") };
    Empty { icon: "search", title, why: "No inverter matches what you chose.", clear: true, add: false }
}
