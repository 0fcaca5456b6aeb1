//! Acts of the audit log as sentences.
//!
//! In: rows of the log, names as they are now, who reads. Out: lines: who, did what, when, from where. Where somebody
//! acted from is told to operators and to the person itself, to nobody else.

use std::fmt::Write as _;

use fleet::audit::Area;
use fleet::{AccountKey, InverterKey};
use store::state::{AuditAct, AuditNames, By, Details};

use super::words::Local;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// An operator: addresses of accounts, serial numbers, from where.
    Operator,
    /// A person: "You", names that people gave.
    Person(AccountKey),
}

/// One act on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the log.
    pub sequence: i64,
    /// Who.
    pub who: String,
    /// Did what.
    pub what: String,
    /// When, in words.
    pub time: String,
    /// When, RFC 3339.
    pub instant: String,
    /// More in words; may be empty.
    pub detail: String,
    /// From where; may be empty.
    pub address: String,
}

/// The lines of a page.
#[must_use]
pub fn lines(acts: &[AuditAct], names: &AuditNames, reader: Reader, local: &Local) -> Vec<Line> {
    acts.iter().map(|act| line(act, names, reader, local)).collect()
}

fn line(act: &AuditAct, names: &AuditNames, reader: Reader, local: &Local) -> Line {
    let own = matches!((act.by, reader), (Some(By::Account(key)), Reader::Person(own)) if key == own);
    let (address, detail) = match &act.details {
        Details::Kept { address, detail } if own || reader == Reader::Operator => {
            let customers = act.verb.and_then(Area::of).is_none_or(|area| area.customers);
            // What customers call what is theirs, and whom they share it with, is not the operator's business.
            let detail = if customers && !own { String::new() } else { detail.clone() };
            (address.clone().unwrap_or_default(), detail)
        }
        Details::Kept { detail, .. } => (String::new(), detail.clone()),
        Details::Erased => (String::new(), "Details were erased.".to_owned()),
        Details::None => Default::default(),
    };
    Line {
        sequence: act.sequence,
        who: who(act.by, names, reader),
        what: what(act, names, reader),
        time: local.time(act.at),
        instant: act.at.to_rfc3339(),
        detail,
        address,
    }
}

fn who(by: Option<By>, names: &AuditNames, reader: Reader) -> String {
    match by {
        Some(By::Account(key)) if reader == Reader::Person(key) => "You".to_owned(),
        Some(By::Account(key)) => names.accounts.get(&key).map_or_else(
            || "A deleted account".to_owned(),
            |named| match reader {
                Reader::Person(_) if !named.name.is_empty() => named.name.clone(),
                _ => named.email.to_string(),
            },
        ),
        Some(By::CommandLine) => "An operator at the server".to_owned(),
        Some(By::Service) => "Inverter Connect".to_owned(),
        None => "Somebody".to_owned(),
    }
}

fn what(act: &AuditAct, names: &AuditNames, reader: Reader) -> String {
    let Some(verb) = act.verb else {
        let mut text = "did something that this version does not know: ".to_owned();
        // A name of the log's own, but of another version: printed as it is, escaped by the template.
        let _ = write!(text, "{}", act.name);
        return text;
    };
    let account = match act.account {
        Some(key) if reader == Reader::Person(key) => "your account".to_owned(),
        Some(key) => {
            names.accounts.get(&key).map_or("a deleted account".to_owned(), |named| named.email.to_string())
        }
        None => "an account".to_owned(),
    };
    let inverter = act.inverter.map_or("an inverter".to_owned(), |key| inverter(key, names, reader));
    let organization = match act.organization {
        Some(key) => names
            .organizations
            .get(&key)
            .map_or("a deleted organization".to_owned(), |name| format!("\u{201c}{name}\u{201d}")),
        None => "an organization".to_owned(),
    };
    verb.say(&account, &inverter, &organization)
}

