//! Alarms as lines of a list: what, where, since when, who has seen it, what may be done about it here.
//!
//! In: what is open on the inverters that somebody may see, or an alarm's row. Out: lines that a template prints. Nothing in
//! a line changes by time alone but its age, which the page counts on: two lists that are equal show the same.

use fleet::alarm::{Key, Open};
use fleet::condition::Severity;
use fleet::{Condition, Role, ScreenState};
use store::state::Alarm;
use wire::UtcMs;

use super::advice::advice;
use super::fleet::Known;
use super::limits::alarm_title;
use super::maintenance::{self, Group};
use super::words::{self, Local};
use crate::names::Names;

/// What the inbox shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Open and not on the shelf, the most urgent first.
    pub active: Vec<Line>,
    /// On the shelf.
    pub shelved: Vec<Line>,
    /// What is in maintenance.
    pub maintained: Vec<Group>,
}

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Names it in addresses.
    pub id: String,
    /// `data-s`.
    pub state: &'static str,
    /// State's word.
    pub word: &'static str,
    /// What.
    pub title: String,
    /// Inverter's name.
    pub inverter: String,
    /// Its public id.
    pub inverter_id: String,
    /// Site's name.
    pub site: Option<String>,
    /// `Since 2:31 AM`, or from when to when.
    pub when: String,
    /// Since when, for its age.
    pub since: UtcMs,
    /// What to do.
    pub advice: &'static str,
    /// It comes and goes.
    pub unstable: bool,
    /// Maintenance of its inverter.
    pub maintenance: Option<String>,
    /// Who has seen it.
    pub seen: Option<Seen>,
    /// On the shelf until then.
    pub until: Option<String>,
    /// The reader may acknowledge, and put it away.
    pub may: bool,
    /// It may be put away at all.
    pub shelvable: bool,
}

/// Who has seen an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Name and time.
    pub by: String,
    /// What that person wrote, or empty.
    pub note: String,
}

impl Inbox {
    /// The open alarms of `all`; `names` knows who has seen them.
    #[must_use]
    pub fn new(all: &[Known], names: &Names, now: UtcMs) -> Self {
        let mut open: Vec<(&Known, Open)> =
            all.iter().flat_map(|known| known.state.open_alarms().map(move |open| (known, open))).collect();
        open.sort_by_key(|(_, open)| {
            let screen = face(&open.name.key, open.severity);
            (open.acknowledged.is_some(), screen, std::cmp::Reverse(open.raised_at), open.name.clone())
        });
        let lines = open.iter().map(|(known, open)| Line::open(known, open, names, now));
        let (shelved, active) = lines.partition(|line: &Line| line.until.is_some());
        Self { active, shelved, maintained: maintenance::groups(all, now) }
    }

    /// How many nobody has seen.
    #[must_use]
    pub fn unseen(&self) -> usize {
        self.active.iter().filter(|line| line.seen.is_none()).count()
    }

    /// The state that is most urgent among what nobody has seen.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.active.iter().find(|line| line.seen.is_none()).map_or("ok", |line| line.state)
    }

    /// `Alarms: 3 not acknowledged`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.unseen() {
            0 => "Alarms".to_owned(),
            unseen => format!("Alarms: {unseen} not acknowledged"),
        }
    }

    /// What is said to who hears the page, when it changes.
    #[must_use]
    pub fn spoken(&self) -> String {
        match self.active.iter().find(|line| line.seen.is_none()) {
            Some(first) => format!("{}. First: {}, {}.", self.title(), first.title, first.inverter),
            None => "No alarm waits to be acknowledged.".to_owned(),
        }
    }
}

impl Line {
    /// An open alarm.
    #[must_use]
    pub fn open(known: &Known, open: &Open, names: &Names, now: UtcMs) -> Self {
        let local = known.local(now);
        let mut line = Self::new(known, &open.name.key, open.severity, open.name.since, &local);
        line.id = id(&known.row.inverter.public_id, &open.name.to_string());
        line.when = format!("Since {}", local.time(open.name.since));
        line.unstable = open.unstable;
        line.maintenance = known.maintenance.as_ref().map(|maintenance| maintenance.words(&local));
        line.seen = open.acknowledged.as_ref().map(|seen| Seen {
            by: format!("{}, {}", names.of(seen.by), local.time(seen.at)),
            note: seen.note.clone(),
        });
        line.until = open.shelved_until.map(|until| local.time(until));
        line
    }

