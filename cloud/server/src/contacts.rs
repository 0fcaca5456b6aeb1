//! When each device was last in contact, and what it says it runs.
//!
//! In: sessions that begin and end. Out: who is connected now; contacts to be written, at most once a minute and a device
//! that stays connected each five minutes. Nothing is noted per report, nothing waits for a disk. Bounded by the number
//! of registered devices.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fleet::InverterKey;
use store::state::Contact;
use wire::UtcMs;
use wire::mqtt::{Connect, Version};

/// A device that stays connected is written again after this long, milliseconds.
const AGAIN_MS: i64 = 300_000;
/// Most of what a device says of its software that is kept, characters.
const MOST_SOFTWARE: usize = 40;
/// The user property of CONNECT in which it says so.
const PROPERTY: &str = "version";

/// Everybody who connected since the start.
#[derive(Debug, Default)]
pub struct Contacts {
    known: Mutex<HashMap<InverterKey, Known>>,
}

#[derive(Debug)]
struct Known {
    contact: Contact,
    /// Sessions: two for a moment when a newer one takes over.
    open: u32,
    /// What was written last; `None`: nothing yet, or it changed since.
    written_at: Option<UtcMs>,
}

impl Contacts {
    /// A session begins.
    pub fn began(&self, inverter: InverterKey, connect: &Connect<'_>, now: UtcMs) {
        let (protocol, software) = (protocol(connect.version).to_owned(), software(connect));
        let contact = Contact { inverter, connected_at: now, last_contact_at: now, protocol, software };
        let mut known = self.lock();
        let open = known.get(&inverter).map_or(0, |known| known.open).saturating_add(1);
        known.insert(inverter, Known { contact, open, written_at: None });
    }

    /// A session ended.
    pub fn ended(&self, inverter: InverterKey, now: UtcMs) {
        if let Some(known) = self.lock().get_mut(&inverter) {
            known.open = known.open.saturating_sub(1);
            known.contact.last_contact_at = now;
            known.written_at = None;
        }
    }

    /// Who is connected now.
    #[must_use]
    pub fn connected(&self) -> HashSet<InverterKey> {
        self.lock().iter().filter(|(_, known)| known.open > 0).map(|(key, _)| *key).collect()
    }

    /// What is to be written at `now`; taken as written.
    pub fn due(&self, now: UtcMs) -> Vec<Contact> {
        let mut due = Vec::new();
        for known in self.lock().values_mut() {
            if known.written_at.is_some_and(|written| known.open == 0 || now.since(written) < AGAIN_MS) {
                continue;
            }
            if known.open > 0 {
                // A session that says nothing for 90 s is cut, so one that is open was heard.
                known.contact.last_contact_at = now;
            }
            known.written_at = Some(now);
            due.push(known.contact.clone());
        }
        due
    }

    /// What could not be written is due again.
    pub fn unwritten(&self, contacts: &[Contact]) {
        let mut known = self.lock();
        for contact in contacts {
            if let Some(known) = known.get_mut(&contact.inverter) {
                known.written_at = None;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InverterKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::V311 => "MQTT 3.1.1",
        Version::V5 => "MQTT 5.0",
    }
}

fn software(connect: &Connect<'_>) -> Option<String> {
    let (_, said) = connect.properties.user().find(|(name, _)| *name == PROPERTY)?;
    let kept: String = said.chars().filter(char::is_ascii_graphic).take(MOST_SOFTWARE).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use wire::mqtt::{Place, PropertyList};

    use super::*;

    const KEY: InverterKey = InverterKey(7);

    fn due(contacts: &Contacts, at: i64) -> Option<i64> {
        let due = contacts.due(UtcMs(at));
        assert!(due.len() <= 1);
        due.first().map(|contact| contact.last_contact_at.0)
    }

    #[test]
    fn a_contact_is_written_when_it_changed_and_each_five_minutes_while_it_lasts() {
        let (contacts, connect) = (Contacts::default(), Connect::new(Version::V5, "a"));
        assert_eq!(due(&contacts, 0), None);
        contacts.began(KEY, &connect, UtcMs(1_000));
        assert_eq!(due(&contacts, 2_000), Some(2_000));
        assert_eq!(due(&contacts, 2_000 + AGAIN_MS - 1), None);
        assert_eq!(due(&contacts, 2_000 + AGAIN_MS), Some(2_000 + AGAIN_MS));
        // A newer session takes over before the older one is gone.
        contacts.began(KEY, &connect, UtcMs(400_000));
        contacts.ended(KEY, UtcMs(400_001));
        assert!(contacts.connected().contains(&KEY));
        assert_eq!(due(&contacts, 500_000), Some(500_000));
        contacts.ended(KEY, UtcMs(600_000));
        assert!(contacts.connected().is_empty());
        let last = contacts.due(UtcMs(700_000));
        assert_eq!(last[0].last_contact_at, UtcMs(600_000));
        assert_eq!(due(&contacts, 10 * AGAIN_MS), None);
        contacts.unwritten(&last);
        assert_eq!(due(&contacts, 11 * AGAIN_MS), Some(600_000));
    }

    /// ASVS 5.0: 1.3.3.
    #[test]
    fn what_a_device_says_of_itself_is_short_and_plain() {
        let check = |said: &str, expect: Option<&str>| {
            let list = PropertyList::new().user("other", "x").user("version", said);
            let properties = list.properties(Place::Connect).unwrap();
            let connect = Connect { properties, ..Connect::new(Version::V5, "a") };
            assert_eq!(software(&connect).as_deref(), expect, "{said:?}");
        };
        check("1.8.2", Some("1.8.2"));
        check("1.8 \u{e9}<b>", Some("1.8<b>"));
        check("", None);
        check(&"9".repeat(500), Some(&"9".repeat(MOST_SOFTWARE)));
        assert_eq!(software(&Connect::new(Version::V311, "a")), None);
    }
}
