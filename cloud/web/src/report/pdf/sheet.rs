//! What stands on the sheets.
//!
//! In: a report. Out: headings, facts, tables, lines to sign on. Says of each inverter who and where it is, what is asked, what was done,
//! what is missing and why; of several, first all of them in one table.

use super::paper::{BODY, Cell, Column, HEADING, Paper, SMALL, STRONG, TITLE};
use super::tree::Part;
use crate::report::model::{Report, Sheet, Test};
use crate::report::words;

const TESTS: [Column; 6] = [
    Column { name: "Started", width: 152.0, right: false },
    Column { name: "Test", width: 50.0, right: false },
    Column { name: "Length", width: 46.0, right: false },
    Column { name: "Result", width: 150.0, right: false },
    Column { name: "At end", width: 50.0, right: true },
    Column { name: "Load", width: 56.0, right: true },
];
const OUTAGES: [Column; 4] = [
    Column { name: "Started", width: 152.0, right: false },
    Column { name: "On battery", width: 64.0, right: false },
    Column { name: "How it went", width: 234.0, right: false },
    Column { name: "Lowest", width: 54.0, right: true },
];
const MISSING: [Column; 2] =
    [Column { name: "What", width: 152.0, right: false }, Column { name: "Why", width: 352.0, right: false }];
const ALL: [Column; 6] = [
    Column { name: "Inverter", width: 112.0, right: false },
    Column { name: "Site", width: 104.0, right: false },
    Column { name: "Serial", width: 74.0, right: false },
    Column { name: "Monthly", width: 82.0, right: false },
    Column { name: "Annual", width: 92.0, right: false },
    Column { name: "Failed", width: 40.0, right: true },
];

/// Writes a report.
pub(super) fn write(paper: &mut Paper<'_>, report: &Report, code: &str) {
    paper.paragraph(Part::Paragraph, SMALL, "Emergency lighting test report");
    paper.paragraph(Part::Title, TITLE, &report.title);
    paper.paragraph(Part::Paragraph, BODY, &report.period.words);
    paper.skip(6.0);
    paper.divide();
    paper.skip(12.0);
    let several = report.inverters.len() > 1;
    if several {
        all(paper, report);
    }
    for inverter in &report.inverters {
        if several {
            paper.turn();
            paper.paragraph(Part::Heading, TITLE, &inverter.name);
            paper.skip(6.0);
        }
        sheet(paper, inverter);
    }
    if report.inverters.is_empty() {
        paper.paragraph(Part::Paragraph, BODY, "There is no inverter in this report.");
    }
    close(paper, report, code);
}

fn all(paper: &mut Paper<'_>, report: &Report) {
    let row = |sheet: &Sheet| {
        let failed = sheet.tests.iter().filter(|test| test.grade == "failed").count();
        vec![
            strong(sheet.name.clone()),
            plain(&sheet.site),
            plain(&sheet.serial),
            plain(&sheet.monthly),
            plain(&sheet.annual),
            Cell { text: failed.to_string(), strong: failed > 0 },
        ]
    };
    let rows: Vec<Vec<Cell>> = report.inverters.iter().map(row).collect();
    paper.table(&ALL, &rows);
}