    /// An alarm by its row, open or over.
    #[must_use]
    pub fn past(known: &Known, alarm: &Alarm, names: &Names, now: UtcMs) -> Self {
        let local = known.local(now);
        let mut line = Self::new(known, &alarm.key, alarm.severity, alarm.since, &local);
        line.id = id(&known.row.inverter.public_id, &alarm.name);
        line.when = span(alarm, &local);
        line.unstable = alarm.unstable;
        line.seen = alarm.acknowledged_at.zip(alarm.acknowledged_by).map(|(at, by)| Seen {
            by: format!("{}, {}", names.of(by), local.time(at)),
            note: alarm.note.clone(),
        });
        line
    }

    fn new(known: &Known, key: &Key, severity: Severity, since: UtcMs, local: &Local) -> Self {
        let screen = face(key, severity);
        Self {
            id: String::new(),
            state: screen.short_name(),
            word: word(screen),
            title: alarm_title(key, &known.state.rules),
            inverter: known.name().to_owned(),
            inverter_id: known.row.inverter.public_id.clone(),
            site: known.row.site.as_ref().map(|site| site.name.clone()),
            when: local.time(since),
            since,
            advice: advice(key.condition),
            unstable: false,
            maintenance: None,
            seen: None,
            until: None,
            may: known.row.role == Role::ReadWrite,
            shelvable: key.condition.definition().shelvable,
        }
    }

    /// How long ago it began.
    #[must_use]
    pub fn age(&self, now: &UtcMs) -> String {
        words::age(now.since(self.since))
    }
}

/// `Nov 16, 2:14 PM to 2:32 PM (18 min)`, or `Since Nov 16, 2:14 PM`.
#[must_use]
pub fn span(alarm: &Alarm, local: &Local) -> String {
    match alarm.cleared {
        None => format!("Since {}", local.time(alarm.since)),
        Some((ended, _)) => format!(
            "{} to {} ({})",
            local.time(alarm.since),
            local.time(ended),
            words::length(ended.since(alarm.since).max(0))
        ),
    }
}

/// The state that an alarm is drawn in: of a limit as much as the person said who set it.
#[must_use]
pub fn face(key: &Key, severity: Severity) -> ScreenState {
    match severity {
        _ if key.condition != Condition::LIMIT_CROSSED => key.condition.definition().screen,
        Severity::Critical => ScreenState::Alarm,
        Severity::Warning => ScreenState::Warning,
        Severity::Info => ScreenState::Normal,
    }
}

/// The word of a state. What is worth knowing takes nothing from an inverter's being normal.
#[must_use]
pub fn word(screen: ScreenState) -> &'static str {
    match screen {
        ScreenState::Normal => "For information",
        other => other.word(),
    }
}

/// What names an alarm in addresses: its inverter's public id and a fingerprint of its name, which only has to tell the
/// alarms of one inverter apart.
#[must_use]
pub fn id(inverter: &str, name: &str) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    // FNV-1a.
    let print = name.bytes().fold(OFFSET, |print, byte| (print ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{inverter}.{print:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_drawn_as_its_person_said_and_all_else_as_the_table_says() {
        let check = |key: Key, severity, expect: &str| assert_eq!(face(&key, severity).short_name(), expect);
        check(Key::limit(1), Severity::Critical, "alarm");
        check(Key::limit(1), Severity::Warning, "warn");
        check(Key::limit(1), Severity::Info, "ok");
        check(Key::of(Condition::UTILITY_LOST), Severity::Info, "bat");
        check(Key::of(Condition::DATA_GAP), Severity::Critical, "ok");
        assert_eq!(word(ScreenState::Normal), "For information");
    }

    #[test]
    fn names_lead_to_addresses_of_their_own() {
        let first = id("k3v9", "battery.low/t1");
        assert!(first.starts_with("k3v9.") && first.len() == 21, "{first}");
        assert_eq!(first, id("k3v9", "battery.low/t1"));
        assert_ne!(first, id("k3v9", "battery.low/t2"));
    }
}
