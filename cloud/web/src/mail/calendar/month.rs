//! The tests of a month, so that a copy stays where records do not.
//!
//! In: a report. Out: parts of the letter: every test with its result, what is missing and why. Between two months only what would be gone
//! before the next letter.

use super::Part;
use crate::report::Report;
use crate::report::model::{Sheet, Test};
use crate::view::words::{self, Local};

/// Inverters that one letter tells of; the rest are in the report on the page.
pub const MOST_REPORTED: usize = 200;

/// What one person is told of a month.
#[derive(Clone, Debug)]
pub struct Month<'a> {
    /// Links lead there.
    pub origin: &'a str,
    /// The reader's times: the zone, and now.
    pub local: &'a Local,
    /// The report of these days.
    pub report: &'a Report,
    /// It is the letter between two months.
    pub between: bool,
    /// Inverters that the reader may see and that are not in it.
    pub more: usize,
    /// The period, as an address has it.
    pub query: &'a str,
}

impl Month<'_> {
    /// What the subject says, and all of it.
    pub(super) fn parts(&self) -> Option<(String, Vec<Part>)> {
        let sheets = &self.report.inverters;
        let tests: usize = sheets.iter().map(|sheet| sheet.tests.len()).sum();
        let failed: usize =
            sheets.iter().flat_map(|sheet| &sheet.tests).filter(|test| test.grade == "failed").count();
        let told = tests + sheets.iter().map(|sheet| sheet.outages.len()).sum::<usize>();
        if sheets.is_empty() || (self.between && told == 0) {
            return None;
        }
        let counted = words::counted(tests as u64, "test");
        let subject = match failed {
            0 => format!("{counted} of {}", words::counted(sheets.len() as u64, "inverter")),
            failed => format!("{counted}, {} failed", words::count(failed as u64)),
        };
        let says = if self.between {
            "These tests and power failures go from our record before the next monthly report comes, because without a logbook \
             records are kept for 30 days. This mail is your copy."
        } else {
            "What was tested in the month, and what is missing. Without a logbook records are deleted after 30 days: then this \
             mail is your copy."
        };
        let mut lines: Vec<(String, String)> = sheets.iter().filter_map(|sheet| self.line(sheet)).collect();
        if self.more > 0 {
            let more = format!("and {} more", words::count(self.more as u64));
            lines.push((
                more,
                "They are in the report on the page; load it down before 30 days are over.".to_owned(),
            ));
        }
        let open = ("Open the report".to_owned(), format!("{}/tests/report?{}", self.origin, self.query));
        let parts = vec![
            Part::Says(says.to_owned()),
            Part::Choose { open, second: None },
            Part::Heading("Inverters"),
            Part::Entries(lines),
            Part::Note("The report on the page can be loaded down as PDF to sign, CSV or JSON.".to_owned()),
        ];
        Some((subject, parts))
    }

    fn line(&self, sheet: &Sheet) -> Option<(String, String)> {
        let name = if sheet.site.is_empty() {
            sheet.name.clone()
        } else {
            format!("{}, {}", sheet.name, sheet.site)
        };
        let mut says: Vec<String> = sheet.tests.iter().map(test).collect();
        says.extend(sheet.outages.iter().map(|outage| {
            format!(
                "Power failure {}, {} on battery. {}",
                outage.started_words, outage.length_words, outage.words
            )
        }));
        if self.between {
            return (!says.is_empty()).then(|| (name, says.join(" ")));
        }
        says.extend(sheet.missing.iter().map(|missing| format!("{}: {}", missing.what, missing.why)));
        let serial =
            format!("Serial {}. Monthly: {}. Annual: {}.", sheet.serial, sheet.monthly, sheet.annual);
        Some((name, format!("{serial} {}", says.join(" ")).trim_end().to_owned()))
    }
}

fn test(test: &Test) -> String {
    let volts = test.end_voltage.map(|volts| format!(", {volts:.1} V at its end")).unwrap_or_default();
    let notes: String =
        test.notes.iter().map(|note| format!(" Noted by {}: {}", note.by, note.text)).collect();
    let kind = test.kind;
    let grade = match test.grade {
        "remark" => "passed with a remark",
        "incomplete" => "not complete",
        other => other,
    };
    let why = if test.reason.is_empty() { String::new() } else { format!(" {}", test.reason) };
    format!("{}: {kind} test of {}, {grade}{volts}.{why}{notes}", test.started_words, test.length_words)
}
