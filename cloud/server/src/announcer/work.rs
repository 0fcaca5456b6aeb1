//! What one transaction works on: rows as they were read, and which of them were changed.
//!
//! In: inverters, alarms, incidents. Out: the same changed, and [`Made`], what is to be written. Knows which incident an
//! alarm joins: the newest at its place that takes it, else a new one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fleet::InverterKey;
use fleet::alarm::AlarmName;
use fleet::notice::{Incident, Joined, Message};
use store::state::{
    Alarm, Announcing, IncidentKey, IncidentRow, Made, NewMessage, Place, Placed, Reminder, StateError,
};
use wire::UtcMs;

use super::names;

/// What one transaction works on.
#[derive(Default)]
pub struct Work {
    placed: HashMap<InverterKey, Placed>,
    alarms: HashMap<InverterKey, BTreeMap<String, Alarm>>,
    changed_alarms: BTreeSet<(InverterKey, String)>,
    incidents: HashMap<IncidentKey, IncidentRow>,
    /// At each place, the newest last.
    at: HashMap<Place, Vec<IncidentKey>>,
    changed_incidents: BTreeSet<IncidentKey>,
    /// Of which something came into somebody's hands.
    pub in_hand: BTreeSet<IncidentKey>,
    /// To be written as they are.
    pub messages: Vec<NewMessage>,
    /// To be written as they are.
    pub reminders: Vec<Reminder>,
    /// To be written as they are.
    pub no_reminders: Vec<(IncidentKey, fleet::AccountKey)>,
}

/// A message that is to be told, and its number within its incident.
pub struct Numbered {
    pub incident: IncidentKey,
    pub number: i64,
    pub message: Message,
}

impl Work {
    /// With all that is open of `inverters`.
    pub async fn of(change: &Announcing, inverters: &[InverterKey]) -> Result<Self, StateError> {
        let mut work = Self { placed: change.placed(inverters).await?, ..Self::default() };
        let open = change.open_alarms(inverters).await?;
        let mut keys: Vec<IncidentKey> = open.iter().filter_map(|alarm| alarm.incident).collect();
        keys.sort_unstable();
        keys.dedup();
        let places: BTreeSet<Place> = work.placed.values().map(place).collect();
        let places: Vec<Place> = places.into_iter().collect();
        work.add_incidents(change.incidents(&keys, &places).await?);
        work.add_alarms(open);
        Ok(work)
    }

    /// With these incidents.
    pub fn with(incidents: Vec<IncidentRow>) -> Self {
        let mut work = Self::default();
        work.add_incidents(incidents);
        work
    }

    /// Reads what letters about `inverters` and about the incidents need, where it was not read before.
    pub async fn read_for(
        &mut self,
        change: &Announcing,
        inverters: &[InverterKey],
        incidents: &[IncidentKey],
    ) -> Result<(), StateError> {
        let missing: Vec<InverterKey> =
            inverters.iter().copied().filter(|key| !self.placed.contains_key(key)).collect();
        self.placed.extend(change.placed(&missing).await?);
        let known = change.alarms_of(incidents).await?;
        self.add_alarms(known);
        Ok(())
    }

    /// What was changed here stays.
    fn add_alarms(&mut self, alarms: Vec<Alarm>) {
        for alarm in alarms {
            let of = self.alarms.entry(alarm.inverter).or_default();
            of.entry(alarm.name.clone()).or_insert(alarm);
        }
    }

    fn add_incidents(&mut self, rows: Vec<IncidentRow>) {
        for row in rows {
            self.at.entry(row.place).or_default().push(row.key);
            self.incidents.insert(row.key, row);
        }
    }

    /// An inverter; `None` where it was given up.
    pub fn placed(&self, inverter: InverterKey) -> Option<&Placed> {
        self.placed.get(&inverter)
    }

    /// An alarm of a name.
    pub fn alarm(&self, inverter: InverterKey, name: &str) -> Option<&Alarm> {
        self.alarms.get(&inverter)?.get(name)
    }

    /// An incident.
    pub fn incident(&self, key: IncidentKey) -> Option<&IncidentRow> {
        self.incidents.get(&key)
    }

