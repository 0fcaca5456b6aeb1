//! Letters to operators about the service itself.
//!
//! In: what is bad and since when. Out: letters that say what to do. Nothing of an inverter or a customer is in them.

use fleet::dead_man::Finding;
use wire::UtcMs;

use super::{Draft, Letter, Part, instant};
use crate::Error;

const WHY: &str = "You get this because you are an operator of this service.";

/// Something about the service is bad.
///
/// # Errors
/// [`Error::Internal`].
pub fn ails(origin: &str, bad: &[&Finding], at: UtcMs) -> Result<Letter, Error> {
    let first = bad.first().map_or_else(String::new, |finding| finding.check.says.clone());
    let subject = match bad.len() {
        0 | 1 => format!("The Inverter Connect service ails: {}", lower(&first)),
        more => format!("The Inverter Connect service ails: {more} things, {}", lower(&first)),
    };
    let mut parts = vec![Part::Says(
        "People may not be told of an alarm, or data may be lost, until somebody has looked.".to_owned(),
    )];
    for finding in bad {
        let check = &finding.check;
        let since = finding.since.unwrap_or(at);
        parts.push(Part::Facts(vec![
            ("What", check.says.clone()),
            ("Since", instant(since)),
            ("Check", check.name.to_owned()),
        ]));
        parts.push(Part::Advice(check.what_to_do.to_owned()));
    }
    parts.push(Part::Open("See how the service is", format!("{origin}/op/health")));
    parts.push(Part::Note(
        "You are written to again when it is over, and when something else goes wrong; not more often than each half hour."
            .to_owned(),
    ));
    Draft {
        kind: "service_ails",
        subject,
        preview: "Somebody must look now.".to_owned(),
        tag: Some(("alarm", "Service")),
        title: "The service ails".to_owned(),
        parts,
        why: WHY.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// Nothing is bad any more.
///
/// # Errors
/// [`Error::Internal`].
pub fn well_again(origin: &str, at: UtcMs) -> Result<Letter, Error> {
    Draft {
        kind: "service_well",
        subject: "The Inverter Connect service is well again".to_owned(),
        preview: "Nothing is left to do now.".to_owned(),
        tag: Some(("ok", "Service")),
        title: "The service is well again".to_owned(),
        parts: vec![
            Part::Says("Nothing has been bad for five minutes.".to_owned()),
            Part::Facts(vec![("When", instant(at))]),
            Part::Open("See how the service is", format!("{origin}/op/health")),
        ],
        why: WHY.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A sentence as the end of another.
fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use fleet::dead_man::{Check, Grade};

    use super::*;
    use crate::mail::tests::shown;

    const ORIGIN: &str = "https://inverters.example";
    const AT: UtcMs = UtcMs(1_794_902_820_000);

    #[test]
    fn each_letter_reads_as_it_should_in_both_faces() {
        let finding = |name, says: &str| Finding {
            check: Check { name, grade: Grade::Bad, says: says.to_owned(), what_to_do: "Make room." },
            since: Some(AT.plus_ms(-120_000)),
        };
        let disk = finding("disk", "200 MiB are left on the disk of `data_dir`");
        let mails = finding("mails", "The last 9 tries to send mails failed, for 12 min");
        let one = ails(ORIGIN, &[&disk], AT).unwrap();
        assert!(one.subject.ends_with("ails: 200 MiB are left on the disk of `data_dir`"), "{}", one.subject);
        let letters = [ails(ORIGIN, &[&disk, &mails], AT), well_again(ORIGIN, AT)];
        for letter in letters.map(Result::unwrap) {
            insta::assert_snapshot!(letter.kind, shown(&letter));
        }
    }
}
