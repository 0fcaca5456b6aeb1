//! What came of it, in words.
//!
//! In: a verdict, the keys that the reader trusts. Out: sentences for standard output. Names come from the file: nothing of them reaches the
//! terminal but characters that can be seen.

use std::fmt::Write as _;

use fleet::logbook::{Entry, Fingerprint, KeyUse, Verdict, What};

/// Findings that are printed; the rest is counted.
const PRINTED: usize = 20;

/// Of a logbook or one entry of it.
pub(super) fn book(verdict: &Verdict, trusted: &[Fingerprint]) -> String {
    let mut said = String::new();
    if verdict.holds() {
        said.push_str(&heading(trusted));
    } else {
        wrong(&mut said, verdict);
    }
    if let Some(opening) = &verdict.opening {
        let _ = writeln!(
            said,
            "Logbook {} of {}, begun {}, kept for {} year(s). The file was made {}.",
            plain(&opening.book),
            plain(&opening.organization),
            opening.begun_at,
            opening.years,
            opening.made_at
        );
    }
    match &verdict.alone {
        Some(entry) => alone(&mut said, entry),
        None if verdict.holds() => whole(&mut said, verdict),
        None => {
            let _ = writeln!(said, "{} entries are as they were signed.", verdict.entries);
        }
    }
    if let [one] = verdict.keys.as_slice() {
        said.push_str(&signed_by(one.key.fingerprint(), trusted));
    } else {
        verdict.keys.iter().for_each(|used| several(&mut said, used, trusted));
    }
    said
}

fn wrong(said: &mut String, verdict: &Verdict) {
    let _ = writeln!(said, "NOT as it was signed:");
    for finding in verdict.findings.iter().take(PRINTED) {
        let _ = writeln!(said, "- {finding}");
    }
    let more = verdict.more + verdict.findings.len().saturating_sub(PRINTED) as u64;
    if more > 0 {
        let _ = writeln!(said, "- and {more} more");
    }
}

fn whole(said: &mut String, verdict: &Verdict) {
    if let Some(gone) = &verdict.checkpoint {
        let _ = writeln!(
            said,
            "Entries up to {} went on {}, as their years were over. A signed line says so.",
            gone.last, gone.gone_at
        );
    }
    let _ = match verdict.range {
        Some((first, last)) => writeln!(
            said,
            "It holds: {} entries, {first} to {last}, each as it was signed. None is missing, changed, moved or added.",
            verdict.entries
        ),
        None => writeln!(said, "It holds: there is no entry in it."),
    };
    if let Some(closing) = &verdict.closing {
        let _ = writeln!(said, "It ends as of {}: what was entered later is not in it.", closing.made_at);
    }
}

fn alone(said: &mut String, entry: &Entry) {
    let what = match &entry.what {
        What::Test(test) => {
            format!("a {} test of {}, {}", plain(&test.kind), test.started, plain(&test.grade))
        }
        What::Outage(outage) => format!("an outage of {}", outage.started),
        What::Note(_) => "a note".to_owned(),
    };
    let _ = writeln!(
        said,
        "It holds: one entry, number {} of logbook {}, is as it was signed on {}: {what}, inverter {}. Whether it was corrected later, and \
         what stands around it, only the whole file tells.",
        entry.number,
        plain(&entry.book),
        entry.written_at,
        plain(&entry.inverter.serial)
    );
}

/// What stands above what holds, where no key was named: it proves nothing of who signed, whatever follows.
pub(super) fn heading(trusted: &[Fingerprint]) -> String {
    if trusted.is_empty() {
        "NOBODY IS PROVEN TO HAVE SIGNED THIS: no --key was given. It agrees with itself, and so would a file that anybody made up and signed \
         with a key of his own.\n"
            .to_owned()
    } else {
        String::new()
    }
}

/// Whose key.
pub(super) fn signed_by(key: Fingerprint, trusted: &[Fingerprint]) -> String {
    if trusted.contains(&key) {
        return format!("Signed by the key that you named: {key}\n");
    }
    format!(
        "Signed by the key {key}\nWhose key that is, the file cannot prove. Get the fingerprint of the installation's key from elsewhere (the \
         service publishes it under /verify; on paper, by telephone) and give it with --key.\n"
    )
}

fn several(said: &mut String, used: &KeyUse, trusted: &[Fingerprint]) {
    let of = used.entries.map_or("no entry".to_owned(), |(first, last)| format!("entries {first} to {last}"));
    let _ = write!(said, "{of}: ");
    said.push_str(&signed_by(used.key.fingerprint(), trusted));
}

/// Text from a file, as a terminal may see it.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
