//! Letters about second factors: to their owner, whenever one comes, goes, stands in for another or is attacked.
//!
//! In: what was done, when, from where. Out: letters without a secret and without a link that changes anything.

use wire::UtcMs;

use super::{Draft, Letter, Part, when_and_where};
use crate::Error;

const OWN: &str = "You get this because your account uses this address.";
const IF_NOT: &str =
    "If it was you, nothing. If not, choose a new password now, then look through Account, Security.";

/// A second factor was added.
///
/// # Errors
/// [`Error::Internal`].
pub fn added(origin: &str, what: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    Draft {
        kind: "factor_added",
        subject: "A second factor was added to your Inverter Connect account".to_owned(),
        preview: format!("{what}. If it was not you, choose a new password now."),
        title: "A second factor was added".to_owned(),
        parts: told(origin, what, "From now on it is asked for when you sign in.", at, from),
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A second factor was removed.
///
/// # Errors
/// [`Error::Internal`].
pub fn removed(origin: &str, what: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    Draft {
        kind: "factor_removed",
        subject: "A second factor was removed from your Inverter Connect account".to_owned(),
        preview: format!("{what}. If it was not you, choose a new password now."),
        title: "A second factor was removed".to_owned(),
        parts: told(origin, what, "It does not open your account any more.", at, from),
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// New recovery codes were made.
///
/// # Errors
/// [`Error::Internal`].
pub fn recovery_made(origin: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    Draft {
        kind: "recovery_made",
        subject: "New recovery codes were made for your Inverter Connect account".to_owned(),
        preview: "The old ones do not work any more.".to_owned(),
        title: "New recovery codes were made".to_owned(),
        parts: told(origin, "Ten recovery codes", "The old ones do not work any more.", at, from),
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A recovery code was used.
///
/// # Errors
/// [`Error::Internal`].
pub fn recovery_used(origin: &str, left: u64, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    let left = match left {
        0 => "No recovery code is left. Make new ones under Account, Security.".to_owned(),
        1 => "One recovery code is left.".to_owned(),
        more => format!("{more} recovery codes are left."),
    };
    Draft {
        kind: "recovery_used",
        subject: "A recovery code of your Inverter Connect account was used".to_owned(),
        preview: left.clone(),
        title: "A recovery code was used".to_owned(),
        parts: told(origin, "A recovery code", &left, at, from),
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// Somebody with the password typed wrong codes.
///
/// # Errors
/// [`Error::Internal`].
pub fn wrong_codes(origin: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    Draft {
        kind: "wrong_codes",
        subject: "Somebody has your Inverter Connect password".to_owned(),
        preview: "Wrong codes were typed after the right password.".to_owned(),
        title: "Wrong codes were typed after your password".to_owned(),
        parts: vec![
            Part::Says(
                "The password was right, then five codes were wrong. Your second factor kept the account shut."
                    .to_owned(),
            ),
            Part::Facts(when_and_where(at, from)),
            Part::Advice(
                "If it was you, set the clock of your phone and try again, or use a recovery code. If not, choose a \
                 new password now."
                    .to_owned(),
            ),
            Part::Open("Choose a new password", format!("{origin}/forgot")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A passkey's counter went back.
///
/// # Errors
/// [`Error::Internal`].
pub fn suspect(origin: &str, name: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    let why = "It said a count that it had said before, as a copy of it would. It is stopped: remove it, and make a \
               new one.";
    Draft {
        kind: "passkey_suspect",
        subject: "A passkey of your Inverter Connect account was stopped".to_owned(),
        preview: "A copy of it may be about.".to_owned(),
        title: "A passkey was stopped".to_owned(),
        parts: told(origin, name, why, at, from),
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

fn told(origin: &str, what: &str, means: &str, at: UtcMs, from: Option<&str>) -> Vec<Part> {
    let mut facts = vec![("What", what.to_owned())];
    facts.extend(when_and_where(at, from));
    vec![
        Part::Facts(facts),
        Part::Says(means.to_owned()),
        Part::Advice(IF_NOT.to_owned()),
        Part::Open("See what is there", format!("{origin}/me/security")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tests::shown;

    #[test]
    fn each_letter_reads_as_it_should_in_both_faces() {
        const ORIGIN: &str = "https://inverters.example";
        const AT: UtcMs = UtcMs(1_794_902_820_000);
        const FROM: Option<&str> = Some("192.0.2.7");
        let letters = [
            added(ORIGIN, "Authenticator app", AT, FROM),
            removed(ORIGIN, "Passkey \u{201c}Phone\u{201d}", AT, FROM),
            recovery_made(ORIGIN, AT, FROM),
            recovery_used(ORIGIN, 1, AT, None),
            wrong_codes(ORIGIN, AT, FROM),
            suspect(ORIGIN, "Phone", AT, FROM),
        ];
        for letter in letters.map(Result::unwrap) {
            insta::assert_snapshot!(letter.kind, shown(&letter));
        }
    }
}