    /// An incident that is being changed.
    pub fn incident_mut(&mut self, key: IncidentKey) -> Option<&mut Incident> {
        let row = self.incidents.get_mut(&key)?;
        self.changed_incidents.insert(key);
        Some(&mut row.incident)
    }

    /// An alarm that was changed.
    pub fn put(&mut self, alarm: Alarm) {
        self.changed_alarms.insert((alarm.inverter, alarm.name.clone()));
        self.alarms.entry(alarm.inverter).or_default().insert(alarm.name.clone(), alarm);
    }

    /// Changes an incident. Whether `change` says that it did.
    pub fn in_incident(
        &mut self,
        key: Option<IncidentKey>,
        change: impl FnOnce(&mut Incident) -> bool,
    ) -> bool {
        let Some(row) = key.and_then(|key| self.incidents.get_mut(&key)) else { return false };
        let changed = change(&mut row.incident);
        if changed {
            self.changed_incidents.insert(row.key);
        }
        changed
    }

    /// An alarm joins what fails at its place, or begins something.
    pub fn join(&mut self, alarm: &Alarm, name: &AlarmName, at: UtcMs) -> Option<IncidentKey> {
        let placed = self.placed.get(&alarm.inverter)?;
        let (place, alone) = (place(placed), placed.alone);
        let member = Incident::member(alarm.inverter, name.clone(), alarm.severity, alarm.raised_at);
        let there = self.at.entry(place).or_default();
        let joined = there.iter().rev().copied().find(|key| {
            let row = self.incidents.get_mut(key);
            row.is_some_and(|row| row.incident.raised(&member, at) == Joined::Yes)
        });
        let key = joined.unwrap_or_else(|| {
            let key = names::incident(&placed.inverter.public_id, &alarm.name, at.0);
            there.push(key);
            let row = IncidentRow::new(key, place, Incident::new(member, alone, at));
            self.incidents.insert(key, row);
            key
        });
        self.changed_incidents.insert(key);
        if alarm.unstable {
            self.in_incident(Some(key), |incident| incident.again(alarm.inverter, name, true, at));
        }
        Some(key)
    }

    /// What is due at `at` of the incidents that were changed.
    pub fn pass(&mut self, at: UtcMs) -> Vec<Numbered> {
        let keys: Vec<IncidentKey> = self.changed_incidents.iter().copied().collect();
        keys.into_iter().flat_map(|key| self.pass_one(key, at)).collect()
    }

    /// What is due at `at` of one.
    pub fn pass_one(&mut self, key: IncidentKey, at: UtcMs) -> Vec<Numbered> {
        let Some(row) = self.incidents.get_mut(&key) else { return Vec::new() };
        self.changed_incidents.insert(key);
        let messages = row.incident.pass(at);
        messages.into_iter().map(|message| number(row, message)).collect()
    }

    /// A message of its own about an incident.
    pub fn number(&mut self, key: IncidentKey, message: Message) -> Option<Numbered> {
        let row = self.incidents.get_mut(&key)?;
        self.changed_incidents.insert(key);
        Some(number(row, message))
    }

    /// What is to be written.
    pub fn made(mut self) -> Made {
        let alarms = self
            .changed_alarms
            .iter()
            .filter_map(|(inverter, name)| self.alarms.get_mut(inverter).and_then(|of| of.remove(name)));
        Made {
            alarms: alarms.collect(),
            incidents: self.changed_incidents.iter().filter_map(|key| self.incidents.remove(key)).collect(),
            messages: self.messages,
            reminders: self.reminders,
            no_reminders: self.no_reminders,
        }
    }
}

fn number(row: &mut IncidentRow, message: Message) -> Numbered {
    let number = row.messages;
    row.messages = row.messages.saturating_add(1);
    Numbered { incident: row.key, number, message }
}

/// Where an inverter's failures are one incident with others'.
fn place(placed: &Placed) -> Place {
    placed.site.as_ref().map_or(Place::Inverter(placed.inverter.key), |site| Place::Site(site.key))
}