fn sheet(paper: &mut Paper<'_>, sheet: &Sheet) {
    let or_dash = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let site = if sheet.address.is_empty() {
        sheet.site.clone()
    } else {
        format!("{}, {}", sheet.site, sheet.address)
    };
    paper.facts(&[
        ("Owner", or_dash(&sheet.owner)),
        ("Site", or_dash(&site)),
        ("Where", or_dash(&sheet.place)),
        ("Serial", sheet.serial.clone()),
        ("Model", or_dash(&sheet.model)),
        ("Required", format!("{} ({})", sheet.rules.words, sheet.rules.source)),
        ("Monthly", sheet.monthly.clone()),
        ("Annual", sheet.annual.clone()),
        ("Times", sheet.time_zone.clone()),
    ]);
    paper.skip(4.0);
    heading(paper, "Tests");
    if sheet.tests.is_empty() {
        paper.paragraph(Part::Paragraph, BODY, "No test is in the record of this time.");
    } else {
        paper.table(&TESTS, &sheet.tests.iter().map(test).collect::<Vec<_>>());
    }
    for test in &sheet.tests {
        for note in &test.notes {
            paper.skip(6.0);
            let words = format!(
                "After {}: {} Noted by {}, {}.",
                test.started_words, note.text, note.by, note.written_words
            );
            paper.paragraph(Part::Paragraph, BODY, &words);
        }
    }
    if !sheet.outages.is_empty() {
        heading(paper, "Power failures");
        let row = |outage: &crate::report::model::PowerFailure| {
            let lowest =
                outage.lowest_voltage.map_or_else(|| "–".to_owned(), |volts| format!("{volts:.1}\u{a0}V"));
            vec![
                plain(&outage.started_words),
                plain(&outage.length_words),
                Cell { text: outage.words.clone(), strong: outage.gave_up },
                Cell { text: lowest, strong: false },
            ]
        };
        paper.table(&OUTAGES, &sheet.outages.iter().map(row).collect::<Vec<_>>());
    }
    heading(paper, "What is missing");
    if sheet.missing.is_empty() {
        paper.paragraph(Part::Paragraph, BODY, "Nothing: every test that was asked for was done.");
    } else {
        let row =
            |missing: &crate::report::model::Missing| vec![strong(missing.what.clone()), plain(&missing.why)];
        paper.table(&MISSING, &sheet.missing.iter().map(row).collect::<Vec<_>>());
    }
    paper.skip(8.0);
    paper.paragraph(Part::Paragraph, SMALL, &sheet.kept);
}

fn test(test: &Test) -> Vec<Cell> {
    let kind =
        words::KINDS.iter().find(|(_, name, _)| *name == test.kind).map_or(test.kind, |(.., words)| words);
    let grade = match test.grade {
        "passed" => "Passed",
        "remark" => "Passed, with a remark.",
        "incomplete" => "Not complete.",
        _ => "Failed.",
    };
    let own = test.own_result.as_ref().map(|own| format!("The inverter says: {own}."));
    let own = own.filter(|_| test.needs_a_look()).unwrap_or_default();
    let result =
        [grade, &test.reason, &own].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    let load = match (test.load, test.load_unit) {
        (Some(load), Some(unit)) => format!("{load:.0}\u{a0}{unit}"),
        (Some(load), None) => format!("{load:.0}"),
        (None, _) => "–".to_owned(),
    };
    vec![
        plain(&test.started_words),
        plain(kind),
        plain(&test.length_words),
        Cell { text: result, strong: test.grade == "failed" },
        plain(&test.end_voltage.map_or_else(|| "–".to_owned(), |volts| format!("{volts:.1}\u{a0}V"))),
        plain(&load),
    ]
}

fn close(paper: &mut Paper<'_>, report: &Report, code: &str) {
    let words = format!(
        "Recorded automatically from the inverters’ readings and self-test results. Report {}, made {} for {} by {}. Check code {code}: \
         the data of this report is attached to the file as test-report.json, and the code is of its bytes. The file is signed; \
         “inverter-connect verify FILE --key FINGERPRINT” says whether any byte of it was changed and whether this installation signed it; \
         /verify there has the fingerprint.",
        report.number, report.made_words, report.made_for, report.made_by
    );
    let after = paper.height(SMALL, &words);
    paper.signatures(&["Checked by", "Title", "Date"], after);
    paper.paragraph(Part::Paragraph, SMALL, &words);
}

fn heading(paper: &mut Paper<'_>, words: &str) {
    paper.skip(12.0);
    // With the head of a table and its first row: a heading does not stand alone at the foot of a sheet.
    paper.need(HEADING.leading + STRONG.leading * 6.0);
    paper.paragraph(Part::Heading, HEADING, words);
    paper.skip(4.0);
}

fn plain(text: &str) -> Cell {
    Cell { text: text.to_owned(), strong: false }
}

fn strong(text: String) -> Cell {
    Cell { text, strong: true }
}
