//! Words on tests, the same on pages, in reports and in letters.
//!
//! In: grades, cells, standings. Out: short sentences: what it is first, then what it means.

use fleet::compliance::{Annual, Apart, Cell, Graded, Month};
use fleet::self_test::{Grade, Kind, Reason, RuleSet, SeenBy};

use crate::view::words::{Local, NB};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Kinds with their names in files and their words.
pub const KINDS: [(Kind, &str, &str); 3] = [
    (Kind::Monthly, "monthly", "Monthly"),
    (Kind::Annual, "annual", "Annual"),
    (Kind::Manual, "manual", "By hand"),
];

/// `Oct`.
pub fn month(month: Month) -> &'static str {
    usize::try_from(month.number() - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("")
}

/// `Oct 2026`.
pub fn month_and_year(of: Month) -> String {
    format!("{} {}", month(of), of.year())
}

/// Name in files, and words, of a kind.
pub fn kind(kind: Kind) -> (&'static str, &'static str) {
    KINDS.iter().find(|(of, ..)| *of == kind).map_or(("", ""), |(_, name, words)| (name, words))
}

/// Name in files, and words, of a grade.
pub const fn grade(grade: &Grade) -> (&'static str, &'static str) {
    match grade {
        Grade::Passed => ("passed", "Passed"),
        Grade::Remark(_) => ("remark", "Passed, with a remark"),
        Grade::Incomplete(_) => ("incomplete", "Not complete"),
        Grade::Failed(_) => ("failed", "Failed"),
    }
}

/// Why a grade is no plain pass, as a sentence.
pub const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Outage => "Utility power failed within it, so it has to be done again.",
        Reason::CutShort => "It ended before its time while the battery fed on, so it has to be done again.",
        Reason::GaveUp => "The battery gave up before the time was over.",
        Reason::OwnResult => "The inverter says that it failed.",
        Reason::NotCharged => "The battery was not full at its start.",
        Reason::LowVoltage => "It ended near the voltage at which the battery is empty.",
    }
}

/// All there is to say of how a test went.
pub fn of_test(test: &Graded) -> String {
    let why = match test.grade {
        Grade::Passed => None,
        Grade::Remark(why) | Grade::Incomplete(why) | Grade::Failed(why) => Some(reason(why).to_owned()),
    };
    let apart = test.apart.map(|apart| match apart {
        Apart::TooNear(days) => format!("Only {days}{NB}days after the last one."),
        Apart::TooFar(days) => format!("Late: {days}{NB}days after the last one that counted."),
    });
    let by_word = (test.test.seen_by == SeenBy::Word)
        .then(|| "The inverter told of it; no readings were there.".to_owned());
    let sentences: Vec<String> = [why, apart, by_word].into_iter().flatten().collect();
    sentences.join(" ")
}

/// What a rule set asks: `30 s monthly, 90 min yearly`.
pub fn asks(rules: &RuleSet, required_minutes: u32) -> String {
    let short = match rules.monthly_s {
        0 => "Monthly until each lamp was seen".to_owned(),
        seconds => format!("{seconds}{NB}s monthly"),
    };
    format!("{short}, {required_minutes}{NB}min yearly")
}

/// What a month's cell says, in a word or two.
pub const fn cell(cell: &Cell) -> &'static str {
    match cell {
        Cell::Passed => "Passed",
        Cell::Remark(_) => "Passed, with a remark",
        Cell::Retested => "Failed, then passed on retest",
        Cell::Failed(_) => "Failed",
        Cell::Incomplete(_) => "Not complete",
        Cell::Missed => "Missed",
        Cell::Due { .. } => "Due",
        Cell::Later { .. } => "Not due yet",
        Cell::NoneDue => "None was due",
        Cell::NotHeard => "No record: not reporting",
        Cell::NotKept => "Not kept",
        Cell::NotWatched => "Not watched yet",
    }
}

/// A month's cell in the API.
pub const fn cell_name(cell: &Cell) -> &'static str {
    match cell {
        Cell::Passed => "passed",
        Cell::Remark(_) => "remark",
        Cell::Retested => "retested",
        Cell::Failed(_) => "failed",
        Cell::Incomplete(_) => "incomplete",
        Cell::Missed => "missed",
        Cell::Due { .. } => "due",
        Cell::Later { .. } => "later",
        Cell::NoneDue => "none_due",
        Cell::NotHeard => "not_heard",
        Cell::NotKept => "not_kept",
        Cell::NotWatched => "not_watched",
    }
}

/// Why a month counts for nothing, where something is missing.
pub fn missing(of: &Cell, local: &Local) -> Option<String> {
    match of {
        Cell::Missed => Some("No test in the five weeks after the one before.".to_owned()),
        Cell::Failed(why) | Cell::Incomplete(why) => Some(format!("{}. {}", cell(of), reason(*why))),
        Cell::NotHeard => Some("The inverter was not reporting, so nothing is known of a test.".to_owned()),
        Cell::NotKept => {
            Some("Records of then are not kept: without a logbook they go after 30 days.".to_owned())
        }
        Cell::NotWatched => Some("Nobody watched this inverter yet.".to_owned()),
        Cell::Due { by } => Some(format!("Due, at the latest by {}.", local.day_and_year(*by))),
        _ => None,
    }
}

/// How it is with the long test.
pub fn annual(annual: &Annual, local: &Local) -> String {
    let day = |at| local.day_and_year(at);
    match annual {
        Annual::Done { at, .. } => format!("Passed {}", day(*at)),
        Annual::Due { by, last: Some(last) } => format!("Due by {}, last {}", day(*by), day(*last)),
        Annual::Due { by, last: None } => format!("Due by {}", day(*by)),
        Annual::Missed { last: Some(last), .. } => format!("Missed, last {}", day(*last)),
        Annual::Missed { since, last: None } => format!("Missed since {}", day(*since)),
        Annual::Failed { at, .. } => format!("Failed {}", day(*at)),
        Annual::NotYet { by } => format!("Not done yet, due by {}", day(*by)),
        Annual::NotKept => "Not known: older records are not kept".to_owned(),
    }
}

/// Text of people or devices as it can be printed on one line: what cannot be seen is no letter, and nothing turns the line around it.
pub fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}');
    let seen: String =
        text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `53.1`.
pub fn one_decimal(value: impl std::fmt::Display) -> String {
    format!("{value:.1}")
}

/// `6100`.
pub fn whole(value: impl std::fmt::Display) -> String {
    format!("{value:.0}")
}
