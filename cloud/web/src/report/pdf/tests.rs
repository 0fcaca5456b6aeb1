//! Files read again by an engine that is not ours.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::fonts::Fonts;
use super::paper::{Drawn, HEIGHT, MARGIN, Paper, WIDTH};
use super::shape::width;
use super::{print, sheet};
use crate::report::model::Report;
use crate::report::{code, samples};

/// What another reader finds.
#[derive(Deserialize)]
struct Read {
    pages: Vec<String>,
    attachments: std::collections::BTreeMap<String, String>,
}

fn printed(report: &Report) -> (Vec<u8>, String) {
    let json = report.json().unwrap();
    let bytes = print(report, &json, &code::code(&json)).unwrap();
    // To be looked at: the folder in which whoever works on the layout wants the files.
    if let Some(folder) = std::env::var_os("REPORT_LOOK") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{}.pdf", report.title)), &bytes).unwrap();
    }
    (bytes, String::from_utf8(json).unwrap())
}

fn read(bytes: &[u8]) -> Read {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_pdf.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("python3 with pypdfium2 reads the files; `cargo xtask test` installs it: {error}")
        });
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "pypdfium2 is installed by `cargo xtask test`");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is read in one run of words: lines are broken where they must be.
fn words(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Without what lies between letters: a long word is broken where a line ends.
fn letters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

#[test]
fn a_report_says_on_paper_what_its_data_say() {
    let report = samples::plain();
    let (bytes, json) = printed(&report);
    let read = read(&bytes);
    assert_eq!(read.attachments["test-report.json"], json, "the data travel with the file");
    let text = words(&read.pages.join(" "));
    let sheet = &report.inverters[0];
    for part in [
        &report.title,
        &report.period.words,
        &sheet.serial,
        &sheet.model,
        &sheet.owner,
        &sheet.kept,
        &report.number,
    ] {
        assert!(text.contains(&words(part)), "{part}: {text}");
    }
    for test in &sheet.tests {
        let row =
            format!("{} {}", test.started_words, if test.kind == "annual" { "Annual" } else { "Monthly" });
        assert!(text.contains(&row), "{row}: {text}");
        assert!(test.reason.is_empty() || text.contains(&test.reason), "{}", test.reason);
    }
    assert_eq!(text.matches("5:00 AM EST Monthly 30 s Passed 53.1 V 6100 W").count(), 12, "{text}");
    for part in [
        "Battery string 2 of Parking P1 replaced",
        "Noted by Luis Prieto, Aug 6, 2026.",
        "Checked by",
        "NFPA 101, 7.9.3",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        text.contains("Aug 2026 No test in the five weeks after the one before."),
        "what is missing, and why"
    );
    let code = code::code(json.as_bytes());
    let pages = read.pages.len();
    for (at, page) in read.pages.iter().enumerate() {
        let foot = format!("check code {code} · page {} of {pages}", at + 1);
        assert!(words(page).contains(&foot), "{page}");
    }
    // The same report is the same file.
    assert_eq!(printed(&report).0, bytes);
}

#[test]
fn names_of_any_script_can_be_copied_out_of_it() {
    let report = samples::hostile();
    let read = read(&printed(&report).0);
    let text = letters(&read.pages.join(" "));
    for sheet in &report.inverters {
        let name = letters(&sheet.name);
        // Some readers give what is written from right to left in the order in which it stands.
        let turned: String = name.chars().rev().collect();
        let all_there = name.chars().all(|c| text.contains(c));
        assert!(
            text.contains(&name) || text.contains(&turned) || (bidirectional(&name) && all_there),
            "{name}: {text}"
        );
    }
    assert!(text.contains('変') && text.contains('🔋'), "what no font here has is in the text all the same");
}

fn bidirectional(name: &str) -> bool {
    name.chars().any(|c| ('\u{590}'..='\u{8ff}').contains(&c))
        && name.chars().any(|c| c.is_ascii_alphanumeric())
}

#[test]
fn a_long_report_goes_over_many_sheets_each_with_its_number() {
    let report = samples::long();
    let read = read(&printed(&report).0);
    assert!(read.pages.len() > 4, "{}", read.pages.len());
    let text = words(&read.pages.join(" "));
    assert_eq!(text.matches(" EST Monthly").count() + text.matches(" EST Annual").count(), 120);
    assert_eq!(
        text.matches("Started Test Length Result At end Load").count(),
        read.pages.len() - 1,
        "a head on each sheet"
    );
}

#[test]
fn nothing_sticks_out_and_what_is_signed_ends_on_its_sheet() {
    let fonts = Fonts::load().unwrap();
    let reports = (0..40).map(samples::of).chain([samples::hostile(), samples::plain()]);
    for report in reports {
        let mut paper = Paper::new(&fonts);
        sheet::write(&mut paper, &report, "7KQ2-M4XD-03TB-PZ5E");
        let tests = report.inverters.iter().map(|sheet| sheet.tests.len()).sum::<usize>();
        for drawn in paper.pages.iter().flatten() {
            let Drawn::Line { x, base, style, text, .. } = drawn else { continue };
            let right = x + width(&fonts, style.weight, text) * style.size;
            assert!(right <= WIDTH - MARGIN + 0.5, "{tests} tests: {text:?} ends at {right}");
            assert!(
                *x >= MARGIN && *base >= MARGIN && *base <= HEIGHT - 56.0,
                "{tests} tests: {text:?} at {x}, {base}"
            );
        }
        let lines = |page: &Vec<Drawn>| {
            let text = page.iter().filter_map(|drawn| match drawn {
                Drawn::Line { text, .. } => Some(text.as_str()),
                Drawn::Rule { .. } => None,
            });
            words(&text.collect::<Vec<_>>().join(" "))
        };
        let last = lines(paper.pages.last().unwrap());
        assert!(last.contains("Checked by"), "{tests} tests: the last sheet has only {last:?}");
        assert!(last.ends_with("has the fingerprint."), "{tests} tests: {last}");
    }
}

#[test]
fn when_a_test_began_stands_on_one_line() {
    let fonts = Fonts::load().unwrap();
    let mut report = samples::of(1);
    // As wide as they come.
    let wide = "Nov 26, 2026, 10:50 PM AKDT";
    report.inverters[0].tests[0].started_words = wide.to_owned();
    report.inverters[0].outages[0].started_words = wide.to_owned();
    let mut paper = Paper::new(&fonts);
    sheet::write(&mut paper, &report, "7KQ2-M4XD-03TB-PZ5E");
    let whole = |drawn: &&Drawn| matches!(drawn, Drawn::Line { text, .. } if text == wide);
    assert_eq!(paper.pages.iter().flatten().filter(whole).count(), 2);
}
