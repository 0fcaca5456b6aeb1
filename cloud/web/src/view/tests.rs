//! The calendar of tests as pages show it.
//!
//! In: inverters with their views. Out: lines of cells, each with its state, its mark and its words; what the page says above them.

use fleet::compliance::{Annual, Cell, MonthView, View};
use fleet::self_test::{Kind, Standing};
use store::state::VisibleInverter;
use wire::UtcMs;

use super::words::{Local, NB, counted};
use crate::pages::people::list::title;
use crate::report::{Viewed, words, zone};

/// A site's inverters.
#[derive(Clone, Debug)]
pub struct Group {
    /// The site.
    pub title: String,
    /// Its inverters.
    pub lines: Vec<Line>,
}

/// One inverter.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is called.
    pub name: String,
    /// Its page of tests.
    pub href: String,
    /// One for each month.
    pub cells: Vec<Mark>,
    /// The long test.
    pub annual: Mark,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// First letter of the month, for narrow pages; empty for the long test.
    pub letter: String,
    /// Its state, as colours go.
    pub state: &'static str,
    /// What else it is: a class.
    pub class: &'static str,
    /// Its icon; none: a letter.
    pub icon: &'static str,
    /// What it says.
    pub words: String,
    /// Where the test is that proves it.
    pub href: Option<String>,
}

/// What stands above the calendar.
#[derive(Clone, Debug)]
pub struct Head {
    /// `11 of 12 up to date`.
    pub title: String,
    /// What to look at, name and words.
    pub look: Vec<(String, String)>,
    /// And how many more.
    pub more: usize,
    /// What is asked.
    pub asks: String,
    /// Words of the months' columns.
    pub months: Vec<&'static str>,
    /// Whether older records are gone.
    pub forgets: bool,
}

/// Inverters that the head names.
const MOST_NAMED: usize = 3;

/// Lines by site, in the order of `rows`.
#[must_use]
pub fn groups(rows: &[VisibleInverter], views: &[Viewed], now: UtcMs) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (row, viewed) in rows.iter().zip(views) {
        let title = row.site.as_ref().map_or("No site", |site| site.name.as_str());
        if groups.last().is_none_or(|group| group.title != title) {
            groups.push(Group { title: title.to_owned(), lines: Vec::new() });
        }
        if let Some(group) = groups.last_mut() {
            group.lines.push(Line::new(row, viewed, now));
        }
    }
    groups
}

impl Line {
    /// Of one inverter.
    #[must_use]
    pub fn new(row: &VisibleInverter, viewed: &Viewed, now: UtcMs) -> Self {
        let view = &viewed.view;
        let local = Local::new(zone(row), now);
        let href = format!("/inverters/{}/tests", row.inverter.public_id);
        let at = |proof: Option<usize>| {
            let test = view.tests.get(proof?)?;
            Some(format!("{href}#t{}", test.started().0))
        };
        Self {
            name: title(row),
            cells: view.months.iter().map(|month| cell(month, &local, at(month.proof))).collect(),
            annual: running(viewed, now).unwrap_or_else(|| annual(&view.annual, &local, at)),
            href,
        }
    }
}

fn cell(month: &MonthView, local: &Local, href: Option<String>) -> Mark {
    let (state, class, icon) = match month.cell {
        Cell::Passed => ("ok", "", "check"),
        Cell::Retested => ("ok", "mx--retest", "check"),
        Cell::Remark(_) => ("warn", "", "check"),
        Cell::Incomplete(_) => ("warn", "", "dash"),
        Cell::Failed(_) => ("alarm", "", "x"),
        Cell::Missed => ("", "mx--none", "dash"),
        Cell::Due { .. } => ("", "mx--due", "none"),
        Cell::NotHeard => ("off", "", "gap"),
        Cell::NotKept => ("", "mx--na", "gone"),
        Cell::Later { .. } | Cell::NoneDue | Cell::NotWatched => ("", "mx--na", ""),
    };
    let name = words::month(month.month);
    let mut says = format!("{name}: {}", words::cell(&month.cell));
    match month.cell {
        Cell::Due { by } => says.push_str(&format!(" by {}", local.day(by))),
        Cell::Later { from } => says.push_str(&format!(", from {} on", local.day(from))),
        _ => {}
    }
    if month.apart {
        says.push_str(", too near to or too far from the one before");
    }
    if month.outages > 0 {
        says.push_str(&format!(", {}", counted(month.outages as u64, "power failure")));
    }
    Mark { letter: name.chars().take(1).collect(), state, class, icon, words: says, href }
}