fn inverter(key: InverterKey, names: &AuditNames, reader: Reader) -> String {
    match names.inverters.get(&key) {
        None => "a removed inverter".to_owned(),
        // What customers call their inverters is not the operator's business.
        Some(named) if reader == Reader::Operator || named.name.is_empty() => named.serial.to_string(),
        Some(named) => named.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use fleet::audit::Verb;
    use store::state::{Email, NamedAccount, NamedInverter};
    use wire::{Serial, UtcMs};

    use super::*;

    fn act(by: i64, verb: Verb) -> AuditAct {
        AuditAct {
            sequence: 7,
            at: UtcMs(0),
            verb: Some(verb),
            name: verb.name().to_owned(),
            by: Some(By::Account(AccountKey(by))),
            account: Some(AccountKey(1)),
            inverter: Some(InverterKey(4)),
            organization: None,
            details: Details::Kept { address: Some("192.0.2.7".to_owned()), detail: "why".to_owned() },
        }
    }

    fn names() -> AuditNames {
        let mut names = AuditNames::default();
        let named =
            |name: &str, email| NamedAccount { name: name.to_owned(), email: Email::parse(email).unwrap() };
        names.accounts.insert(AccountKey(1), named("Dana", "dana@x.test"));
        names.accounts.insert(AccountKey(2), named("", "op@x.test"));
        let serial = Serial::parse("2311-00421").unwrap();
        names.inverters.insert(InverterKey(4), NamedInverter { name: "East Tower".to_owned(), serial });
        names
    }

    fn check(by: i64, verb: Verb, reader: Reader, expect: [&str; 3]) {
        let line = line(&act(by, verb), &names(), reader, &Local::new("UTC", UtcMs(0)));
        assert_eq!([line.who.as_str(), &line.what, &line.address], expect);
    }

    #[test]
    fn everybody_reads_what_concerns_them_and_no_more() {
        let (dana, other) = (Reader::Person(AccountKey(1)), Reader::Person(AccountKey(9)));
        check(1, Verb::SignIn, dana, ["You", "signed in to your account", "192.0.2.7"]);
        check(2, Verb::AccountDisable, dana, ["op@x.test", "disabled your account", ""]);
        check(1, Verb::PairDone, other, ["Dana", "added East Tower by the button in its cabinet", ""]);
        check(
            8,
            Verb::DeviceRevoke,
            other,
            ["A deleted account", "revoked the certificates of East Tower", ""],
        );
        let operator = ["dana@x.test", "added 2311-00421 by the button in its cabinet", "192.0.2.7"];
        check(1, Verb::PairDone, Reader::Operator, operator);
    }

    /// ASVS 5.0: 8.1.2.
    #[test]
    fn what_customers_typed_about_what_is_theirs_is_nothing_for_operators() {
        let local = Local::new("UTC", UtcMs(0));
        let read = |verb, by, reader| line(&act(by, verb), &names(), reader, &local).detail;
        for verb in [Verb::InverterEdit, Verb::ShareOffer, Verb::SiteAdd, Verb::WebhookAdd, Verb::TokenAdd] {
            assert_eq!(read(verb, 1, Reader::Operator), "", "{verb:?}");
            assert_eq!(read(verb, 1, Reader::Person(AccountKey(1))), "why", "{verb:?}");
        }
        for verb in [Verb::AllowAdd, Verb::AccountDisable, Verb::DeviceRevoke, Verb::BackupRestore] {
            assert_eq!(read(verb, 2, Reader::Operator), "why", "{verb:?}");
        }
    }

    #[test]
    fn what_is_gone_or_unknown_says_so() {
        let local = Local::new("UTC", UtcMs(0));
        let mut unknown = act(1, Verb::InverterEdit);
        (unknown.verb, unknown.name, unknown.by, unknown.details) =
            (None, "x.y".to_owned(), None, Details::Erased);
        let gone = line(&unknown, &names(), Reader::Operator, &local);
        assert!(gone.who == "Somebody" && gone.what.ends_with("x.y"), "{gone:?}");
        assert_eq!(gone.detail, "Details were erased.");
        let gone = line(&act(1, Verb::InverterEdit), &AuditNames::default(), Reader::Operator, &local);
        assert_eq!(
            (gone.who.as_str(), gone.what.as_str()),
            ("A deleted account", "changed a removed inverter")
        );
    }
}
