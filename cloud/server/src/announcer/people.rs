//! Whom messages concern, by inverter.
//!
//! In: rows of recipients. Out: who may see which inverter, as `fleet::authorize` says, and what each wants to be told.

use std::collections::{BTreeSet, HashMap};

use fleet::notice::{Channel, Channels, Preferences};
use fleet::{Action, Actor, InverterKey, Object, authorize};
use store::state::{Recipients, Told, Way};
use wire::UtcMs;

/// Everybody whom some messages may concern.
pub struct People {
    people: Vec<Person>,
    /// Numbers of people, by inverter.
    of: HashMap<InverterKey, Vec<usize>>,
}

/// One of them.
pub struct Person {
    /// Account and preferences.
    pub told: Told,
    actor: Actor,
    by_email: BTreeSet<InverterKey>,
}

impl People {
    /// Of these rows, at `now`.
    pub fn new(recipients: Recipients, now: UtcMs) -> Self {
        let (mut people, mut of) =
            (Vec::with_capacity(recipients.told.len()), HashMap::<_, Vec<usize>>::new());
        for (number, told) in recipients.told.into_iter().enumerate() {
            let keys: BTreeSet<InverterKey> = told.held.iter().map(|held| held.grant.inverter).collect();
            for key in keys {
                of.entry(key).or_default().push(number);
            }
            // Nobody is told more for being an operator.
            let actor = Actor::account(told.account.key, false, told.held.iter().copied(), now);
            let by_email = told.by_email.iter().copied().collect();
            people.push(Person { told, actor, by_email });
        }
        Self { people, of }
    }

    /// Those whom something at these inverters may concern, each once.
    pub fn at(&self, inverters: impl Iterator<Item = InverterKey>) -> impl Iterator<Item = &Person> {
        let mut numbers = BTreeSet::new();
        for key in inverters {
            numbers.extend(self.of.get(&key).into_iter().flatten().copied());
        }
        numbers.into_iter().filter_map(|number| self.people.get(number))
    }
}

impl Person {
    /// Whether the person may see an inverter.
    pub fn sees(&self, inverter: InverterKey) -> bool {
        authorize(&self.actor, Action::View, &Object::Inverter(inverter)).is_allowed()
    }

    /// What the person wants to be told about something at these inverters: what they said, else what came along with the
    /// grants (decision 24).
    pub fn preferences(&self, mut inverters: impl Iterator<Item = InverterKey>) -> Preferences {
        self.told.preferences.unwrap_or_else(|| {
            let default = Preferences::default();
            if inverters.any(|key| self.by_email.contains(&key)) {
                return default;
            }
            let others: Vec<Channel> =
                default.critical.iter().filter(|channel| *channel != Channel::Email).collect();
            Preferences { critical: Channels::of(&others), ..default }
        })
    }

    /// The channels that were tried out. An address is: nobody signs in before it is confirmed.
    pub fn verified(&self) -> Channels {
        let address = Channels::of(&[Channel::Email]);
        self.told.ways.iter().fold(address, |all, way| all.and(way.channel))
    }

    /// Every way by these channels, each with the number that it has among those of its channel.
    pub fn ways(&self, by: Channels) -> Vec<(usize, Way)> {
        let address = Way { channel: Channel::Email, to: self.told.account.email.as_str().to_owned() };
        let all = std::iter::once(address).chain(self.told.ways.iter().cloned());
        let mut ways: Vec<(usize, Way)> = Vec::new();
        for way in all.filter(|way| by.has(way.channel)) {
            let number = ways.iter().filter(|(_, known)| known.channel == way.channel).count();
            ways.push((number, way));
        }
        ways
    }
}