/// The long test while it runs.
fn running(viewed: &Viewed, now: UtcMs) -> Option<Mark> {
    let told = viewed.state.test.as_ref().filter(|test| test.in_progress());
    let long = told.is_some_and(|test| test.kind == words::kind(Kind::Annual).0);
    let since = viewed.state.test_since(now).filter(|_| long)?;
    let words = format!(
        "Running now, {} of {}{NB}min",
        now.since(since).max(0) / 60_000,
        viewed.known.required_minutes
    );
    Some(Mark { letter: String::new(), state: "test", class: "", icon: "test", words, href: None })
}

fn annual(of: &Annual, local: &Local, at: impl Fn(Option<usize>) -> Option<String>) -> Mark {
    let (state, class, icon, proof) = match of {
        Annual::Done { proof, .. } => ("ok", "", "check", *proof),
        Annual::Failed { proof, .. } => ("alarm", "", "x", Some(*proof)),
        Annual::Missed { .. } => ("", "mx--none", "dash", None),
        Annual::Due { .. } => ("", "mx--due", "none", None),
        Annual::NotYet { .. } => ("", "mx--na", "", None),
        Annual::NotKept => ("", "mx--na", "gone", None),
    };
    Mark { letter: String::new(), state, class, icon, words: words::annual(of, local), href: at(proof) }
}

impl Head {
    /// What is to be said of the inverters of a page; `part`: there are other pages.
    #[must_use]
    pub fn new(rows: &[VisibleInverter], views: &[Viewed], part: bool, now: UtcMs) -> Self {
        let mut look: Vec<(String, String)> = Vec::new();
        let mut ready = 0;
        for (row, viewed) in rows.iter().zip(views) {
            match wants(&viewed.view, &Local::new(zone(row), now)) {
                None => ready += 1,
                Some(words) => look.push((title(row), words)),
            }
        }
        let more = look.len().saturating_sub(MOST_NAMED);
        look.truncate(MOST_NAMED);
        let beside = if part { " on this page" } else { "" };
        let mut asked: Vec<String> = views
            .iter()
            .map(|Viewed { known, .. }| {
                format!(
                    "{}, as {} asks",
                    words::asks(known.rules, known.required_minutes),
                    known.rules.source
                )
            })
            .collect();
        asked.sort();
        asked.dedup();
        Self {
            title: format!("{ready} of {} up to date{beside}", rows.len()),
            look,
            more,
            asks: asked.join("; "),
            months: views
                .first()
                .map(|viewed| viewed.view.months.iter().map(|month| words::month(month.month)).collect())
                .unwrap_or_default(),
            forgets: views.iter().any(|Viewed { known, .. }| known.kept_from > known.since),
        }
    }
}

/// What an inverter wants, if it is not up to date.
fn wants(view: &View, local: &Local) -> Option<String> {
    let last = view.months.last().map(|month| month.cell);
    match (&view.annual, last, view.monthly) {
        (Annual::Failed { at, .. }, ..) => Some(format!("failed its annual test on {}", local.day(*at))),
        (_, Some(Cell::Failed(_)), _) => Some("failed its last test".to_owned()),
        (_, Some(Cell::NotHeard), _) => Some("has no record: it is not reporting".to_owned()),
        (Annual::Missed { since, .. }, ..) => {
            Some(format!("lacks its annual test since {}", local.day(*since)))
        }
        (_, _, Standing::Missed { since }) => {
            Some(format!("lacks its monthly test since {}", local.day(since)))
        }
        (_, Some(Cell::Incomplete(_)), _) => Some("has to do its test again".to_owned()),
        _ => None,
    }
}
