//! A report as CSV: one line a test or power failure, and one for each thing that is missing.
//!
//! In: a report. Out: RFC 4180 with the same columns in each line. Text of people and devices cannot become a formula.

use std::fmt::Write as _;

use super::model::{Report, Sheet};
use crate::pages::csv::field;

const COLUMNS: &str = "record,inverter,serial,model,site,time_zone,started,started_local,kind,length_s,result,reason,own_result,\
                       end_voltage_v,load,load_unit,known_by,notes\r\n";

/// The file.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut text = COLUMNS.to_owned();
    for sheet in &report.inverters {
        for test in &sheet.tests {
            begin(&mut text, "test", sheet);
            let notes: Vec<String> = test
                .notes
                .iter()
                .map(|note| format!("{} ({}, {})", note.text, note.by, note.written_words))
                .collect();
            let _ = write!(
                text,
                ",{},{},{},{:.1}",
                test.started,
                field(&test.started_words),
                test.kind,
                test.length_s
            );
            let _ = write!(text, ",{},{}", test.grade, field(&test.reason));
            let _ = write!(text, ",{}", field(test.own_result.as_deref().unwrap_or("")));
            let _ =
                write!(text, ",{}", test.end_voltage.map(|volts| format!("{volts:.2}")).unwrap_or_default());
            let _ = write!(text, ",{}", test.load.map(|load| format!("{load:.0}")).unwrap_or_default());
            let _ = write!(text, ",{},{}", test.load_unit.unwrap_or(""), test.known_by);
            let _ = write!(text, ",{}\r\n", field(&notes.join("; ")));
        }
        for outage in &sheet.outages {
            begin(&mut text, "outage", sheet);
            let _ = write!(text, ",{},{}", outage.started, field(&outage.started_words));
            let result = match (outage.gave_up, outage.end_unseen) {
                (true, _) => "gave_up",
                (false, true) => "end_unknown",
                (false, false) => "held",
            };
            let _ = write!(text, ",power_failure,{:.1},{result},{},", outage.length_s, field(&outage.words));
            let lowest = outage.lowest_voltage.map(|volts| format!("{volts:.2}")).unwrap_or_default();
            let _ = write!(text, ",{lowest},,,readings,\r\n");
        }
        for missing in &sheet.missing {
            begin(&mut text, "missing", sheet);
            let _ = write!(text, ",,{},,,missing,{},,,,,,\r\n", field(&missing.what), field(&missing.why));
        }
    }
    text
}

fn begin(text: &mut String, record: &str, sheet: &Sheet) {
    text.push_str(record);
    for part in [&sheet.name, &sheet.serial, &sheet.model, &sheet.site, &sheet.time_zone] {
        text.push(',');
        text.push_str(&field(part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_every_column() {
        let report = crate::report::samples::hostile();
        let text = csv(&report);
        let columns = COLUMNS.matches(',').count();
        for line in text.split_terminator("\r\n") {
            let (mut commas, mut quoted) = (0, false);
            for character in line.chars() {
                quoted ^= character == '"';
                commas += usize::from(character == ',' && !quoted);
            }
            assert_eq!(commas, columns, "{line}");
        }
        assert!(text.lines().count() > 5);
    }

    #[test]
    fn no_cell_is_a_formula_whoever_wrote_it() {
        for begins in ["=", "+", "-", "@", "\t=", " =", "＝"] {
            let evil = format!("{begins}HYPERLINK(\"http://evil\",A1)");
            let mut report = crate::report::samples::plain();
            let sheet = &mut report.inverters[0];
            for text in [&mut sheet.name, &mut sheet.model, &mut sheet.site, &mut sheet.serial] {
                text.clone_from(&evil);
            }
            sheet.missing[0].what.clone_from(&evil);
            sheet.missing[0].why.clone_from(&evil);
            sheet.outages[0].words.clone_from(&evil);
            for test in &mut sheet.tests {
                test.own_result = Some(evil.clone());
                test.reason.clone_from(&evil);
                for note in &mut test.notes {
                    note.text.clone_from(&evil);
                }
            }
            let text = csv(&report);
            // Each of them stands behind an apostrophe within its quotes, and its own quotes are doubled.
            let shown = begins.replace('\t', " ");
            let safe = format!("\"'{shown}HYPERLINK(\"\"http://evil\"\",A1)");
            let count = text.matches(&safe).count();
            assert_eq!(count, text.matches("HYPERLINK").count(), "{begins:?}: {text}");
            assert!(count > 80, "{count}");
        }
    }
}
