//! Letters of registration, forgotten passwords and one's own account.
//!
//! In: the configured origin, the link's secret, what was changed. Out: letters. A link is in exactly one letter; what
//! tells that something was changed holds none that changes anything.

use wire::UtcMs;

use super::{Draft, Letter, Part, when_and_where};
use crate::Error;
use crate::sign_in::secret::Secret;

const ASKED: &str = "Somebody, probably you, typed this address into a form of ours.";
const OWN: &str = "You get this because your account uses this address.";
const ONCE: &str = "The link works once, for 30 minutes, and only the newest one counts. Opening it changes nothing \
                    yet: the page behind it has a button.";

/// To an address that may register: the link that makes its account.
///
/// # Errors
/// [`Error::Internal`].
pub fn register(origin: &str, secret: &Secret) -> Result<Letter, Error> {
    Draft {
        kind: "register",
        subject: "Create your Inverter Connect account".to_owned(),
        preview: "Choose a password within 30 minutes.".to_owned(),
        title: "Create your account".to_owned(),
        parts: vec![
            Part::Says("This address is approved. Choose a password, and you are in.".to_owned()),
            Part::Open("Choose a password", format!("{origin}/verify/{}", secret.reveal())),
            Part::Note(format!("{ONCE} If it was not you, do nothing: no account is made.")),
        ],
        why: ASKED.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To an address that has an account already.
///
/// # Errors
/// [`Error::Internal`].
pub fn has_account(origin: &str) -> Result<Letter, Error> {
    Draft {
        kind: "has_account",
        subject: "You have an Inverter Connect account already".to_owned(),
        preview: "Sign in with the password you chose.".to_owned(),
        title: "You have an account already".to_owned(),
        parts: vec![
            Part::Says(
                "Somebody, probably you, asked to register this address. It has an account.".to_owned(),
            ),
            Part::Open("Sign in", format!("{origin}/sign-in")),
            Part::Says("Password forgotten? Ask for a new one.".to_owned()),
            Part::Open("Ask for a new password", format!("{origin}/forgot")),
            Part::Note("If it was not you, do nothing: nothing was changed.".to_owned()),
        ],
        why: ASKED.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To the address of an account: the link that sets a new password.
///
/// # Errors
/// [`Error::Internal`].
pub fn reset(origin: &str, secret: &Secret) -> Result<Letter, Error> {
    Draft {
        kind: "reset",
        subject: "Choose a new password for Inverter Connect".to_owned(),
        preview: "The link works once, for 30 minutes.".to_owned(),
        title: "Choose a new password".to_owned(),
        parts: vec![
            Part::Says(
                "Somebody, probably you, forgot the password of this account. With a new one, every device that \
                 is signed in is signed out, and API tokens stop working."
                    .to_owned(),
            ),
            Part::Open("Choose a new password", format!("{origin}/reset/{}", secret.reveal())),
            Part::Note(format!("{ONCE} If it was not you, do nothing: the old password stays.")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// What a new password ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The sessions of other devices: its owner changed it.
    OtherDevices,
    /// Those, and API tokens: its owner wished so.
    OtherDevicesAndTokens,
    /// Every session and every API token: it was reset by a mailed link.
    Everything,
}

impl Ended {
    /// The letter, as receipts name it, and what it says.
    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::OtherDevices => ("password_changed", "Other devices were signed out."),
            Self::OtherDevicesAndTokens => (
                "password_tokens",
                "Other devices were signed out, and API tokens do not work any more. Programs that read with one \
                 need a new one.",
            ),
            Self::Everything => (
                "password_reset",
                "Every device was signed out, and API tokens do not work any more. Programs that read with one \
                 need a new one.",
            ),
        }
    }
}

/// To the address of an account whose password was changed, by its owner or by a mailed link.
///
/// # Errors
/// [`Error::Internal`].
pub fn password_changed(origin: &str, ended: Ended, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    let (kind, told) = ended.told();
    Draft {
        kind,
        subject: "Your Inverter Connect password was changed".to_owned(),
        preview: "If it was not you, choose a new one now.".to_owned(),
        title: "Your password was changed".to_owned(),
        parts: vec![
            Part::Facts(when_and_where(at, from)),
            Part::Says(told.to_owned()),
            Part::Advice(
                "If it was you, nothing. If not, choose a new password now, then look through your account for \
                 what else was changed."
                    .to_owned(),
            ),
            Part::Open("Choose a new password", format!("{origin}/forgot")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To the new address of an account: the link that makes it so.
///
/// # Errors
/// [`Error::Internal`].
pub fn address(origin: &str, secret: &Secret) -> Result<Letter, Error> {
    Draft {
        kind: "address",
        subject: "Confirm your new address for Inverter Connect".to_owned(),
        preview: "The link works once, for 30 minutes.".to_owned(),
        title: "Confirm your new address".to_owned(),
        parts: vec![
            Part::Says(
                "Somebody, probably you, wants to sign in with this address from now on, and get mail here. Open \
                 the link where you are signed in."
                    .to_owned(),
            ),
            Part::Open("Confirm this address", format!("{origin}/me/address/{}", secret.reveal())),
            Part::Note(format!("{ONCE} If it was not you, do nothing: nothing is changed.")),
        ],
        why: ASKED.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To the present address of an account, when another was asked for.
///
/// # Errors
/// [`Error::Internal`].
pub fn address_asked(origin: &str, new: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    let mut facts = vec![("New address", new.to_owned())];
    facts.extend(when_and_where(at, from));
    Draft {
        kind: "address_asked",
        subject: "A new address was asked for your Inverter Connect account".to_owned(),
        preview: format!("{new}. Nothing is changed until it is confirmed there."),
        title: "A new address was asked for".to_owned(),
        parts: vec![
            Part::Says(
                "If the new address is approved, it was sent a link. Nothing is changed until somebody \
                        who is signed in to your account opens it."
                    .to_owned(),
            ),
            Part::Facts(facts),
            Part::Advice(
                "If it was you, open the link that was sent there. If not, choose a new password now: that signs \
                 out every device."
                    .to_owned(),
            ),
            Part::Open("Choose a new password", format!("{origin}/forgot")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To both addresses of an account, when one took the other's place.
///
/// # Errors
/// [`Error::Internal`].
pub fn address_changed(old: &str, new: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    let mut facts = vec![("Old address", old.to_owned()), ("New address", new.to_owned())];
    facts.extend(when_and_where(at, from));
    Draft {
        kind: "address_changed",
        subject: "The address of your Inverter Connect account was changed".to_owned(),
        preview: format!("From now on it is {new}."),
        title: "Your address was changed".to_owned(),
        parts: vec![
            Part::Says(
                "From now on you sign in with the new address, and mail goes there. This is the last one \
                        to the old address."
                    .to_owned(),
            ),
            Part::Facts(facts),
            Part::Advice(
                "If it was you, nothing. If not, reply to this mail at once: we can give the account back."
                    .to_owned(),
            ),
        ],
        why: "You get this because your account uses, or used, this address.".to_owned(),
        ..Draft::default()
    }
    .written()
}

/// To the address of an account that its owner deleted.
///
/// # Errors
/// [`Error::Internal`].
pub fn account_deleted(origin: &str, at: UtcMs, from: Option<&str>) -> Result<Letter, Error> {
    Draft {
        kind: "account_deleted",
        subject: "Your Inverter Connect account was deleted".to_owned(),
        preview: "You get no more mail from us.".to_owned(),
        title: "Your account was deleted".to_owned(),
        parts: vec![
            Part::Says(
                "It was signed out everywhere, and its access to every inverter ended. This is the last \
                        mail to you."
                    .to_owned(),
            ),
            Part::Facts(when_and_where(at, from)),
            Part::Advice(
                "If it was you, nothing. While your address stays approved you can register again."
                    .to_owned(),
            ),
            Part::Open("Register again", format!("{origin}/register")),
        ],
        why: "You get this because your account used this address.".to_owned(),
        ..Draft::default()
    }
    .written()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tests::shown;

    const ORIGIN: &str = "https://inverters.example";
    const AT: UtcMs = UtcMs(1_794_902_820_000);
    const FROM: Option<&str> = Some("192.0.2.7");

    #[test]
    fn each_letter_reads_as_it_should_in_both_faces() {
        let secret = Secret::parse("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY").unwrap();
        let (old, new) = ("dana@harborview.example", "dana.okafor@harborview.example");
        let letters = [
            register(ORIGIN, &secret),
            has_account(ORIGIN),
            reset(ORIGIN, &secret),
            password_changed(ORIGIN, Ended::OtherDevices, AT, FROM),
            password_changed(ORIGIN, Ended::OtherDevicesAndTokens, AT, FROM),
            password_changed(ORIGIN, Ended::Everything, AT, FROM),
            address(ORIGIN, &secret),
            address_asked(ORIGIN, new, AT, FROM),
            address_changed(old, new, AT, None),
            account_deleted(ORIGIN, AT, FROM),
        ];
        for letter in letters.map(Result::unwrap) {
            insta::assert_snapshot!(letter.kind, shown(&letter));
        }
    }

    #[test]
    fn a_secret_is_in_three_letters_once_in_each_face_and_in_no_subject() {
        let secret = Secret::new().unwrap();
        for letter in [register(ORIGIN, &secret), reset(ORIGIN, &secret), address(ORIGIN, &secret)] {
            let letter = letter.unwrap();
            let times = |face: &str| face.matches(&secret.reveal()).count();
            assert_eq!([times(&letter.text), times(&letter.html), times(&letter.subject)], [1, 1, 0]);
        }
    }
}
